"""Alembic's entry: run the scripts on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from geo.store.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
