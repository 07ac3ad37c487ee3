"""How well a place is named: the classifiers against words given by eye (``datasets/annotations/scenes.json``).

``scene.top1``: share of sources whose likeliest scene is one of the fair words; ``scene.side``: indoors or outdoors;
``scene.said.share`` and ``scene.said.precision``: how often a word (of any level) is sure enough to be said, and how
often it is then right. ``.stills`` are photographs. Clips that show one place are one source; intervals are
bootstrapped over sources (``.stills``: over pictures). The floor says the word that is fair for most of the *other*
sources.

The builtin model is judged only on sources that it was not trained on; the hub's table was not trained, but was written
by somebody who had seen the classifier's classes on these clips: other footage may do worse. Vehicles, which speak for
streets in the analyzer, are not heard here.

Owns these figures. Knows no table layout.
"""

from __future__ import annotations

import fnmatch
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from viot_agent.bench.report import Row, bootstrap
from viot_agent.errors import FailedFault
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.scene.classify import LEVELS_OF_MODEL, Around, SceneClassifier, scene_classifier
from viot_tools.scene.vocabulary import GROUP_OF, SIDE_OF, Probabilities, best, hedged, inside

TRAINED_ON = frozenset({"MIT", "Apache-2.0", "CC-BY-4.0"})
"""Licences of the clips that the builtin model was trained on."""
STILLS_TRAINED_ON = frozenset({"gas flares"})
FRAMES = 5
QUICK = 6


@dataclass(frozen=True, slots=True)
class Looked:
    """One annotated place and what the classifier made of it."""

    source: str
    words: tuple[str, ...]
    p: Probabilities


def annotated(data: Path) -> Mapping[str, Any] | None:
    """``scenes.json`` of the data folder, else of this checkout; None where neither is."""
    places = (data / "annotations", Path(__file__).resolve().parents[3] / "datasets" / "annotations")
    found = next((p / "scenes.json" for p in places if (p / "scenes.json").is_file()), None)
    return None if found is None else dict(json.loads(found.read_text("utf-8")))


def pictures(data: Path, path: str, frames: int = FRAMES) -> list[Image]:
    """Pictures of an annotated path (may hold ``*``): a video's evenly, a folder's, or the one; [] where absent."""
    where = data / path
    if where.is_dir():
        files = sorted((where / "img1").glob("*.jpg"))[::2]
    elif "*" in path:
        near = sorted(where.parent.iterdir()) if where.parent.is_dir() else []
        files = [p for p in near if fnmatch.fnmatch(p.name, where.name)][:FRAMES]
    else:
        files = [where] if where.is_file() else []
    if files and files[0].suffix.lower() in (".jpg", ".png"):
        return [_picture(file) for file in files]
    if not files:
        return []
    reader = open_media(files[0], width=640)
    return [f.image for f in reader.read([reader.info.duration * s for s in np.linspace(0.06, 0.94, frames)])]


def _picture(file: Path) -> Image:
    bgr = cv2.imread(str(file))
    if bgr is None:
        raise FailedFault(f"{file} is no picture")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def lifted(words: Sequence[str], level: str) -> set[str]:
    """The words of one level that hold one of ``words``."""
    lift: Mapping[str, Callable[[str], str]] = {"scene": str, "group": GROUP_OF.__getitem__, "side": _side}
    return {lift[level](word) for word in words}


def _side(word: str) -> str:
    return SIDE_OF[GROUP_OF[word]]


def floor_words(places: Sequence[tuple[str, tuple[str, ...]]], level: str) -> list[bool]:
    """For each (source, fair words): is the word that is fair for most of the other sources fair here?"""
    found = []
    for source, words in places:
        counts: Counter[str] = Counter()
        for other in {s for s, _ in places} - {source}:
            fair = {w for s, ws in places if s == other for w in lifted(ws, level)}
            counts.update(fair)
        most = max(sorted(counts), key=lambda w: counts[w]) if counts else ""
        found.append(most in lifted(words, level))
    return found


def rows(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    """The rows of one tier, and what was skipped. Raises WeightsMissing."""
    listed = annotated(data)
    if listed is None:
        return [], [f"scene.*: no annotations/scenes.json in {data}, and no checkout beside this package"]
    classifier = scene_classifier(weights)
    trained = weights.tier == "builtin"
    clips = [r for r in listed["clips"] if not (trained and r["licence"] in TRAINED_ON)]
    stills = [r for r in listed["stills"] if not (trained and r["source"] in STILLS_TRAINED_ON)]
    found: list[Row] = []
    skipped: list[str] = []
    for part, where in ((clips, ""), (stills, ".stills")):
        looked, absent = _look(data, part[:QUICK] if quick else part, classifier)
        skipped += [f"scene.*{where}: no {path} in {data}" for path in absent]
        if looked:
            found += _figures(looked, where, classifier.model, weights.tier, seed)
    return found, skipped


def _look(
    data: Path, listed: Sequence[Mapping[str, Any]], classifier: SceneClassifier
) -> tuple[list[Looked], list[str]]:
    looked, absent = [], []
    for row in listed:
        images = pictures(data, row["path"])
        if not images:
            absent.append(row["path"])
            continue
        looked.append(Looked(row["source"], tuple(row["scenes"]), classifier.look(images, Around())))
    return looked, absent


def _figures(looked: Sequence[Looked], where: str, model: str, tier: str, seed: int) -> list[Row]:
    """All rows of one part. Clips of one source are averaged; of photographs each is a unit."""
    units = [one.source if not where else str(i) for i, one in enumerate(looked)]

    def row(name: str, metric: str, hits: Sequence[float], floor: float | None, of: Sequence[str]) -> Row:
        each = _by_unit(hits, of)
        low, high = bootstrap(each, seed)
        return Row(name + where, metric, float(np.mean(each)), low, high, len(each), model, tier, floor)

    places = [(unit, one.words) for unit, one in zip(units, looked, strict=True)]
    made: list[Row] = []
    for name, level in (("scene.top1", "scene"), ("scene.side", "side")):
        hits = [float(best(one.p, level).word in lifted(one.words, level)) for one in looked]  # type: ignore[arg-type]
        trivial = [float(hit) for hit in floor_words(places, level)]
        floor = float(np.mean(_by_unit(trivial, units)))
        made.append(row(name, f"likeliest {level} is a fair word", hits, floor, units))
        gain = [a - b for a, b in zip(hits, trivial, strict=True)]
        made.append(row(f"{name}.gain", "the same less the commonest word, paired", gain, 0.0, units))
    named = [hedged(one.p, LEVELS_OF_MODEL[model]) for one in looked]
    made.append(
        row("scene.said.share", "a word was sure enough to be said", [float(n is not None) for n in named], None, units)
    )
    said = [(n, one, unit) for n, one, unit in zip(named, looked, units, strict=True) if n is not None]
    if said:
        hits = [float(bool(set(inside(n.word)) & set(one.words))) for n, one, _ in said]
        common = float(np.mean(_by_unit([float(h) for h in floor_words(places, "side")], units)))
        made.append(
            row("scene.said.precision", "what was said is or holds a fair word", hits, common, [u for *_, u in said])
        )
    return made


def _by_unit(values: Sequence[float], units: Sequence[str]) -> list[float]:
    return [
        float(np.mean([v for v, u in zip(values, units, strict=True) if u == unit])) for unit in dict.fromkeys(units)
    ]
