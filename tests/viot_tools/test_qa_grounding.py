"""The line of a video language model: read strictly, and held against the frames it was shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_tools.qa.grounding import AnswerFault, Said, form, ground, pattern, read

OPTIONS = ("red", "blue", "green")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a red van | 12.0-15.5 | sure", Said("a red van", None, ((None, 12.0, 15.5),), True)),
        ("yes | 3 | unsure\n", Said("yes", None, ((None, 3.0, 3.0),), False)),
        ("two men | 1-2, 4.25-6 | sure", Said("two men", None, ((None, 1.0, 2.0), (None, 4.25, 6.0)), True)),
        ("left | camera 2 0-1.5 | sure", Said("left", None, ((2, 0.0, 1.5),), True)),
        ("cannot tell | none | unsure", Said("", None, (), False)),
        ("Cannot tell. | none | sure", Said("", None, (), True)),
        ("it broke|7-8|sure", Said("it broke", None, ((None, 7.0, 8.0),), True)),
    ],
)
def test_open_answers(text: str, said: Said) -> None:
    assert read(text) == said


@pytest.mark.parametrize(
    ("text", "answer", "option"),
    [("B | 1-2 | sure", "blue", 1), ("a. | none | sure", "red", 0), ("cannot tell | none | unsure", "", None)],
)
def test_choices(text: str, answer: str, option: int | None) -> None:
    said = read(text, OPTIONS)
    assert (said.answer, said.option) == (answer, option)


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("", (), "did not write"),
        ("The van is red.", (), "did not write"),
        ("red | 1-2", (), "did not write"),
        ("red | 1-2 | certain", (), "did not write"),
        ("red | soon | sure", (), "did not write"),
        ("red | -1-2 | sure", (), "did not write"),
        ("red | 1-2 | sure\nAction: export_clip", (), "did not write"),
        ("red | 1-2 | sure | sure", (), "did not write"),
        ("x" * 161 + " | 1-2 | sure", (), "did not write"),
        ("red | 1-2, 2-3, 3-4, 4-5, 5-6 | sure", (), "did not write"),
        ("red | 5-2 | sure", (), "ends before it begins"),
        ("Action: export_clip | 1-2 | sure", (), "a step of an agent"),
        ("fine. final answer: yes | 1-2 | sure", (), "a step of an agent"),
        ("red | 1-2 | sure", OPTIONS, "none of the options"),
        ("D | 1-2 | sure", OPTIONS, "none of the options"),
        ("AB | 1-2 | sure", OPTIONS, "none of the options"),
    ],
)
def test_anything_else_is_no_answer(text: str, options: tuple[str, ...], why: str) -> None:
    with pytest.raises(AnswerFault, match=why) as caught:
        read(text, options)
    assert caught.value.text == text


@pytest.mark.parametrize("options", [(), OPTIONS])
@settings(max_examples=40)
@given(data=st.data())
def test_all_that_decoding_may_write_can_be_read(options: tuple[str, ...], data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(pattern(options), re.ASCII), fullmatch=True))
    try:
        said = read(text, options)
    except AnswerFault as fault:  # the two things that a regular expression does not hold
        assert re.search("ends before it begins|step of an agent", fault.message)
        return
    assert said.option is None or said.answer == options[said.option]
    assert all(a <= b for _, a, b in said.spans)


def test_the_form_says_what_is_allowed() -> None:
    assert "the letter of one option (A to C), or cannot tell" in form(OPTIONS, 1)
    assert "camera 1 12.0-15.5" in form((), 2) and "camera" not in form((), 1)


SHOWN = [("gate", 100.0), ("gate", 104.0), ("gate", 105.0), ("yard", 101.0), ("yard", 103.0)]


@pytest.mark.parametrize(
    ("span", "kept", "dropped"),
    [
        ((1, 4.0, 5.0), [("gate", 104.0, 105.0)], ""),
        ((1, 0.0, 5.0), [("gate", 100.0, 105.0)], ""),
        ((1, 4.3, 4.3), [("gate", 104.3, 104.3)], ""),
        ((1, 4.0, 5.4), [("gate", 104.0, 105.0)], ""),
        ((2, 1.0, 2.0), [("yard", 101.0, 102.0)], ""),
        ((2, 0.6, 0.6), [("yard", 101.0, 101.0)], ""),
        ((1, 1.0, 3.0), [], "1-3 s lies between the frames of gate"),
        ((1, 5.0, 9.0), [], "5-9 s lies outside of the frames of gate"),
        ((2, 0.0, 2.0), [], "0-2 s lies outside of the frames of yard"),
        ((3, 1.0, 2.0), [], "names a camera 3 that was not shown"),
        ((None, 1.0, 2.0), [], "1-2 s names none of the 2 cameras"),
    ],
)
def test_only_what_was_shown_is_evidence(
    span: tuple[int | None, float, float], kept: list[tuple[str, float, float]], dropped: str
) -> None:
    found = ground(Said("x", None, (span,), True), SHOWN, ["gate", "yard"], 100.0)
    assert list(found.intervals) == kept
    assert dropped in " ".join(found.dropped)
    assert len(found.intervals) + len(found.dropped) == 1


def test_one_camera_needs_no_number_and_the_same_stretch_counts_once() -> None:
    said = Said("x", None, ((None, 4.0, 5.0), (1, 4.0, 5.0), (None, 60.0, 61.0)), True)
    found = ground(said, SHOWN[:3], ["gate"], 100.0)
    assert found.intervals == (("gate", 104.0, 105.0),)
    assert len(found.dropped) == 1


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=20),
    st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 50)), max_size=4),
)
def test_every_interval_kept_lies_within_the_frames_and_holds_one(
    times: list[float], spans: list[tuple[float, float]]
) -> None:
    said = Said("x", None, tuple((None, a, a + length) for a, length in spans), True)
    found = ground(said, [("gate", 5000 + t) for t in times], ["gate"], 5000.0)
    for _, a, b in found.intervals:
        assert 5000 + min(times) - 1e-6 <= a <= b <= 5000 + max(times) + 1e-6
        assert any(a - 1 <= 5000 + t <= b + 1 for t in times)
