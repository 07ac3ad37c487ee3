"""Outside cases: reading ``viot bench tools --cases FILE`` (JSON Lines or one JSON array, as in DESIGN section 8).

Lenient in what is written differently by different people (names as text or objects, observations as text or objects),
strict in what would make a case meaningless: every line that cannot be used is named, and nothing is run then. Owns the
reading. Does not run cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from viot_agent.bench.cards import cards
from viot_agent.bench.cases import Canned, Case, CaseTurn
from viot_agent.bench.match import Expected
from viot_agent.bench.verdict import verdict_of
from viot_agent.errors import UserFault
from viot_agent.fleet.types import Camera, Person
from viot_agent.foreign import next_json, read_json
from viot_agent.steps import Verdict

_HANDLE = re.compile(r"(?:image|video)-\d+")
_FILM = re.compile(r"\.(?:mp4|avi|mkv|mov|webm|264|h264|m4v|mpe?g|ts)$", re.IGNORECASE)
FORMAT = '{"id", "request", "uploads": [], "cameras": [], "people": [], "steps": [{"tool", "args", "observation"}]}'


def read_cases(path: Path) -> list[Case]:
    """All cases of a file. Raises UserFault naming every line that cannot be used."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserFault(f"{path} cannot be read: {error}", fix="name a JSON Lines file with --cases") from error
    found: list[Case] = []
    wrong: list[str] = []
    for where, raw in _rows(text):
        try:
            if isinstance(raw, json.JSONDecodeError):
                raise ValueError(f"no JSON: {raw}")
            found.append(case_from(raw, len(found) + 1))
        except (ValueError, TypeError, KeyError) as error:
            wrong.append(f"{where}: {error}")
    if wrong:
        shown = "; ".join(wrong[:20]) + (f"; and {len(wrong) - 20} more" if len(wrong) > 20 else "")
        raise UserFault(f"{path.name} has {len(wrong)} cases that cannot be used: {shown}", fix=f"each is {FORMAT}")
    if not found:
        raise UserFault(f"{path.name} holds no case", fix=f"each line is {FORMAT}")
    return found


def _rows(text: str) -> Iterator[tuple[str, Any]]:
    """``(line, value or the error)``: one value a line, or the items of one array (with the line each begins on)."""
    bare = text.lstrip("\ufeff \t\r\n")
    if bare.startswith("["):
        yield from _items(text, text.index("[") + 1)
        return
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        if line.strip():
            try:
                yield f"line {number}", read_json(line)
            except json.JSONDecodeError as error:
                yield f"line {number}", error


def _items(text: str, at: int) -> Iterator[tuple[str, Any]]:
    while True:
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n,"))
        line = text.count("\n", 0, at) + 1
        if at >= len(text):
            yield f"line {line}", json.JSONDecodeError("the array does not end", text, at)
            return
        if text[at] == "]":
            return
        try:
            value, at = next_json(text, at)
        except json.JSONDecodeError as error:
            yield f"line {error.lineno}", error
            return
        yield f"line {line}", value


def case_from(raw: Any, number: int) -> Case:
    """A case from its JSON. Raises ValueError saying what is wrong with it."""
    if not isinstance(raw, Mapping):
        raise ValueError(f"a case is an object, not {type(raw).__name__}")
    request = raw.get("request", raw.get("text", raw.get("query")))
    if not isinstance(request, str) or not request.strip():
        raise ValueError("it has no request")
    steps = raw.get("steps")
    if not isinstance(steps, list):
        raise ValueError("it has no list of steps ([] = no tool is wanted)")
    cameras = tuple(_cameras(raw.get("cameras") or (), raw.get("groups") or {}))
    people, aliases = _people(raw.get("people") or ())
    uploads = tuple(_uploads(raw.get("uploads") or ()))
    ordered = not bool(raw.get("any_order", False))
    calls, canned = [], []
    for i, step in enumerate(steps):
        chained = any(isinstance(s, Mapping) and _tool(s) == "anomaly_detection" for s in steps[i + 1 :])
        call, text = _step(step, i, ordered, chained)
        calls.append(call)
        canned.append(text)
    contains = _texts(raw.get("answer_contains") or (), "answer_contains")
    turn = CaseTurn(
        request,
        uploads,
        tuple(calls),
        tuple((c.tool, i, None) for i, c in enumerate(calls)),
        contains=tuple((c,) for c in contains),
        canned=tuple(canned),
    )
    name = str(raw.get("id") or f"case-{number}")
    tags = tuple(_texts(raw.get("tags") or (), "tags"))
    return Case(
        name, name, str(raw.get("level", "")), tags, "outside", (turn,), cameras=cameras, people=people, aliases=aliases
    )


def _texts(value: Any, what: str) -> list[str]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not all(isinstance(i, str | int | float) for i in items):
        raise ValueError(f"{what} is a list of texts")
    return [str(i) for i in items]


def _named(item: Any, what: str) -> tuple[str, list[str], list[str]]:
    """``(name, groups, aliases)`` of a text or an object."""
    if isinstance(item, str) and item.strip():
        return item.strip(), [], []
    if isinstance(item, Mapping) and isinstance(item.get("name", item.get("id")), str):
        groups = _texts(item.get("groups") or item.get("group") or (), "groups")
        return (
            str(item.get("name", item.get("id"))),
            groups,
            _texts(item.get("aliases") or item.get("alias") or (), "aliases"),
        )
    raise ValueError(f"a {what} is a name, or an object with a name, not {item!r}")


def _items_of(value: Any, what: str) -> Iterable[Any]:
    if isinstance(value, Mapping):  # {"gate 2": {...}} or {"gate 2": ["north wing"]}
        return [
            {"name": k, **v}
            if isinstance(v, Mapping)
            else {"name": k, "groups": v if isinstance(v, str | list) else []}
            for k, v in value.items()
        ]
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence):
        raise ValueError(f"{what} is a list")
    return value


def _cameras(value: Any, groups: Any) -> Iterator[Camera]:
    """Cameras; an alias is a group of one."""
    if not isinstance(groups, Mapping):
        raise ValueError("groups is an object: group -> list of cameras")
    for i, item in enumerate(_items_of(value, "cameras"), 1):
        name, own, aliases = _named(item, "camera")
        more = [g for g, members in groups.items() if name in _texts(members, f"group {g}")]
        yield Camera(i, name, "outside", tuple(sorted({*own, *aliases, *more})), "UTC", None)


def _people(value: Any) -> tuple[tuple[Person, ...], dict[str, str]]:
    people: list[Person] = []
    aliases: dict[str, str] = {}
    for item in _items_of(value, "people"):
        name, _, others = _named(item, "person")
        for one in (name, *others):
            people.append(Person(len(people) + 1, one, "outside", 1))
            aliases[one] = name
    return tuple(people), aliases


def _uploads(value: Any) -> Iterator[str]:
    counts = {"image": 0, "video": 0}
    for item in _items_of(value, "uploads"):
        said = item
        if isinstance(item, Mapping):
            said = next(
                (item[k] for k in ("handle", "id", "name", "path", "file") if isinstance(item.get(k), str)), None
            )
        if not isinstance(said, str) or not said:
            raise ValueError(f"an upload is a handle such as image-1, or an object with one, not {item!r}")
        film = bool(_FILM.search(said)) or (
            isinstance(item, Mapping) and "video" in str(item.get("kind", item.get("type")))
        )
        kind = said.partition("-")[0] if _HANDLE.fullmatch(said) else "video" if film else "image"
        counts[kind] += 1
        yield said if _HANDLE.fullmatch(said) else f"{kind}-{counts[kind]}"


def _tool(step: Mapping[str, Any]) -> Any:
    return step.get("tool", step.get("name", step.get("action")))


def _step(raw: Any, i: int, ordered: bool, chained: bool) -> tuple[Expected, Canned]:
    if not isinstance(raw, Mapping):
        raise ValueError(f"step {i + 1} is not an object")
    tool = _tool(raw)
    if tool not in cards():
        raise ValueError(f"step {i + 1}: there is no tool {tool!r}")
    args = raw.get("args", raw.get("arguments", {}))
    if not isinstance(args, Mapping):
        raise ValueError(f"step {i + 1}: args is an object")
    known = [a.name for a in cards()[tool].args]
    strange = [k for k in args if k not in known]
    if strange:
        raise ValueError(f"step {i + 1}: {tool} takes no {strange[0]!r}")
    given = {k: [v] if k == "cameras" and isinstance(v, str) else v for k, v in args.items() if v not in (None, "", [])}
    loose = frozenset({"cameras", "time"}) if tool == "scene_recognition" and chained else frozenset[str]()
    return Expected(tool, given, (i - 1,) if ordered and i else (), loose), _canned(tool, raw.get("observation"))


def _canned(tool: str, raw: Any) -> Canned:
    """The text and verdict of an observation."""
    if raw is None:
        return Canned("Done.", "info")
    if not isinstance(raw, Mapping):
        text = ", ".join(map(str, raw)) if isinstance(raw, list) else str(raw)
        return Canned(text, verdict_of(tool, text))
    stated = next((str(raw[k]) for k in ("verdict", "status") if str(raw.get(k)) in get_args(Verdict)), None)
    text = "; ".join(
        f"{k}: {_flat(v)}" for k, v in raw.items() if not (stated and str(v) == stated and k in ("verdict", "status"))
    )
    for verdict in get_args(Verdict):
        if verdict == stated:
            return Canned(text or str(verdict), verdict)
    return Canned(text, verdict_of(tool, text))


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_flat(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(v) for v in value) or "none"
    return (
        {True: "yes", False: "no", None: "none"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
