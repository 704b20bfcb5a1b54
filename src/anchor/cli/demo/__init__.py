"""``anchor demo``: the whole way once, with real usage."""
