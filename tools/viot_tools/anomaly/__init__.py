"""What is unusual on a camera, given its history and the place: analyzer ``activity``, tool ``anomaly_detection``."""
