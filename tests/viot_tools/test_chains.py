"""Chains of tracks read in turns: the same as all at once, each once, and never more in memory than a turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage, Hit, Track
from viot_tools.chains import OPEN, TURN, Chain, chains

SEGMENT = 30.0
HOURS = 3


def track(number: int, start: float, end: float, chain: int, model: str = "det") -> Track:
    ts = np.arange(start, end + 1e-9, 1.0)
    boxes, scores = np.tile(np.array([[1, 2, 5, 14]], np.float32), (len(ts), 1)), np.full(len(ts), 0.9, np.float32)
    return Track(number, chain, "gate", "person", "", model, "v", ts, boxes, scores)


class Counting(FakeLibrary):
    """Notes the most rows that were given at once."""

    most = 0

    def tracks(self, kind, cameras, start, end, *, model=None):  # type: ignore[no-untyped-def]
        found = super().tracks(kind, cameras, start, end, model=model)
        self.most = max(self.most, len(found))
        return found

    def vectors(self, model, cameras, start, end):  # type: ignore[no-untyped-def]
        found = super().vectors(model, cameras, start, end)
        self.most = max(self.most, len(found))
        return found


def day() -> tuple[Counting, dict[int, list[int]]]:
    """Hours of footage with a hole; somebody stays throughout (a track a segment), others pass, some over a border."""
    tracks: list[Track] = []
    of: dict[int, list[int]] = {}

    def add(start: float, end: float, chain: int | None = None) -> int:
        number = len(tracks) + 1
        chain = number if chain is None else chain
        tracks.append(track(number, start, end, chain))
        of.setdefault(chain, []).append(number)
        return number

    stays: int | None = None
    for k in range(int(HOURS * 3600 / SEGMENT)):
        t = k * SEGMENT
        if 4000 <= t < 5000:  # nothing was recorded, and nothing is linked over it
            stays = None
            continue
        stays = tracks[add(t, t + SEGMENT - 1, stays) - 1].chain
        add(t + 3, t + 9)
        crosses = add(t + 22, t + 29)
        if not 3960 <= t < 5000:
            add(t + 30, t + 33, crosses)
    spans = [(0.0, 4020.0), (5010.0, HOURS * 3600.0)]
    hits = [Hit(t.id, "gate", float(t.ts[len(t.ts) // 2]), float("nan"), 0.5, np.eye(4, dtype=np.float32)[t.id % 4])
            for t in tracks if t.id % 5]  # fmt: skip
    shelf = Counting(
        [Camera(1, "gate", "g.mp4", (), "UTC", 0.0)],
        footage=[Footage("gate", Path("g.mp4"), a, a, b) for a, b in spans],
        looked=[Looked("objects", "det", "gate", a, b) for a, b in spans],
        tracks=tracks,
        hits={"look": hits},
    )
    return shelf, of


def plain(found: list[Chain]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return sorted((tuple(t.id for t in c.tracks), tuple(h.track for h in c.hits)) for c in found)


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, None), (0.0, 10.0), (1795.0, 1805.0), (100.0, 9000.0), (None, 4500.0), (4100.0, None), (4100.0, 4900.0)],
)
def test_in_turns_as_at_once(start: float | None, end: float | None) -> None:
    shelf, of = day()
    inside = {t.id for t in shelf.tracks("person", ["gate"], start, end)}
    hits = {h.track for h in shelf.vectors("look", ["gate"], None, None)}
    wanted = []
    for numbers in of.values():
        mine = [n for n in numbers if n in inside]
        if mine:
            wanted.append((tuple(mine), tuple(n for n in mine if n in hits)))
    assert plain(list(chains(shelf, "gate", start, end, "person", "look"))) == sorted(wanted)


def test_no_more_than_a_turn_is_read_at_once() -> None:
    shelf, _ = day()
    everything = len(shelf.tracks("person", ["gate"], None, None))
    shelf.most = 0
    given = list(chains(shelf, "gate", None, None, "person", "look"))
    assert len(given) > 400 and shelf.most < 1.2 * everything * TURN / (HOURS * 3600)


def test_a_chain_is_given_as_soon_as_it_has_ended() -> None:
    shelf, _ = day()
    first = next(chains(shelf, "gate", None, None, "person", "look"))
    assert first.tracks[-1].end < TURN - OPEN
    assert shelf.most < 300


def test_another_detectors_tracks_are_left_out() -> None:
    shelf, _ = day()
    assert not list(chains(shelf, "gate", 0.0, 100.0, "person", "look", followed_by="another"))
