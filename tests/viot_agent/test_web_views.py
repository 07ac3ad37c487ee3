"""From a stored record to what the page shows: addresses, local times, escaped markup, figures that Plotly takes."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from viot_agent.errors import MediaFault
from viot_agent.fleet.types import Camera
from viot_agent.library.run_store import record
from viot_agent.steps import (
    Answer,
    Attachment,
    Evidence,
    Observation,
    Request,
    Run,
    Status,
    Step,
    Thought,
    ToolCall,
)
from viot_agent.web import bubbles, cards, timeline
from viot_agent.web.views import RunView, Views

NASTY = '<img src=x onerror="alert(1)"> *b* [x](http://evil.example/a.png) `c` $$d$$'
CAMERAS = [Camera(1, "gate 2", "/f.mp4", (), "Asia/Shanghai", None), Camera(2, "yard", "/g.mp4", (), "UTC", None)]


def sample(home: Path, text: str = "Seen [e1]; and [e7].", status: Status = "answered", name: str = "Ana") -> Run:
    folder = home / "evidence" / "run-1"
    pieces = (
        Evidence(
            "e1",
            "gate 2",
            1_800_000_000.0,
            1_800_000_008.0,
            "face_recognition",
            "arc",
            "1",
            who=name,
            score=0.91,
            at=1_800_000_005.0,
            crop=str(folder / "e1.jpg"),
            clip=str(folder / "e1.mp4"),
            label="face",
        ),
        Evidence("e2", "yard", 1_800_000_000.0, 1_800_000_000.0, "crowd_counting", "hog", "2", label="3 people"),
        Evidence(
            "e3", "yard", 10.0, 20.0, "export_clip", "recording", "", clip=str(home / "exports" / "run-1" / "a b.mp4")
        ),
    )
    curve = {"yard": [[1_800_000_000.0, 0], [1_800_000_001.0, 3]], "gate 2": []}
    seen = Observation("c1", "look", "ok", "Seen.", "found", evidence=pieces, data={"curve": curve}, seconds=0.4)
    step = Step(Thought(f"I look for {name}."), ToolCall("c1", "face_recognition", {"cameras": ["gate 2"]}), seen)
    request = Request(f"where was {name}?", attachments=(Attachment("image-1", "image", Path("/tmp/me.jpg")),))
    return Run("run-1", request, (step,), Answer(text, status), "mini", 1.25)


def view(home: Path, *, prefix: str = "", **more: Any) -> RunView:
    stored = json.loads(json.dumps(record(sample(home, **more))))  # as it comes back from the library
    return Views(home, prefix).run(stored, CAMERAS)


class Tags(HTMLParser):
    """Every tag and attribute of some markup."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]


def read(markup: str) -> Tags:
    tags = Tags()
    tags.feed(markup)
    return tags


def test_addresses_local_times_and_the_right_second(tmp_path: Path) -> None:
    first, second, third = view(tmp_path).pieces
    assert first.clip == "/media/evidence/run-1/e1.mp4"
    assert first.picture == "/media/evidence/run-1/e1.jpg"
    assert first.at_local == "16:00:05 on 15 January 2027"  # the camera's clock, not the server's
    assert first.span_local == "16:00:00 to 16:00:08 on 15 January 2027"
    # eight seconds are cut to four around the moment: from 3 to 7; half a second before second 5
    assert first.seek == pytest.approx(1.5)
    assert second.clip == "/media/evidence/run-1/e2.mp4"  # not cut yet: made when it is asked for
    assert second.picture == "/media/frame/run-1/e2.jpg"
    assert second.seek == pytest.approx(0.5)
    assert third.clip == "/media/exports/run-1/a%20b.mp4"
    assert third.seek == 0.0


def test_addresses_behind_a_proxy(tmp_path: Path) -> None:
    assert [p.clip[:14] for p in view(tmp_path, prefix="/cams").pieces] == [
        "/cams/media/ev",
        "/cams/media/ev",
        "/cams/media/ex",
    ]


@pytest.mark.parametrize("file", ["/etc/passwd", "library.db", "../evidence/x.mp4", "", None])
def test_no_address_for_other_files(tmp_path: Path, file: str | None) -> None:
    assert Views(tmp_path).address(file) == ""


def test_a_citation_is_a_button_that_says_what_it_plays(tmp_path: Path) -> None:
    message = bubbles.answer(view(tmp_path))["content"]
    tags = read(message)
    assert tags.tags.count("button") == 3  # one in the text, two more that the text does not cite
    assert ("data-clip", "/media/evidence/run-1/e1.mp4") in tags.attributes
    assert ("data-seek", "1.50") in tags.attributes
    assert ("aria-label", "Play evidence 1: Ana, gate 2, 16:00:05 on 15 January 2027") in tags.attributes
    assert "[e1]" not in message
    assert "e7" in message  # no evidence of that name: the words stay


@pytest.mark.parametrize(("status", "words"), [(k, v[0]) for k, v in bubbles.STATUS.items()])
def test_each_kind_of_answer_says_what_it_is(tmp_path: Path, status: Status, words: str) -> None:
    message = bubbles.answer(view(tmp_path, status=status))["content"]
    assert words in message
    assert f'data-status="{status}"' in message
    assert f"viot-{status}" in message


def test_nothing_that_is_shown_can_make_markup_or_load_anything(tmp_path: Path) -> None:
    shown = view(tmp_path, text=NASTY, name=NASTY)
    parts = [
        bubbles.answer(shown)["content"],
        bubbles.step(shown.steps[0])["content"],
        bubbles.asked(shown.request, names=[NASTY])[-1]["content"],
        bubbles.error(MediaFault(NASTY, fix=NASTY))["content"],
        cards.panel(shown.pieces, "answered"),
        timeline.figures(shown),
    ]
    for part in parts:
        tags = read(part)
        assert not {"script", "iframe", "a", "link", "object"} & set(tags.tags)
        assert not [name for name, _ in tags.attributes if name.startswith("on")]
        sources = [value for name, value in tags.attributes if name in ("src", "href")]
        assert all(value.startswith("/media/") for value in sources)
        assert "\n\n" not in part  # a blank line would end the markup, and Markdown would be read
    for part in parts[:4]:  # what the chat shows is read as Markdown besides
        assert [word for word in ("*b*", "](", "`c`", "$$") if word in part] == []
    assert not set("*`[]<>$") & set(bubbles.title("face_recognition", {"person": NASTY}))


def test_a_step_tells_its_tool_arguments_time_and_result(tmp_path: Path) -> None:
    shown = view(tmp_path)
    message = bubbles.step(shown.steps[0])
    assert message["metadata"] == {"title": "Face recognition: gate 2", "status": "done", "duration": 0.4}
    for words in ("I look for Ana.", "gate 2", "Seen.", "face&#95;recognition", "cameras"):
        assert words in message["content"].replace("face_recognition", "face&#95;recognition")
    begun = Step(Thought("I look."), ToolCall("c1", "look", {}), None)
    running = bubbles.step(Views(tmp_path).step(begun))
    assert running["metadata"] == {"title": "Look", "status": "pending"}


def test_a_reopened_conversation_is_what_was_shown(tmp_path: Path) -> None:
    shown = view(tmp_path)
    messages = bubbles.history([shown, shown])
    assert [m["role"] for m in messages] == ["user", "assistant", "assistant"] * 2
    assert "attached: image-1" in messages[0]["content"]
    assert messages[2] == bubbles.answer(shown)


def test_cards(tmp_path: Path) -> None:
    pieces = view(tmp_path).pieces
    tags = read(cards.panel(pieces, "answered"))
    assert tags.tags.count("button") == tags.tags.count("img") == 3
    assert "score 0.91" in cards.card(pieces[0])
    assert "score" not in cards.card(pieces[1]).replace("viot-score", "")
    many = cards.panel([pieces[0]] * (cards.SHOWN + 5), "answered")
    assert "5 more in the timeline" in many
    assert read(many).tags.count("button") == cards.SHOWN
    assert "no evidence either way" in cards.panel([], "cannot_tell")


def test_figures_are_what_plotly_takes(tmp_path: Path) -> None:
    shown = view(tmp_path)
    when, count = timeline.appearances(shown.pieces), timeline.curve(shown.curves, shown.zones)
    assert when is not None
    assert count is not None
    for figure in (when, count):
        go.Figure(figure)  # raises for a property or a value that Plotly does not know
    assert [t["name"] for t in when["data"]] == ["gate 2", "yard"]
    assert when["data"][0]["x"] == ["2027-01-15T16:00:00.000", "2027-01-15T16:00:08.000", None]  # its own clock
    assert when["data"][0]["customdata"][0][:2] == ["/media/evidence/run-1/e1.mp4", "1.50"]
    assert count["data"][0]["y"] == [0.0, 3.0]
    assert [t["name"] for t in count["data"]] == ["yard"]  # a camera without counts draws nothing
    assert timeline.appearances([]) is None
    assert timeline.curve({}, {}) is None
    places = [value for name, value in read(timeline.figures(shown)).attributes if name == "data-figure"]
    assert [json.loads(p)["data"][0]["name"] for p in places] == ["gate 2", "yard"]


def test_old_records_without_the_pages_parts_can_be_shown(tmp_path: Path) -> None:
    old = {k: v for k, v in record(sample(tmp_path)).items() if k not in ("shown", "curves")}
    shown = Views(tmp_path).run(old, [])
    assert shown.pieces[0].tz == "UTC"
    assert shown.curves == {}


def test_a_copy_that_a_tool_made_has_no_clip(tmp_path: Path) -> None:
    run = sample(tmp_path)
    own = Evidence(
        "e1", "upload", 0.0, 0.0, "cloak", "m", "1", crop=str(tmp_path / "exports" / "run-1" / "me.png"), label="copy"
    )
    seen = Observation("c1", "cloak", "ok", "Made.", evidence=(own,))
    made = Run("run-1", run.request, (Step(Thought(""), ToolCall("c1", "cloak", {}), seen),), run.answer, "form", 0.1)
    [piece] = Views(tmp_path).run(record(made), CAMERAS).pieces
    assert (piece.clip, piece.picture) == ("", "/media/exports/run-1/me.png")
    assert "button" not in read(cards.card(piece)).tags


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\x1b", "\x00"])
def test_no_name_turns_the_words_that_follow(tmp_path: Path, sign: str) -> None:
    name = f"yard{sign}door"
    shown = view(tmp_path, text=f"Seen on {name} at 12:00.", name=name)
    for part in (
        bubbles.answer(shown)["content"],
        bubbles.asked(name)[-1]["content"],
        bubbles.title("look", {"cameras": [name]}),
        cards.panel(shown.pieces, "answered"),
    ):
        assert sign not in part
    assert "yard\N{REPLACEMENT CHARACTER}door" in bubbles.lines(name)  # it is seen that there is something
    assert bubbles.lines("שלום\u200f (a)") == "שלום\u200f (a)"  # marks that a language needs stay


def test_a_long_name_leaves_room_for_the_timeline(tmp_path: Path) -> None:
    figure = timeline.appearances(view(tmp_path, name="the camera over the second door of the north hall").pieces)
    assert figure is not None
    axis = figure["layout"]["yaxis"]
    names = [trace["name"] for trace in figure["data"]]
    assert axis["tickvals"] == names  # the points keep the whole name
    assert [len(words) <= timeline.NAME for words in axis["ticktext"]] == [True] * len(names)
    assert go.Figure(figure).layout.yaxis.tickvals == tuple(names)
