"""Recognising people by the way they walk: silhouettes, a small network of our own, and the tool."""
