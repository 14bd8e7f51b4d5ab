"""The first schema: scenarios, their files, drafts."""

import sqlalchemy as sa
from alembic import op

revision = "first"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "scenario",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("saved", sa.String(32), nullable=False),
        sa.Column("head", sa.Text, nullable=False),
    )
    op.create_table(
        "scenario_file",
        sa.Column("scenario", sa.String(32), sa.ForeignKey("scenario.id"), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "draft",
        sa.Column("visitor", sa.String(64), primary_key=True),
        sa.Column("about", sa.String(80), primary_key=True),
        sa.Column("saved", sa.String(32), nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("draft", "scenario_file", "scenario"):
        op.drop_table(name)
