"""Finding people by body and clothing, and vehicles by their look: descriptors, thresholds, and the two tools."""
