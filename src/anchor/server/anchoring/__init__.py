"""The loop that carries batches to the chain: seal, send, confirm."""
