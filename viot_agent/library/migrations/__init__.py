"""Alembic's folder: ``env`` and the revisions. Run by ``viot_agent.library.migrate`` only; there is no alembic.ini."""
