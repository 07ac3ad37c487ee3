"""The demo's requests, and how an answer is held against the truth.

A check reads the finished run (status, evidence, words) and the truth of the footage, and gives back what is wrong with
the answer, in words; an empty list is a right answer. What is expected is computed from the truth.

Owns requests and checks. Knows no tool by its code and prints nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viot_agent.steps import Evidence, Run
from viot_tools.demo.figures import COLLINS, HOPPER
from viot_tools.demo.footage import Appearance, Truth

SLACK = 1.0
"""Seconds by which evidence may reach beyond the time the whole face or plate is in view (half a face counts)."""
COVERED = 0.6
"""The share of an appearance that its evidence must cover."""

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a right answer would be, in words, and what is wrong with this one."""

    expected: str
    faults: tuple[str, ...] = ()


Check = Callable[[Run, Truth], Finding]


@dataclass(frozen=True, slots=True)
class Question:
    """A request in words; ``about`` says in a word or two what it tries; ``check`` is None where
    the truth is not known."""

    about: str
    text: str
    check: Check | None


def questions() -> tuple[Question, ...]:
    """The requests of the demo, in order."""
    person, stranger = COLLINS.name, HOPPER.name
    return (
        Question("a person", f"When was {person} in the lobby?", seen("face", person, "lobby")),
        Question("a no", f"Was {person} at the back door?", not_seen("face", person, "back door")),
        Question("a stranger", "Who was at the back door?", strangers("back door", enrolled=(person,))),
        Question("not enrolled", f"Was {stranger} in the lobby?", not_enrolled(stranger)),
        Question("a plate", "Has KX-4821 been at gate 1?", seen("plate", "KX-4821", "gate 1")),
        Question("all plates", "Which plates came through the gates?", plates("gate 1", "gate 2")),
        Question("a count", "How many people were in the yard at most?", most_people("yard")),
        Question("not on record", f"Was {person} in the lobby yesterday between 15:00 and 16:00?", outside("lobby")),
        Question("ask back", "Has anyone seen him?", asks_back("person")),
    )


# checks ---------------------------------------------------------------------------------------------------------------


def seen(kind: str, who: str, camera: str) -> Check:
    """Answered, with evidence that covers every appearance of ``who`` on ``camera`` and nothing else."""

    def check(run: Run, truth: Truth) -> Finding:
        real = [a for a in truth.appearances if a.kind == kind and a.who == who and a.camera == camera]
        expected = f"{who} on {camera}, {_spans(real)}"
        mine = [e for e in run.evidence if _same(e.who, who)]
        faults = [*_status(run, "answered"), *_verdict(run, "found"), *_strays(run.evidence, truth, (camera,))]
        for a in real:
            share = _covered(a, [e for e in mine if e.camera == camera])
            if share < COVERED:
                faults.append(f"evidence covers {share:.0%} of {_spans([a])}")
        return Finding(expected, tuple(faults))

    return check


def not_seen(kind: str, who: str, camera: str) -> Check:
    """Answered with a *no*: looked, and not there."""

    def check(run: Run, truth: Truth) -> Finding:
        real = [a for a in truth.appearances if a.kind == kind and a.who == who and a.camera == camera]
        faults = [*_status(run, "answered"), *_verdict(run, "none"), *_strays(run.evidence, truth, (camera,))]
        if real:
            faults.append(f"{who} is on {camera}, {_spans(real)}: this request is no test of a no")
        return Finding(f"no: {who} was not on {camera}", tuple(faults))

    return check


def strangers(camera: str, enrolled: Sequence[str]) -> Check:
    """Answered; nobody is named who is not enrolled or was not there; the unknown are counted right."""

    def check(run: Run, truth: Truth) -> Finding:
        there = {a.who for a in truth.of("face", cameras=(camera,))}
        unknown = len(there - set(enrolled))
        faults = [*_status(run, "answered"), *_strays(run.evidence, truth, (camera,))]
        text = run.answer.text
        for name in sorted({a.who for a in truth.of("face")}):
            if name.casefold() in text.casefold() and (name not in enrolled or name not in there):
                faults.append(f"it names {name}")
        said = [_number(m) for m in re.findall(r"(\w+) (?:unknown|unnamed|strange|not enrolled)", text.casefold())]
        if unknown not in said:
            faults.append(f"it does not say that {unknown} unknown was there")
        return Finding(f"{unknown} unknown person, not named", tuple(faults))

    return check


def not_enrolled(who: str) -> Check:
    """No answer can be had about somebody nobody enrolled: the name is asked back, or it is *cannot tell*."""

    def check(run: Run, truth: Truth) -> Finding:
        faults = _status(run, "needs_input", "cannot_tell")
        faults += [f"evidence {e.id} names {e.who}" for e in run.evidence if e.who]
        return Finding(f"{who} is not enrolled: cannot be looked for", tuple(faults))

    return check


def plates(*cameras: str) -> Check:
    """Answered with exactly the plates that passed."""

    def check(run: Run, truth: Truth) -> Finding:
        real = {a.who for a in truth.of("plate", cameras=cameras)}
        faults = [*_status(run, "answered"), *_verdict(run, "found"), *_strays(run.evidence, truth, cameras)]
        for plate in sorted(real):
            if not any(_same(e.who, plate) for e in run.evidence):
                faults.append(f"no evidence shows {plate}")
            if _plain(plate) not in _plain(run.answer.text):
                faults.append(f"the answer does not name {plate}")
        return Finding(" and ".join(sorted(real)), tuple(faults))

    return check


def most_people(camera: str) -> Check:
    """Answered with the largest number of people at once."""

    def check(run: Run, truth: Truth) -> Finding:
        most = truth.most[camera]
        faults = [*_status(run, "answered"), *_strays(run.evidence, truth, (camera,))]
        counted = [_max_of(s.observation.data, camera) for s in run.steps if s.observation is not None]
        if most not in counted:
            faults.append(f"the tools counted {counted}")
        if most not in [_number(word) for word in re.findall(r"[\w.]+", run.answer.text.casefold())]:
            faults.append(f"the answer does not say {most}")
        return Finding(f"{most} at most", tuple(faults))

    return check


def outside(camera: str) -> Check:
    """*Cannot tell*: there is no footage of that time."""

    def check(run: Run, truth: Truth) -> Finding:
        faults = _status(run, "cannot_tell")
        faults += [f"evidence {e.id} for a time without footage" for e in run.evidence]
        return Finding(f"cannot tell: {camera} has no footage of that time", tuple(faults))

    return check


def asks_back(*missing: str) -> Check:
    """Asks for what was not said."""

    def check(run: Run, truth: Truth) -> Finding:
        faults = _status(run, "needs_input")
        faults += [f"it does not ask for the {name}" for name in missing if name not in run.answer.missing]
        return Finding(f"asks back for the {' and the '.join(missing)}", tuple(faults))

    return check


# parts ----------------------------------------------------------------------------------------------------------------


def _status(run: Run, *allowed: str) -> list[str]:
    return [] if run.answer.status in allowed else [f"status {run.answer.status}, not {' or '.join(allowed)}"]


def _verdict(run: Run, wanted: str) -> list[str]:
    verdicts = [s.observation.verdict for s in run.steps if s.observation is not None and s.observation.status == "ok"]
    return [] if wanted in verdicts else [f"the tools say {', '.join(verdicts) or 'nothing'}, not {wanted}"]


def _strays(evidence: Sequence[Evidence], truth: Truth, cameras: Sequence[str]) -> list[str]:
    """Evidence on another camera, outside the footage, or naming somebody who was not there then."""
    faults = []
    for e in evidence:
        if e.camera not in cameras:
            faults.append(f"evidence {e.id} is of {e.camera}")
            continue
        first, last = truth.spans[e.camera]
        if e.start < first - SLACK or e.end > last + SLACK:
            faults.append(f"evidence {e.id} lies outside the footage of {e.camera}")
        if e.who is None:
            continue
        real = [a for a in truth.appearances if a.camera == e.camera and _same(e.who, a.who)]
        if not any(a.start - SLACK <= e.start and e.end <= a.end + SLACK for a in real):
            faults.append(f"evidence {e.id} puts {e.who} on {e.camera} from {_clock(e.start)} to {_clock(e.end)}")
    return faults


def _max_of(data: Mapping[str, Any], camera: str) -> int | None:
    """The largest count of a camera in a counting tool's data, None in any other tool's."""
    counts = data.get("cameras")
    row = counts.get(camera) if isinstance(counts, Mapping) else None
    most = row.get("max") if isinstance(row, Mapping) else None
    return most if isinstance(most, int) else None


def _covered(a: Appearance, evidence: Sequence[Evidence]) -> float:
    """The share of ``a`` that the union of the evidence covers."""
    covered, at = 0.0, a.start
    for e in sorted(evidence, key=lambda e: e.start):
        start, end = max(at, e.start), min(a.end, e.end)
        if end > start:
            covered, at = covered + end - start, end
    return covered / (a.end - a.start)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _same(a: str | None, b: str) -> bool:
    return a is not None and bool(_plain(b)) and _plain(a) == _plain(b)


def _number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    return _WORDS.index(word) if word in _WORDS else None


def _clock(ts: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(ts, UTC):%H:%M:%S}"


def _spans(appearances: Sequence[Appearance]) -> str:
    return ", ".join(f"{_clock(a.start)} to {_clock(a.end)}" for a in appearances) or "never"
