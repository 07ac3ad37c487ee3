"""Judging one case that was run: every turn's calls, edges, evidence, answer, state, and what must not have happened.

All or nothing: a case is right (``sr``) when each of its turns made exactly the calls that it should, each argument
right, the final state is the oracle's, and nothing forbidden was called. Owns the verdict on one case. Averages,
intervals and rows are ``figures``'.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from viot_agent.bench.cases import Case, CaseTurn, open_goals
from viot_agent.bench.match import Expected, overlap
from viot_agent.bench.pairing import Made, Pairing, f1, made_edges, pair, wanted_edges
from viot_agent.bench.run import CaseRun, TurnRun, menu_of

_REF = re.compile(r"@\d+")
_YES = re.compile(
    r"\b(?:a|another) tool is needed|use a tool\?\W*yes|\bI (?:need|must|should) (?:to )?(?:use|call)\b", re.IGNORECASE
)
_NO = re.compile(r"\bno (?:more )?tool|use a tool\?\W*no\b|everything asked is observed|so i must ask", re.IGNORECASE)


@dataclass(frozen=True)
class Judged:
    """Figures of one case. None = the case has nothing of that sort to judge.

    ``needed``/``goals``: one figure a thought that says whether a tool is needed, that names sub-goals.
    """

    case: Case
    sr: bool
    sr_t: bool
    sr_act: bool
    sr_args: float
    edge: float | None
    evidence: float | None
    answer: bool
    state: bool
    idle: bool | None
    violations: int
    broken: int
    broken_raw: int
    loops: int
    loops_raw: int
    seconds: float
    tokens: int
    needed: tuple[float, ...] = ()
    goals: tuple[float, ...] = ()
    recovered: bool | None = None
    why: str = ""
    got: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Turn:
    pairing: Pairing
    right: bool
    used_tool: bool
    recovered: bool | None


def judge(done: CaseRun) -> Judged:
    """The verdict on a case."""
    case = done.case
    turns = [_turn(done, t, r) for t, r in zip(case.turns, done.turns, strict=True)]
    violations = sum(m.tool in t.forbidden for t, r in zip(case.turns, done.turns, strict=True) for m in r.made)
    state = case.plan is None or same_state(case.state, done.state)
    stopped = [r.run.answer.text for r in done.turns if r.run.answer.text.startswith("I stopped: ")]
    edges = [
        f1(wanted_edges(t.calls), e)
        for t, r, j in zip(case.turns, done.turns, turns, strict=True)
        if (e := made_edges(j.pairing, t.calls, r.made)) or wanted_edges(t.calls)
    ]
    silent = [not r.made for t, r in zip(case.turns, done.turns, strict=True) if not t.calls]
    answers = [answer_right(t, r) for t, r in zip(case.turns, done.turns, strict=True)]
    right = all(t.right for t in turns) and not violations and not done.strayed
    recovered = next((t.recovered for t in turns if t.recovered is not None), None)
    if recovered is None or recovered:  # after an honest stop the state lacks what was not made
        right = right and state
    return Judged(
        case,
        right,
        all(t.used_tool == bool(c.calls) for t, c in zip(turns, case.turns, strict=True)),
        all(t.pairing.tools_right or t.right for t in turns),
        sum(1.0 if t.right else t.pairing.args_share for t in turns) / len(turns),
        sum(edges) / len(edges) if edges else None,
        _evidence(done),
        all(answers),
        state,
        all(silent) if silent else None,
        violations,
        sum("no usable step" in s for s in stopped),
        sum(len(r.log.broken) for r in done.turns),
        sum("keeps asking" in s or "steps is used up" in s for s in stopped),
        0 if case.part == "errors" else sum(_repeats(r) for r in done.turns),
        sum(r.run.seconds for r in done.turns),
        sum(_tokens(r) for r in done.turns),
        tuple(n for t, r in zip(case.turns, done.turns, strict=True) for n in _needed(t, r)),
        tuple(g for t, r in zip(case.turns, done.turns, strict=True) for g in _goals(case, t, r)),
        recovered,
        "" if right else _why(done, turns, violations, state),
        tuple(f"{m.tool} {json.dumps(dict(m.args), ensure_ascii=False)}" for r in done.turns for m in r.made),
    )


def _turn(done: CaseRun, turn: CaseTurn, run: TurnRun) -> _Turn:
    ignore = done.case.ignore
    if turn.flaky is None:
        found = pair(turn.calls, run.made, done.ground, ignore=ignore)
        return _Turn(found, found.perfect, bool(run.made), None)
    # the first attempt of one call failed: made again and gone on with, or given up honestly
    tool = turn.calls[turn.flaky].tool
    failed = next((i for i, m in enumerate(run.made) if m.tool == tool and not m.ok), None)
    rest = run.made if failed is None else run.made[:failed] + run.made[failed + 1 :]
    again = pair(turn.calls, rest, done.ground, ignore=ignore)
    if again.perfect and failed is not None:
        return _Turn(again, True, True, True)
    hanging = {turn.flaky}
    for i, call in enumerate(turn.calls):
        if set(call.after) & hanging:
            hanging.add(i)
    kept = [i for i in range(len(turn.calls)) if i == turn.flaky or i not in hanging]
    place = {i: k for k, i in enumerate(kept)}
    calls = [replace(turn.calls[i], after=tuple(place[a] for a in turn.calls[i].after)) for i in kept]
    left = pair([_renumbered(c, place) for c in calls], run.made, done.ground, ignore=ignore)
    honest = run.run.answer.status != "answered" or any(m.ok for m in run.made)
    return _Turn(left, left.perfect and honest, bool(run.made), False)


def _renumbered(call: Expected, place: Mapping[int, int]) -> Expected:
    """A call whose ``@n`` follow the steps to their new places."""
    args = {k: f"@{place[int(v[1:]) - 1] + 1}" if _REF.fullmatch(str(v)) else v for k, v in call.args.items()}
    return replace(call, args=args)


def _evidence(done: CaseRun) -> float | None:
    wanted = {(i, *e) for i, t in enumerate(done.case.turns) for e in t.evidence}
    if not wanted:
        return None
    back = {alias: name for name, alias in menu_of(done.case)[1].items()}
    made = {
        (i, back.get(e.tool, e.tool), e.camera, e.track or "") for i, r in enumerate(done.turns) for e in r.run.evidence
    }
    return f1(wanted, made)


def same_state(wanted: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """The same clips (by cameras and overlap), alerts and media."""
    if json.dumps(wanted.get("media", [])) != json.dumps(made.get("media", [])):
        return False
    clips, got = wanted.get("clips", []), made.get("clips", [])
    if len(clips) != len(got) or any(
        a[0] != b[0] or overlap((a[1], a[2]), (b[1], b[2])) < 0.9 for a, b in zip(clips, got, strict=True)
    ):
        return False
    # an alert's time is a matched argument already; its wording may differ
    alerts, set_ = ([[e, c] for e, c, _ in s.get("alerts", [])] for s in (wanted, made))
    return json.dumps(alerts) == json.dumps(set_)


def answer_right(turn: CaseTurn, run: TurnRun) -> bool:
    """Status as it must be, and the facts said."""
    answer = run.run.answer
    if turn.reply == "ask":
        return answer.status == "needs_input" and set(turn.missing) <= set(answer.missing)
    if not turn.calls and turn.status:
        return not run.made and answer.status in ("answered", "cannot_tell")
    if turn.status and answer.status != turn.status and not (turn.flaky is not None and answer.status == "incomplete"):
        return False
    said = answer.text.casefold()
    return all(any(word.casefold() in said for word in group) for group in turn.contains)


def _repeats(run: TurnRun) -> int:
    """Calls that were written again, letter by letter."""
    calls = [
        c["name"] + json.dumps(c["args"], sort_keys=True, default=str) for m in run.log.messages for c in m.tool_calls
    ]
    return len(calls) - len(set(calls))


def _tokens(run: TurnRun) -> int:
    """Tokens written: as the model counts them, else words and signs of its steps."""
    total = 0
    for message in run.log.messages:
        usage = message.usage_metadata
        text = str(message.additional_kwargs.get("react") or message.content)
        total += usage["output_tokens"] if usage else len(re.findall(r"\w+|[^\w\s]", text))
    return total


def _thoughts(run: TurnRun) -> list[tuple[int, str]]:
    """``(calls made before, thought)`` of every message."""
    out = []
    made = 0
    for message in run.log.messages:
        text = str(message.content) if message.tool_calls else str(message.additional_kwargs.get("thought", ""))
        out.append((made, text))
        made += len(message.tool_calls)
    return out


def _needed(turn: CaseTurn, run: TurnRun) -> list[float]:
    """Whether each thought that says so is right about a tool being needed."""
    out = []
    for made, text in _thoughts(run):
        says = True if _YES.search(text) else False if _NO.search(text) else None
        if says is not None:
            out.append(float(says == (made < len(turn.calls))))
    return out


def _goals(case: Case, turn: CaseTurn, run: TurnRun) -> list[float]:
    """F1 of the sub-goals that each thought names against those that remain."""
    back = {alias: name for name, alias in menu_of(case)[1].items()}
    names = back or {c: c for c in menu_of(case)[0]}
    out = []
    for made, text in _thoughts(run):
        named = {back.get(w, w) for w in re.findall(r"\w+", text) if w in names}
        if named:
            out.append(f1(set(open_goals(turn, made)), named))
    return out


def _why(done: CaseRun, turns: Sequence[_Turn], violations: int, state: bool) -> str:
    """In a few words what was wrong first."""
    if violations:
        return "a forbidden tool was called"
    for number, (turn, case_turn, run) in enumerate(zip(turns, done.case.turns, done.turns, strict=True), 1):
        if turn.right:
            continue
        where = f"turn {number}: " if len(turns) > 1 else ""
        wrong = {n for names in turn.pairing.wrong.values() for n in names}
        if not case_turn.calls:
            return f"{where}called a tool where none was wanted"
        if not run.made:
            return f"{where}called no tool"
        if turn.pairing.tools_right:
            return f"{where}wrong {', '.join(sorted(wrong))}"
        return where + _tools_wrong(case_turn, run.made)
    return "" if state else "another final state"


def _tools_wrong(turn: CaseTurn, made: Sequence[Made]) -> str:
    wanted, got = [c.tool for c in turn.calls], [m.tool for m in made]
    missing = [t for t in wanted if wanted.count(t) > got.count(t)]
    extra = [t for t in got if got.count(t) > wanted.count(t)]
    parts = [f"missing {', '.join(dict.fromkeys(missing))}"] if missing else []
    parts += [f"extra {', '.join(dict.fromkeys(extra))}"] if extra else []
    return "; ".join(parts) or "calls in the wrong order"
