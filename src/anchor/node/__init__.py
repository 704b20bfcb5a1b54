"""One way to a chain's node: bounded HTTP, JSON-RPC, what a node shows, its lag and its refusals."""
