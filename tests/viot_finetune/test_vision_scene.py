"""Training of the builtin scene model: the numbers that ship are those that PyTorch fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from viot_agent.errors import UserFault
from viot_finetune.vision.scene import Place, fit, left_out, pictures, right
from viot_tools.scene.statistics import LENGTH
from viot_tools.scene.vocabulary import SCENES


def places(n: int = 12) -> list[Place]:
    """Kitchens with high first statistics, beaches with low ones; the last source may not be trained on."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(n):
        kitchen = i % 2 == 0
        x = rng.normal(0, 0.3, LENGTH).astype(np.float32)
        x[:20] += 2.0 if kitchen else -2.0
        words = ("kitchen", "restaurant") if kitchen else ("beach",)
        found.append(Place(f"{i}.png", f"source {i // 2}", words, i < n - 2, True, x))
    return found


def test_the_fitted_softmax_names_unseen_places() -> None:
    every = places()
    guesses = left_out(every, 0.001)
    assert all(right(place, p, "scene") for place, p in zip(every, guesses, strict=True))
    assert all(right(place, p, "side") for place, p in zip(every, guesses, strict=True))


def test_numpy_and_pytorch_agree() -> None:
    every = places()
    model = fit(every)
    z = (torch.tensor(every[0].x) - torch.tensor(model.mean)) / torch.tensor(model.spread)
    expected = torch.softmax(z.clamp(-3, 3) @ torch.tensor(model.matrix) + torch.tensor(model.bias), 0).numpy()
    assert np.allclose(model.probabilities(every[0].x), expected, atol=1e-6)
    assert expected.shape == (len(SCENES),)


def test_fitting_is_the_same_again() -> None:
    assert np.array_equal(fit(places()).matrix, fit(places()).matrix)


def test_absent_footage_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="laid out like shared/data"):
        pictures(tmp_path, "videos/none.mp4")
