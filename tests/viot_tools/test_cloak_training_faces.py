"""Who AdvCloak's generator may be trained on: nobody that ``viot bench cloak`` reports on."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image as Pil

from viot_agent.errors import UserFault
from viot_finetune.advcloak_data import supplied


def written(made: ModuleType, root: Path, name: str, people: dict[str, tuple[int, int]]) -> None:
    """A set of people: a number that is their pattern, and how many pictures there are of them."""
    for who, (number, count) in people.items():
        folder = root / "faces" / name / who
        folder.mkdir(parents=True)
        for i in range(count):
            Pil.fromarray(made.picture((112, 112), {number: (0, 0, 112)}, i)).save(folder / f"{i}.png")


def test_nobody_of_the_reporting_half_is_trained_on(made: ModuleType, tmp_path: Path) -> None:
    written(made, tmp_path, "a", {f"p{i}": (i, 10) for i in range(5)})
    written(made, tmp_path, "b", {"q0": (10, 3), "q1": (11, 2), "single": (12, 1)})
    detector = made.Placed({(112, 112): [(0, 0, 112)]})
    faces, labels = supplied(tmp_path, detector, most=6)
    assert (
        faces.shape == (3 * 6 + 3 + 2, 3, 112, 112)
        and labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6 + [3] * 3 + [4] * 2
    )
    known = {n: made.face_of(n).astype(int) for n in (*range(5), 10, 11, 12)}
    who = {min(known, key=lambda n: np.abs(known[n] - f.numpy().transpose(1, 2, 0)).mean()) for f in faces}
    assert who == {0, 2, 4, 10, 11}  # every second of those with ten pictures is reported on


def test_with_nobody_left_it_says_so(made: ModuleType, tmp_path: Path) -> None:
    written(made, tmp_path, "a", {"p0": (0, 1)})
    with pytest.raises(UserFault, match="nobody"):
        supplied(tmp_path, made.Placed({(112, 112): [(0, 0, 112)]}))
