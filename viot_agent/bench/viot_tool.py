"""The released VIoT-Tool test set (AAAI 2025) as outside cases: nine files, three layouts, defects counted.

A city is a camera's name. The labels' own defects are mended where they are certain (four action names differ from the
registered tools; vehicle re-identification is labelled with the plate tool) and reported; items whose question holds an
unfilled ``{}``, or whose action no tool of ours has, are left out and reported. Times are not graded: the set has none.

Owns the import. Only planning can be graded: no file has answers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viot_agent.bench.cases import Canned, Case, CaseTurn
from viot_agent.bench.match import Expected
from viot_agent.errors import UserFault
from viot_agent.fleet.types import Camera
from viot_agent.foreign import read_json

FILES = ("face", "personreid", "gait", "vehiclereid", "licenceplate", "crowd", "fire", "anomaly", "action")
SATURATED = "saturated: router 98.8 %"
"""What nine regular expressions reach on the full set (tool and video right)."""
ALIASES = {
    "recognize the face": "face_recognition",
    "recognize the person by appearance": "person_reid",
    "re-identify the person in the video": "person_reid",
    "recognize the person by gait": "gait_recognition",
    "recognize the vehicle by appearance": "vehicle_reid",
    "recognize the vehicle by plate number": "plate_recognition",
    "recognize the vehicle plate": "plate_recognition",
    "count people in the video": "crowd_counting",
    "crowd counting": "crowd_counting",
    "fire and smoke detection": "fire_smoke_detection",
    "recognize the scene in the video": "scene_recognition",
    "detect anomaly condition on video scene": "anomaly_detection",
    "detect the human pose": "pose_estimation",
    "recognize the human action condition on pose": "action_recognition",
    "recognize the action condition on pose": "action_recognition",
}
_REGISTERED = frozenset(
    (
        "recognize the face",
        "recognize the person by appearance",
        "recognize the person by gait",
        "recognize the vehicle by appearance",
        "recognize the vehicle by plate number",
        "count people in the video",
        "fire and smoke detection",
        "recognize the scene in the video",
        "detect anomaly condition on video scene",
        "detect the human pose",
        "recognize the human action condition on pose",
    )
)
_CALL = re.compile(
    r"Action:\s*(?P<action>.+?)\s*\nAction Input:\s*(?P<input>.*?)\s*(?:\nObservation:\s*(?P<seen>[^\n]*))?(?=\n|$)"
)
_VIDEO = re.compile(r"video/(?:[A-Za-z]+_)?(?P<city>[^/_]+)\.mp4$")


@dataclass(frozen=True, slots=True)
class Import:
    """Cases, and one line for everything that was mended or left out."""

    cases: tuple[Case, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    file: str
    number: int
    query: str
    calls: tuple[tuple[str, str, str], ...]


def find_folder(folder: Path) -> Path:
    """Where the nine files lie: here, or below as in the shared data. Raises UserFault."""
    for place in (
        folder,
        folder / "benchmarks" / "viot-tool-sample",
        folder / "viot-tool-sample",
        folder / "benchmarks" / "viot-tool",
    ):
        if any((place / f"test_{name}.json").is_file() for name in FILES):
            return place
    raise UserFault(
        f"{folder} holds no file of VIoT-Tool", fix="give --data the folder with test_face.json and the other eight"
    )


def import_suite(folder: Path) -> Import:
    """The answerable items of all files. Raises UserFault for a file that is not laid out like the released ones."""
    place = find_folder(folder)
    items: list[_Item] = []
    notes: list[str] = []
    for name in FILES:
        path = place / f"test_{name}.json"
        if not path.is_file():
            notes.append(f"viot-tool {name}: there is no {path.name}")
            continue
        items += _items(name, path)
    count: Counter[str] = Counter()
    read = [(item, steps) for item in items if (steps := _steps(item, count)) is not None]
    cities = sorted({c for _, steps in read for s in steps for c in s.args.get("cameras", ())})
    fleet = tuple(Camera(i, city, "viot-tool", (), "UTC", None) for i, city in enumerate(cities, 1))
    cases = tuple(_case(item, steps, fleet) for item, steps in read)
    files = Counter(i.file for i in items)
    notes.insert(
        0, f"viot-tool: {len(items)} items ({', '.join(f'{f} {n}' for f, n in files.items())}), {len(cases)} answerable"
    )
    notes += [f"viot-tool: {words}: {n}" for words, n in sorted(count.items())]
    return Import(cases, tuple(notes))


def _items(name: str, path: Path) -> Iterator[_Item]:
    try:
        text = path.read_text("utf-8-sig")
        rows = (
            read_json(text) if text.lstrip().startswith("[") else [read_json(x) for x in text.splitlines() if x.strip()]
        )
    except (OSError, ValueError) as error:
        raise UserFault(
            f"{path} is neither a JSON array nor JSON Lines: {error}", fix="take the released file"
        ) from error
    for number, row in enumerate(rows, 1):
        try:
            yield _Item(name, number, str(row.get("query", row.get("id", ""))).strip(), tuple(_calls(row)))
        except (KeyError, TypeError, AttributeError) as error:
            raise UserFault(f"{path}, item {number} is laid out in no known way: {error!r}") from error


def _calls(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """``(action, input, observation)`` of each step, in whichever of the three layouts."""
    chains = row.get("chains")
    if isinstance(chains, str):
        for m in _CALL.finditer(chains.replace("\\n", "\n")):
            yield m["action"], m["input"], (m["seen"] or "").strip()
    elif isinstance(chains, list):
        for step in chains:
            yield step["action"], step["action_input"], str(step.get("observation", ""))
    else:
        yield row["action"], row["action_input"], ""


def _steps(item: _Item, count: Counter[str]) -> list[Expected] | None:
    """The item's calls in our tools' terms; None when it cannot be answered (why is counted)."""
    if "{}" in item.query or any("{}" in i for _, i, _ in item.calls):
        count[f"left out, the question in {item.file} holds an unfilled {{}}"] += 1
        return None
    steps: list[Expected] = []
    for action, given, _ in item.calls:
        label = " ".join(action.casefold().split())
        tool = ALIASES.get(label)
        if tool is None:
            count[f"left out, no tool of ours is called {action!r}"] += 1
            return None
        if label not in _REGISTERED:
            count[f"mended, the label {action!r} is no registered tool's name"] += 1
        if item.file == "vehiclereid" and tool == "plate_recognition":
            tool = "vehicle_reid"
            count["mended, vehicle re-identification is labelled with the plate tool"] += 1
        args = _args(tool, given)
        if args is None:
            count[f"left out, the input {given!r} names no video"] += 1
            return None
        if args.get("cameras") and args["cameras"][0].casefold() not in item.query.casefold():
            count["kept, the city is not in the question"] += 1
        chain = {"anomaly_detection": "scene_recognition", "action_recognition": "pose_estimation"}.get(tool)
        after = tuple(i for i, s in enumerate(steps) if s.tool == chain)
        loose = frozenset({"cameras", "time"}) if tool == "scene_recognition" else frozenset[str]()
        steps.append(Expected(tool, args, after, loose))
    if not steps:
        count["left out, no step"] += 1
    return steps or None


def _args(tool: str, given: str) -> dict[str, Any] | None:
    """Arguments from the comma-separated input: the video's city, and what stands before it."""
    if tool == "action_recognition":
        return {"poses": "poses-1"}
    head, _, tail = given.rpartition(",")
    match = _VIDEO.search(tail.strip())
    if match is None:
        return None
    args: dict[str, Any] = {"cameras": [match["city"]]}
    first = {
        "face_recognition": ("person", "image-1"),
        "person_reid": ("person", "image-1"),
        "gait_recognition": ("person", "video-1"),
        "vehicle_reid": ("vehicle", "image-1"),
        "plate_recognition": ("plate", head.strip()),
        "anomaly_detection": ("scene", head.strip()),
    }.get(tool)
    return {first[0]: first[1], **args} if first else args


def _case(item: _Item, steps: list[Expected], fleet: tuple[Camera, ...]) -> Case:
    canned = []
    for step, (_, _, seen) in zip(steps, item.calls, strict=True):
        words = {"pose_estimation": "poses-1", "scene_recognition": seen or "unknown"}.get(
            step.tool, "The data set records no result."
        )
        canned.append(Canned(words, "info"))
    uploads = tuple(dict.fromkeys(str(v) for s in steps for v in s.args.values() if v in ("image-1", "video-1")))
    goals = tuple((s.tool, i, None) for i, s in enumerate(steps))
    turn = CaseTurn(item.query, uploads, tuple(steps), goals, canned=tuple(canned))
    name = f"{item.file}-{item.number}"
    # templates repeat: an interval over single items would be too narrow
    return Case(name, item.file, "", (item.file,), "outside", (turn,), cameras=fleet, ignore=frozenset({"time"}))
