"""Attributes of people and vehicles against what was written down by eye, on the half that calibration did not see.

``attributes.NAME``: share of people (vehicles) whose likeliest value is a fair word for them; who is not told counts as
wrong. ``attributes.NAME.sure``: the same of those alone of whom the answer is sure, of the clips and photographs taken
together (aim: 0.9); ``attributes.NAME.told``: how many those are. NAME is ``upper_colour``, ``lower_colour``, ``sex``,
``hair``, ``lower`` (trousers or short) and ``colour`` of vehicles; a name that calibration gave up has no row.
``attributes.carrying.sure``: of the bags and backpacks told from one frame (ingest wants two), those that are there;
its floor is the share of all labelled people who have that. ``attributes.carrying.recall``: of people with one, those
of whom it was told. Its rule was chosen with both halves in view.

Floors, the better one of two where both exist: the commonest word of the half, said of everybody; and the supplied
network alone: the colour at the point that it names (of vehicles its own colour), the side of 0.5 of its output.

Boxes are a detector's, chosen once and kept with the labels; pictures, key points and exposure are as at ingest, one
picture a person. Intervals are bootstrapped over people and vehicles; those of one clip resemble each other, so the
true ones are wider.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from viot_agent.bench.report import Row
from viot_agent.weights import Weights
from viot_tools.attributes import judge, looks, naming
from viot_tools.attributes.judge import BINARY, COLOUR_NAMES, Value
from viot_tools.attributes.network import FILES, OUTPUTS, PersonNetwork, Read
from viot_tools.bench.looks import Labelled, labelled
from viot_tools.bench.reid_rows import by_unit, row
from viot_tools.objects.detect import object_detector
from viot_tools.objects.detections import MODEL_OF_TIER, ThingDetector
from viot_tools.pose.movenet import MoveNet
from viot_tools.reid.colour import COLOURS as SUPPLIED
from viot_tools.reid.vehicle import VehicleLook

WORDS = {
    "upper_colour": "colour of the upper clothing",
    "lower_colour": "colour of the lower clothing",
    "sex": "male or female",
    "hair": "long or short hair",
    "lower": "trousers, or shorts and short skirts",
    "colour": "colour of the vehicle",
}
QUICK = 3
"""Of the files, every third one with ``--quick``."""


def rows(data: Path, weights: Weights, quick: bool = False, seed: int = 0) -> tuple[list[Row], list[str]]:
    """The rows of the tier that ``weights`` stands for, and what was skipped. Raises WeightsMissing."""
    hub = weights.tier == "hub"
    detector = object_detector(weights)
    things = detector if isinstance(detector, ThingDetector) else None
    found = labelled(data, "report", MoveNet(weights).estimate if hub else None, things)
    if quick:
        kept = set(sorted({x.file for x in found})[::QUICK])
        found = [x for x in found if x.file in kept]
    if not found:
        return [], ["attributes.*: no labelled footage, or no annotations/attributes.json"]
    network = PersonNetwork(weights) if hub else None
    people = [x for x in found if x.kind == "people"]
    told = {x.who: {v.name: v for v in looks.person([x.look], network)} for x in people}
    plain = supplied(people, network)
    model = f"{FILES[0]}+colour-names" if hub else "colour-names"
    made: list[Row] = []
    for name in [n for n in WORDS if n != "colour" and n in judge.told(weights.tier)]:
        made += figures(name, people, told, plain.get(name), seed, model, weights.tier)
    if hub:
        made += carrying(people, seed)
        vehicles = [x for x in found if x.kind == "vehicles" and "colour" in x.labels]
        seen = [{v.name: v for v in looks.vehicle([x.look])} for x in vehicles]
        paint = _paint(vehicles, weights)
        made += _vehicles(vehicles, seen, paint, seed, weights.tier)
    return made, []


def figures(
    name: str,
    people: Sequence[Labelled],
    told: Mapping[str, Mapping[str, Value]],
    plain: Mapping[str, str] | None,
    seed: int,
    model: str,
    tier: str,
) -> list[Row]:
    """The three rows of one attribute. ``plain`` is what the supplied network alone says, by person."""
    mine = [x for x in people if name in x.labels]
    if not mine:
        return []
    said = [told[x.who].get(name) for x in mine]
    right = [float(v is not None and v.value in x.labels[name]) for x, v in zip(mine, said, strict=True)]
    floor = _better(mine, name, None if plain is None else [plain.get(x.who, "") for x in mine])
    return _three(name, mine, said, right, floor, seed, model, tier)


def carrying(people: Sequence[Labelled], seed: int) -> list[Row]:
    """The rows of bags."""
    mine = [x for x in people if "carrying" in x.labels and x.bag is not None]
    told = [x for x in mine if x.bag]
    has = [x for x in mine if "nothing" not in x.labels["carrying"]]
    model, found = MODEL_OF_TIER["hub"], []
    if told:
        right = [float(x.bag in x.labels["carrying"]) for x in told]
        floor = [float(np.mean([float(t.bag in x.labels["carrying"]) for x in mine])) for t in told]
        found.append(
            row("attributes.carrying.sure", "bag or backpack told, as by eye", right, seed, model, "hub", floor)
        )
    if has:
        recall = [float(x.bag in x.labels["carrying"]) for x in has]
        found.append(row("attributes.carrying.recall", "told, of people with one", recall, seed, model, "hub"))
    return found


def _three(
    name: str,
    mine: Sequence[Labelled],
    said: Sequence[Value | None],
    right: Sequence[float],
    floor: Sequence[float],
    seed: int,
    model: str,
    tier: str,
) -> list[Row]:
    who = [x.who for x in mine]
    found = [
        row(
            f"attributes.{name}",
            f"{WORDS[name]}, as by eye",
            by_unit(who, right),
            seed,
            model,
            tier,
            by_unit(who, floor),
        )
    ]
    sure = [v is not None and judge.sure(name, v.value, v.score) for v in said]
    ids = [w for w, s in zip(who, sure, strict=True) if s]
    if ids:
        among = by_unit(ids, [r for r, s in zip(right, sure, strict=True) if s])
        least = by_unit(ids, [f for f, s in zip(floor, sure, strict=True) if s])
        found.append(
            row(f"attributes.{name}.sure", "the same, of those told for sure", among, seed, model, tier, least)
        )
    share = by_unit(who, [float(s) for s in sure])
    found.append(row(f"attributes.{name}.told", "share told for sure", share, seed, model, tier))
    return found


def _better(mine: Sequence[Labelled], name: str, plain: Sequence[str] | None) -> list[float]:
    """What the better floor gets right: the commonest word, or the supplied network alone."""
    common = Counter(x.labels[name][0] for x in mine).most_common(1)[0][0]
    floors = [[float(common in x.labels[name]) for x in mine]]
    if plain is not None:
        floors.append([float(word in x.labels[name]) for x, word in zip(mine, plain, strict=True)])
    return max(floors, key=lambda f: float(np.mean(f)))


def supplied(people: Sequence[Labelled], network: PersonNetwork | None) -> dict[str, dict[str, str]]:
    """What the network alone says, by attribute and person; empty without one."""
    found: dict[str, dict[str, str]] = {}
    if network is None:
        return found
    for x in people:
        read = network.read(x.look.image)
        for name in COLOUR_NAMES[:2]:
            found.setdefault(name, {})[x.who] = point_colour(x, read, name)
        for name, (output, yes, no) in BINARY.items():
            found.setdefault(name, {})[x.who] = yes if read.scores[OUTPUTS.index(output)] >= 0.5 else no
    return found


def point_colour(x: Labelled, read: Read, name: str) -> str:
    """The name of the one pixel that the network points at."""
    height, width = x.look.image.shape[:2]
    across, down = np.clip(read.upper if name == "upper_colour" else read.lower, 0, 1)
    at = min(int(down * height), height - 1), min(int(across * width), width - 1)
    pixel = x.look.image[at[0] : at[0] + 1, at[1] : at[1] + 1]
    return naming.COLOURS[int(naming.names(naming.lab(pixel, side=1))[0].argmax())]


def _paint(vehicles: Sequence[Labelled], weights: Weights) -> list[str]:
    """What the supplied network calls the vehicles' colours."""
    look = VehicleLook(weights)
    return [SUPPLIED[int(look.numbers(x.look.image)[1].network.argmax())] for x in vehicles]


def _vehicles(
    vehicles: Sequence[Labelled], seen: Sequence[Mapping[str, Value]], paint: Sequence[str], seed: int, tier: str
) -> list[Row]:
    if not vehicles:
        return []
    said = [each.get("colour") for each in seen]
    right = [float(v is not None and v.value in x.labels["colour"]) for x, v in zip(vehicles, said, strict=True)]
    return _three("colour", vehicles, said, right, _better(vehicles, "colour", paint), seed, "colour-names", tier)
