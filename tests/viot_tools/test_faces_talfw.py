"""Pairs attacked for the bench of faces: on patterns, with the very network as surrogate and recogniser."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.bench.faces_store import Store
from viot_tools.bench.faces_talfw import rows, some
from viot_tools.cloak.attack import Attack
from viot_tools.cloak.surrogates import Surrogates
from viot_tools.faces.detect import Face
from viot_tools.faces.recognise import TEMPLATE
from viot_tools.verification.layouts import Pair
from viot_tools.verification.recognisers import NetRecogniser


class Middle:
    """Every picture is one aligned face; a black one holds none."""

    model, model_version, blind_to = "yunet", "0", ""

    def detect(self, image: Image) -> list[Face]:
        return [Face((0.0, 0.0, 112.0, 112.0), 0.99, TEMPLATE)] if image.max() > 0 else []


def store(made: ModuleType, folder: Path, tier: str = "hub") -> Store:
    for person in range(8):
        for k in range(3):
            path = folder / "faces" / "some" / f"p{person}" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = made.picture((112, 112), {person: (0, 0, 112)}, 10 * person + k)
            cv2.imwrite(str(path), np.zeros_like(image) if (person, k) == (3, 0) else image)
    net = made.white().networks[0]
    net.name, net.dim = "mobilefacenet", 32
    weights = Weights(folder / "home", None, tier)  # type: ignore[arg-type]
    own = made.Pattern()
    own.embed_chips = lambda chips: np.zeros((len(chips), 128), np.float32)
    one = NetRecogniser(net, "tests")
    return Store(folder, weights, True, 0, detector=Middle(), own=own, recognisers={"mobilefacenet": one})


def test_an_attacked_recogniser_loses_accuracy_and_is_called_a_white_box(made: ModuleType, tmp_path: Path) -> None:
    one = store(made, tmp_path)
    net = one.recogniser("mobilefacenet")._net  # type: ignore[attr-defined]
    white = Surrogates(("mobilefacenet",), ("0",), (net,))
    found, skipped = rows(one, white, Attack(epsilon=16.0, rounds=16, dropout=0.0))
    acc, drop, auc = found
    assert [r.id for r in found] == [f"faces.talfw-like.mobilefacenet.whitebox.{k}" for k in ("acc", "drop", "auc")]
    assert auc.floor is not None and auc.floor > 0.9 and auc.value < auc.floor - 0.2
    assert acc.floor is not None and acc.value < acc.floor - 0.2
    assert drop.value == pytest.approx(acc.floor - acc.value) and drop.low > 0
    assert not [s for s in skipped if "talfw" in s]


def test_the_builtin_tier_has_nobody_to_ask(made: ModuleType, tmp_path: Path) -> None:
    found, skipped = rows(store(made, tmp_path, "builtin"))
    assert found == [] and "it holds one recogniser" in skipped[0]


def test_some_pairs_are_of_every_fold_and_of_both_kinds() -> None:
    pairs = [Pair(f"{i}", f"{i + 1}", bool(i % 2), i // 20) for i in range(100)]
    chosen = some(pairs, 20)
    assert len(chosen) == 20 and list(chosen) == sorted(chosen, key=lambda p: int(p.left))
    assert set(Counter((p.fold, p.same) for p in chosen).values()) == {2}
    assert len(some(pairs, 1000)) == 100
    assert some([Pair("a", "a", True, 0)], 5) == ()
