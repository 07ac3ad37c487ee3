"""The line a video LLM must write, read strictly, and its seconds held against the frames it was shown.

``ANSWER | START-END | sure`` or ``unsure``. Owns the form (as words for the prompt and as a regular expression for
decoding), its reading and the check: an interval is kept only where a frame that the model saw lies in it. Knows no
model, no pixel and no question.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from viot_agent.errors import ModelFault

CANNOT_TELL = "cannot tell"
NONE = "none"
MOST_SPANS = 4
LONGEST_ANSWER = 160
SLACK = 0.5
"""Seconds by which an interval may miss a frame: models round the times that they read."""
LETTERS = string.ascii_uppercase

_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,2})?"
_SPAN = rf"(?:camera [1-9][0-9]? )?{_NUMBER}(?:-{_NUMBER})?"
_SPANS = rf"(?:{NONE}|{_SPAN}(?:, {_SPAN}){{0,{MOST_SPANS - 1}}})"
_LINE = re.compile(rf"(?P<answer>[^|\n]{{1,{LONGEST_ANSWER}}}?) ?\| ?(?P<spans>{_SPANS}) ?\| ?(?P<sure>sure|unsure)")
_ONE = re.compile(rf"(?:camera (?P<camera>[0-9]+) )?(?P<a>{_NUMBER})(?:-(?P<b>{_NUMBER}))?")
_STEP = re.compile(r"\b(thought|action|action input|observation|final answer|ask back)\s*:", re.IGNORECASE)
"""How a step of an agent looks: no answer about footage does."""


class AnswerFault(ModelFault):
    """What the model wrote is no answer in the required form. ``text`` is what it wrote."""

    def __init__(self, message: str, *, text: str) -> None:
        super().__init__(message)
        self.text = text


@dataclass(frozen=True, slots=True)
class Said:
    """A line, read. ``answer`` "" = cannot tell; ``option`` its index among the options; ``spans``: (number of the
    camera as it was shown, 1-based, or None; from, to in seconds of the prompt's clock)."""

    answer: str
    option: int | None
    spans: tuple[tuple[int | None, float, float], ...]
    sure: bool


@dataclass(frozen=True, slots=True)
class Grounded:
    """``intervals``: (camera, start, end) POSIX seconds, each holding a frame that was shown; ``dropped``: why others
    were not kept, in words."""

    intervals: tuple[tuple[str, float, float], ...]
    dropped: tuple[str, ...]


def form(options: Sequence[str], cameras: int) -> str:
    """The form in words, for the prompt."""
    answer = (
        f"the letter of one option ({LETTERS[0]} to {LETTERS[len(options) - 1]})" if options else "a few words"
    ) + f", or {CANNOT_TELL}"
    span = "camera 1 12.0-15.5" if cameras > 1 else "12.0-15.5"
    return (
        "Write one line and nothing else:\n"
        f"ANSWER | SECONDS | sure\n"
        f"ANSWER is {answer}. SECONDS is when the frames show it, from-to as in {span}, several parted by commas, or "
        f"{NONE}. End with unsure in place of sure where it is a guess.\n"
        f"Where the frames do not show it, write: {CANNOT_TELL} | {NONE} | unsure"
    )


def pattern(options: Sequence[str]) -> str:
    """The form as a regular expression over the whole text, in the common subset of Python and llguidance."""
    answer = f"[A-{LETTERS[len(options) - 1]}]" if options else rf"[A-Za-z0-9][^|\n]{{0,{LONGEST_ANSWER - 1}}}"
    return rf"(?:{CANNOT_TELL}|{answer}) \| {_SPANS} \| (?:sure|unsure)"


def read(text: str, options: Sequence[str] = ()) -> Said:
    """Read what the model wrote. Raises AnswerFault with the reason and the text."""
    line = text.strip()
    match = _LINE.fullmatch(line)
    if match is None:
        raise AnswerFault("it did not write 'answer | seconds | sure or unsure'", text=text)
    spans = [] if match["spans"] == NONE else [_span(s, text) for s in match["spans"].split(", ")]
    answer, sure = match["answer"].strip(), match["sure"] == "sure"
    if answer.rstrip(".").casefold() == CANNOT_TELL:
        return Said("", None, tuple(spans), sure)
    if _STEP.search(answer):
        raise AnswerFault("it wrote a step of an agent where an answer belongs", text=text)
    if not options:
        return Said(answer, None, tuple(spans), sure)
    letter = answer.rstrip(".)").upper()
    if letter not in LETTERS[: len(options)] or len(letter) != 1:
        raise AnswerFault("it chose none of the options", text=text)
    index = LETTERS.index(letter)
    return Said(options[index], index, tuple(spans), sure)


def _span(text: str, whole: str) -> tuple[int | None, float, float]:
    match = _ONE.fullmatch(text)
    if match is None:
        raise AnswerFault(f"{text!r} is no stretch of seconds", text=whole)
    a = float(match["a"])
    b = a if match["b"] is None else float(match["b"])
    if b < a:
        raise AnswerFault(f"{text!r} ends before it begins", text=whole)
    return (None if match["camera"] is None else int(match["camera"])), a, b


def ground(said: Said, shown: Sequence[tuple[str, float]], cameras: Sequence[str], zero: float) -> Grounded:
    """Map the spans to footage time and keep those that hold a frame which was shown.

    ``shown``: (camera, POSIX seconds) of every frame; ``cameras`` as numbered in the prompt; ``zero``: POSIX seconds of
    the prompt's second 0. A span whose ends lie outside of its camera's frames, or between two of them, is dropped: of
    that stretch the model saw nothing.
    """
    kept: list[tuple[str, float, float]] = []
    dropped: list[str] = []
    for number, a, b in said.spans:
        words = f"{a:g} s" if a == b else f"{a:g}-{b:g} s"
        if number is None and len(cameras) > 1:
            dropped.append(f"{words} names none of the {len(cameras)} cameras")
            continue
        if number is not None and not 1 <= number <= len(cameras):
            dropped.append(f"{words} names a camera {number} that was not shown")
            continue
        camera = cameras[0 if number is None else number - 1]
        times = sorted(t - zero for name, t in shown if name == camera)
        if not times or a < times[0] - SLACK or b > times[-1] + SLACK:
            dropped.append(f"{words} lies outside of the frames of {camera} that were shown")
        elif not any(a - SLACK <= t <= b + SLACK for t in times):
            dropped.append(f"{words} lies between the frames of {camera} that were shown")
        else:
            low, high = (min(max(t, times[0]), times[-1]) for t in (a, b))
            kept.append((camera, zero + low, zero + high))
    return Grounded(tuple(dict.fromkeys(kept)), tuple(dropped))
