"""Face recognisers: losses, data, training, and the studies that compare them."""
