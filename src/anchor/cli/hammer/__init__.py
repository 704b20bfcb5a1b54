"""``anchor hammer``: load against a running server, and a check that nothing is lost or doubled."""
