"""The hand-written questions on real clips keep their rules, and what breaks a rule is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from viot_finetune.qa.real import (
    CANNOT_TELL,
    HOME,
    TYPES,
    BadQuestions,
    Clip,
    Question,
    faults,
    floors,
    footage_faults,
    load,
    load_clips,
    main,
    right,
)

CLIP = Clip("videos/a.mp4", "0" * 64, 10.0, "dev")
GOOD = Question(
    id="a-01",
    clip=CLIP.path,
    question="what colour was the van",
    answer="red",
    accept=("dark red",),
    intervals=((1.0, 2.0),),
    task="open",
    options=(),
    data="normal",
    factoid=True,
    type="which_colour",
    answerable=True,
    split="dev",
)


def found(**changes: Any) -> list[str]:
    return [f for f in faults([replace(GOOD, **changes)], [CLIP]) if f.startswith("a-01")]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"type": "smell"}, "type 'smell'"),
        ({"factoid": False}, "says otherwise"),
        ({"type": "why"}, "says otherwise"),
        ({"task": "essay"}, "task 'essay'"),
        ({"data": "audio"}, "data 'audio'"),
        ({"question": " "}, "no question"),
        ({"options": ("red", "blue", "green")}, "go with multiple-choice"),
        ({"task": "multiple-choice"}, "go with multiple-choice"),
        ({"task": "multiple-choice", "options": ("blue", "green", "grey")}, "of which the answer is one"),
        ({"task": "multiple-choice", "options": ("red", "red", "grey")}, "of which the answer is one"),
        ({"answerable": False}, "cannot tell"),
        ({"answer": CANNOT_TELL}, "cannot tell"),
        ({"intervals": ()}, "intervals stand"),
        ({"answerable": False, "answer": CANNOT_TELL}, "intervals stand"),
        ({"intervals": ((9.0, 10.5),)}, "not inside"),
        ({"intervals": ((2.0, 2.0),)}, "not inside"),
        ({"intervals": ((-0.1, 2.0),)}, "not inside"),
        ({"accept": ((3.0, 2.0),)}, "low to high"),
        ({"split": "test"}, "split is by clip"),
        ({"clip": "videos/b.mp4"}, "not in clips.json"),
    ],
)
def test_a_broken_row_is_found(changes: dict[str, Any], fault: str) -> None:
    assert not found()
    assert any(fault in f for f in found(**changes)), found(**changes)


def test_twice_the_same_id_or_question_and_a_missing_type_are_found() -> None:
    told = list(faults([GOOD, GOOD], [CLIP]))
    assert "a-01: 2 rows carry this id" in told
    assert any("asked 2 times" in f for f in told)
    assert any(f.startswith("test has no question of type") for f in told)


@pytest.mark.parametrize(
    ("answer", "accept", "said", "is_right"),
    [
        ("red", ("dark red",), "Red.", True),
        ("red", ("dark red",), "dark red", True),
        ("red", ("dark red",), "blue", False),
        ("a cup", ("mug",), "the cup", True),
        (7, (), "seven", True),
        (7, (), "7 people", True),
        (7, (), "17", False),
        (7, (), "6 or 7", False),
        (43.3, ((42.5, 44.2),), "43.9 s", True),
        (43.3, ((42.5, 44.2),), "44.3", False),
        ("yes", (), "Yes, twice.", True),
        ("no", (), "yes", False),
        ("no", (), "not known", False),
        ("16-03-2017", ("16 March 2017",), "16 march 2017", True),
        (CANNOT_TELL, (), "Cannot tell.", True),
        (CANNOT_TELL, (), "no", False),
    ],
)
def test_right_takes_wordings_and_ranges_and_nothing_else(
    answer: str | float, accept: tuple[Any, ...], said: str, is_right: bool
) -> None:
    assert right(replace(GOOD, answer=answer, accept=accept), said) is is_right


def test_floors_leave_the_question_itself_out() -> None:
    rows = [replace(GOOD, id=f"a-{n}", question=f"q{n} is it", answer=a) for n, a in enumerate(("red", "blue", "grey"))]
    assert floors(rows)["majority"] == 0.0
    rows += [replace(GOOD, id=f"a-{n}", question=f"q0 is it {n}", answer="red") for n in (8, 9)]
    assert floors(rows)["majority"] == 0.6
    assert floors(rows)["nearest question"] == 0.6
    four = replace(GOOD, id="a-4", task="multiple-choice", options=("red", "blue", "grey", "black"))
    assert floors([four])["chance"] == floors([four])["type prior"] == 0.25
    with pytest.raises(BadQuestions, match="no questions"):
        floors([])


def test_the_shipped_questions_keep_the_rules() -> None:
    questions, clips = load(), load_clips()
    assert list(faults(questions, clips)) == []
    assert len(questions) >= 180
    assert {c.path for c in clips} == {q.clip for q in questions}
    for split in ("dev", "test"):
        half = [q for q in questions if q.split == split]
        assert {q.type for q in half} == set(TYPES)
        assert 0.4 < len(half) / len(questions) < 0.6
        assert 0.1 < floors(half)[CANNOT_TELL] < 0.2
        assert max(v for k, v in floors(half).items() if k not in ("chance", "longest option")) < 0.25
        assert floors(half)["longest option"] < 0.45
        yes, no = (sum(q.answer == a for q in half) for a in ("yes", "no"))
        assert 0.4 < yes / (yes + no) < 0.6


def test_the_clips_are_the_ones_the_questions_were_written_on(shared: Path) -> None:
    assert list(footage_faults(load_clips(), shared)) == []


def test_other_footage_is_found(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    assert "is not below" in next(footage_faults([CLIP], tmp_path))
    (tmp_path / CLIP.path).write_bytes(b"other")
    assert "another sha256" in next(footage_faults([CLIP], tmp_path))


def test_the_command_names_the_line_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "type prior" in capsys.readouterr().out
    rows = (HOME / "real_clips.jsonl").read_text(encoding="utf-8").splitlines()
    file = tmp_path / "q.jsonl"
    file.write_text(rows[0] + "\n{}\n", encoding="utf-8")
    assert main(["--questions", str(file)]) == 2
    assert "line 2: a row has exactly the fields" in capsys.readouterr().err
    file.write_text(json.dumps(json.loads(rows[0]) | {"intervals": [[0, 999]]}) + "\n", encoding="utf-8")
    assert main(["--questions", str(file)]) == 2
    assert "is not inside" in capsys.readouterr().err
    assert main(["--questions", str(tmp_path / "none.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "count"), [(2, 178), (3, 203), (4, 294), (5, 346), (6, 582)])
def test_later_tests_keep_the_rules(number: int, count: int) -> None:
    questions, clips = load(HOME / f"real_clips_{number}.jsonl"), load_clips(HOME / f"clips_{number}.json")
    assert len(questions) == count
    assert list(faults(questions, clips)) == []
