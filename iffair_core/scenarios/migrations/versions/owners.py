"""Owners: whose each scenario is, what that person is called, and whether all others see it.

A scenario from before has no owner, as have those that are saved where nobody signs in.
"""

import sqlalchemy as sa
from alembic import op

revision = "owners"
down_revision = "first"


def upgrade() -> None:
    """Add the columns, and fill them for what is there."""
    op.add_column("scenario", sa.Column("owner", sa.String(64), nullable=False, server_default=""))
    op.add_column("scenario", sa.Column("owner_name", sa.String(200), nullable=False, server_default=""))
    op.add_column("scenario", sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("scenario_owner", "scenario", ["owner"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("scenario_owner", "scenario")
    for name in ("shared", "owner_name", "owner"):
        op.drop_column("scenario", name)
