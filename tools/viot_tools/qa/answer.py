"""What was found in sentences: the answer with its evidence, or why it cannot be told; type and engine said shortly.

Owns the words. Decides nothing: every value comes from an engine, every time is on its camera's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from viot_agent.fleet.types import Camera
from viot_agent.steps import Claim, Coverage, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import ToolContext
from viot_tools.qa.describe import article, counted, described
from viot_tools.qa.facts import Facts, Found
from viot_tools.qa.program import Pick, Program, Unparsed
from viot_tools.qa.types import Kind
from viot_tools.saying import duration, names_words, span_words

LISTED = 4
"""Stretches that a sentence names; the rest is counted, and stands in the evidence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood. ``cameras`` by name; ``facts`` None where none were read."""

    question: str
    kind: Kind
    parsed: Program | Unparsed
    cameras: Mapping[str, Camera]
    facts: Facts | None = None


def observation(
    ctx: ToolContext,
    tool: str,
    asked: Asked,
    found: Found,
    evidence: Sequence[Evidence] = (),
    *,
    engine: str = "",
    notes: Sequence[str] = (),
    fix: str = "",
    raw: str = "",
    parser: str = "",
    claimed: bool = False,
) -> Observation:
    """The whole answer. ``raw``: what a language model wrote, for the record; ``parser``: who read the question;
    ``claimed``: whether an engine vouches for answers to it."""
    ids = tuple(e.id for e in evidence)
    if found.value:
        text = _told(ctx, asked, found, evidence)
    else:
        shown = f" ({_listed(ctx, asked, evidence)})" if evidence else ""
        text = f"Cannot tell: {found.reason}{shown}."
    claims = [Claim(text, ids)]
    aside = [*([found.reason] if found.value and found.reason else []), *notes]
    claims += [Claim(f"{_begun(clause, asked)}.") for clause in aside]
    by = f"; answered by the {engine} engine" if engine else ""
    claims.append(Claim(f"Question type: {asked.kind.words}{by}."))
    return Observation(
        call_id=ctx.call_id,
        tool=tool,
        status="ok",
        summary=" ".join(c.text for c in claims),
        verdict=_verdict(found),
        claims=tuple(claims),
        evidence=tuple(evidence),
        coverage=_coverage(asked),
        data={
            "answer": found.value,
            "number": found.number,
            "reason": found.reason,
            "type": asked.kind.type,
            "task": asked.kind.task,
            "data": asked.kind.data,
            "factoid": asked.kind.factoid,
            "engine": engine,
            "parser": parser,
            "intervals": [list(interval) for interval in found.intervals],
            "maybe": len(found.maybe),
            "pick": found.pick,
            "parsed": isinstance(asked.parsed, Program),
            "claimed": claimed,
            "raw": raw,
        },
        fix=fix,
    )


def _begun(clause: str, asked: Asked) -> str:
    """A clause as the begin of a sentence; a camera's name keeps its case."""
    named = any(clause.startswith(name) for name in asked.cameras)
    return clause if named else f"{clause[:1].upper()}{clause[1:]}"


def _looks(attribute: str, what: str) -> str:
    """``the colour of the van``, ``what the man carries``."""
    words = {
        "colour": f"the colour of the {what}",
        "upper_colour": f"the colour of what the {what} wears on top",
        "lower_colour": f"the colour of what the {what} wears below",
        "label": f"the kind of the {what}",
        "carrying": f"what the {what} carries",
        "direction": f"the direction of the {what}",
        "exit": f"the edge by which the {what} left",
        "entry": f"the edge by which the {what} came in",
    }
    return words.get(attribute, f"{attribute} of the {what}")


def _verdict(found: Found) -> Verdict:
    """*None* is a *no* or a zero that nothing shows."""
    if not found.value:
        return "cannot_tell"
    return "found" if found.things or found.intervals else "none"


def _coverage(asked: Asked) -> Coverage | None:
    if asked.facts is None:
        return None
    return next(iter(asked.facts.coverage.values()), None)


def _told(ctx: ToolContext, asked: Asked, found: Found, evidence: Sequence[Evidence]) -> str:
    """The sentence of an answer, with where and when, or with what was looked at."""
    lead = _lead(ctx, asked, found) if isinstance(asked.parsed, Program) else f"{found.value}"
    tail = _listed(ctx, asked, evidence) if evidence else _extent(asked)
    return f"{lead[:1].upper()}{lead[1:]}{f': {tail}' if evidence else f' {tail}' if tail else ''}."


def _lead(ctx: ToolContext, asked: Asked, found: Found) -> str:
    assert isinstance(asked.parsed, Program)
    program = asked.parsed
    if found.value in ("yes", "no") and (program.value or program.ask == "exists"):
        return f"{found.value.capitalize()}: {_yes_or_no(program, found)}"
    return _LEADS[program.ask](ctx, asked, program, found)


def _yes_or_no(program: Program, found: Found) -> str:
    """What a yes or a no says, in full: the words of the question may be the other way round."""
    pick = program.picks[0]
    if program.ask == "exists":
        there = (found.value == "yes") != (program.value == "no")
        many = len(program.picks) == 1 and pick.which == "all" and pick.number is None and not pick.name
        at_end = (" at the end" if program.edge == "end" else "") + _beside(pick)
        if not there:
            return f"no {_all(program)} was seen{at_end}"
        if many and len(found.things) > 1:
            return f"{counted(len(found.things), pick)} were seen{at_end}"
        return f"{article(_all(program))} was seen{at_end}"
    if program.ask in ("count", "at_once"):
        once = " at one time" if program.ask == "at_once" else ""
        return f"{counted(len(found.things), pick)} {_were(len(found.things))} seen{once}"
    if program.ask == "attribute":
        what = _looks(program.attribute, described(pick))
        told = sorted({v.value for t in found.things if (v := t.attributes.get(program.attribute)) is not None})
        value = " and ".join(told) if told else f"{'' if found.value == 'yes' else 'not '}{program.value}"
        return f"{what} is {value}"
    if program.ask == "compare":
        return "that is what was counted" if found.value == "yes" else "that is not what was counted"
    return f"{described(pick)}, {program.value}"


def _beside(pick: Pick) -> str:
    """`` before the first person came``: what the answer holds beside."""
    words = []
    for r in pick.when:
        if r.anchor is not None:
            did = "was there" if r.how in ("during", "together") else "left" if r.edge == "end" else "came"
            how = "while" if r.how in ("during", "together") else r.how
            words.append(f" {how} the {described(r.anchor)} {did}")
    return "".join(words)


def _all(program: Program) -> str:
    return " and ".join(described(p) for p in program.picks)


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


Lead = Callable[[ToolContext, Asked, Program, Found], str]


def _count(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    n = round(found.number or 0)
    what = " and ".join(described(p, many=n != 1) for p in program.picks)
    if program.ask == "at_once":
        at = {"start": "at the start", "end": "at the end"}[program.edge] if program.by == "start" else "at one time"
        most = "at most " if at == "at one time" else ""
        return f"{most}{n or 'no'} {what} {_were(n)} in view {at}"
    return f"{n or 'no'} {what} {_were(n)} seen"


def _attribute(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    pick = program.picks[0]
    if program.attribute == "name":
        return f"{found.value} ({'people' if ' and ' in found.value else described(pick)} by their faces)"
    if program.attribute == "direction":
        return (
            f"the {described(pick)} went {found.value}" if found.value != "stays" else f"the {described(pick)} stayed"
        )
    return f"{_looks(program.attribute, described(pick))} is {found.value}"


def _where(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    many = len(asked.facts.cameras) > 1 if asked.facts else False
    place = f"on {found.value}" if many else f"in the {found.value} of the picture"
    return f"the {described(program.picks[0])} was seen {place}"


def _when(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    what = described(program.picks[0])
    camera = asked.cameras.get(found.things[0].camera) if found.things else None
    if camera is None or found.number is None:
        return f"the {what} was seen {found.value}"
    at = ctx.fleet.local(found.number, camera)
    if program.edge == "both":
        return f"the {what} was seen from {at} on"
    return f"the {what} was {'last' if program.edge == 'end' else 'first'} seen at {at}"


def _duration(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    doing = "did that" if program.picks[0].doing else "was in view"
    return f"the {described(program.picks[0])} {doing} for {found.value}"


def _action(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    return f"the {described(program.picks[0])} was {found.value}"


def _order(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    which = "last" if program.fewest else "first"
    return f"{found.value} {'left' if program.edge == 'end' else 'came'} {which}"


def _compare(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    if found.value == "same":
        return "the same of each"
    how = (
        ("less long" if program.fewest else "longer")
        if program.by == "duration"
        else "fewer"
        if program.fewest
        else "more"
    )
    return f"{found.value}, {how}"


def _cameras(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    what = described(program.picks[0], many=True)
    if found.value == "same":
        return f"as many {what} on each camera"
    return f"{'fewest' if program.fewest else 'most'} {what} were seen on {found.value}"


def _change(ctx: ToolContext, asked: Asked, program: Program, found: Found) -> str:
    what = described(program.picks[0], many=True)
    if found.value == "same":
        return f"as many {what} were there at the end as at the start"
    return f"at the end {found.value} {what} were there than at the start"


_LEADS: dict[str, Lead] = {
    "exists": _count,
    "count": _count,
    "at_once": _count,
    "attribute": _attribute,
    "where": _where,
    "when": _when,
    "duration": _duration,
    "action": _action,
    "order": _order,
    "compare": _compare,
    "cameras": _cameras,
    "change": _change,
}


def _listed(ctx: ToolContext, asked: Asked, evidence: Sequence[Evidence]) -> str:
    """``gate 2 from 14:05:03 to 14:05:09 on 3 March 2026 [e1], ...``."""
    parts = []
    for piece in evidence[:LISTED]:
        camera = asked.cameras.get(piece.camera)
        when = "" if camera is None else f" {span_words(ctx.fleet, camera, piece.start, piece.end)}"
        parts.append(f"{piece.camera}{when} [{piece.id}]")
    more = len(evidence) - LISTED
    rest = "".join(f" [{e.id}]" for e in evidence[LISTED:])
    return ", ".join(parts) + (f", and {more} more{rest}" if more > 0 else "")


def _extent(asked: Asked) -> str:
    """What a *no* rests on."""
    coverage = _coverage(asked)
    if coverage is None or coverage.indexed_seconds <= 0:
        return ""
    shown = list(coverage.cameras[:LISTED])
    more = len(coverage.cameras) - LISTED
    where = names_words(shown) if more <= 0 else f"{', '.join(shown)} and {more} more cameras"
    rate = f" ({coverage.sampled_fps:g} frames a second)" if coverage.sampled_fps > 0 else ""
    return f"on {where} in the {duration(coverage.indexed_seconds)} of footage looked at{rate}"
