"""Workers of a Ray cluster for :mod:`~viot_agent.library.spread`: what one does with a piece of a recording.

Owns that, and a piece's name in messages. The cluster itself is :mod:`viot_agent.cluster`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

from viot_agent.cluster import Workers, joined
from viot_agent.library.spread import Piece, Seen, look

if TYPE_CHECKING:
    from viot_agent.library.rows import Analyzer


def look_here(piece: Piece) -> Seen:
    """What runs on a worker: look with the analyzers that are installed there, at a file that is decoded apart first as
    everywhere. Raises FailedFault, UserFault."""
    from viot_agent.media.apart import open_stranger

    return look(piece, _installed(tuple(s.analyzer for s in piece.stamps)), open_stranger)


@cache
def _installed(names: Sequence[str]) -> Sequence[Analyzer]:
    """With their models, which load on the first frame and stay."""
    from viot_agent.library.installed import analyzers
    from viot_agent.weights import Weights

    return analyzers(Weights.from_env(), names)


def ray_pool(
    address: str, *, cores: int | None = None, task: Callable[[Piece], Seen] = look_here
) -> AbstractContextManager[Workers]:
    """Workers for :func:`~viot_agent.library.spread.ingest_spread`; raises as :func:`~viot_agent.cluster.joined`."""
    return joined(address, task, _named, cores=cores)


def _named(piece: Piece) -> str:
    return f"{piece.row.path} from {piece.work[0].span.t0:.0f} s"
