"""How far a run may go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """``steps`` tool calls, ``seconds`` of wall time (less what tools take that write a picture or film) checked before
    every model call, ``repeats`` of one same call that are answered with a hint before the run stops, ``parse_retries``
    after text that is no step."""

    steps: int = 8
    seconds: float = 60.0
    repeats: int = 1
    parse_retries: int = 1


EARLIER = 3
"""Turns of the conversation before the request that a model reads."""
