"""The composition: settings, and the parts put together into one running service."""
