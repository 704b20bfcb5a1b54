"""The Python client of the HTTP face."""
