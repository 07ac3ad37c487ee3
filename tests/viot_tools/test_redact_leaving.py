"""Files that are about to leave: faces hidden in place, but those of the people who may stay visible."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image as Pil

from viot_agent.errors import MediaFault
from viot_agent.media.clips import write_clip
from viot_agent.media.pictures import decode_image
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_agent.policy.exports import GROUP
from viot_tools.redact.find import DetectorFinder
from viot_tools.redact.leaving import Several, hidden, hide_faces
from viot_tools.redact.who import Keeper

pytestmark = pytest.mark.trust
ROOT = Path(__file__).resolve().parents[2]
ONE, PAIR, EMPTY = (180, 200), (180, 400), (180, 300)
SPOT, LEFT, RIGHT = (40.0, 30.0, 112.0), (20.0, 30.0, 112.0), (240.0, 30.0, 112.0)
WHERE = {ONE: [SPOT], PAIR: [LEFT, RIGHT], EMPTY: []}


def finder(made: ModuleType) -> DetectorFinder:
    return DetectorFinder((made.Placed(WHERE),), (), 0.5, "", turned=False)


def keepers(made: ModuleType, *numbers: int) -> tuple[Keeper, ...]:
    kit = made.kit(WHERE)
    people = {f"P{n}": kit.recogniser.embed_chips([made.face_of(n)])[0] for n in (1, 2)}
    return tuple(Keeper(f"P{n}", f"P{n}", people, kit) for n in numbers)


def several(*each: Keeper) -> Keeper:
    return Several("both", each[0].key, each[0].people, each[0].kit, each=each)


def save(path: Path, image: Image) -> Path:
    Pil.fromarray(image).save(path)
    return path


def moved(a: Image, b: Image, spot: tuple[float, float, float]) -> float:
    """Mean change of the values of a spot."""
    x, y, s = (int(v) for v in spot)
    return float(np.abs(a[y : y + s, x : x + s].astype(int) - b[y : y + s, x : x + s]).mean())


def test_the_entry_point_is_this_function() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"][GROUP]
    assert EntryPoint("x", named["viot_tools"], GROUP).load() is hide_faces


@pytest.mark.parametrize(("kept", "shown"), [((), set()), ((1,), {1}), ((2,), {2}), ((1, 2), {1, 2})])
def test_a_picture(made: ModuleType, tmp_path: Path, kept: tuple[int, ...], shown: set[int]) -> None:
    image = made.picture(PAIR, {1: LEFT, 2: RIGHT})
    path = save(tmp_path / "e1.png", image)
    each = keepers(made, *kept)
    hidden(path, finder(made), several(*each) if len(each) > 1 else each[0] if each else None, True)
    after = decode_image(path)
    assert {n for n, spot in ((1, LEFT), (2, RIGHT)) if moved(image, after, spot) == 0} == shown
    assert [p.name for p in tmp_path.iterdir()] == ["e1.png"]


@pytest.mark.parametrize(("kept", "shown"), [((), set()), ((2,), {2}), ((1, 2), {1, 2})])
def test_a_video(made: ModuleType, tmp_path: Path, kept: tuple[int, ...], shown: set[int]) -> None:
    image = made.picture(PAIR, {1: LEFT, 2: RIGHT})
    path = tmp_path / "clip.mp4"
    write_clip((image for _ in range(12)), path, 10.0, crf=12)
    each = keepers(made, *kept)
    hidden(path, finder(made), several(*each) if len(each) > 1 else each[0] if each else None, False)
    frames = [f.image for f in open_media(path).read([n / 10 for n in range(12)])]
    assert len(frames) == 12
    for n, spot in ((1, LEFT), (2, RIGHT)):
        changes = [moved(image, frame, spot) for frame in frames]
        assert (max(changes) < 8) if n in shown else (min(changes) > 15), (n, changes)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_crop_in_which_no_face_is_found_is_hidden_whole_where_that_is_asked(made: ModuleType, tmp_path: Path) -> None:
    image = made.picture(EMPTY, {1: SPOT})  # a face that the finder misses
    path = save(tmp_path / "e1.png", image)
    hidden(path, finder(made), None, False)
    assert moved(image, decode_image(path), SPOT) == 0
    hidden(path, finder(made), None, True)
    assert moved(image, decode_image(path), SPOT) > 15


def test_what_is_no_picture_stays_as_it_was(made: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "e1.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(MediaFault):
        hidden(path, finder(made), None, True)
    assert path.read_bytes() == b"no picture" and len(list(tmp_path.iterdir())) == 1
