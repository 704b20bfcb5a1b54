"""The HTTP contract, once: one type for each request, response and problem."""
