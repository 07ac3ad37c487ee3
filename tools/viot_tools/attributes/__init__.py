"""Attributes: what people wear and carry, and the colours of vehicles, at ingest."""
