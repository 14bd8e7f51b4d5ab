"""What to know about a table and a task before a model is fitted."""
