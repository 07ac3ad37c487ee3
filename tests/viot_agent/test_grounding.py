"""Evidence or silence: which answers are held by observations, and what an answer becomes when they are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from viot_agent.agent.grounding import compose, status_of, unheld, write_answer
from viot_agent.steps import Claim, Evidence, Observation

SEEN = "Ana Silva was seen on gate 2 twice: 14:05:10 to 14:05:20 [e1] and 14:09:00 to 14:09:04 [e2]."


def observed(summary: str = SEEN, **changes: Any) -> Observation:
    piece = Evidence("e1", "gate 2", 0.0, 1.0, "face_recognition", "m", "1")
    base: dict[str, Any] = {"verdict": "found", "claims": (Claim(summary, ("e1",)),), "evidence": (piece,)}
    base.update(changes)
    status = base.pop("status", "ok")
    return Observation("c1", "face_recognition", status, summary, **base)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Ana Silva was on gate 2 two times.", []),
        ("Yes, at 14:05:10 and 14:09:00.", []),
        ("Ana Silva was there 3 times.", ["3"]),
        ("Ana Silva was there three times.", ["three"]),
        ("Bob Silva was there.", ["Bob"]),
        ("She was there on Monday.", ["Monday"]),
        ("Nobody was there.", ["Nobody"]),
        ("Ana's visit began at 14:05:10.", []),
        ("王芳 was there.", ["王芳"]),
        ("She came at 15:00.", ["15:00"]),
    ],
)
def test_numbers_names_and_times_must_be_held(text: str, missing: list[str]) -> None:
    assert unheld(text, [SEEN]) == missing


def test_a_held_answer_keeps_its_words_and_cites() -> None:
    answer = write_answer("Ana Silva came to gate 2 at 14:05:10.", "when did Ana come?", [observed()])
    assert answer.text == "Ana Silva came to gate 2 at 14:05:10."
    assert answer.status == "answered"
    assert answer.claims[0].evidence == ("e1",)


def test_an_unheld_answer_is_replaced_whole() -> None:
    answer = write_answer("Ana Silva came with Bob at 14:05:10.", "when did Ana come?", [observed()])
    assert answer.text == SEEN


@pytest.mark.parametrize("verdict", ["none", "cannot_tell"])
def test_a_no_is_always_in_the_tools_words(verdict: str) -> None:
    own = "Ana Silva was not seen on gate 2 in the 60 s indexed."
    answer = write_answer("Ana Silva was seen on gate 2.", "?", [observed(own, verdict=verdict, claims=())])
    assert answer.text == own
    assert answer.status == ("cannot_tell" if verdict == "cannot_tell" else "answered")
    assert answer.claims


@pytest.mark.parametrize(
    ("observations", "status"),
    [
        ([observed()], "answered"),
        ([observed(verdict="cannot_tell")], "cannot_tell"),
        ([observed(), observed(verdict="cannot_tell")], "answered"),
        ([observed(status="retry")], "needs_input"),
        ([observed(status="retry", data={"fault": "model"})], "incomplete"),
        ([observed(status="failed")], "incomplete"),
        ([observed(), observed(status="failed")], "incomplete"),
        ([observed(), observed(status="refused")], "refused"),
    ],
)
def test_status_comes_from_observations(observations: list[Observation], status: str) -> None:
    assert status_of(observations) == status


def test_what_stays_undone_is_said() -> None:
    long = Observation("c2", "export_clip", "retry", "'today' is too long (ask for a shorter time)")
    answer = write_answer(SEEN, "save it if she came", [observed(), long])
    assert answer.text == f"{SEEN} Not done: export_clip, because 'today' is too long (ask for a shorter time)."
    assert answer.status == "incomplete"
    mended = replace(long, call_id="c3", status="ok", summary="clip-1 shows it.")
    assert write_answer(SEEN, "save it if she came", [observed(), long, mended]).status == "answered"
    slip = replace(long, data={"fault": "model"})
    assert write_answer(SEEN, "save it if she came", [slip, observed()]).text == SEEN


def test_a_retry_after_the_tool_had_worked_stays_undone() -> None:
    """The second of two calls failed: the first one's success does not stand for it."""
    unknown = Observation("c2", "face_recognition", "retry", "nobody called 'Zoe' is enrolled")
    answer = write_answer(SEEN, "were Ana and Zoe there?", [observed(), unknown])
    assert answer.text == f"{SEEN} Not done: face_recognition, because nobody called 'Zoe' is enrolled."
    assert answer.status == "incomplete"
    again = observed("Zoe Roe was seen on gate 2 once: 14:01:00 to 14:01:04.")
    assert write_answer(SEEN, "?", [observed(), unknown, again]).status == "answered"


def test_nothing_observed_and_a_claim_is_cannot_tell() -> None:
    assert write_answer("There are 5 people.", "how many?", []).status == "cannot_tell"
    assert write_answer("Hello! How can I help?", "hi", []).status == "answered"


def test_a_stop_is_incomplete_and_keeps_what_was_found() -> None:
    answer = write_answer("", "?", [observed()], stop="the limit of 8 steps is used up")
    assert answer.status == "incomplete"
    assert "the limit of 8 steps" in answer.text
    assert SEEN in answer.text


def test_a_failure_names_its_fix_once() -> None:
    failed = observed("The model yunet is missing.", status="failed", fix="viot models pull yunet", claims=())
    assert compose([failed, failed]).count("viot models pull yunet") == 1
