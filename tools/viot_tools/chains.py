"""Who was followed on a camera, chain by chain, however long the window is: tracks and embeddings are read in turns.

Tracks of one chain (a thing that crosses a border between segments) belong together, so a chain is given only when it
has ended, and what is in memory is one turn of ``TURN`` seconds and the chains that are still open at its end. Owns the
turns and the grouping. Knows no model, no threshold and no words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from viot_agent.library.api import Library
from viot_agent.library.rows import Hit, Track

TURN = 1800.0
"""Seconds read at once: fifty people in view, followed at five frames a second with an embedding a segment of 512
numbers each, make some 20 MB."""
OPEN = 10.0
"""Seconds before a turn's end from which on a chain may go on in the next one: the library links over 1.5 s."""


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """One thing followed: its ``tracks`` and its pictures' embeddings ``hits``, both in time."""

    tracks: tuple[Track, ...]
    hits: tuple[Hit, ...]


def chains(
    library: Library,
    camera: str,
    start: float | None,
    end: float | None,
    kind: str,
    model: str,
    *,
    followed_by: str | None = None,
) -> Iterator[Chain]:
    """Everything of ``kind`` on ``camera`` whose track reaches into the window, with its embeddings by ``model``, also
    those just outside of the window: they still tell who it is. ``followed_by``: the detector, None = any."""
    open_: dict[int, tuple[list[Track], list[Hit]]] = {}
    for low, high, first in _turns(library.spans(camera), start, end):
        found = library.tracks(kind, [camera], low, high, model=followed_by)
        # one that began before was read in the turn before
        tracks = found if first else [t for t in found if t.start >= low]
        for chain in [c for c, (held, _) in open_.items() if max(t.end for t in held) < low - OPEN]:
            yield _made(*open_.pop(chain))
        if not tracks:
            continue
        of = {t.id: t.chain for t in tracks}
        for track in tracks:
            open_.setdefault(track.chain, ([], []))[0].append(track)
        earliest, latest = min(t.start for t in tracks), max(t.end for t in tracks) + 1e-3
        for hit in library.vectors(model, [camera], earliest, latest):
            if hit.track in of and hit.vector is not None:
                open_[of[hit.track]][1].append(hit)
        for chain in [c for c, (held, _) in open_.items() if max(t.end for t in held) < high - OPEN]:
            yield _made(*open_.pop(chain))
    for tracks_, hits in open_.values():
        yield _made(tracks_, hits)


def _made(tracks: list[Track], hits: list[Hit]) -> Chain:
    return Chain(tuple(sorted(tracks, key=lambda t: (t.start, t.id))), tuple(sorted(hits, key=lambda h: h.ts)))


def _turns(
    spans: list[tuple[float, float]], start: float | None, end: float | None
) -> Iterator[tuple[float, float, bool]]:
    """(from, to, whether what began earlier belongs to it) of each turn with footage; POSIX seconds, half-open."""
    first, at = True, -float("inf") if start is None else start
    for a, b in spans:
        # a track may be a little longer than what its segment says
        at, high = max(a, at), min(b + 1, float("inf") if end is None else end)
        while at < high:
            yield at, min(at + TURN, high), first
            first, at = False, min(at + TURN, high)
