"""The pages for people: the verifier that runs in a browser."""
