"""VIoT-Instruct: authored phrasings, their checks, and the builder of training cases."""
