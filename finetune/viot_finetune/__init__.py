"""Training: the instruction data, the embedded model ``mini``, LoRA tuning of large models; face recognisers later."""
