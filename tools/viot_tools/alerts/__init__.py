"""What standing alerts see, and the tool that sets them."""
