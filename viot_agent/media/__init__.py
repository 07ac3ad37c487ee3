"""Pixels in and out: readers, clip writing, drawing. Knows nothing of cameras, libraries or models."""
