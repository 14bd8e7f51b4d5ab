"""A file becomes a table: its format by content, its cells, and the type of every column."""
