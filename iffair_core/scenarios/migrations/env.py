"""How Alembic runs the migrations here: on the connection, and in the transaction, that `store` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
