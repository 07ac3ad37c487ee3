"""Colours by name: what the words mean, light and exposure, and that shares are shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viot_tools.attributes.naming import COLOURS, Light, lab, light_of, names
from viot_tools.qa import program

FOCAL = {
    # what nobody would call otherwise, and what is read as one of the eleven
    "black": [(10, 10, 10), (25, 25, 28)],
    "white": [(250, 250, 250), (235, 232, 225)],
    "grey": [(128, 128, 128), (105, 108, 112)],
    "red": [(200, 20, 25), (230, 40, 40)],
    "orange": [(255, 140, 0), (240, 120, 20)],
    "yellow": [(250, 230, 20), (240, 210, 60)],
    "green": [(20, 140, 40), (40, 180, 60)],
    "blue": [(20, 60, 200), (40, 110, 190)],
    "purple": [(110, 30, 140), (130, 50, 150)],
    "pink": [(255, 150, 190), (240, 130, 170)],
    "brown": [(110, 65, 30), (95, 60, 35)],
}


def patch(rgb: tuple[int, int, int]) -> np.ndarray:
    return np.full((20, 20, 3), rgb, np.uint8)


def test_the_words_are_those_of_the_questions() -> None:
    assert COLOURS == program.COLOURS


@pytest.mark.parametrize(("name", "rgb"), [(n, rgb) for n, all_ in FOCAL.items() for rgb in all_])
def test_colours_have_their_names(name: str, rgb: tuple[int, int, int]) -> None:
    assert COLOURS[int(names(lab(patch(rgb))).mean(0).argmax())] == name


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=8))
def test_shares_sum_to_one(rgbs: list[tuple[int, int, int]]) -> None:
    shares = names(lab(np.array([rgbs], np.uint8), side=4))
    assert shares.shape == (16, 11) and (shares >= -1e-9).all()
    np.testing.assert_allclose(shares.sum(1), 1)


def test_a_dark_frame_is_brought_to_light() -> None:
    """A white shirt at a third of the light is white again; a red one is red with and without."""
    frame = np.full((90, 160, 3), 80, np.uint8)
    frame[:10] = 0
    dark = light_of(frame)
    assert dark.gain.min() > 2 and dark.veil.max() == 0
    dim = patch((105, 104, 101))
    assert COLOURS[int(names(lab(dim)).mean(0).argmax())] == "grey"
    assert COLOURS[int(names(lab(dim, dark)).mean(0).argmax())] == "white"
    for light in (None, dark):
        assert COLOURS[int(names(lab(patch((70, 8, 10)), light)).mean(0).argmax())] == "red"


def test_a_tinted_light_is_taken_back_halfway() -> None:
    warm = light_of(np.full((90, 160, 3), (150, 120, 90), np.uint8)).gain
    assert warm[0] < warm[1] < warm[2]
    even = light_of(np.full((90, 160, 3), 120, np.uint8)).gain
    np.testing.assert_allclose(even, even[0])


def test_a_veil_is_lifted() -> None:
    """In haze with a violet cast nothing is black; what is darkest there is."""
    frame = np.full((90, 160, 3), 150, np.uint8)
    frame[:20] = (44, 34, 50)
    hazy = light_of(frame)
    assert 0 < hazy.veil[1] < hazy.veil[0] < hazy.veil[2] <= 0.05
    coat = patch((44, 34, 50))
    unlit = Light(np.zeros(3), hazy.gain)
    black = [names(lab(coat, light)).mean(0)[0] for light in (unlit, hazy)]
    assert black[1] > black[0]


def test_black_frames_do_not_blow_up() -> None:
    gain = light_of(np.zeros((90, 160, 3), np.uint8)).gain
    assert np.isfinite(gain).all() and gain.max() <= 3 * 1.25
