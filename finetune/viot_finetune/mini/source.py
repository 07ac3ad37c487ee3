"""The stream of training batches: phrasings drawn by weight, filled, put before a random menu and encoded.

Everything that needs no gradient is made here, in a process of its own, so that it does not stand in the way of the
arithmetic. As many processes and the same seed: the same batches in the same order.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import queue
import random
import re
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from viot_agent.llm.mini import assets
from viot_agent.llm.mini.encoder import Reader
from viot_agent.llm.mini.menu import Menu
from viot_agent.llm.mini.spelling import collect
from viot_finetune.instruct.fill import Example, fill
from viot_finetune.instruct.site import Noise
from viot_finetune.mini.cards import card_specs, fictitious
from viot_finetune.mini.prepare import (
    Packed,
    Sample,
    Tokens,
    Unreachable,
    pack,
    random_menu,
    rows_of,
    samples,
    tokens,
)

_LOG = logging.getLogger(__name__)
AHEAD = 48
"""Batches that may wait for the trainer."""
KEPT, AGAIN = 12000, 0.7
"""Fillings that are kept with their menus, and how often a kept one is taken again in place of a new one."""


class Source:
    """An endless seeded stream of decisions from authored rows."""

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        reader: Reader,
        seed: int,
        noise: Noise | None = None,
        strange: tuple[Sequence[dict[str, Any]], float] = ((), 0.0),
        absent: float = 0.0,
        without: Sequence[str] = (),
        thought: bool = True,
        newer: tuple[str, float] = ("", 1.0),
        later: float = 1.0,
    ) -> None:
        self.rows, self.reader, self.noise = list(rows), reader, noise or Noise()
        self.rng = random.Random(seed)
        self.specs = {name: specs for name, specs in card_specs().items() if name not in without}
        self.thought = thought
        self.fictitious = list(fictitious().values())
        self.weights = [_weight(r) * more(r, *newer) for r in self.rows]
        self.later = later
        self.strange, self.share = list(strange[0]), strange[1] if strange[0] else 0.0
        self.absent = absent
        self.kept: list[list[Sample]] = []
        self.unreachable = self.drawn = 0

    def draw(self) -> list[Sample]:
        """All decisions of one filling of one phrasing, new or seen before."""
        # finding mentions and driving the grammar cost as much as a third of a gradient's share of two cores
        if len(self.kept) >= KEPT // 3 and self.rng.random() < AGAIN:
            return self.rng.choice(self.kept)
        made = self._make()
        if len(self.kept) < KEPT:
            self.kept.append(made)
        else:
            self.kept[self.rng.randrange(KEPT)] = made
        return made

    def _make(self) -> list[Sample]:
        while True:
            example = self._example()
            needed = set(self.specs) if example.reply == "ask" else {t for s in example.steps for t in _tools(s)}
            specs, strange = self.specs, self.fictitious
            if example.steps and self.rng.random() < self.absent:
                # the tool it needs is not installed: no other is called in its place
                head = example.steps[0].tool
                specs = {n: s for n, s in specs.items() if n != head}
                strange = [s for s in strange if s.name != head]
                example = replace(example, steps=(), reply="out_of_scope", missing=())
                needed = set()
            menu = random_menu(specs, strange, needed, self.rng, whole=0.65)
            self.drawn += 1
            try:
                found = samples(example, menu, self.reader, self.rng, self.thought)
            except Unreachable as reason:
                self.unreachable += 1
                _LOG.debug("%s", reason)
                continue
            # "everything is observed" after a single call is learnt in no time: most of those are left out
            plain = len(found) == 2 and not example.steps[0].rest
            found = found[:1] if plain and self.rng.random() > 0.25 else found
            return [s for i, s in enumerate(found) if not i or self.later >= 1 or self.rng.random() < self.later]

    def _example(self) -> Example:
        if self.rng.random() < self.share:
            row = self.rng.choice(self.strange)
        else:
            row = self.rng.choices(self.rows, self.weights)[0]
        return self.rng.choice(fill(row, self.rng, "train", self.noise))

    def take(self, count: int) -> list[Sample]:
        found: list[Sample] = []
        while len(found) < count:
            found += self.draw()
        return found[:count]


def without(rows: Sequence[dict[str, Any]], tools: Sequence[str]) -> list[dict[str, Any]]:
    """The rows none of whose turns calls any of the ``tools``: what a model learns from to which they shall be new."""
    return [r for r in rows if not {s["tool"] for t in r.get("turns") or [r] for s in t["steps"]} & set(tools)]


def vocabulary(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The words of the authored requests, but for those written with typos on purpose: most frequent first."""
    straight = [row for row in rows if "typo" not in row.get("tags", ())]
    return collect(re.sub(r"\{\w+\}", " ", t["text"]) for row in straight for t in row.get("turns") or [row])


def _tools(step: Any) -> list[str]:
    return [step.tool, *(t for t, _ in step.rest)]


def _weight(row: dict[str, Any]) -> float:
    # what is hard comes more often
    turns = row.get("turns")
    if turns:
        return 0.7 * len(turns)
    if any("when" in s for s in row["steps"]):
        return 1.7
    if len(row["steps"]) > 1:
        return 1.5
    if not row["steps"] and row["reply"] != "ask":
        return 1.5
    return 1.3 if {"correction", "sibling", "plural"} & set(row.get("tags", ())) else 1.0


def more(row: dict[str, Any], since: str, factor: float) -> float:
    """How much oftener a row comes where the files from ``phrasings_<since>`` on are new to a model: ``factor`` times;
    not those with a condition, of which there are many."""
    fresh = bool(since) and is_since(row, since)
    waits = any("when" in s for t in row.get("turns") or [row] for s in t["steps"])
    return factor if fresh and not waits else 1.0


def is_since(row: Mapping[str, Any], first: str) -> bool:
    """Whether a row is of ``phrasings_<first>`` or of a later file."""
    file = file_of(row)
    return (len(file), file) >= (len(first), first)


def file_of(row: Mapping[str, Any]) -> str:
    """Which file of phrasings a row is of: ``rr`` of ``phrasings_rr``."""
    return str(row.get("id", "")).partition("-")[0]


def texts_of_cards() -> list[str]:
    """Every text of every card's wording, sorted: what is embedded for the table of ``Packed``."""
    every = [s for specs in card_specs().values() for s in specs] + list(fictitious().values())
    return sorted({t for s in every for part in Menu.of([s]).texts() for t in part if t})


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stream is made of; can be sent to another process."""

    rows: Sequence[dict[str, Any]]
    words: Sequence[str]
    strange: Sequence[dict[str, Any]]
    share: float
    absent: float
    batch: int
    hide: float
    seed: int
    without: tuple[str, ...] = ()
    thought: bool = True
    newer: tuple[str, float] = ("", 1.0)
    """From which file on the rows are new, and how much oftener they come (see :func:`more`)."""
    later: float = 1.0
    """Share of the decisions after an example's first that are learnt from."""


def batches(plan: Plan) -> Iterator[tuple[Tokens, Packed]]:
    """Endless batches of decisions of similar length: attention pads them to the longest."""
    reader = Reader(assets.encoder_dir(), plan.words)
    source = Source(
        plan.rows,
        reader,
        plan.seed,
        strange=(plan.strange, plan.share),
        absent=plan.absent,
        without=plan.without,
        thought=plan.thought,
        newer=plan.newer,
        later=plan.later,
    )
    rows = rows_of(texts_of_cards())
    for ahead in itertools.chain((1, 2, 4), itertools.repeat(8)):  # the first ones soon
        waiting = sorted(source.take(plan.batch * ahead), key=lambda s: sum(map(len, s.pieces)))
        parts = [waiting[k : k + plan.batch] for k in range(0, len(waiting), plan.batch)]
        source.rng.shuffle(parts)
        for part in parts:
            yield tokens(part, reader, plan.hide, source.rng), pack(part, rows)


def streamed(plan: Plan, makers: int = 1) -> Generator[tuple[Tokens, Packed], None, None]:
    """``batches`` from ``makers`` processes, one batch of each in turn. Raises RuntimeError when one fails."""
    context = multiprocessing.get_context("spawn")
    lines: list[Any] = [context.Queue(AHEAD) for _ in range(makers)]
    plans = [replace(plan, seed=plan.seed + 7_919 * i) for i in range(makers)]
    running = [context.Process(target=_make, args=pair, daemon=True) for pair in zip(plans, lines, strict=True)]
    for maker in running:
        maker.start()
    try:
        for line, maker in itertools.cycle(zip(lines, running, strict=True)):
            yield _taken(line, maker)
    finally:
        for maker in running:
            maker.terminate()
            maker.join()


def fetched(stream: Iterator[tuple[Tokens, Packed]], ahead: int = 4) -> Generator[tuple[Tokens, Packed], None, None]:
    """The batches of an endless stream, taken over by a thread while the trainer reckons: the same in the same order.
    Raises what the stream does. Close it before the stream."""
    taker = ThreadPoolExecutor(1)
    waiting = deque(taker.submit(next, stream) for _ in range(ahead))
    try:
        while True:
            soon = waiting.popleft()
            waiting.append(taker.submit(next, stream))
            yield soon.result()
    finally:
        taker.shutdown(cancel_futures=True)


def _taken(line: Any, maker: Any) -> tuple[Tokens, Packed]:
    """The next batch of one process."""
    while True:
        try:
            made = line.get(timeout=5)
        except queue.Empty:
            if not maker.is_alive():
                raise RuntimeError("the process that makes the batches is gone") from None
            continue
        if isinstance(made, Exception):
            raise RuntimeError("no batch could be made") from made
        out: tuple[Tokens, Packed] = made
        return out


def _make(plan: Plan, line: Any) -> None:
    os.nice(5)  # the trainer, which waits for nobody else, goes first
    try:
        for made in batches(plan):
            line.put(made)
    except Exception as error:  # told to the trainer, which raises it
        line.put(error)
        raise
