"""A study: what it is asked, what it finds, and the stages between."""
