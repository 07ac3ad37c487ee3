"""Number plates: find, read, vote over a track, and answer questions about what was read."""
