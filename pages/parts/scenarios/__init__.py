"""Scenarios on the pages: saving one, the list of all, several side by side, and what one holds without its table."""
