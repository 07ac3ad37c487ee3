"""Questions read by a small network: for sentences that the rules of ``qa.parse`` do not say. See ``learned.md``."""
