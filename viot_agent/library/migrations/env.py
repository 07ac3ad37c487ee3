"""What Alembic executes: runs the revisions on the connection it was handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

import viot_agent.library.schema_trust  # noqa: F401 (its tables belong to the metadata)
from viot_agent.library.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
