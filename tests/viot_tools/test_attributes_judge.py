"""From numbers to values: votes over pictures, what is told and from where on it is sure."""

from __future__ import annotations

import numpy as np
import pytest

from viot_tools.attributes import calibrate, judge
from viot_tools.attributes.judge import Value
from viot_tools.attributes.naming import COLOURS
from viot_tools.attributes.network import OUTPUTS
from viot_tools.qa.program import ATTRIBUTES


def shares(**parts: float) -> np.ndarray:
    rest = (1 - sum(parts.values())) / (len(COLOURS) - len(parts))
    return np.array([parts.get(c, rest) for c in COLOURS])


def scores(**named: float) -> np.ndarray:
    return np.array([named.get(name, 0.5) for name in OUTPUTS], np.float32)


def test_one_clear_picture_is_sure() -> None:
    value = judge.best_colour("upper_colour", [shares(red=0.95)], [1.0])
    assert value is not None and value.value == "red" and judge.sure(value.name, value.value, value.score)


def test_pictures_that_disagree_are_not() -> None:
    value = judge.best_colour("upper_colour", [shares(red=0.95), shares(green=0.95)], [1.0, 1.0])
    assert value is None or value.score < 0.6


def test_better_pictures_count_more() -> None:
    value = judge.best_colour("upper_colour", [shares(red=0.9), shares(green=0.9)], [0.9, 0.1])
    assert value is not None and value.value == "red"


@pytest.mark.parametrize(("given", "weights"), [([], []), ([shares(red=0.9)], [0.0])])
def test_no_pictures_no_colour(given: list[np.ndarray], weights: list[float]) -> None:
    assert judge.best_colour("upper_colour", given, weights) is None


def test_chances_sum_to_one_and_rise_with_the_share() -> None:
    numbers = judge.calibration()["colours"]["colour"]
    low, high = (judge.colour("colour", [shares(white=x)], [1.0], numbers) for x in (0.2, 0.6))
    assert low.sum() == pytest.approx(1) and high[1] > low[1]


def test_values_of_the_network() -> None:
    found = {v.name: v for v in judge.values([scores(hat=0.99, long_trousers=0.01, long_hair=0.01)], [1.0])}
    assert {name: v.value for name, v in found.items()} == {"lower": "short", "hair": "short"}
    assert all(isinstance(v, Value) and 0.34 <= v.score <= 1 for v in found.values())


def test_told_names_and_values_are_those_of_the_questions() -> None:
    assert judge.told("builtin") == {"upper_colour", "lower_colour"}
    assert judge.told("hub") <= set(ATTRIBUTES)
    for name, levels in judge.calibration()["sure"].items():
        assert set(levels) <= set(ATTRIBUTES[name]) and len(levels) > 1, "one value alone tells nothing"


def test_what_is_not_told_is_never_sure() -> None:
    assert judge.level("hat", "yes") is None and not judge.sure("hat", "yes", 1.0)
    assert judge.sure("upper_colour", "red", 1.0) and not judge.sure("upper_colour", "red", 0.3)


LEVELS = {
    "all right": ([0.9, 0.8, 0.7] * 4, [True] * 12, 0.7),
    "wrong below": ([0.9] * 9 + [0.5] * 3, [True] * 9 + [False] * 3, 0.9),
    "one in ten wrong": ([0.9] * 10, [True] * 9 + [False], 0.9),
    "never below what is likely": ([0.4] * 10, [True] * 10, 0.7),
    "two in ten wrong": ([0.9] * 10, [True] * 8 + [False] * 2, None),
    "too few": ([0.9] * 7, [True] * 7, None),
    "none": ([], [], None),
}


@pytest.mark.parametrize("name", LEVELS)
def test_levels(name: str) -> None:
    given, right, expected = LEVELS[name]
    assert calibrate.level(given, right) == expected


def test_a_fit_learns_what_is_said_otherwise() -> None:
    """Pictures that look grey and are called white: the bias moves."""
    rows = [
        calibrate.Sample(str(n), shares(grey=0.6, white=0.2), np.array([float(c == "white") for c in COLOURS]), 1.0)
        for n in range(10)
    ]
    before = {"power": 1.0, "bias": dict.fromkeys(COLOURS, 0.0)}
    after = calibrate.fit(rows)
    assert COLOURS[int(calibrate.predict(rows, before)[0].argmax())] == "grey"
    assert COLOURS[int(calibrate.predict(rows, after)[0].argmax())] == "white"


def test_a_curve_follows_the_labels() -> None:
    curve = calibrate.curve([0.1, 0.2, 0.3, 0.4] * 6, [False, False, True, True] * 6)
    assert judge.chance(0.1, curve) < 0.3 and judge.chance(0.4, curve) > 0.7
