"""The video library: index once, ask many. Schema, store, ingest pipeline, vector search."""
