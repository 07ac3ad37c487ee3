"""Cameras, groups, clocks and enrolled people; resolving the names and time phrases people use."""
