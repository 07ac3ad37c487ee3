"""The training expansion of VIoT-Instruct: authored phrasings filled many times over, checked row by row.

``python -m viot_finetune.instruct --data datasets/viot_instruct --out DIR --cases 100000 --seed 0`` writes JSON Lines
in the case format of DESIGN section 8 (several turns: one case a turn, with what was said ``earlier``). Three checks
stand before a row is written: its *format* (every call validates against its tool's card), its *execution* (cameras and
people resolve in the case's own fleet to what is named) and its *meaning* (every value was said by the person or
observed before it is used). A phrasing that shares a skeleton with a test family stops the build.

Owns the checks and the writing. Filling is ``fill``; the rules of phrasings are ``check``.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viot_agent.bench.cards import cards
from viot_agent.errors import ArgsFault, FailedFault, NameFault
from viot_agent.fleet.names import resolve_camera_names, resolve_person_name
from viot_agent.fleet.types import Camera, Person
from viot_agent.toolbox import Toolbox
from viot_finetune.instruct.check import Skeletons, load, skeleton
from viot_finetune.instruct.fill import Example, fill, load_rows
from viot_finetune.instruct.site import Noise

_MADE = re.compile(r"(?:image|video|clip|cloak|mask|redacted|poses)-\d+")


@dataclass(slots=True)
class Tally:
    """What a build wrote and what it left out, by reason."""

    written: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)


def leaks(data: Path, tests: Path) -> list[str]:
    """Training phrasings that share a skeleton with a test family's text or paraphrase."""
    train = [
        (f"{path.name}:{n}", skeleton(row))
        for path in sorted([*data.glob("phrasings_*.jsonl"), *data.glob("fictitious*.jsonl")])
        for n, row in enumerate(load(path), 1)
    ]
    families = []
    for row in load(tests):
        families.append((row["id"], skeleton(row)))
        other = row.get("paraphrase")
        if other:
            turns = [other] if isinstance(other, str) else other
            families.append((f"{row['id']} (paraphrase)", skeleton({"turns": [{"text": t} for t in turns]})))
    # families are told apart from the phrasings only: among themselves they may be alike
    known = Skeletons(train)
    return [line for family in families for line in known.like(family)]


def faults_of(example: Example, toolbox: Toolbox) -> Iterator[str]:
    """Why a row may not be written: format, execution, meaning."""
    fleet = [
        Camera(i, name, "", example.groups[i % len(example.groups) :][:1] if example.groups else (), "UTC", None)
        for i, name in enumerate(example.cameras)
    ]
    known = [Person(i, name, "", 1) for i, name in enumerate(example.people)]
    heard = "\n".join([*(s.text for s in example.earlier), example.text]).casefold()
    for step in example.steps:
        try:
            toolbox.check_args(step.tool, step.args)
        except ArgsFault as fault:
            yield f"format: {fault}"
            continue
        for name, value in step.args.items():
            for item in value if isinstance(value, list) else [value]:
                yield from _value_faults(name, item, example, fleet, known, heard)
        heard += "\n" + step.observation.casefold()


def _value_faults(
    name: str, item: str, example: Example, fleet: Sequence[Camera], known: Sequence[Person], heard: str
) -> Iterator[str]:
    uploads = example.said.uploads
    if name == "cameras":
        try:
            resolve_camera_names([item], fleet)
        except NameFault:
            if item not in example.groups:
                yield "execution: a camera does not resolve"
    elif name in ("person", "keep") and item not in uploads and known:
        try:
            resolve_person_name(item, known)
        except NameFault:
            yield "execution: a person does not resolve"
    elif _MADE.fullmatch(item):
        if item not in uploads and item not in heard:
            yield "meaning: a handle that nothing made"
    elif name in ("time", "plate", "question", "scene") and item.casefold() not in heard:
        yield f"meaning: {name} was neither said nor observed"


def case_of(example: Example) -> dict[str, Any]:
    """An example in the case format of DESIGN section 8."""
    row: dict[str, Any] = {
        "id": example.id,
        "family": example.id.partition(".")[0],
        "request": example.text,
        "uploads": list(example.said.uploads),
        "cameras": list(example.cameras),
        "groups": list(example.groups),
        "people": list(example.people),
        "steps": [{"tool": s.tool, "args": s.args, "observation": s.observation} for s in example.steps],
        "any_order": False,
        "answer_contains": [],
        "tags": list(example.tags),
    }
    if example.earlier:
        row["earlier"] = [s.text for s in example.earlier]
    if not example.steps:
        row |= {"reply": example.reply, "missing": list(example.missing)}
    return row


def build(data: Path, out: Path, cases: int, seed: int, tests: Path | None = None) -> Tally:
    """Write ``out/train.jsonl`` with ``cases`` rows. Raises FailedFault when a phrasing leaks into a test family."""
    if tests is not None:
        shared = leaks(data, tests)
        if shared:
            raise FailedFault(
                f"{len(shared)} phrasings share a skeleton with a test family: {'; '.join(shared[:5])}",
                fix="take them out of the training phrasings",
            )
    rows = load_rows(data)
    rng = random.Random(seed)
    toolbox = Toolbox(cards().values())
    tally = Tally()
    out.mkdir(parents=True, exist_ok=True)
    with (out / "train.jsonl").open("w", encoding="utf-8") as file:
        while tally.written < cases:
            # every phrasing once a round, in a new order: none is left out and none runs ahead
            for row in rng.sample(rows, len(rows)):
                for example in fill(row, rng, "train", Noise()):
                    found = next(faults_of(example, toolbox), None)
                    if found is not None:
                        tally.refused[found] += 1
                    elif tally.written < cases:
                        file.write(json.dumps(case_of(example), ensure_ascii=False) + "\n")
                        tally.written += 1
                        tally.tools.update(s.tool for s in example.steps)
                if tally.written >= cases:
                    break
    return tally
