"""What the service does: record, derive, compare, checkpoint, seal, prove and audit."""
