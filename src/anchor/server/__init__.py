"""What an operator runs. Nothing outside imports it, but the command line's operating commands."""
