"""Body poses of people, and what they do: MoveNet at ingest, a small skeleton network of our own when asked."""
