"""Checks of authored phrasings: format, labels against the text, and no two rows with one skeleton.

``python -m viot_finetune.instruct.check FILE...`` prints every fault and exits 1 if there is one; each file is also
compared with every other phrasings file of its folder. Owns the rules of ``datasets/viot_instruct/AUTHORING.md``.
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from viot_agent.foreign import read_json

JACCARD = 0.5
SLOTS = frozenset(
    "person person2 image camera camera2 camera3 camera2_short pair plural group plate plate2 time time2 time_np "
    "time_at future n nocamera noperson".split()
)
ARGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "face_recognition": ((), ("person", "cameras", "time")),
    "person_reid": (("person",), ("cameras", "time")),
    "gait_recognition": (("person",), ("cameras", "time")),
    "plate_recognition": ((), ("plate", "cameras", "time")),
    "vehicle_reid": (("vehicle",), ("cameras", "time")),
    "crowd_counting": ((), ("cameras", "time")),
    "fire_smoke_detection": ((), ("cameras", "time")),
    "scene_recognition": ((), ("cameras", "time")),
    "anomaly_detection": (("scene",), ("cameras", "time")),
    "pose_estimation": ((), ("cameras", "time")),
    "action_recognition": (("poses",), ()),
    "video_qa": (("question",), ("cameras", "time")),
    "privacy_cloak": (("media",), ("method",)),
    "masked_face_generation": (("media",), ("mask",)),
    "face_redaction": (("media",), ("keep",)),
    "export_clip": (("cameras", "time"), ()),
    "create_alert": (("event",), ("cameras", "time")),
    "list_cameras": ((), ()),
}
CHOICES = {
    "method": ("opom", "ga", "sga", "advcloak"),
    "mask": ("surgical", "n95", "kn95", "cloth", "black", "patterned"),
}
REPLIES = ("greeting", "thanks", "help", "out_of_scope", "ask")
MISSING = ("person", "vehicle", "cameras", "time", "plate", "text", "media", "handle", "choice", "event")
_EVENT = re.compile(r"face:\{person2?\}|plate:\{plate2?\}|fire|crowd>(\{n\}|\d+)|anomaly|person")
_SLOT = re.compile(r"\{([^{}]*)\}")
_LEAD = re.compile(r"^(in|on|at|during|over|for|within|throughout|the|a|an)\s", re.IGNORECASE)


def faults(row: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one row by itself."""
    turns = row.get("turns")
    if turns is not None and ("text" in row or "steps" in row or len(turns) < 2):
        yield "a row of several turns has at least two, and no text or steps beside them"
    said = ""
    for turn in turns or [row]:
        said += "\n" + str(turn.get("text", ""))
        yield from _turn_faults(turn, said, turn.get("uploads", row.get("uploads", [])))


def _turn_faults(turn: dict[str, Any], said: str, uploads: Sequence[str]) -> Iterator[str]:
    if not isinstance(turn.get("text"), str) or not turn["text"].strip():
        yield "no text"
        return
    strange = set(_SLOT.findall(turn["text"])) - SLOTS
    if strange:
        yield f"unknown slots {sorted(strange)}"
    steps = turn.get("steps")
    if not isinstance(steps, list):
        yield "no steps"
        return
    if not steps:
        if turn.get("reply") not in REPLIES:
            yield f"a row without steps needs a reply of {REPLIES}"
        if (turn.get("reply") == "ask") != bool(turn.get("missing")):
            yield "missing goes with ask, and only with it"
        yield from (f"missing {m!r}" for m in turn.get("missing", ()) if m not in MISSING)
    for n, step in enumerate(steps, 1):
        yield from (f"step {n}: {f}" for f in _step_faults(step, n, steps, said, uploads))


def _step_faults(
    step: dict[str, Any], n: int, steps: Sequence[dict[str, Any]], said: str, uploads: Sequence[str]
) -> Iterator[str]:
    tool, args = step.get("tool"), step.get("args", {})
    if tool not in ARGS:
        yield f"no tool {tool!r}"
        return
    needed, optional = ARGS[tool]
    yield from (f"{tool} needs {k}" for k in needed if k not in args)
    yield from (f"{tool} takes no {k}" for k in args if k not in (*needed, *optional))
    for key, value in args.items():
        if key == "cameras" and (not isinstance(value, list) or not value):
            yield "cameras is a list"
            continue
        for item in value if isinstance(value, list) else [value]:
            yield from _value_faults(key, item, n, steps, said, uploads)
    before = {"anomaly_detection": "scene_recognition", "action_recognition": "pose_estimation"}.get(tool)
    if before and before not in [s.get("tool") for s in steps[: n - 1]]:
        yield f"{tool} comes after {before}"
    when = step.get("when")
    if when is not None:
        match = re.fullmatch(r"(?:not )?([1-9])", str(when))
        if not match or int(match[1]) >= n:
            yield f"when {when!r} must name an earlier step"
        elif not isinstance(steps[int(match[1]) - 1].get("obs"), dict):
            yield f"step {match[1]} is tested and needs obs met and unmet"
    obs = step.get("obs")
    if isinstance(obs, dict) and (set(obs) != {"met", "unmet"} or not all(len(v) >= 2 for v in obs.values())):
        yield "obs needs at least two met and two unmet"


def _value_faults(
    key: str, value: Any, n: int, steps: Sequence[dict[str, Any]], said: str, uploads: Sequence[str]
) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f"{key} is text"
    elif key in CHOICES:
        if value not in CHOICES[key]:
            yield f"{key} is one of {CHOICES[key]}"
    elif key == "event":
        if not _EVENT.fullmatch(value):
            yield f"event {value!r}"
        yield from (f"{s} of the event is not in the text" for s in re.findall(r"\{\w+\}", value) if s not in said)
    elif re.fullmatch(r"@[1-9]", value):
        maker = steps[int(value[1]) - 1].get("tool") if int(value[1]) < n else None
        fits = {
            "scene": ("scene_recognition",),
            "poses": ("pose_estimation",),
            "media": ("export_clip", "privacy_cloak", "masked_face_generation", "face_redaction"),
        }
        if maker not in fits.get(key, ()):
            yield f"{key} {value} does not point at a step that makes one"
    elif key in ("scene", "poses"):
        yield f"{key} comes from an observation (@1)"
    elif re.fullmatch(r"(image|video)-\d", value):
        if value not in uploads:
            yield f"{value} is not attached"
    elif key == "media":
        yield f"media {value!r} is neither attached nor made by a step"
    elif value.lower() not in said.lower():
        yield f"{key} {value!r} is not in the text"
    elif key == "time" and _LEAD.match(value) and not value.startswith("{"):
        yield f"time {value!r} has a leading preposition or article"


def skeleton(row: dict[str, Any]) -> frozenset[str]:
    """The words of a row without slots."""
    text = " ".join(t["text"] for t in row.get("turns") or [row])
    return frozenset(re.findall(r"[^\W_]+(?:'[^\W_]+)*", _SLOT.sub(" ", text).lower()))


Named = tuple[str, frozenset[str]]
"""A row's name and its skeleton."""


class Skeletons:
    """Skeletons by word: the rows that share too much with a given one. At most three words are too few to tell."""

    def __init__(self, rows: Iterable[Named] = ()) -> None:
        self._names: list[str] = []
        self._sizes = array("q")
        self._with: dict[str, array[int]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Named) -> None:
        """Keep one more row."""
        name, words = row
        if len(words) > 3:
            for word in words:
                self._with.setdefault(word, array("q")).append(len(self._names))
            self._names.append(name)
            self._sizes.append(len(words))

    def like(self, row: Named) -> Iterator[str]:
        """The names of the rows whose word sets overlap with this one's by more than JACCARD."""
        name, words = row
        if len(words) <= 3:
            return
        common = np.zeros(len(self._names), np.int64)
        for word in words & self._with.keys():
            common[np.frombuffer(self._with[word], np.int64)] += 1
        either = len(words) + np.frombuffer(self._sizes, np.int64) - common if self._names else common
        for j in np.flatnonzero(common > JACCARD * either):
            yield f"{name} shares its skeleton with {self._names[j]}"


def twins(rows: Sequence[Named], others: Iterable[Named] = ()) -> Iterator[str]:
    """Pairs that share a skeleton: rows among themselves, and rows with others."""
    known = Skeletons(others)
    for row in rows:
        yield from known.like(row)
        known.add(row)


def load(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON Lines file. Raises ValueError naming the line that is no JSON object."""
    rows = []
    for n, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                row = read_json(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}:{n}: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}:{n}: a row is an object")
            rows.append(row)
    return rows


def shape_fault(row: dict[str, Any]) -> str | None:
    """What keeps a row from being looked at or filled at all: a field of another type. None when nothing does."""
    turns = row.get("turns", [row])
    if not isinstance(turns, list) or not turns or not all(isinstance(t, dict) for t in turns):
        return "turns is a list of objects"
    for turn in turns:
        steps = turn.get("steps")
        if not isinstance(turn.get("text"), str):
            return "no text"
        if not isinstance(steps, list) or not all(
            isinstance(s, dict) and isinstance(s.get("tool"), str) and isinstance(s.get("args", {}), dict)
            for s in steps
        ):
            return "steps is a list of objects with a tool and args"
        for key in ("uploads", "missing", "tags"):
            given = turn.get(key, [])
            if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
                return f"{key} is a list of texts"
    return None


def check(path: Path, others: Sequence[Path] = ()) -> list[str]:
    """All faults of a file, and its twins inside it and in the others."""
    rows = load(path)
    found = [f"{path.name}:{n}: {f}" for n, row in enumerate(rows, 1) for f in faults(row)]
    named = [(f"{path.name}:{n}", skeleton(r)) for n, r in enumerate(rows, 1)]
    rest = [(f"{p.name}:{n}", skeleton(r)) for p in others for n, r in enumerate(load(p), 1)]
    return found + list(twins(named, rest))


def main(paths: Sequence[str]) -> int:
    """Check files; exit status."""
    found: list[str] = []
    for name in paths:
        path = Path(name)
        others = [p for p in sorted(path.parent.glob("*.jsonl")) if p.resolve() != path.resolve()]
        found += check(path, others)
        print(f"{path}: {len(load(path))} rows")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
