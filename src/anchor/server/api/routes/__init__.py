"""The routes, a module for each thing they are about: each parses, calls the ledger, shapes the answer."""
