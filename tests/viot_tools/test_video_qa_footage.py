"""Suites over video files: indexed by the product, asked, marked; what is not there is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_agent.media.clips import write_clip
from viot_tools.bench import video_qa
from viot_tools.bench.video_qa_clips import BadQuestions, Question, load, load_forms
from viot_tools.bench.video_qa_figures import Marked, Said
from viot_tools.bench.video_qa_footage import START
from viot_tools.bench.video_qa_public import figures_of
from viot_tools.bench.video_qa_real import figures_of as real_figures
from viot_tools.bench.video_qa_real import real
from viot_tools.bench.video_qa_suites import SuiteQuestion
from viot_tools.bench.video_qa_wups import Nouns
from viot_tools.qa.learned.forms import FORMS


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one grey clip of two seconds, and an empty home."""
    monkeypatch.setenv("VIOT_TIER", "builtin")
    monkeypatch.delenv("VIOT_MODELS", raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    write_clip((np.full((120, 160, 3), 100, np.uint8) for _ in range(10)), folder / "yard.mp4", 5.0)
    return folder


def test_a_public_suite_is_indexed_asked_and_marked(data: Path, tmp_path: Path) -> None:
    rows = [
        {"id": 1, "video_id": 1, "question": "how many people are there?", "answer": "0"},
        {"id": 2, "video_id": 1, "question": "what is the reason for all this?", "answer": "fun"},
        {"id": 3, "video_id": 2, "question": "who is it?", "answer": "man"},
    ]
    (data / "val_qa.json").write_text(json.dumps(rows), "utf-8")
    (data / "youtube_mapping.txt").write_text("yard vid1\nstreet vid2\n", "utf-8")
    wrong = tmp_path / "wrong.txt"
    report = video_qa.bench(data, suite="msvd-qa", keep=tmp_path / "home", wrong=wrong)
    found = {r.id: r for r in report.rows}
    assert found["videoqa.msvd-qa.acc"].value == 0.5
    assert found["videoqa.msvd-qa.how_many.acc"].value == 1.0
    assert any("1 of 3 questions" in line for line in report.skipped)
    assert "right: fun; said: cannot tell" in wrong.read_text("utf-8")
    again = video_qa.bench(data, suite="msvd-qa", keep=tmp_path / "home")
    assert [r.value for r in again.rows] == [r.value for r in report.rows]
    (data / "yard.mp4").rename(data / "yard.mkv")
    with pytest.raises(UserFault, match="holds another file as reel 1"):
        video_qa.bench(data, suite="msvd-qa", keep=tmp_path / "home")


def test_a_suite_without_its_videos_is_said(tmp_path: Path) -> None:
    (tmp_path / "val_qa.json").write_text(
        json.dumps([{"id": 1, "video_id": 1, "question": "who?", "answer": "man"}]), "utf-8"
    )
    with pytest.raises(UserFault, match="none of the videos"):
        video_qa.bench(tmp_path, suite="msrvtt-qa")


def question(**changes: object) -> Question:
    row: dict[str, object] = {
        "id": "yard-01", "clip": "yard.mp4", "question": "How many people are there?", "answer": 0, "accept": (),
        "intervals": ((0.0, 2.0),), "task": "open", "options": (), "data": "normal", "factoid": True,
        "type": "how_many", "answerable": True, "split": "dev",
    }  # fmt: skip
    return Question(**(row | changes))  # type: ignore[arg-type]


def test_the_real_suite_asks_about_each_clip_alone(data: Path, tmp_path: Path) -> None:
    from dataclasses import asdict

    why = {"question": "Why is nobody here?", "answer": "cannot tell", "type": "why", "factoid": False}
    untold = question(id="yard-02", intervals=(), answerable=False, **why)
    other = question(id="yard-03", split="test")
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(asdict(q)) + "\n" for q in (question(), untold, other)), "utf-8")
    report, marked = real(data, "dev", False, 0, "symbolic", None, questions=file)
    assert [m.question.id for m in marked] == ["yard-01", "yard-02"]
    assert [m.right for m in marked] == [True, True]
    found = {r.id: r.value for r in report.rows}
    assert found["videoqa.real.acc"] == found["videoqa.real.claimed.acc"] == 1.0
    assert found["videoqa.real.rest.not_wrong"] == 1.0
    with pytest.raises(UserFault, match="no clip of the dev half"):
        real(tmp_path / "nowhere", "dev", False, 0, "symbolic", None, questions=file)


def test_rows_of_the_real_suite_tell_claimed_from_the_rest() -> None:
    marked = [
        Marked(question(), Said("0", 0.0, (("yard.mp4", 0.0, 1.0),), parsed=True, claimed=True)),
        Marked(question(id="yard-02"), Said("", claimed=True, parsed=True)),
        Marked(question(id="yard-03", type="why", answer="rain", factoid=False), Said("sun")),
    ]
    forms = {"yard-01": ("count", True), "yard-02": ("count", False), "yard-03": ("why", True)}
    found = {r.id: r.value for r in real_figures(marked, 0, "symbolic", "hub", forms)}
    assert found["videoqa.real.form.acc"] == 1.0
    forms["yard-02"] = ("none", True)
    rows = {r.id: r for r in real_figures(marked, 0, "symbolic", "hub", forms)}
    assert rows["videoqa.real.form.acc"].n == 1
    forms["yard-02"] = ("exists", True)
    assert {r.id: r.value for r in real_figures(marked, 0, "symbolic", "hub", forms)}["videoqa.real.form.acc"] == 0.5
    assert found["videoqa.real.claimed.acc"] == found["videoqa.real.told.acc"] == 0.5
    assert found["videoqa.real.parsed.acc"] == 0.5
    assert found["videoqa.real.answered.acc"] == 0.5
    assert found["videoqa.real.rest.cannot_tell"] == found["videoqa.real.rest.not_wrong"] == 0.0
    assert found["videoqa.real.iou"] == 0.5
    assert found["videoqa.real.wrong"] == pytest.approx(1 / 3)


def test_counts_have_a_squared_error_and_options_count_together() -> None:
    counts = [SuiteQuestion(str(n), "v", "how often?", "how_many", "count", float(n), metric="mse") for n in (1, 4)]
    parts = [
        SuiteQuestion(f"c{n}", "v", "is it?", "why", "explanatory", "yes" if n else "no", whole="c") for n in range(2)
    ]
    marked = [Marked(counts[0], Said("1", 1.0)), Marked(counts[1], Said("2", 2.0))]
    marked += [Marked(parts[0], Said("no")), Marked(parts[1], Said("no"))]
    found = {r.id: r.value for r in figures_of("x", marked, 0, "symbolic", "hub", None)}
    assert found["videoqa.x.mse"] == 2.0
    assert found["videoqa.x.why.acc"] == 0.5
    assert found["videoqa.x.why.whole.acc"] == 0.0


def test_wups_is_given_for_words_of_ones_own() -> None:
    nouns = Nouns({"dog": (2,), "cat": (3,)}, {2: (1,), 3: (1,)})
    asked = SuiteQuestion("1", "v", "what is it?", "what", "what", "dog", ("hound",))
    found = {r.id: r.value for r in figures_of("x", [Marked(asked, Said("cat"))], 0, "e", "hub", nouns)}
    assert found["videoqa.x.wups0"] == pytest.approx(0.5)
    assert found["videoqa.x.wups0.9"] == pytest.approx(0.05)
    assert found["videoqa.x.acc"] == 0.0


def test_the_start_of_every_file_is_a_whole_minute() -> None:
    assert START % 60 == 0


def test_every_real_question_has_the_form_that_an_annotator_gave_it(tmp_path: Path) -> None:
    forms = load_forms()
    assert set(forms) == {q.id for q in load()}
    assert {form for form, _ in forms.values()} <= {*FORMS, "none"}
    file = tmp_path / "forms.jsonl"
    file.write_text('{"id": "a", "form": "count", "described": true}\n{"id": "b", "form": 3, "described": true}\n')
    with pytest.raises(BadQuestions, match="line 2: form is a text"):
        load_forms(file)
