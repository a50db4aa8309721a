"""Runs migrations on the connection, and in the transaction, that the app hands over."""

from __future__ import annotations

from alembic import context

from prompt_app.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
