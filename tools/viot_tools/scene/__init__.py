"""What kind of place a camera shows: the analyzer ``scene`` and the tool ``scene_recognition``."""
