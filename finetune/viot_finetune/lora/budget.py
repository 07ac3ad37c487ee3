"""How large a comparison fits into some minutes of this machine: a short measurement of speed, then shares of the time.

Owns that arithmetic. The chosen sizes are printed, so that a run can be repeated without the clock.
"""

from __future__ import annotations

import time
from dataclasses import replace

from viot_finetune.lora.proof import Plan

_SHARES = {"base": 0.35, "tuning": 0.35, "decoding": 0.25}
_TOKENS_A_CONVERSATION = 215
_DECODED_TOKENS = 110
"""Of a case, counted as trained tokens cost: two prompts and two steps, token by token."""


def speed() -> float:
    """Tokens a second that a model of the base's size trains on, by CPU-independent wall clock."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=4096,
            hidden_size=224,
            intermediate_size=608,
            num_hidden_layers=7,
            num_attention_heads=7,
            tie_word_embeddings=True,
        )
    )
    ids = torch.randint(0, 4096, (1, 768))
    rounds = 3
    started = time.monotonic()
    for _ in range(rounds):
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    return rounds * ids.numel() / (time.monotonic() - started)


def sizes(minutes: float, plan: Plan, *, own_base: bool, rate: float | None = None) -> tuple[int, Plan]:
    """``(pretraining tokens, plan)`` for about so many minutes. ``rate`` in tokens a second; None: measured."""
    rate = rate or speed()
    whole = 60 * minutes * rate
    runs = plan.seeds * len(plan.contenders())
    base = _SHARES["base"] if own_base else 0.0
    scale = 0.95 / (base + _SHARES["tuning"] + _SHARES["decoding"])
    conversations = int(whole * scale * _SHARES["tuning"] / runs / _TOKENS_A_CONVERSATION)
    cases = int(whole * scale * _SHARES["decoding"] / (runs + 1) / (10 * _DECODED_TOKENS))
    tokens = int(whole * scale * base)
    return max(tokens, 20_000), replace(plan, conversations=max(20, conversations), cases=max(8, min(80, cases)))
