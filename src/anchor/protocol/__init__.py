"""The rules of the protocol: pure functions over bytes, one module per section of docs/protocol.md."""
