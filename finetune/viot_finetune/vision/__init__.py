"""Training of the small vision networks that ship beside the tools."""
