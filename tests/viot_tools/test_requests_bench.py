"""The judging of the requests bench; the asking itself is run by ``viot bench requests``."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.probe import probe
from viot_agent.steps import Answer, Request, Run, Step, Thought, ToolCall
from viot_tools.bench.requests import Case, attachment, bench, faults, load_cases


def _run(text: str, status: str, *tools: str) -> Run:
    steps = tuple(Step(Thought("I look."), ToolCall(f"c{i}", name, {}), None) for i, name in enumerate(tools))
    return Run("r", Request("?"), steps, Answer(text, status), "fake", 0.0)  # type: ignore[arg-type]


def test_the_requests_are_enough_and_well_formed() -> None:
    cases = load_cases()
    assert len(cases) >= 30
    assert len({c.text for c in cases}) == len(cases)
    assert all(c.says or c.never or c.tools is not None for c in cases), "each can be answered wrongly"
    assert not cases[0].follows


@pytest.mark.parametrize(
    ("text", "status", "tools", "wrong"),
    [
        ("Ana was seen on gate 2.", "answered", ("face_recognition",), []),
        ("ANA WAS SEEN on gate 2.", "answered", ("face_recognition",), []),
        ("Ana was seen on gate 2.", "cannot_tell", ("face_recognition",), ["is cannot_tell, not answered"]),
        ("Not a soul.", "answered", ("face_recognition",), ["does not say ana was seen"]),
        ("Ana was seen, and Bo too.", "answered", ("face_recognition",), ["says bo"]),
        ("Ana was seen.", "answered", (), ["called nothing, not face_recognition"]),
    ],
)
def test_faults(text: str, status: str, tools: tuple[str, ...], wrong: list[str]) -> None:
    case = Case("?", ("answered",), ("ana was seen",), ("bo",), ("face_recognition",))
    assert faults(case, _run(text, status, *tools)) == wrong


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="short_hamilton_clip"):
        bench(tmp_path)
    with pytest.raises(UserFault, match="tier"):
        bench(tmp_path, tier="cloud")


def test_an_attachment_can_be_cut_out_of_a_clip(tmp_path: Path) -> None:
    out = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for n in range(20):
        out.write(np.full((48, 64, 3), 10 * n, np.uint8))
    out.release()
    assert attachment("b.png", tmp_path, tmp_path) == tmp_path / "b.png"
    box = decode_image(attachment("a.mp4@0.5@10,4,30,24", tmp_path, tmp_path))
    assert box.shape == (20, 20, 3)
    assert probe(attachment("a.mp4@0.0-1.0", tmp_path, tmp_path)).duration == pytest.approx(1.0, abs=0.2)
