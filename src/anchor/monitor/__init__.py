"""Watching a log from outside: its contract's heads, and that each extends the history before it.

For anyone: the base install, nodes of the chain, and what the log shows everybody or handed out before.
"""
