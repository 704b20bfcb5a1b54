"""Anchor: a private, append-only usage ledger that anyone can check against a public chain."""

__version__ = "0.1.0"
