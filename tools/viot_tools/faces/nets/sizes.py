"""How large a backbone is: weights, multiply-accumulates for one face, tokens. Counted on shapes alone, without memory.

Owns the counting. ``viot bench faces --suite sizes`` prints the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from viot_tools.faces.nets.base import FaceNet
from viot_tools.faces.nets.build import NAMES, backbone


@dataclass(frozen=True, slots=True)
class Size:
    """``parameters`` that are learnt, ``macs`` of one face, ``tokens`` (None for convolutions), ``dim`` of the vector,
    ``side`` of the input in pixels."""

    name: str
    parameters: int
    macs: int
    tokens: int | None
    dim: int
    side: int


def count_parameters(net: FaceNet) -> int:
    """Learnt values; running means of batch norm and the like are none."""
    return sum(p.numel() for p in net.parameters())


def count_macs(net: FaceNet) -> int:
    """Multiply-accumulates of one face in convolutions and matrix products (attention's too), as these are counted in
    papers: no norms, activations or additions."""
    return _macs(_shape(net.name, **net.options))


def _shape(name: str, **options: Any) -> FaceNet:
    """A network without memory."""
    with torch.device("meta"):
        return backbone(name, **options).eval()


def _macs(shape: FaceNet) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shape(torch.empty(1, 3, shape.size, shape.size, device="meta"))
    return int(counter.get_total_flops()) // 2


def size_of(name: str, **options: Any) -> Size:
    """Raises as :func:`backbone`."""
    shape = _shape(name, **options)
    return Size(name, count_parameters(shape), _macs(shape), shape.tokens, shape.dim, shape.size)


def size_table(names: Sequence[str] = NAMES) -> list[Size]:
    """The full-size networks, in the order of ``names``."""
    return [_full_size(name) for name in names]


@cache
def _full_size(name: str) -> Size:
    return size_of(name)
