"""Filling of phrasings: values are what was said, branches follow the observation, everything is seeded."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from viot_agent.llm.mini.units import trim_time
from viot_finetune.instruct.fill import Example, fill, load_rows
from viot_finetune.instruct.pools import Pools, half_of
from viot_finetune.instruct.site import CLEAN, Noise

DATA = Path(__file__).resolve().parents[2] / "datasets" / "viot_instruct"
CONDITION: dict[str, Any] = {
    "id": "c1",
    "text": "if it burns at {camera} {time}, cut me the clip, else count heads there",
    "steps": [
        {
            "tool": "fire_smoke_detection",
            "args": {"cameras": ["{camera}"], "time": "{time}"},
            "obs": {"met": ["Smoke at 14:02.", "1 event"], "unmet": ["No fire.", "nothing burns on {camera}"]},
        },
        {"tool": "export_clip", "args": {"cameras": ["{camera}"], "time": "{time}"}, "when": "1"},
        {"tool": "crowd_counting", "args": {"cameras": ["{camera}"]}, "when": "not 1"},
    ],
}


def one(row: dict[str, Any], seed: int = 3, noise: Noise = CLEAN) -> Example:
    return fill({"id": "x", **row}, random.Random(seed), "train", noise)[-1]


@pytest.mark.parametrize("noise", [CLEAN, Noise(typos=1.0, case=1.0, opener=1.0)], ids=["clean", "noisy"])
def test_values_are_stretches_of_the_filled_text(noise: Noise) -> None:
    rows = load_rows(DATA)
    rng = random.Random(5)
    for row in rng.sample(rows, 60):
        for example in fill(row, rng, "train", noise):
            said = "\n".join([*(s.text for s in example.earlier), example.text])
            assert "{" not in said
            for step in example.steps:
                time = step.args.get("time")
                assert time is None or (time == trim_time(time) and time in said)
                assert step.args.get("question", "") in said


@pytest.mark.parametrize("seed", range(12))
def test_a_branch_follows_what_was_observed(seed: int) -> None:
    example = one(CONDITION, seed)
    met = example.steps[0].observation in ("Smoke at 14:02.", "1 event")
    assert [s.tool for s in example.steps][1:] == (["export_clip"] if met else ["crowd_counting"])
    assert example.steps[0].rest == (("export_clip", True), ("crowd_counting", True)), (
        "both are open before it is known"
    )
    assert example.steps[1].rest == ()


def test_half_said_siblings_and_pairs_name_whole_cameras() -> None:
    short = {
        "text": "heads at {camera}, no, {camera2_short}",
        "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{camera2_short}"]}}],
    }
    pair = {"text": "heads at {pair}", "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{pair}"]}}]}
    for seed in range(10):
        example = one(short, seed)
        assert example.steps[0].args["cameras"][0] in example.cameras
        both = one(pair, seed).steps[0].args["cameras"]
        assert len(both) == 2 and set(both) <= set(one(pair, seed).cameras)


def test_strangers_are_not_enrolled_and_their_camera_is_not_in_the_fleet() -> None:
    row = {
        "text": "was {noperson} at {nocamera}",
        "steps": [],
        "reply": "ask",
        "missing": ["person", "cameras"],
    }
    for seed in range(10):
        example = one(row, seed)
        assert not any(name.casefold() in example.text.casefold() for name in (*example.people, *example.cameras))


def test_turns_share_their_slots() -> None:
    row = {
        "turns": [
            {
                "text": "is {person} at {camera}",
                "steps": [{"tool": "face_recognition", "args": {"person": "{person}"}}],
            },
            {
                "text": "and {time}?",
                "steps": [
                    {
                        "tool": "face_recognition",
                        "args": {"person": "{person}", "cameras": ["{camera}"], "time": "{time}"},
                    }
                ],
            },
        ]
    }
    first, second = fill({"id": "t", **row}, random.Random(2), "train", CLEAN)
    assert second.earlier == (first.said,)
    assert second.steps[0].args["person"] == first.steps[0].args["person"]
    assert second.where[second.steps[0].args["person"]][0] == 0 and second.where[second.steps[0].args["time"]][0] == 1


def test_fillings_are_seeded_and_the_halves_of_the_pools_disjoint() -> None:
    assert one(CONDITION, 7, Noise()) == one(CONDITION, 7, Noise())
    rng = random.Random(0)
    for draw in ("person", "camera", "plate"):
        for half in ("train", "test"):
            assert all(half_of(getattr(Pools(half), draw)(rng)) == half for _ in range(50))
