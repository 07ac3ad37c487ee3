"""From a question in English to a typed program, or to the reason why none says it: deterministic, offline, in
milliseconds.

normalise -> cut out cameras, times and names -> phrases as tags -> noun phrases as picks -> temporal clauses as
relations -> question form -> program. Precision before recall: a word that no rule takes and that is not known to carry
nothing ends in ``Unparsed`` with the word in the reason, since a program that leaves out a condition answers wrongly.

Owns the order of the stages and the reasons. ``python -m viot_tools.qa.parse QUESTION...`` prints kind and program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from viot_agent.fleet.types import Camera
from viot_tools.qa.doings import in_its_words
from viot_tools.qa.kinds import by_words, refusal
from viot_tools.qa.parse_clauses import clauses, without_framing, without_reports
from viot_tools.qa.parse_frames import program
from viot_tools.qa.parse_picks import noun_phrases
from viot_tools.qa.parse_said import Lost, beside_something, emptied, gather, headed, loose_action, stand_in, unresolved
from viot_tools.qa.parse_text import readable
from viot_tools.qa.parse_words import LONGEST, Words, foreign, plain, read
from viot_tools.qa.program import Program, Unparsed

_NOT_SEEN = ("why", "predictive", "counterfactual")


@dataclass(frozen=True, slots=True)
class PlaceTime:
    """What a question says of where and when to look. ``cameras``: names of the fleet, empty = not said; ``time``: the
    person's own phrase, or None. ``problem``: in words, where it cannot be taken (two times, a camera nobody has)."""

    cameras: tuple[str, ...] = ()
    time: str | None = None
    problem: str = ""


_POSITION: Final = re.compile(
    r"\b(?:where(?:abouts)?|(?:which|what) (?:side|part|half|corner|area))\b[^?]*"
    r"\b(?:of|in|on) (?:the|this|that) (?:picture|image|frame|shot|view|screen|photo)\b",
    re.IGNORECASE,
)
"""Asks for a place in the picture."""
_COMING: Final = re.compile(
    r"\b(?:leaves?|left(?! or\b)|enters?|entered|comes?|came|goe?s?|went|exit(?:s|ed)?|appears?|appeared|disappears?|"
    r"disappeared|cross(?:es|ed)?)\b",
    re.IGNORECASE,
)
"""Of who comes or goes, an edge of the picture is meant, and that is told."""
_HELPING: Final = re.compile(
    r"\b(?:comes?|came|coming|goes?|going|went|runs?|ran|running|rush\w*|stops?|stopped|tr(?:y|ies|ied)|stays?) "
    r"(?:\w+ )?to (?:help|assist|rescue|aid)\b",
    re.IGNORECASE,
)
"""What somebody comes for."""
_BESIDE: Final = re.compile(
    r"\b(?:left|right)(?: or (?:to the )?(?:left|right))?(?:[ -]hand side)? of "
    r"(?:the|a|an|that|this|him|her|them|his)\b"
    r"(?! (?:\w+ )?(?:picture|image|frame|shot|view|screen|photo|scene|footage|video|camera)\b)",
    re.IGNORECASE,
)
"""Asks for a place beside somebody or something."""


def _nameless(text: str, cameras: Sequence[Camera]) -> str:
    """The text with every camera's name as ``it``: a help desk helps nobody."""
    for camera in cameras:
        text = re.sub(rf"(?<!\w){re.escape(camera.name)}(?!\w)", "it", text, flags=re.IGNORECASE)
    return text


def _beside(text: str) -> bool:
    """Whether a place in the picture is asked for, or one beside something else."""
    return bool(_BESIDE.search(text) or (_POSITION.search(text) and not _COMING.search(text)))


def place_and_time(question: str, cameras: Sequence[Camera], people: Sequence[str] = ()) -> PlaceTime:
    """The cameras and the time that the whole question is about, as far as it says so itself."""
    words = read(question[:LONGEST], cameras, people)
    found = tuple(dict.fromkeys(name for names in words.cameras for name in names))
    times = tuple(dict.fromkeys(words.times))
    problem = words.problem if words.problem.startswith("there is no camera") else ""
    if len(times) > 1:
        problem = problem or f"the question names several times ({', '.join(times)}): ask for each of them"
    return PlaceTime(found, times[0] if len(times) == 1 else None, problem)


def parse(
    question: str, *, cameras: Sequence[Camera] = (), people: Sequence[str] = (), options: Sequence[str] = ()
) -> Program | Unparsed:
    """The program of ``question``; ``Unparsed`` with type and reason where none says it. Never raises for any text.

    ``cameras`` and ``people`` are those of the fleet: names in the question that are none of them are said to be
    unknown. Cameras stand in the picks only where the picks differ in them; the question's cameras and time as a whole
    are ``place_and_time``'s. ``options``: the choices of a multiple-choice question, where they are given apart.
    """
    kind = by_words(question, options)
    choices = tuple(options)
    unreadable = _unreadable(question)
    if unreadable:
        return Unparsed(kind.type, unreadable, choices, final=True)
    without = _nameless(plain(question), cameras)
    if _HELPING.search(without):
        return Unparsed("action", "whether somebody helps, I do not see", choices, final=True)
    if _beside(without):
        return Unparsed("where", "where in the picture something is, I do not tell", choices, final=True)
    words = read(question, cameras, people)
    if words.problem:
        return Unparsed(kind.type, words.problem, choices, final=True)
    if kind.type in _NOT_SEEN:
        return Unparsed(kind.type, refusal(plain(question), kind), choices)
    if len(set(words.times)) > 1:
        reason = f"the question names several times: {', '.join(words.times)}"
        return Unparsed(kind.type, reason, choices, final=True)
    try:
        return _program(words, people, choices)
    except Lost as why:
        return Unparsed(kind.type, refusal(plain(question), kind) or str(why), choices)


def _program(words: Words, people: Sequence[str], options: tuple[str, ...]) -> Program:
    alone = stand_in(words.tags, words.said)
    tags, spoken = emptied(*without_reports(alone.tags, alone.said))
    draft = noun_phrases(tags, spoken, words.names)
    heard = dict(zip(reversed(words.tags), reversed(words.said), strict=True))
    whole = clauses(draft)
    loose_action(whole.text, heard)
    beside_something(whole.text, heard)
    parts = without_framing(whole)
    said = gather(parts, heard, people, options, words.cameras)
    pronoun = unresolved(said)
    if pronoun:
        raise Lost(f"I do not know who or what {pronoun!r} is: say it in the question")
    made = program(said)
    return in_its_words(made if alone.heads is None else headed(made, alone.heads, said))


def _unreadable(question: str) -> str:
    text = plain(question)
    if not any(c.isalnum() for c in text):
        return "there is no question in it" if text else "the question is empty"
    if len(text) > LONGEST:
        return f"the question has {len(text)} characters and I read up to {LONGEST}: ask one thing in a sentence or two"
    return "I read questions in English only" if foreign(text) else ""


def main(arguments: Sequence[str]) -> int:
    """Prints kind and program of each question."""
    for question in arguments:
        parsed = parse(question)
        print(f"{question}\n  {replace(by_words(question), type=parsed.type).words}\n  {readable(parsed)}")
    return 0 if arguments else 2


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
