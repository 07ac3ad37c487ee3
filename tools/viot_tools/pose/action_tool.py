"""The tool ``action_recognition``: what the people of a pose handle were doing, person by person.

Reads stored poses and boxes; the only network that runs is the small one that reads skeletons. Falls are told first. An
action that was measured on fewer than three real clips is told with that reserve, and is no alarm.

Owns the sentences. What a person did is judged in ``actions``; who is one person in ``people``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from viot_agent.fleet.types import Camera
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import Arg, ToolContext, tool
from viot_tools.pose.actions import ALARM_CLIPS, REAL_CLIPS, UNKNOWN, Done, actions
from viot_tools.pose.handles import Stretch, named
from viot_tools.pose.network import MODEL, ActionNetwork
from viot_tools.pose.people import Person, people
from viot_tools.pose.tool import camera_of, piece
from viot_tools.saying import people_words, span_words

NAME: Final = "action_recognition"
LISTED: Final = 6
"""People of one camera who get a sentence and evidence of their own; the others are counted by what they did most."""
PARTS: Final = 5
"""Changes of action that a sentence follows; more are summed up."""

HOLE: Final = 0.5
"""Seconds of which nothing can be told between two actions, from which on the second one's start is said."""

PosesArg = Annotated[str, Arg("handle")]
"""A pose handle (``poses-1``)."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One person with all they did."""

    camera: Camera
    person: Person
    done: tuple[Done, ...]

    @property
    def known(self) -> tuple[Done, ...]:
        return tuple(d for d in self.done if d.action != UNKNOWN)

    @property
    def fell(self) -> bool:
        return any(d.action == "falling" for d in self.done)

    @property
    def mainly(self) -> str:
        """What took longest; unknown where nothing is known."""
        spent = dict.fromkeys((d.action for d in self.known), 0.0)
        for d in self.known:
            spent[d.action] += d.end - d.start
        return max(spent, key=lambda name: spent[name], default=UNKNOWN)


@tool(needs=("poses",))
def action_recognition(ctx: ToolContext, poses: PosesArg) -> Observation:
    """Say what people are doing: standing, walking, running, sitting, falling, lying, waving, squatting, fighting, carrying.

    Not for: who they are (face_recognition), unusual events of a place (anomaly_detection).

    Args:
        poses: the pose handle that pose_estimation returned.
    """  # noqa: E501 (the purpose is one line, and the benchmark's card)
    stretches = named(ctx, poses)
    places = [(camera_of(ctx, s.camera), s) for s in stretches]  # the scope is checked before anything is read
    network = ActionNetwork.load(ctx.weights.path(MODEL))
    seen = [one for camera, s in places for one in _look(ctx, camera, s, network)]
    version = ctx.weights.entry(MODEL).model_version
    claims: list[Claim] = []
    evidence: list[Evidence] = []
    for camera, _ in places:
        mine = [one for one in seen if one.camera.name == camera.name]
        made, pieces = _camera(ctx, camera, mine, version)
        claims += made
        evidence += pieces
    claims += _reserve(seen)
    if not claims:
        claims = [Claim(f"Cannot tell: the poses of {poses} are not stored any more.")]
    return Observation(
        call_id=ctx.call_id,
        tool=NAME,
        status="ok",
        summary=" ".join(c.text for c in claims),
        verdict=_verdict(seen),
        claims=tuple(claims),
        evidence=tuple(evidence),
        data={"people": [{"camera": one.camera.name, "actions": [_plain(d) for d in one.done]} for one in seen]},
    )


def _plain(d: Done) -> dict[str, object]:
    return {"action": d.action, "start": d.start, "end": d.end, "score": round(d.score, 4), "alarm": d.alarm}


def _verdict(seen: Sequence[_Seen]) -> Verdict:
    return "found" if any(one.known for one in seen) else "cannot_tell"


def _look(ctx: ToolContext, camera: Camera, s: Stretch, network: ActionNetwork) -> list[_Seen]:
    return [
        _Seen(camera, person, tuple(actions(person, network)))
        for person in people(ctx.library, s.camera, s.start, s.end, s.model)
    ]


def _camera(
    ctx: ToolContext, camera: Camera, mine: Sequence[_Seen], version: str
) -> tuple[list[Claim], list[Evidence]]:
    """The sentences of one camera: falls first, then those who were seen longest, then the rest in numbers."""
    if not mine:
        return [], []
    order = sorted(mine, key=lambda one: (not one.fell, not one.known, -(one.person.end - one.person.start)))
    shown = [one for one in order[:LISTED] if one.known]
    rest = [one for one in order if not any(one is s for s in shown)]
    claims: list[Claim] = []
    evidence: list[Evidence] = []
    for one in shown:
        proof = _proof(ctx, one, version)
        evidence.append(proof)
        claims.append(Claim(_sentence(ctx, one, proof), (proof.id,)))
    if rest:
        claims.append(Claim(_others(camera, rest, bool(shown))))
    return claims, evidence


def _proof(ctx: ToolContext, one: _Seen, version: str) -> Evidence:
    """Evidence at the fall, else in the middle of what the person did longest."""
    telling = next((d for d in one.known if d.action == "falling"), max(one.known, key=lambda d: d.end - d.start))
    made = piece(ctx, NAME, one.person, (telling.start + telling.end) / 2, telling.action)
    return replace(made, model=MODEL, model_version=version, score=telling.score)


def _sentence(ctx: ToolContext, one: _Seen, proof: Evidence) -> str:
    """``On gate 2, 1 person: walking from 14:05:03 to 14:05:09, then sitting until 14:05:20 [e1].``"""
    known = one.known
    if one.fell:
        fall = next(d for d in known if d.action == "falling")
        when = ctx.fleet.local((fall.start + fall.end) / 2, one.camera)
        down = next((d for d in known if d.action == "lying" and abs(d.start - fall.end) < 0.5), None)
        stayed = f" and stayed down for {max(1, round(down.end - down.start))} s at least" if down else ""
        before = [d for d in known if d.end <= fall.start + 1e-6]
        doing = f"; before that {_told(before)}" if before else ""
        return f"On {one.camera.name} 1 person fell at {when}{stayed}{doing} [{proof.id}]."
    if len(known) > PARTS:
        spent: Counter[str] = Counter()
        for d in known:
            spent[d.action] += round(d.end - d.start)
        words = ", ".join(f"{name} for {max(1, n)} s" for name, n in spent.most_common())
        span = span_words(ctx.fleet, one.camera, known[0].start, known[-1].end)
        return f"On {one.camera.name} 1 person {span}: {words} [{proof.id}]."
    return f"On {one.camera.name} 1 person: {', then '.join(_parts(ctx, one.camera, known))} [{proof.id}]."


def _parts(ctx: ToolContext, camera: Camera, known: Sequence[Done]) -> list[str]:
    """``walking from 14:05:03 to 14:05:09``, ``sitting until 14:05:20``; the start stands where time lies between."""
    parts: list[str] = []
    for i, d in enumerate(known):
        goes_on = i > 0 and d.start - known[i - 1].end <= HOLE
        until = ctx.fleet.local(d.end, camera).partition(" on ")[0]
        same = i > 0 and d.action == known[i - 1].action
        when = f"until {until}" if goes_on else span_words(ctx.fleet, camera, d.start, d.end)
        parts.append(f"{d.action}{' again' if same else ''} {when}")
    return parts


def _told(done: Sequence[Done]) -> str:
    return ", then ".join(dict.fromkeys(d.action for d in done[-PARTS:]))


def _others(camera: Camera, rest: Sequence[_Seen], more: bool) -> str:
    count = Counter(one.mainly for one in rest)
    unknown = count.pop(UNKNOWN, 0)
    also = " more" if more else ""
    if not count:
        return f"On {camera.name} it cannot be told what {people_words(unknown)}{also} did."
    parts = ", ".join(f"{n} {name}" for name, n in count.most_common())
    rest_of = f"; what {people_words(unknown)} did cannot be told" if unknown else ""
    return f"On {camera.name} {people_words(len(rest))}{also}: {parts}{rest_of}."


def _reserve(seen: Sequence[_Seen]) -> list[Claim]:
    """Which of the actions told were hardly ever measured on real footage."""
    said = dict.fromkeys(d.action for one in seen for d in one.known)
    weak = [name for name in said if REAL_CLIPS.get(name, 0) < ALARM_CLIPS]
    if not weak:
        return []
    return [
        Claim(f"Take {', '.join(weak)} as a hint: measured on fewer than {ALARM_CLIPS} real clips, so never an alarm.")
    ]
