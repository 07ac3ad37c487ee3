"""All that decides a training of ``mini``, and where PyTorch may compute it. Owns the defaults."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from viot_agent.errors import UserFault
from viot_agent.llm.mini.decoder import MIX_LAYERS


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run."""

    seed: int = 0
    batch: int = 256
    """Decisions an update is made of."""
    at_once: int = 0
    """How many of them are computed at once, 0 for all: their gradients add up, so that a processor's memory holds an
    update whose decisions it computes as fast one part after the other."""
    lora_steps: int = 3360
    decoder_rate: float = 1e-3
    lora_rate: float = 1.2e-3
    rank: int = 32
    alpha: int = 32
    hide: float = 0.05
    layers: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    threads: int = 2
    device: str = "cpu"
    """Where PyTorch computes: ``cpu`` or ``cuda``."""
    halved: bool = False
    """Whether a processor multiplies in bfloat16 (what is learnt, norms and losses stay in float32)."""
    makers: int = 1
    """Processes that make batches, taken in turn; each has a stream of chance of its own."""
    strange: float = 0.18
    """Share of the requests that are for tools which exist only in training."""
    absent: float = 0.08
    """Share of the requests whose tool is taken out of the menu: nothing may be called then."""
    mix: int = MIX_LAYERS
    """Layers in which the request and the tools' cards read each other."""
    dropout: float = 0.1
    """In the decoder. On a processor this and the next are the nearest of 256 parts (``flat.dropped``)."""
    encoder_dropout: float = 0.1
    """In MiniLM, on its hidden states and attention, while it is tuned."""
    without: tuple[str, ...] = ()
    """Tools that are kept from this model, cards and requests: what it makes of them is how it meets a new tool."""
    thought: bool = True
    """Whether a step begins with the tools that remain; False for the comparison without."""
    nets: int = 2
    """Nets that learn side by side and decide together."""
    mutual: float = 1.0
    """How much each net is drawn towards what the others think, beside the labels; nothing in the first quarter of the
    schedule, when they think little."""
    newer: tuple[str, float] = ("ssss", 2.0)
    """From which file of phrasings on the rows come oftener, and how much (``source.more``)."""
    later: float = 0.6
    """Share of the decisions after an example's first that are learnt from."""


def usable(device: str) -> None:
    """Make ready to compute on ``device``. Raises UserFault where it is not there."""
    if device != "cuda":
        return
    if not torch.cuda.is_available():
        raise UserFault("PyTorch finds no GPU here", fix="--device cpu")
    torch.set_float32_matmul_precision("high")


def halves(device: str) -> torch.autocast:
    """Matrix products in bfloat16 where that is fast: on a GPU, and on a processor that multiplies in it (AVX-512 BF16
    or AMX). With AVX2 alone they take seventy times as long as float32's, so there everything stays in float32."""
    return torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or fast_at_halves())


def fast_at_halves() -> bool:
    """Whether this machine's processor multiplies in bfloat16."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
