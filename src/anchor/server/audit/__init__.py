"""The whole record recomputed from its rows, and what does not agree."""
