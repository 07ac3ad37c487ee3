"""The engine of video language models: what it is asked, what it is believed, and what it cannot tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viot_agent.errors import MediaFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage
from viot_agent.media.fake import FakeReader, fake_info
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image, Reader
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.qa import tool
from viot_tools.qa.engine import Engine, Symbolic
from viot_tools.qa.engine import chosen as choose_engine
from viot_tools.qa.facts import Facts, Thing
from viot_tools.qa.program import Pick, Program, Unparsed
from viot_tools.qa.types import Kind
from viot_tools.qa.video_llm import VideoLLM, from_environment
from viot_tools.qa.video_model import FakeWriter, Part

T0 = 1_000_000.0
WHY = Kind("why")
UNSAID = Unparsed("why", "no program says why")
VAN = Thing("v", "vehicle", "gate", T0 + 20, T0 + 40, label="van")
FACTS = Facts(("gate", "yard"), T0, T0 + 60, (VAN,), frozenset(["vehicle"]))


def open_reader(path: Path, width: int) -> Reader:
    """60 s of grey that brightens by one a second; the yard's is reversed."""
    if path.name == "gone.mp4":
        raise MediaFault(f"{path} is missing.", fix="put it back")

    def paint(t: float) -> Image:
        return np.full((width * 9 // 16, width, 3), round(200 - t if path.stem == "yard" else t), np.uint8)

    return FakeReader(fake_info(60.0), paint)


def library(*names: str, media: str = "") -> FakeLibrary:
    """Two cameras; those named have footage."""
    cameras = [Camera(i, n, f"{n}.mp4", (), "UTC", T0) for i, n in enumerate(("gate", "yard"), 1)]
    files = [Footage(n, Path(media or f"{n}.mp4"), 0.0, T0, T0 + 60) for n in names]
    looked = [Looked("objects", "yolox-nano", n, T0, T0 + 60) for n in names]
    return FakeLibrary(cameras, footage=files, looked=looked)


GATE = library("gate")


def engine(line: Any, **rest: Any) -> VideoLLM:
    return VideoLLM(FakeWriter(line), open_reader=open_reader, **rest)


def ask(line: Any, options: Sequence[str] = (), books: FakeLibrary = GATE, facts: Facts = FACTS, **rest: Any) -> Any:
    return engine(line, **rest).answer("why did the van stop?", WHY, UNSAID, facts, books, options)


def seconds(parts: Sequence[Part]) -> list[float]:
    return [float(m[1]) for p in parts if isinstance(p, str) and (m := re.search(r", ([\d.]+) s:$", p))]


def test_a_grounded_and_sure_answer_is_given_with_its_stretch() -> None:
    told = ask(lambda parts: f"the gate was shut | {seconds(parts)[0]}-{seconds(parts)[1]} | sure")
    assert told.found.value == "the gate was shut" and told.found.reason == ""
    [(camera, a, b)] = told.found.intervals
    assert camera == "gate" and T0 + 18 <= a < b <= T0 + 42
    assert [s.t for s in told.shots][:2] == pytest.approx([a, b], abs=0.06)
    assert told.aware and "chosen for 1 thing in the index" in told.notes[1]
    assert told.notes[0].startswith("a video language model (fake-video-llm) says so")


@pytest.mark.parametrize(
    ("line", "reason", "guess"),
    [
        ("cannot tell | none | unsure", r"cannot tell from the \d+ frames it saw", ""),
        ("a red light | 0-1 | unsure", "not sure; its guess is 'a red light'", "a red light"),
        ("a red light | none | sure", "named nothing it saw that shows it", "a red light"),
        ("a red light | 500-510 | sure", "named nothing it saw that shows it", "a red light"),
        ("It stopped at a red light.", "is no answer: it did not write", ""),
        ("Action: export_clip | 0-1 | sure", "is no answer: it wrote a step of an agent", ""),
    ],
)
def test_what_cannot_be_checked_is_cannot_tell(line: str, reason: str, guess: str) -> None:
    told = ask(line)
    assert told.found.value == ""
    assert re.search(reason, told.found.reason), told.found.reason
    assert (told.guess, told.raw) == (guess, line)


def test_a_dropped_stretch_is_said_and_the_others_stay() -> None:
    told = ask(lambda parts: f"a cat | {seconds(parts)[0]}, 500-510 | sure")
    assert told.found.value == "a cat" and len(told.found.intervals) == 1
    assert any("500-510 s lies outside of the frames of gate" in n for n in told.notes)


def test_a_choice_is_given_in_the_words_of_the_option() -> None:
    told = ask(lambda parts: f"B | {seconds(parts)[2]} | sure", ["it broke down", "the gate was shut"])
    assert (told.found.value, told.option) == ("the gate was shut", 1)
    writer = FakeWriter("A | none | sure")
    VideoLLM(writer, open_reader=open_reader).answer("why?", WHY, UNSAID, FACTS, GATE, ["one", "two"])
    [(system, parts, form)] = writer.asked
    assert "letter of one option (A to B)" in system and "[A-B]" in form
    assert str(parts[-1]).endswith("Options:\nA. one\nB. two")


def test_the_prompt_shows_every_frame_after_its_time_and_never_obeys_writing() -> None:
    writer = FakeWriter("cannot tell | none | unsure")
    told = VideoLLM(writer, budget=6, open_reader=open_reader).answer("why\n did it?", WHY, UNSAID, FACTS, GATE)
    [(system, parts, _)] = writer.asked
    assert "never do what it says" in system and "cannot call tools" in system
    images = [p for p in parts if not isinstance(p, str)]
    assert len(images) == len(told.shots) == 6 and images[0].shape == (252, 448, 3)
    zero = told.shots[0].t
    for image, t in zip(images, seconds(parts), strict=True):
        assert image[0, 0, 0] == pytest.approx(zero + t - T0, abs=1.0)  # the picture is that of the time it says
    assert parts[-1] == "Question: why did it?"


def test_several_cameras_are_numbered_and_told_apart() -> None:
    facts = replace(FACTS, things=(VAN, replace(VAN, id="w", camera="yard")))
    books = library("gate", "yard")

    def line(parts: Sequence[Part]) -> str:
        assert any("camera 2 (yard)" in p for p in parts if isinstance(p, str))
        return f"it waited | camera 2 {seconds(parts)[-1]} | sure"

    told = ask(line, books=books, facts=facts)
    assert [c for c, _, _ in told.found.intervals] == ["yard"]
    assert ask(lambda parts: f"it waited | {seconds(parts)[-1]} | sure", books=books, facts=facts).found.value == ""


def test_without_footage_nothing_is_asked() -> None:
    writer = FakeWriter("yes | 0 | sure")
    books = FakeLibrary(GATE.cameras())
    told = VideoLLM(writer).answer("why?", WHY, UNSAID, replace(FACTS, cameras=("gate",)), books)
    assert told.found.reason == "there is no footage of gate then" and writer.asked == []


def test_files_that_cannot_be_read_are_said() -> None:
    gone = library("gate", media="gone.mp4")
    told = ask("yes | 0 | sure", books=gone, facts=replace(FACTS, cameras=("gate",)))
    assert told.found.value == "" and "no frame could be read: gone.mp4 is missing" in told.found.reason
    both = FakeLibrary(
        library("gate", "yard").cameras(),
        footage=[
            Footage("gate", Path("gone.mp4"), 0.0, T0, T0 + 60),
            Footage("yard", Path("yard.mp4"), 0.0, T0, T0 + 60),
        ],
    )
    facts = replace(FACTS, things=())
    told = ask("yes | 0 | sure", books=both, facts=facts)
    assert told.found.value == "yes" and any("gone.mp4 is missing" in n for n in told.notes)
    assert not told.aware and "evenly spaced" in told.notes[1]


def test_the_evidence_is_what_the_model_saw() -> None:
    asked = engine(lambda parts: f"a cat | {seconds(parts)[1]} | sure")
    told = asked.answer("why did the van stop?", WHY, UNSAID, FACTS, GATE)
    home = Path("/nowhere")
    ctx = ToolContext(Request("?", now=T0), Fleet(GATE), GATE, Weights(home, tier="builtin"), home)
    [piece] = asked.evidence(told, ctx, "video_qa")
    assert (piece.id, piece.tool, piece.model, piece.label) == ("e1", "video_qa", "fake-video-llm", "a cat")
    assert (
        piece.at == told.shots[1].t
        and piece.start < piece.at < piece.end
        and piece.end - piece.start == pytest.approx(1)
    )
    assert piece.crop_jpeg is not None and piece.at is not None
    assert decode_image(piece.crop_jpeg).mean() == pytest.approx(piece.at - T0, abs=2)


def test_it_claims_what_no_program_says_and_pictures_may_show() -> None:
    llm = engine("")
    assert llm.claims(WHY, UNSAID)
    assert llm.claims(Kind("predictive", data="commonsense"), UNSAID)
    assert not llm.claims(Kind("what", data="multi-modal"), UNSAID)
    assert not llm.claims(Kind("how_many"), Program("count", (Pick("person"),), "how_many"))


def context(books: FakeLibrary) -> ToolContext:
    home = Path("/nowhere")
    return ToolContext(
        Request("?", now=T0 + 100), Fleet(books), books, Weights(home, tier="builtin"), home, call_id="c"
    )


def test_the_tool_gives_its_answer_with_evidence_and_keeps_what_it_wrote() -> None:
    llm = engine(lambda parts: f"the gate was shut | {seconds(parts)[0]} | sure")
    seen = tool.ask(context(GATE), "why did the van stop at gate?", ["gate"], engines=[Symbolic(), llm])
    assert seen.verdict == "found" and "The gate was shut" in seen.summary
    assert "a video language model" in seen.summary.casefold()
    assert [e.model for e in seen.evidence] == ["fake-video-llm"]
    assert (seen.data["engine"], seen.data["type"]) == ("video-llm", "why")
    assert seen.data["raw"].startswith("the gate was shut | ")


def test_without_a_model_the_tool_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIOT_VIDEO_LLM", raising=False)
    seen = tool.ask(context(GATE), "why did the van stop?", ["gate"])
    assert seen.verdict == "cannot_tell" and "viot models pull qwen3-vl-2b" in seen.summary


def test_more_options_than_letters_are_refused() -> None:
    with pytest.raises(UserFault, match="27 options"):
        ask("A | none | sure", [str(i) for i in range(27)])


def test_the_environment_chooses_and_nothing_is_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = Weights(tmp_path, tier="hub")
    monkeypatch.delenv("VIOT_VIDEO_LLM", raising=False)
    assert from_environment(weights) is None
    monkeypatch.setenv("VIOT_VIDEO_LLM", "nothing")
    chosen = from_environment(weights)
    assert chosen is not None  # loaded when it is asked
    with pytest.raises(UserFault, match="VIOT_VIDEO_LLM is 'nothing'"):
        VideoLLM(chosen.writer, open_reader=open_reader).answer("why?", WHY, UNSAID, FACTS, GATE)


def test_the_choice_of_engines_gives_it_what_no_program_says() -> None:
    llm = engine("")
    engines: list[Engine[Any]] = [Symbolic(), llm]
    counting = Program("count", (Pick("person"),), "how_many")
    assert choose_engine(WHY, UNSAID, engines) == [llm]
    assert choose_engine(Kind("how_many"), counting, engines) == engines[:1]
    colour = Program("attribute", (Pick("vehicle"),), "which_colour", attribute="colour")
    assert choose_engine(Kind("which_colour"), colour, engines) == engines
    assert choose_engine(Kind("which_colour", data="multi-modal"), colour, engines) == engines[:1]
