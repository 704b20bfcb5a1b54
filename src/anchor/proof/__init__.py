"""Proof files: their values, reading, writing and bounds. What they prove is judged in ``anchor.verify``."""
