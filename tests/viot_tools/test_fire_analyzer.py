"""The analyzer with a scripted looker: still pictures, movement, repeats, segments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.library.rows import Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.fire.analyzer import GREY, FireAnalyzer, small_grey
from viot_tools.fire.model import FireMap

SEGMENT = SegmentInfo("yard", Path("yard.mp4"), 0, 0.0, 30.0, 64, 48, 5.0)


class Looker:
    """Takes what is brighter than 150 in red for fire."""

    model, model_version = "fake-fire", "0"

    def __init__(self) -> None:
        self.looks = 0

    def look(self, image: Image) -> FireMap:
        self.looks += 1
        cells = image[::8, ::8, 0].astype(np.float32)
        return FireMap(np.where(cells > 150, 4.0, -4.0).astype(np.float32), np.full_like(cells, -4), 64, 48)


def pictures(n: int, flicker: int, fire: bool = True) -> list[Image]:
    made = []
    for k in range(n):
        image = np.full((48, 64, 3), 30, np.uint8)
        if fire:
            image[16:32, 16:40] = (220 - (flicker if k % 2 else 0), 120, 20)
        made.append(image)
    return made


def run(images: list[Image], *, still: bool = False, t0: float = 0.0) -> tuple[Rows, Looker]:
    looker = Looker()
    analysis = FireAnalyzer(Weights(Path("/nowhere"), tier="builtin"), looker=looker).start(SEGMENT)
    for k, image in enumerate(images):
        analysis.see(Frame(k, t0 + k / 5, image), Shared(0.0 if still else 1.0, still and k > 0))
    return analysis.finish(), looker


def test_a_flame_that_flickers() -> None:
    rows, looker = run(pictures(10, 40))
    [event] = rows.events
    assert event.kind == "fire" and event.data["moves"] and looker.looks == 10
    assert (event.t0, event.t1) == (0.0, pytest.approx(2.0))
    assert event.data["xyxy"] == [16.0, 16.0, 40.0, 32.0]


def test_a_poster_does_not_move() -> None:
    [event] = run(pictures(10, 0))[0].events
    assert not event.data["moves"] and not event.data["alone"]


def test_still_frames_are_not_looked_at_but_count() -> None:
    rows, looker = run(pictures(10, 0), still=True)
    assert looker.looks == 1
    assert rows.events[0].data["frames"] == 10


def test_a_flicker_too_small_for_the_motion_gate_is_seen() -> None:
    rows, looker = run(pictures(10, 40), still=True)
    assert looker.looks == 1 and rows.events[0].data["moves"]


def test_one_picture_alone_is_kept() -> None:
    [event] = run(pictures(1, 0))[0].events
    assert event.data["alone"] and not event.data["moves"]


def test_no_fire_no_rows() -> None:
    assert run(pictures(10, 0, fire=False))[0] == Rows()


def test_a_frame_shown_again_is_counted_once() -> None:
    looker = Looker()
    analysis = FireAnalyzer(Weights(Path("/nowhere"), tier="builtin"), looker=looker).start(SEGMENT)
    for _ in range(5):
        analysis.see(Frame(0, 0.0, pictures(1, 0)[0]), Shared())
    assert looker.looks == 1 and analysis.finish().events[0].data["frames"] == 1


def test_the_same_rows_on_every_run() -> None:
    images = pictures(10, 40)
    assert run(images)[0] == run(images)[0]


def test_small_grey() -> None:
    assert small_grey(np.zeros((480, 854, 3), np.uint8)).shape == (90, GREY)
