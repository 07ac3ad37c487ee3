"""From authored phrasings to cases: slots filled in a small random fleet, words noised, branches chosen.

Mentions are found by ``fleet.mentions`` in the filled text, exactly as in serving. Conditions ("if there is smoke,
then ...") are settled one way or the other by an observation that says so; the steps that follow are those that then
happen.

Owns filling and noise. Does not know the model's elements (``mini.prepare`` does).
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viot_agent.bench.verdict import verdict_of
from viot_agent.fleet.mentions import cameras_named, find_mentions
from viot_agent.fleet.types import Mention
from viot_agent.llm.mini.checks import finds
from viot_agent.llm.mini.units import trim_time
from viot_finetune.instruct.check import load
from viot_finetune.instruct.observations import observe
from viot_finetune.instruct.pools import Half, Pools
from viot_finetune.instruct.site import Noise, Site, site_of

_SLOT = re.compile(
    r"\{(person2?|image|camera[23]?|camera2_short|pair|plural|group|plate2?|time2?|time_np|time_at|future|n|nocamera|"
    r"noperson)\}"
)
_OPENERS = (
    "hey, ", "ok so ", "please ", "quick question: ", "hi, ", "um, ", "listen, ", "good morning, ", "control, ",
    "@bot ", "Hello! ", "sorry to bother you, ", "so... ", "question - ", "yo ", "Dear team, ", "right, ",
)  # fmt: skip
_CLOSERS = (" thanks", " please", " thx", ", over", " asap", " - thank you", " cheers", " pls", "!!", " ok?")
_KEYS = {"a": "s", "e": "r", "i": "o", "o": "p", "t": "r", "n": "m", "s": "d", "r": "t", "l": "k", "h": "g"}
_NUMBERS = {
    w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
_NUMBERS |= {"fifteen": "15", "twenty": "20"}


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as sent: the text, what code recognises in it, and what is attached."""

    text: str
    mentions: tuple[Mention, ...]
    uploads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """One right call. ``observation`` is what comes of it; ``rest`` the tools that remain after it, each with whether
    its condition is still open. ``then`` says of each of ``rest`` whether it happens, now that this was observed; None
    where that hangs on what is observed later. ``reports``: what its author wrote of either branch, where there are
    two, and ``met``: in which of them this is."""

    tool: str
    args: dict[str, Any]
    observation: str
    status: str
    rest: tuple[tuple[str, bool], ...] = ()
    then: tuple[bool | None, ...] = ()
    reports: dict[str, list[str]] | None = None
    met: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """A request as a person would send it, and what is right.

    ``where`` says where in which turn an argument's value was said: ``{value: (turn, start, end)}``; the request is
    the last turn.
    """

    id: str
    said: Said
    earlier: tuple[Said, ...]
    cameras: tuple[str, ...]
    groups: tuple[str, ...]
    people: tuple[str, ...]
    steps: tuple[Expected, ...]
    reply: str = ""
    missing: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    where: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.said.text


def load_rows(folder: Path, pattern: str = "phrasings_*.jsonl") -> list[dict[str, Any]]:
    """All authored rows of the folder's files of that name, in order, each with an id. Raises FileNotFoundError."""
    rows = []
    for path in sorted(folder.glob(pattern)):
        stem = path.stem.rpartition("_")[2]
        rows += [{"id": f"{stem}-{n:04d}", **row} for n, row in enumerate(load(path), 1)]
    if not rows:
        raise FileNotFoundError(f"no {pattern} in {folder}")
    return rows


def fill(row: dict[str, Any], rng: random.Random, half: Half, noise: Noise) -> list[Example]:
    """One filling of a phrasing: one example, or one a turn."""
    values, world = site_of(row, Pools(half), rng, noise)
    turns = row.get("turns") or [row]
    said: list[Said] = []
    where: dict[str, tuple[int, int, int]] = {}
    found = []
    for n, turn in enumerate(turns):
        # what a turn attaches later turns may still mean
        uploads = tuple(turn.get("uploads", row.get("uploads", ()) if n == 0 else ()))
        # what a later turn takes up again must stand here as it will be copied
        copied = [step for later in turns[n:] for step in later["steps"]]
        text, spans = _text(turn, copied, values, rng, noise)
        where = (
            {**{k: (n, a, b) for k, (a, b) in spans.items()}, **where}
            if n == 0
            else {**where, **{k: (n, a, b) for k, (a, b) in spans.items()}}
        )
        at_hand = tuple(dict.fromkeys([*(u for s in said for u in s.uploads), *uploads]))
        named = [c for s in said for c in cameras_named(s.mentions)]
        mentions = _miss(tuple(find_mentions(text, world.fleet, world.known, at_hand, named)), rng, noise.missed)
        said.append(Said(text, mentions, uploads))
        texts = [s.text for s in said]
        steps, places = _steps(turn, values, texts, where, at_hand, world, rng)
        found.append(
            Example(
                row["id"] if len(turns) == 1 else f"{row['id']}.{n + 1}",
                Said(text, mentions, at_hand),
                tuple(said[:-1]),
                world.cameras,
                world.groups,
                world.people,
                steps,
                turn.get("reply", ""),
                tuple(turn.get("missing", ())),
                tuple(row.get("tags", ())),
                places,
            )
        )
    return found


# The words ---------------------------------------------------------------------------------------------------------


def _text(
    turn: dict[str, Any], copied: Sequence[dict[str, Any]], values: dict[str, str], rng: random.Random, noise: Noise
) -> tuple[str, dict[str, tuple[int, int]]]:
    """The filled, noised text, and where each argument pattern and slot stands in it."""
    template: str = turn["text"]
    parts: list[str] = []
    spans: dict[str, tuple[int, int]] = {}
    at = 0
    disturbed = rng.random() < noise.typos
    if noise.opener > rng.random() and turn["steps"]:
        parts.append(rng.choice(_OPENERS))
    for start, end, pattern in [*_fields(template, copied), (len(template), len(template), "")]:
        literal = template[at:start]
        parts.append(_typo(literal, rng) if disturbed else literal)
        if pattern:
            value = ""
            place, done = sum(map(len, parts)), start
            for slot in _SLOT.finditer(template, start, end):
                # a slot inside a longer copied stretch can be an argument of its own
                value += template[done : slot.start()]
                at_slot = place + len(value)
                value += values[slot[1]]
                spans.setdefault(slot[0], (at_slot, place + len(value)))
                done = slot.end()
            value += template[done:end]
            spans.setdefault(pattern.casefold(), (place, place + len(value)))
            parts.append(value)
        at = end
    if noise.opener > rng.random() and turn["steps"]:
        parts.append(rng.choice(_CLOSERS))
    text = "".join(parts)
    if rng.random() < noise.case:
        text = _recase(text, rng.choice((str.lower, str.lower, str.upper)))
    return text, spans


def _fields(template: str, steps: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Stretches of the template that are filled or copied: argument patterns (longest first), then single slots."""
    patterns: set[str] = set()
    for step in steps:
        for key, value in step["args"].items():
            if key not in ("event", "method", "mask", "scene", "poses"):
                patterns |= set(value if isinstance(value, list) else [value])
    found: list[tuple[int, int, str]] = []
    for pattern in sorted(patterns, key=len, reverse=True):
        if re.fullmatch(r"@\d|(?:image|video)-\d", pattern):
            continue
        edge = r"\b" if pattern[0].isalnum() else "", r"\b" if pattern[-1].isalnum() else ""
        whole = list(re.finditer(edge[0] + re.escape(pattern) + edge[1], template, re.IGNORECASE))
        # a choice may be said inside a longer word only ("vans" for "van")
        for match in whole or re.finditer(re.escape(pattern), template, re.IGNORECASE):
            if all(match.end() <= a or b <= match.start() for a, b, _ in found):
                found.append((match.start(), match.end(), pattern))
    for match in _SLOT.finditer(template):
        if all(match.end() <= a or b <= match.start() for a, b, _ in found):
            found.append((match.start(), match.end(), match[0]))
    return sorted(found)


def _typo(literal: str, rng: random.Random) -> str:
    words = re.split(r"(\s+)", literal)
    places = [i for i, w in enumerate(words) if len(w) > 3 and w.isalpha()]
    for i in rng.sample(places, min(len(places), rng.randint(1, 2))):
        word, k = words[i], rng.randrange(1, len(words[i]) - 1)
        words[i] = rng.choice(
            (
                word[:k] + word[k + 1 :],
                word[:k] + word[k + 1] + word[k] + word[k + 2 :],
                word[:k] + _KEYS.get(word[k], "") + word[k + 1 :],
                word[:k] + word[k] + word[k:],
            )
        )
    return "".join(words)


def _recase(text: str, change: Any) -> str:
    # character by character: places must not move (the capital of ß is two letters)
    return "".join(change(c) if len(change(c)) == 1 else c for c in text)


def _miss(mentions: tuple[Mention, ...], rng: random.Random, rate: float) -> tuple[Mention, ...]:
    return tuple(m for m in mentions if m.kind not in ("time", "plate") or rng.random() >= rate)


# The right calls -----------------------------------------------------------------------------------------------------


def _steps(
    turn: dict[str, Any],
    values: dict[str, str],
    texts: Sequence[str],
    where: dict[str, tuple[int, int, int]],
    uploads: Sequence[str],
    world: Site,
    rng: random.Random,
) -> tuple[tuple[Expected, ...], dict[str, tuple[int, int, int]]]:
    """The calls that happen in the branch that is chosen here, and where their values were said."""
    rows = turn["steps"]
    truth = {k: rng.random() < 0.55 for k in range(1, len(rows) + 1)}
    happens: dict[int, bool] = {}
    for k, step in enumerate(rows, 1):
        rule = re.fullmatch(r"(not )?(\d)", str(step.get("when", "")))
        happens[k] = rule is None or (happens[int(rule[2])] and truth[int(rule[2])] == (rule[1] is None))
    places: dict[str, tuple[int, int, int]] = {}
    made: dict[int, str] = {}
    out: list[Expected] = []
    for k, step in enumerate(rows, 1):
        if not happens[k]:
            continue
        args = {
            name: _argument(name, value, values, texts, where, uploads, made, places)
            for name, value in step["args"].items()
        }
        text, status, handle = _observation(step, truth[k], values, args, world, rng)
        made[k] = handle
        rest, then = [], []
        alive = {k: True}
        for j in range(k + 1, len(rows) + 1):
            rule = re.fullmatch(r"(?:not )?(\d)", str(rows[j - 1].get("when", "")))
            tested = int(rule[1]) if rule else 0
            # a condition is open as long as the step that tests it has not been observed
            open_ = tested >= k
            alive[j] = alive[tested] if open_ else happens[j]
            if alive[j]:
                rest.append((rows[j - 1]["tool"], open_))
                then.append(None if tested > k else happens[j])
        reports = step["obs"] if isinstance(step.get("obs"), dict) else None
        out.append(Expected(step["tool"], args, text, status, tuple(rest), tuple(then), reports, truth[k]))
    return tuple(out), places


def _argument(
    name: str,
    value: Any,
    values: dict[str, str],
    texts: Sequence[str],
    where: dict[str, tuple[int, int, int]],
    uploads: Sequence[str],
    made: dict[int, str],
    places: dict[str, tuple[int, int, int]],
) -> Any:
    if isinstance(value, list):
        flat = []
        for item in value:
            flat += _cameras(item, values, texts, where, places)
        return flat
    if value in uploads or name in ("method", "mask"):
        return value
    if re.fullmatch(r"@\d", value):
        return made[int(value[1])]
    if name == "event":
        return _event(value, values, where, places)
    place = where.get(value.casefold()) or _said_before(value, texts)
    said = texts[place[0]][place[1] : place[2]]
    said = trim_time(said) if name == "time" else said
    places[said] = place
    return said


def _said_before(value: str, texts: Sequence[str]) -> tuple[int, int, int]:
    """Where an earlier turn said words that only now become an argument."""
    for turn in range(len(texts) - 1, -1, -1):
        at = texts[turn].casefold().find(value.casefold())
        if at >= 0:
            return turn, at, at + len(value)
    raise KeyError(value)


def _cameras(
    item: str,
    values: dict[str, str],
    texts: Sequence[str],
    where: dict[str, tuple[int, int, int]],
    places: dict[str, tuple[int, int, int]],
) -> list[str]:
    if item == "{pair}":
        names = [values["camera"], values["camera2"]]
        places.update(dict.fromkeys(names, where["{pair}"]))
        return names
    item = "{camera2}" if item == "{camera2_short}" else item
    key = item.casefold()
    if key not in where and item == "{camera2}" and "{camera2_short}" in where:
        key = "{camera2_short}"
    if key not in where and item in ("{camera}", "{camera2}") and "{pair}" in where:
        key = "{pair}"
    place = where[key]
    slot = re.fullmatch(r"\{(camera[23]?)\}", item)
    said = values[slot[1]] if slot else texts[place[0]][place[1] : place[2]]
    places[said] = place
    return [said]


def _event(
    value: str, values: dict[str, str], where: dict[str, tuple[int, int, int]], places: dict[str, tuple[int, int, int]]
) -> str:
    slot = re.search(r"\{(\w+)\}", value)
    if slot is None:
        return value
    said = values[slot[1]]
    places[said] = where[slot[0]]
    form = value[: slot.start()]
    return form + (_NUMBERS.get(said, said) if form == "crowd>" else said)


def _status(step: dict[str, Any], met: bool) -> str | None:
    """Whether a tested presence was found: hand-written reports are read by guess, and most of those of *met* and of
    *unmet* decide for all. None where they do not tell the two apart, and of what is no presence."""
    obs = step.get("obs")
    if not isinstance(obs, dict) or not finds(step["tool"], step["args"]):
        return None
    shares = [
        sum(verdict_of(step["tool"], o) == "found" for o in obs[kind]) / len(obs[kind]) for kind in ("met", "unmet")
    ]
    return None if shares[0] == shares[1] else "found" if (shares[0] > shares[1]) == met else "none"


def _observation(
    step: dict[str, Any], met: bool, values: dict[str, str], args: dict[str, Any], world: Site, rng: random.Random
) -> tuple[str, str, str]:
    """``(text, status, value)``: what the step reports; the value is the scene or the handle that later steps need."""
    tool, obs = step["tool"], step.get("obs")
    texts = obs["met" if met else "unmet"] if isinstance(obs, dict) else obs
    if texts and (isinstance(obs, dict) or rng.random() < 0.7):
        text = _SLOT.sub(lambda m: values[m[1]], rng.choice(texts))
        status: str = _status(step, met) or verdict_of(tool, text)
    else:
        text, status = observe(tool, rng, values, args.get("cameras", ()))
    if tool == "scene_recognition":
        from viot_finetune.instruct.observations import SCENES

        named = [s for s in SCENES if re.search(rf"(?<!\w){re.escape(s)}(?!\w)", text, re.IGNORECASE)]
        if not named:
            text, status = observe(tool, rng, values, args.get("cameras", ()))
            named = [s for s in SCENES if re.search(rf"(?<!\w){re.escape(s)}(?!\w)", text, re.IGNORECASE)]
        value = max(named, key=len)
        at = text.casefold().find(value)
        return text, status, text[at : at + len(value)]
    stem = {
        "pose_estimation": "poses", "export_clip": "clip", "privacy_cloak": "cloak", "masked_face_generation": "mask",
        "face_redaction": "redacted",
    }.get(tool)  # fmt: skip
    if stem is None:
        return text, status, ""
    handle = re.search(rf"\b{stem}-\d+\b", text)
    if handle is None:
        number = rng.randint(1, 30)
        text = rng.choice((f"{text} ({stem}-{number})", f"{stem}-{number}: {text}"))
        return text, status, f"{stem}-{number}"
    return text, status, handle[0]
