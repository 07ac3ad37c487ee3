"""The floors beside every model: random, keyword router, untuned base, nearest neighbour; and the oracle above.

All read the same menu and mentions as a model, fill arguments as the router does, and walk the same cases. The untuned
base is MiniLM as it comes: the card most like the request is called. The neighbour copies the steps of the authored
training phrasing most like the request, where those phrasings are at hand (a checkout, not a wheel).

Owns the four policies and their loading. Figures are ``figures``'.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from viot_agent.bench.cards import cards
from viot_agent.bench.cases import Case
from viot_agent.bench.models import Policy, View
from viot_agent.bench.oracle import Oracle
from viot_agent.bench.router import Router, arguments
from viot_agent.errors import ViotError
from viot_agent.react import Act, AskBack, Finish, ReactStep
from viot_agent.weights import default_home

Array = npt.NDArray[np.float32]
Embed = Callable[[str], Array]
"""(384,) float32, L2-normalised."""
PolicyOf = Callable[[Case], Policy]

PHRASINGS = Path(__file__).resolve().parents[2] / "datasets" / "viot_instruct"
_THEN = {"scene_recognition": "anomaly_detection", "pose_estimation": "action_recognition"}
_BEFORE = {then: first for first, then in _THEN.items()}


class Random:
    """Any tool of the menu, or none; arguments as the router fills them; stops after one call."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def next(self, view: View) -> ReactStep:
        rng = random.Random(f"{self.seed} {view.text}")
        pick = rng.choice(["", *cards()])
        if view.history or not pick:
            return Finish("A coin says stop.", _seen(view))
        return Act("A coin says so.", pick, _filled(pick, view))


@dataclass
class Untuned:
    """The card whose purpose is most like the request, by cosine. The two fixed chains are made whole."""

    embed: Embed
    names: tuple[str, ...] = field(default=())
    _matrix: Array | None = None

    def next(self, view: View) -> ReactStep:
        if self._matrix is None:
            self.names = tuple(cards())
            self._matrix = np.stack([self.embed(s.description) for s in cards().values()])
        best = self.names[int(np.argmax(self._matrix @ self.embed(view.text)))]
        return _chain([_BEFORE[best], best] if best in _BEFORE else [best], view)


@dataclass(frozen=True)
class Phrasing:
    """An authored training request: its words without slots, and what it wants."""

    text: str
    tools: tuple[str, ...]
    given: tuple[tuple[str, ...], ...]
    missing: tuple[str, ...]


@dataclass
class Neighbour:
    """The steps of the training phrasing most like the request."""

    embed: Embed
    phrasings: Sequence[Phrasing]
    matrix: Array

    def next(self, view: View) -> ReactStep:
        text = view.text
        for m in sorted(view.mentions, key=lambda m: -m.start):
            if m.kind != "upload":
                text = text[: m.start] + m.kind + text[m.end :]
        found = self.phrasings[int(np.argmax(self.matrix @ self.embed(text)))]
        if found.missing:
            return AskBack("As the nearest.", found.missing, "Which one do you mean?")
        return _chain(list(found.tools), view, found.given)


def _seen(view: View) -> str:
    return (
        " ".join(p.observation.summary for p in view.history if p.observation is not None) or "I cannot help with that."
    )


def _chain(tools: Sequence[str], view: View, given: Sequence[Sequence[str]] = ()) -> ReactStep:
    """The next of ``tools``; ``given`` keeps only these arguments of each."""
    at = len(view.history)
    if at >= len(tools):
        return Finish("Nothing more to do.", _seen(view))
    args = _filled(tools[at], view)
    if given:
        args = {k: v for k, v in args.items() if k in given[at] or k in ("poses", "scene")}
    for past in reversed(view.history):
        if past.observation is None:
            continue
        data = past.observation.data
        if tools[at] == "action_recognition" and "handle" in data:
            args["poses"] = data["handle"]
        if tools[at] == "anomaly_detection" and data.get("scenes"):
            args["scene"] = data["scenes"][0]
        if "media" in args and str(data.get("handle", "")).startswith("clip-"):
            args["media"] = data["handle"]
    return Act("The most alike.", tools[at], args)


def _filled(tool: str, view: View) -> dict[str, Any]:
    """The router's arguments; what is needed and not mentioned gets a word, so that the call is well-formed."""
    args = arguments(tool, view)
    for spec in cards()[tool].args:
        if spec.required and spec.name not in args:
            args[spec.name] = ["camera"] if spec.kind == "cameras" else "unknown"
    return args


def read_phrasings(folder: Path) -> list[Phrasing]:
    """The authored training requests of a folder (single requests only)."""
    found = []
    for path in sorted(folder.glob("phrasings_*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line) if line.strip() else {}
            if "text" in row and "steps" in row:
                found.append(_phrasing(row))
    return found


def _phrasing(row: Mapping[str, Any]) -> Phrasing:
    text = re.sub(
        r"\{(?:(time)\w*|(?:camera|pair|plural|group)\w*|(person)\w*|(plate)\w*|\w+)\}", _slot_word, row["text"]
    )
    steps = [s for s in row["steps"] if "when" not in s]
    given = tuple(tuple(s["args"]) for s in steps)
    return Phrasing(text, tuple(s["tool"] for s in steps), given, tuple(row.get("missing", ())))


def _slot_word(match: re.Match[str]) -> str:
    return next((g for g in match.groups() if g), "camera")


def embedder() -> Embed:
    """MiniLM as it comes, with no adapter; texts are embedded once. Raises ViotError naming what is missing."""
    from viot_agent.llm.mini.encoder import Encoder

    encoder = Encoder({}, 1.0, threads=1)
    kept: dict[str, Array] = {}

    def embed(text: str) -> Array:
        if text not in kept:
            kept[text] = encoder.sentence(text)
        return kept[text]

    return embed


def cached_matrix(texts: Sequence[str], cache: Path) -> Path:
    """Where the embeddings of these texts are kept."""
    return cache / f"phrasings-{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:16]}.npy"


def matrix_of(texts: Sequence[str], embed: Embed, cache: Path) -> Array:
    """(N, 384) embeddings, kept in ``cache``: thousands of phrasings take half a minute."""
    path = cached_matrix(texts, cache)
    if path.is_file():
        kept: Array = np.load(path, allow_pickle=False)
        return kept
    out = np.stack([embed(t) for t in texts]).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, out, allow_pickle=False)
    return out


def load_floors(
    seed: int, skipped: list[str], *, phrasings: Path = PHRASINGS, quick: bool = False
) -> Iterator[tuple[str, PolicyOf]]:
    """The floors that this machine can walk, by name; what it cannot is said in ``skipped``.

    ``quick``: the neighbour walks only if its phrasings were embedded by an earlier run.
    """
    chance, router = Random(seed), Router()
    yield "random", lambda case: chance
    yield "router", lambda case: router
    try:
        embed = embedder()
    except (ViotError, ImportError) as error:
        skipped += [f"floor untuned: {error}", f"floor neighbour: {error}"]
    else:
        untuned = Untuned(embed)
        yield "untuned", lambda case: untuned
        known = read_phrasings(phrasings) if phrasings.is_dir() else []
        texts, cache = [p.text for p in known], default_home() / "cache"
        if known and quick and not cached_matrix(texts, cache).is_file():
            skipped.append("floor neighbour: its phrasings are not embedded yet (a run without --quick does that)")
        elif known:
            matrix = matrix_of(texts, embed, cache)
            neighbour = Neighbour(embed, known, matrix)
            yield "neighbour", lambda case: neighbour
        else:
            skipped.append(
                f"floor neighbour: the training phrasings are not at {phrasings} (they come with a checkout)"
            )
    yield "oracle", Oracle
