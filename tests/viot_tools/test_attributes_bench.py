"""The attributes bench: what counts as right, the floors, and what is skipped."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.errors import FailedFault
from viot_agent.weights import Weights
from viot_tools.attributes.judge import Value
from viot_tools.attributes.looks import Look
from viot_tools.attributes.naming import Light
from viot_tools.attributes.network import OUTPUTS, Read
from viot_tools.bench import attributes
from viot_tools.bench.looks import Labelled, labelled

LIGHT = Light(np.zeros(3), np.ones(3))
ROOT = Path(__file__).resolve().parents[2]
MARKED = json.loads((ROOT / "datasets" / "annotations" / "attributes.json").read_text("utf-8"))


def someone(who: str, bag: str | None = None, **labels: tuple[str, ...]) -> Labelled:
    look = Look(np.full((120, 50, 3), (200, 20, 25), np.uint8), LIGHT, 1.0)
    return Labelled("people", "report", "clip.mp4", who, "", look, labels, bag)


def test_any_fair_word_is_right_and_silence_is_wrong() -> None:
    people = [someone("a", upper_colour=("red", "brown")), someone("b", upper_colour=("black",)), someone("c")]
    told = {"a": {"upper_colour": Value("upper_colour", "brown", 0.99)}, "b": {}, "c": {}}
    found = {r.id: r for r in attributes.figures("upper_colour", people, told, None, 0, "m", "hub")}
    assert (found["attributes.upper_colour"].value, found["attributes.upper_colour"].n) == (0.5, 2)
    assert found["attributes.upper_colour"].floor == 0.5, "the commonest word is right of one"
    assert found["attributes.upper_colour.sure"].n == 1 and found["attributes.upper_colour.sure"].value == 1.0
    assert found["attributes.upper_colour.told"].value == 0.5


def test_the_better_floor_stands() -> None:
    people = [someone(str(n), hair=("long",) if n < 3 else ("short",)) for n in range(4)]
    right = {str(n): "long" if n < 3 else "short" for n in range(4)}
    told = {str(n): {} for n in range(4)}
    for plain, floor in ((None, 0.75), (right, 1.0), (dict.fromkeys(right, "short"), 0.75)):
        found = {r.id: r for r in attributes.figures("hair", people, told, plain, 0, "m", "hub")}
        assert found["attributes.hair"].floor == floor
        assert "attributes.hair.sure" not in found, "nobody was told for sure"


def test_nobody_with_the_label_gives_no_row() -> None:
    assert attributes.figures("hair", [someone("a")], {"a": {}}, None, 0, "m", "hub") == []


def test_bags() -> None:
    people = [
        someone("a", "bag", carrying=("bag",)),
        someone("b", "bag", carrying=("nothing",)),
        someone("c", "", carrying=("backpack",)),
        someone("d", None, carrying=("bag",)),
    ]
    found = {r.id: r for r in attributes.carrying(people, 0)}
    assert (found["attributes.carrying.sure"].value, found["attributes.carrying.sure"].n) == (0.5, 2)
    assert found["attributes.carrying.sure"].floor == pytest.approx(1 / 3)
    assert (found["attributes.carrying.recall"].value, found["attributes.carrying.recall"].n) == (0.5, 2)


def test_the_pixel_that_the_network_points_at() -> None:
    look = Look(np.zeros((100, 50, 3), np.uint8), LIGHT, 1.0)
    look.image[50:, :] = (240, 230, 30)
    read = Read(np.zeros(len(OUTPUTS), np.float32), np.array([0.5, 0.2], np.float32), np.array([0.5, 1.2], np.float32))
    x = Labelled("people", "report", "f", "a", "", look, {})
    assert attributes.point_colour(x, read, "upper_colour") == "black"
    assert attributes.point_colour(x, read, "lower_colour") == "yellow"


def test_without_footage_it_is_skipped(tmp_path: Path) -> None:
    found, skipped = attributes.rows(tmp_path, Weights(tmp_path, tier="builtin"))
    assert found == [] and "no labelled footage" in skipped[0]


def test_pictures_come_from_the_files_that_are_marked(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    row = {"file": "a.png", "half": "report", "box": [10, 20, 60, 120], "upper_colour": ["red"]}
    far = {**row, "file": "b.png", "box": [900, 900, 950, 999]}
    absent = {**row, "file": "c.png"}
    text = {"people": [row, absent, {**row, "half": "calibrate"}], "vehicles": []}
    cv2.imwrite(str(tmp_path / "a.png"), np.full((200, 100, 3), 128, np.uint8))
    (tmp_path / "annotations" / "attributes.json").write_text(json.dumps(text))
    [one] = labelled(tmp_path, "report")
    assert one.look.image.shape == (100, 50, 3) and one.labels == {"upper_colour": ("red",)} and one.bag is None
    cv2.imwrite(str(tmp_path / "b.png"), np.full((200, 100, 3), 128, np.uint8))
    (tmp_path / "annotations" / "attributes.json").write_text(json.dumps({"people": [far], "vehicles": []}))
    with pytest.raises(FailedFault, match="lies outside"):
        labelled(tmp_path, "report")


def test_the_labels_are_of_the_words_and_of_no_test_clip() -> None:
    from viot_tools.qa.program import ATTRIBUTES, COLOURS, VEHICLES

    clips = json.loads((ROOT / "datasets" / "viot_qa" / "clips.json").read_text("utf-8"))
    kept = {c["path"] for c in clips if c["split"] == "test"}
    halves: dict[str, set[str]] = {}
    for kind in ("people", "vehicles"):
        for row in MARKED[kind]:
            assert row["file"] not in kept and "MOT17-04" not in row["file"]
            halves.setdefault(row["file"], set()).add(row["half"])
            for name, words in row.items():
                if name in ATTRIBUTES or name == "type":
                    known = VEHICLES if name == "type" else ATTRIBUTES[name] or COLOURS
                    assert words and set(words) <= set(known), (name, words)
    assert all(len(h) == 1 for h in halves.values()), "a file is in one half"
    assert len(MARKED["people"]) >= 150 and len({v.get("who", i) for i, v in enumerate(MARKED["vehicles"])}) >= 60


@pytest.mark.real
def test_on_real_footage(shared: Path, tmp_path: Path) -> None:
    """A part of it, in the tier without weights: better than the commonest word."""
    found, skipped = attributes.rows(shared, Weights(tmp_path, tier="builtin"), quick=True)
    upper = next(r for r in found if r.id == "attributes.upper_colour")
    assert skipped == [] and upper.floor is not None and upper.low > upper.floor
