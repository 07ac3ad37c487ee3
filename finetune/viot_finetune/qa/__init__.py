"""Data for video question answering: its rules and what a guesser reaches on it."""
