"""Training of the embedded model ``mini``: cards, examples to tensors, the network, the loop, the evaluation."""
