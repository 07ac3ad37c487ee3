"""Following what is hidden: no frame between two finds shows it, nor any just before the first or after the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from viot_agent.media.types import XYXY, Frame, Image, MediaInfo
from viot_tools.faces.detect import Face
from viot_tools.redact.follow import BRIDGE, LEAD, Track, follow, pieces, steady

NOWHERE = np.full((5, 2), np.nan, np.float32)
FPS = 25.0


class Played:
    """A reader of ``seconds`` of one grey, the number of the frame in a corner; another grey from ``cut`` on."""

    def __init__(self, seconds: float, cut: float | None = None) -> None:
        n = round(seconds * FPS)
        self.times = [i / FPS for i in range(n)]
        self.cut = cut
        self.info = MediaInfo(Path("x.mp4"), seconds, FPS, n, 64, 48, "none")

    def read(self, times: Sequence[float]) -> Iterator[Frame]:
        for t in times:
            image = np.full((48, 64, 3), 60 if self.cut is None or t < self.cut - 1e-9 else 220, np.uint8)
            i = round(t * FPS)
            image[0, 0] = i // 256, i % 256, 0
            yield Frame(i, t, image)


def played(reader: Played, where: dict[tuple[float, float], XYXY], score: float = 0.8, **more: object) -> list[Track]:
    """Follow faces that stand at ``where`` from one second to another."""

    def look(image: Image) -> list[Face]:
        t = (int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])) / FPS
        return [Face(box, score, NOWHERE) for (a, b), box in where.items() if a <= t < b]

    return follow(reader, reader.times, look, sure=0.5, **more)  # type: ignore[arg-type]


BOX = (20.0, 10.0, 30.0, 22.0)


def shown(tracks: Sequence[Track], a: float, b: float, box: XYXY = BOX) -> list[float]:
    """The frames from a to b seconds in which ``box`` is not hidden whole."""
    out = []
    for i in range(round(a * FPS), round(b * FPS)):
        boxes = [x for track in tracks if (x := track.at(i / FPS)) is not None]
        if not any(x[0] <= box[0] and x[1] <= box[1] and x[2] >= box[2] and x[3] >= box[3] for x in boxes):
            out.append(i / FPS)
    return out


def test_a_gap_is_bridged_and_leads_reach_before_and_after() -> None:
    tracks = played(Played(6.0), {(1.0, 2.0): BOX, (2.8, 4.0): BOX})
    assert len(tracks) == 1
    assert shown(tracks, 1.0 - LEAD + 0.05, 4.0 + LEAD - 0.05) == []
    assert tracks[0].at(1.0 - LEAD - 0.2) is None and tracks[0].at(4.0 + LEAD + 0.2) is None


def test_a_longer_gap_is_bridged_near_the_old_place_and_no_longer_one() -> None:
    near = (24.0, 10.0, 34.0, 22.0)
    assert len(played(Played(8.0), {(1.0, 2.0): BOX, (3.7, 5.0): near})) == 1
    assert len(played(Played(8.0), {(1.0, 2.0): BOX, (3.7, 5.0): (50.0, 30.0, 60.0, 42.0)})) == 2
    late = played(Played(9.0), {(1.0, 2.0): BOX, (2.0 + BRIDGE + 0.5, 6.0): BOX})
    assert len(late) == 2


def test_in_a_gap_the_box_grows_with_the_time_from_the_nearest_find() -> None:
    [track] = played(Played(6.0), {(0.0, 2.0): BOX, (3.6, 6.0): BOX})
    here, between = track.at(1.0), track.at(2.8)
    assert here is not None and between is not None
    assert between[2] - between[0] > 1.2 * (here[2] - here[0])


def test_a_cut_ends_it_on_both_sides() -> None:
    tracks = played(Played(4.0, cut=2.0), {(0.0, 2.0): BOX, (2.0, 4.0): BOX})
    assert [len(t.ts) > 5 for t in tracks] == [True, True]
    assert tracks[0].last < 2.0 <= tracks[1].first
    assert shown(tracks, 0.0, 4.0) == []
    gone = played(Played(4.0, cut=2.0), {(0.0, 2.0): BOX})
    assert gone[0].at(2.1) is None  # nothing hangs in the next shot


def test_a_moving_face_is_covered_in_every_frame() -> None:
    reader = Played(2.0)

    def box(t: float) -> XYXY:
        return 5 + 20 * t, 8 + 4 * t, 15 + 20 * t, 20 + 4 * t

    def look(image: Image) -> list[Face]:
        t = (int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])) / FPS
        return [Face(box(t), 0.9, NOWHERE)]

    tracks = follow(reader, reader.times, look, sure=0.5)
    assert [t for t in reader.times if shown(tracks, t, t + 0.02, box(t))] == []


@pytest.mark.parametrize(("seconds", "score", "hidden"), [(0.04, 0.4, False), (0.04, 0.6, True), (0.4, 0.4, True)])
def test_one_unsure_find_is_none_but_a_sure_or_a_lasting_one_is(seconds: float, score: float, hidden: bool) -> None:
    assert bool(played(Played(3.0), {(1.04, 1.04 + seconds): BOX}, score)) is hidden


def test_in_a_clip_of_a_few_frames_every_find_counts() -> None:
    assert len(played(Played(0.12), {(0.0, 1.0): BOX}, 0.35)) == 1


def test_the_box_does_not_shake_and_is_never_smaller_than_what_was_found() -> None:
    rng, ts = np.random.default_rng(0), np.arange(50) * 0.08
    raw = np.array([20.0, 10.0, 60.0, 60.0]) + rng.normal(0, 1.5, (50, 4))
    out = steady(ts, raw)
    assert (out[:, :2] <= raw[:, :2]).all() and (out[:, 2:] >= raw[:, 2:]).all()
    assert np.abs(np.diff(out, axis=0)).mean() < 0.4 * np.abs(np.diff(raw, axis=0)).mean()


def test_a_chain_breaks_where_somebody_else_may_have_come() -> None:
    track = Track(0.0, 9.0, 0.08)
    for k in range(10):
        track.add(0.08 * k, BOX, 0.8)
    for k in range(20, 25):  # not found for 0.8 s
        track.add(0.08 * k, BOX, 0.8)
    track.add(0.08 * 25, (29.0, 20.0, 39.0, 32.0), 0.8)  # a jump to where the boxes do not overlap
    assert list(pieces(track)) == [(0, 10), (10, 15), (15, 16)]


def test_how_far_it_is_is_told() -> None:
    heard: list[float] = []
    played(Played(1.0), {(0.0, 1.0): BOX}, said=heard.append)
    assert heard == sorted(heard) and heard[-1] == 1.0


def test_nobody_leaves_nothing() -> None:
    assert played(Played(1.0), {}) == []
