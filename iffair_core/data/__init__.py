"""From a file to a `Dataset`.

`reading` turns a file into a table, `task` turns the user's choices (outcome, favorable value, sensitive attribute)
into outcomes and groups, `encoding` turns both into the numbers a model sees, fitted on training rows only, and
`catalog` holds the named tables, the synthetic example among them.
"""
