"""What Alembic runs for every walk along the chain, on the connection that ``chain.py`` hands it."""

from __future__ import annotations

from alembic import context

given = context.config.attributes
if context.is_offline_mode():
    context.configure(dialect_name=given["dialect"])
else:
    context.configure(connection=given["connection"])
with context.begin_transaction():
    context.run_migrations(stores=given["stores"])
