"""Calibrating masked faces on made-up ones: who is masked, who is compared, which numbers come of known cosines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_agent.weights import Weights
from viot_tools.faces import calibrate_worn
from viot_tools.faces.calibrate import COMMAND, FAR, SAFETY, Picture, half
from viot_tools.faces.calibrate_small import Seen
from viot_tools.faces.calibrate_worn import RULED_OUT, Worn, choose, embedded, keep, main, see_all, tell_report
from viot_tools.faces.recognise import unit
from viot_tools.faces.worn import Tell


@dataclass
class Stub:
    """Stands in for ``MaskedMobileFaceNet``: some recogniser, and the eyes as it sees them."""

    recogniser: Any

    def eyes(self, chips: list[np.ndarray]) -> np.ndarray:
        return np.ascontiguousarray(self.recogniser.embed_chips(chips)[:, ::-1])


def test_every_picture_is_seen_bare_and_masked(bench_world: ModuleType, tmp_path: Path) -> None:
    data = bench_world.world(tmp_path, people=2, pictures=1)
    found = [Picture("some", p.parent.name, p) for p in sorted((data / "faces" / "some").glob("*/*"))]
    stub = Stub(bench_world.Left())
    weights = Weights(tmp_path, None, "builtin")
    seen = see_all(found, bench_world.Middle(), stub, weights)  # type: ignore[arg-type]
    whole = [w for w in seen if w.original]
    assert [(w.source, bool(w.template)) for w in whole] == [(0, False), (0, True), (1, False), (1, True)]
    small = [w for w in seen if not w.original]
    assert [(w.source, w.template) for w in small] == [(0, ""), (0, whole[1].template), (1, ""), (1, whole[3].template)]
    assert all((bare.chip[:50] == masked.chip[:50]).mean() > 0.9 for bare, masked in (whole[:2], whole[2:]))
    assert (whole[0].chip[80:] != whole[1].chip[80:]).any(axis=-1).mean() > 0.5
    again = see_all(found, bench_world.Middle(), stub, weights)  # type: ignore[arg-type]
    assert all((a.chip == b.chip).all() and a.template == b.template for a, b in zip(seen, again, strict=True))


def shown(who: str, template: str, lower: int, *, quality: float = 0.9, original: bool = True) -> Worn:
    chip = np.full((112, 112, 3), 100, np.uint8)
    chip[66:] = lower
    return Worn(Picture("g", who, Path("x")), 0, template, original, quality, chip)


def test_those_are_compared_who_would_be(bench_world: ModuleType) -> None:
    brighter = np.zeros(284, np.float32)
    brighter[0] = 1.0
    seen = [
        shown("bare", "", 100),
        shown("cut off", "", 200),
        shown("small", "", 100, original=False),
        shown("poor", "", 100, quality=0.1),
        shown("masked", "n95-white", 200),
        shown("masked and small", "n95-white", 200, original=False),
        shown("not told", "n95-white", 100),
    ]
    made = embedded(seen, Tell(brighter, -1.0), Stub(bench_world.Left()))  # type: ignore[arg-type]
    assert [(s.picture.person, s.original) for s in made] == [
        ("bare", True),
        ("masked", False),
        ("masked and small", False),
    ]


def test_masks_are_told_on_the_other_half() -> None:
    rng = np.random.default_rng(0)
    seen = []
    for i in range(40):
        for template in ("", "n95-white", "cloth-red"):
            chip = rng.integers(120, 140, (112, 112, 3)).astype(np.uint8)
            if template:
                chip[66:] = rng.integers(0, 255, 3)
            seen.append(Worn(Picture("g", f"p{i}", Path("x")), i, template, True, 0.9, chip))
    tell, told = tell_report(seen)
    mine = sum(half(f"p{i}") == 1 for i in range(40))
    assert (told["people"], told["bare"], told["masked"]) == (mine, mine, 2 * mine)
    assert (
        told["bare_called_masked"] < 0.1
        and told["masked_told"] > 0.9
        and set(told["kinds_left_out"]) == {"n95", "cloth"}
    )
    assert tell.weight.shape == (284,)


def people(n: int, each: int, seed: int = 0) -> list[Seen]:
    """``each`` bare and masked faces of ``n`` people, whose vectors scatter about their own."""
    rng = np.random.default_rng(seed)
    own = unit(rng.normal(size=(n, 128)))
    out = []
    for i in range(n):
        for k in range(each):
            for original in (True, False):
                a, b = unit(own[i] + rng.normal(0, 0.05 if original else 0.08, (2, 128)))
                out.append(Seen(Picture("g", f"p{i}", Path("x")), i * each + k, original, 0.9, a, b))
    return out


def test_thresholds_let_half_the_stated_share_of_strangers_pass() -> None:
    seen = people(60, 4)
    basis, numbers = choose(seen)
    table = calibrate_worn.calibrate_small.left_out(seen)
    impostor, genuine = table.cosine[table.impostor], table.cosine[table.genuine]
    assert numbers["far"] == FAR and numbers["threshold"] == dict(numbers["curve"])[FAR]
    assert (impostor >= numbers["threshold"]).mean() == pytest.approx(FAR / SAFETY, rel=0.1)
    assert (genuine < numbers["lower"]).mean() == pytest.approx(RULED_OUT, rel=0.2)
    assert [s for _, s in numbers["curve"]] == sorted(s for _, s in numbers["curve"])
    assert basis.matrices[0].shape == (128, 128)
    with pytest.raises(UserFault, match="too few"):
        choose(people(6, 2))


def test_the_row_takes_the_place_of_its_models(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"command": "x", "calibrations": [{"model": "a", "far": 1}, {"model": "b", "far": 1}]}))
    keep(path, {"model": "a", "far": 2})
    assert json.loads(path.read_text())["calibrations"] == [{"model": "b", "far": 1}, {"model": "a", "far": 2}]


def test_the_shipped_file_says_the_commands_that_make_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shipped = json.loads((files("viot_tools.faces") / "thresholds.json").read_text("utf-8"))
    assert shipped["command"] == COMMAND and "calibrate_worn" in COMMAND
    # without the other rows there is nothing to put one into, which is said at once
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "thresholds.json")]) == 2
    assert COMMAND in capsys.readouterr().err
