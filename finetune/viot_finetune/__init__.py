"""Training: the embedded model ``mini`` now, LoRA instruction tuning and face recognisers later."""
