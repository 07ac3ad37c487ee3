"""Whose bag it is, and from how many sightings on one is told."""

from __future__ import annotations

import numpy as np
import pytest

from viot_tools.attributes import judge
from viot_tools.attributes.carried import carried, value
from viot_tools.objects.detections import Detections

ANA, BEN = (0.0, 0.0, 40.0, 160.0), (100.0, 0.0, 140.0, 160.0)
CASES = {
    # (people, bag, label, score, what is said)
    "at the hand": ([ANA, BEN], (35, 80, 50, 110), "handbag", 0.5, [(0, "bag")]),
    "on the back": ([ANA, BEN], (105, 30, 130, 80), "backpack", 0.5, [(1, "backpack")]),
    "a suitcase is a bag": ([ANA], (10, 100, 40, 150), "suitcase", 0.5, [(0, "bag")]),
    "on the ground between": ([ANA, BEN], (60, 120, 80, 150), "handbag", 0.5, []),
    "of one of two who overlap": ([ANA, (10.0, 0.0, 50.0, 160.0)], (20, 80, 35, 110), "handbag", 0.9, []),
    "the person again": ([ANA], (2, 5, 38, 150), "backpack", 0.9, []),
    "too weak": ([ANA], (10, 80, 30, 110), "handbag", 0.29, []),
    "no bag": ([ANA], (10, 80, 30, 110), "cup", 0.9, []),
    "nobody": ([], (10, 80, 30, 110), "handbag", 0.9, []),
}


@pytest.mark.parametrize("name", CASES)
def test_whose_it_is(name: str) -> None:
    people, bag, label, score, expected = CASES[name]
    others = Detections(np.array([bag], np.float32), np.array([score], np.float32), (label,))
    found = carried(np.array(people, np.float32).reshape(-1, 4), others)
    assert [(i, v) for i, v, _ in found] == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], None),
        (["bag"], None),
        (["bag", "bag"], "bag"),
        (["bag", "backpack"], None),
        (["bag", "backpack"] * 2, "backpack"),
    ],
)
def test_twice_is_enough(seen: list[str], expected: str | None) -> None:
    found = value(seen)
    assert (found.value if found else None) == expected
    assert found is None or judge.sure("carrying", found.value, found.score)
    assert not judge.sure("carrying", "nothing", 1.0), "no bag seen is no empty hand"
