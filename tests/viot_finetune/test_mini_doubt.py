"""The head that says whether a first request wants a tool: what it reads, its fit, its place in the file."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from viot_agent.errors import FailedFault
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.doubt import FLOOR, MOST, Doubt, features
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import read as units_of
from viot_agent.llm.mini.weights import DOUBT, Weights
from viot_finetune.mini.cards import stub_toolbox
from viot_finetune.mini.doubt import Fitting, Read, chosen, fit, leans, read, told, with_doubt

WIDTH = 2 * (256 + 384) + 3


def made(count: int, seed: int, shift: float) -> Read:
    """Requests whose third number tells what they want; the nets say the contrary of a fifth, and lean by ``shift``."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 20)).astype(np.float32)
    calls = x[:, 2] > 0
    nets = np.where(calls ^ (rng.random(count) < 0.2), 1.0, -1.0).astype(np.float32) + shift
    return Read(x, nets.astype(np.float32), calls, np.ones(count, np.float32))


def test_a_fit_tells_what_the_nets_do_not() -> None:
    held = made(600, 2, 0.3)
    head = fit(made(3000, 1, 0.3), held, Fitting(epochs=40))
    call, nothing = told(held, leans(head, held))
    assert min(told(held, 0.0)) < 0.85 < 0.93 < min(call, nothing)
    # as it is run, number by number
    run = Doubt(head)
    assert [run.lean(x) for x in held.features[:5]] == pytest.approx(
        np.clip(leans(head, held)[:5], -MOST, MOST), abs=1e-4
    )


def test_what_is_read_has_one_length_whatever_is_said() -> None:
    hidden = [np.ones(256, np.float32)] * 2
    full = features(hidden, [np.ones((4, 384), np.float32)] * 2, {"NEED": -0.5})
    empty = features(hidden, [np.zeros((0, 384), np.float32)] * 2, {})
    assert full.shape == empty.shape == (WIDTH,)
    assert full[-3:].tolist() == [-0.5, FLOOR, FLOOR]


def test_all_that_call_nothing_are_learnt_from_and_new_files_come_oftener() -> None:
    call = {"text": "x", "steps": [{"tool": "list_cameras", "args": {}}]}
    nothing = {"text": "y", "steps": [], "reply": "help"}
    rows = [{"id": f"a-{i:04d}", **call} for i in range(50)] + [{"id": f"b-{i:04d}", **nothing} for i in range(20)]
    rows += [{"id": "ssss-0001", **call}, {"id": "aa-0001", "turns": [call, nothing]}]
    found = chosen(rows, Fitting(calls=10))
    assert sum(not r["steps"] for r, _ in found) == 20 and len(found) == 31
    assert [n for r, n in found if r["id"] == "ssss-0001"] == [Fitting().often]


def test_requests_are_read_alike_by_one_process_and_by_two() -> None:
    row = {"text": "who was at {camera} today", "steps": [], "reply": "help", "id": "a-0001"}
    rows = [({**row, "id": f"a-{i:04d}"}, 1) for i in range(4)]
    one, two = (read(rows, assets.DECODER, 0, processes=n) for n in (1, 2))
    assert one.features.shape == (4, WIDTH)
    np.testing.assert_allclose(one.features[[0, 2, 1, 3]], two.features, atol=1e-4)


def test_the_head_lies_in_the_file_and_decides_first_requests_only(tmp_path: Path) -> None:
    path = tmp_path / "mini.safetensors"
    shutil.copy(assets.DECODER, path)
    before = Weights.load(path)
    head = {
        "inner.weight": np.zeros((64, WIDTH), np.float32),
        "inner.bias": np.zeros(64, np.float32),
        "outer.weight": np.zeros((1, 64), np.float32),
        "outer.bias": np.array([-50.0], np.float32),
    }
    with_doubt(path, head)
    weights = Weights.load(path)
    assert weights.doubt is not None and len(weights.nets) == len(before.nets) and weights.words == before.words
    never = Planner(list(stub_toolbox()), weights=weights, threads=1)
    asked = units_of("I wonder who was here", [], [])
    assert never.next_step(asked).kind != "act"
    with_doubt(path, {**head, "outer.bias": np.array([50.0], np.float32)})
    always = Planner(list(stub_toolbox()), weights=Weights.load(path), threads=1)
    assert always.next_step(asked).kind == "act"
    # before tools that the head was not fitted with it says nothing
    always.set_tools([*stub_toolbox(), replace(next(iter(stub_toolbox())), name="parcel_search")])
    with_doubt(path, {**head, "outer.bias": np.array([-50.0], np.float32)})
    without = Planner(
        [*stub_toolbox(), replace(next(iter(stub_toolbox())), name="parcel_search")], weights=before, threads=1
    )
    assert always.next_step(asked) == without.next_step(asked)

    arrays = load_file(path)
    with safe_open(path, "np") as file:
        meta = file.metadata()
    del arrays[DOUBT + "outer.bias"]
    save_file(arrays, path, meta)
    with pytest.raises(FailedFault, match="head of doubt"):
        Weights.load(path)
