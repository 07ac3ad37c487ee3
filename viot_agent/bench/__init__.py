"""The executable tool-use world and its scoring, and the one row and table format that every bench prints."""
