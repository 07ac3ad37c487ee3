"""Training of the embedded model ``mini``: cards, slot pools, examples, the network, the loop, the evaluation."""
