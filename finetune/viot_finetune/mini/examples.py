"""From authored phrasings to examples: slots filled in a small random fleet, words noised, true calls as text spans.

Owns filling and noise. Does not know the model's elements (``prepare`` does).
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viot_agent.fleet.types import Mention
from viot_agent.llm.mini.units import trim_time
from viot_finetune.mini.marking import lose, mark
from viot_finetune.mini.pools import Half, Pools

_SLOT = re.compile(r"\{(person2?|image|camera[23]?|group|time|time_np|time_at|plate)\}")
_OPENERS = (
    "hey, ",
    "ok so ",
    "please ",
    "quick question: ",
    "hi, ",
    "um, ",
    "listen, ",
    "good morning, ",
    "control, ",
    "@bot ",
)
_KEYS = {"a": "s", "e": "r", "i": "o", "o": "p", "t": "r", "n": "m", "s": "d", "r": "t", "l": "k", "h": "g"}


@dataclass(frozen=True, slots=True)
class Example:
    """A request as a person would send it, and what is right. Argument values are stretches of the text, or uploads."""

    id: str
    text: str
    mentions: tuple[Mention, ...]
    uploads: tuple[str, ...]
    cameras: tuple[str, ...]
    people: tuple[str, ...]
    steps: tuple[tuple[str, dict[str, Any]], ...]
    reply: str = ""
    missing: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def load_rows(folder: Path, pattern: str = "phrasings_*.jsonl") -> list[dict[str, Any]]:
    """All authored rows of the folder's files of that name, in order. Raises FileNotFoundError when there is none."""
    rows = []
    for path in sorted(folder.glob(pattern)):
        rows += [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    if not rows:
        raise FileNotFoundError(f"no {pattern} in {folder}")
    return rows


def split(rows: Sequence[dict[str, Any]], share: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Train and validation phrasings, by hash of the text: a phrasing is in one of them with all its fillings."""
    held = [zlib.crc32(row["text"].encode()) % 1000 < 1000 * share for row in rows]
    return [r for r, h in zip(rows, held, strict=True) if not h], [r for r, h in zip(rows, held, strict=True) if h]


@dataclass(frozen=True, slots=True)
class Noise:
    """How often words are disturbed and mentions are lost or left out; ``CLEAN`` is for evaluation."""

    typos: float = 0.35
    case: float = 0.2
    opener: float = 0.05
    unenrolled: float = 0.3
    unknown_camera: float = 0.06
    lost: float = 0.05
    joined: float = 0.08


CLEAN = Noise(0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0)


def join(first: dict[str, Any], second: dict[str, Any], rng: random.Random) -> dict[str, Any] | None:
    """Two single requests in one breath, or None when they would share a slot. Seldom used: joints are no speech."""
    if any(len(r["steps"]) != 1 or "correction" in r.get("tags", ()) or r.get("uploads") for r in (first, second)):
        return None
    renamed = json.loads(re.sub(r"\{(camera|person)\}", r"{\g<1>2}", json.dumps(second, ensure_ascii=False)))
    slots = [set(_SLOT.findall(r["text"])) for r in (first, renamed)]
    if slots[0] & slots[1] or "{camera2}" in second["text"] or first["steps"] == renamed["steps"]:
        return None
    joint = rng.choice((" and ", ", and then ", "; also ", ". Also, ", ", plus ", ". After that: ", " - and "))
    head = first["text"].rstrip(" .?!") if joint[0] != "." else first["text"].rstrip(" .?!") + rng.choice(("", "?"))
    tail = renamed["text"] if rng.random() < 0.3 else renamed["text"][:1].lower() + renamed["text"][1:]
    return {
        "id": f"{first['id']}+{second['id']}",
        "text": f"{head}{joint}{tail}",
        "steps": [*first["steps"], *renamed["steps"]],
        "tags": ["multi", "joined"],
    }


def fill(row: dict[str, Any], rng: random.Random, half: Half, noise: Noise) -> Example:
    """One filling of a phrasing. Mentions are found by ``fleet.mentions`` in the text, as in serving."""
    pools = Pools(half)
    values, fleet, groups, people = _world(pools, rng, noise)
    template: str = row["text"]
    fields = _fields(template, row["steps"])
    parts: list[str] = []
    spans: dict[str, tuple[int, int]] = {}
    at = 0
    disturbed = rng.random() < noise.typos
    if noise.opener > rng.random() and row["steps"]:
        parts.append(rng.choice(_OPENERS))
    for start, end, pattern in [*fields, (len(template), len(template), "")]:
        literal = template[at:start]
        parts.append(_typo(literal, rng) if disturbed else literal)
        if pattern:
            value = _SLOT.sub(lambda m: values[m[1]], template[start:end])
            place = sum(map(len, parts))
            spans.setdefault(pattern, (place, place + len(value)))
            parts.append(value)
        at = end
    text = "".join(parts)
    if rng.random() < noise.case:
        text = _recase(text, rng.choice((str.lower, str.lower, str.upper)))
    uploads = tuple(row.get("uploads", ()))
    steps = tuple(
        (s["tool"], {k: _value(k, v, text, spans, uploads) for k, v in s["args"].items()}) for s in row["steps"]
    )
    mentions = lose(mark(text, fleet, groups, people, uploads), rng, noise.lost)
    return Example(
        row["id"], text, mentions, uploads, tuple(fleet), tuple(people), steps,
        row.get("reply", ""), tuple(row.get("missing", ())), tuple(row.get("tags", ())),
    )  # fmt: skip


def _world(pools: Pools, rng: random.Random, noise: Noise) -> tuple[dict[str, str], list[str], list[str], list[str]]:
    first = pools.camera(rng)
    names = [first]
    while len(names) < 3:
        name = pools.camera(rng, near=first if rng.random() < 0.6 else "")
        if name.casefold() not in [n.casefold() for n in names]:
            names.append(name)
    values = {
        "camera": names[0],
        "camera2": names[1],
        "camera3": names[2],
        "group": pools.group(rng),
        "image": "image-1",
    }
    values |= {"time": pools.moment(rng), "time_np": pools.noun_moment(rng), "time_at": pools.clock(rng)}
    values |= {"person": pools.person(rng), "plate": pools.plate(rng)}
    values["person2"] = next(p for p in iter(lambda: pools.person(rng), "") if p != values["person"])
    fleet = [n for n in names if rng.random() >= noise.unknown_camera]
    fleet += [pools.camera(rng, near=first if rng.random() < 0.5 else "") for _ in range(rng.randint(0, 6))]
    people = [values[k] for k in ("person", "person2") if rng.random() >= noise.unenrolled]
    people += [pools.person(rng) for _ in range(rng.randint(0, 5))]
    groups = [values["group"]] if rng.random() >= noise.unknown_camera else []
    groups += [pools.group(rng) for _ in range(rng.randint(0, 2))]
    rng.shuffle(fleet)
    return values, list(dict.fromkeys(fleet)), list(dict.fromkeys(groups)), list(dict.fromkeys(people))


def _fields(template: str, steps: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Stretches of the template that are filled or copied: argument patterns (longest first), then single slots."""
    patterns = {p for s in steps for v in s["args"].values() for p in (v if isinstance(v, list) else [v])}
    found: list[tuple[int, int, str]] = []
    for pattern in sorted(patterns, key=len, reverse=True):
        edge = r"\b" if pattern[0].isalnum() else "", r"\b" if pattern[-1].isalnum() else ""
        for match in re.finditer(edge[0] + re.escape(pattern) + edge[1], template, re.IGNORECASE):
            if all(match.end() <= a or b <= match.start() for a, b, _ in found):
                found.append((match.start(), match.end(), pattern))
    for match in _SLOT.finditer(template):
        if all(match.end() <= a or b <= match.start() for a, b, _ in found):
            found.append((match.start(), match.end(), match[0]))
    return sorted(found)


def _value(key: str, value: Any, text: str, spans: dict[str, tuple[int, int]], uploads: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_value("camera", v, text, spans, uploads) for v in value]
    if value in uploads:
        return value
    start, end = spans[value]
    return trim_time(text[start:end]) if key == "time" else text[start:end]


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
