"""Examples to tensors: each decision of a run becomes one sequence of elements, checked by driving the serving grammar.

Owns the encoding and the batches. An example that the grammar cannot write is counted, never bent to fit.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from viot_agent.llm.mini.decoder import Layout, marks, slot_kinds
from viot_agent.llm.mini.encoder import WINDOW, Reader
from viot_agent.llm.mini.grammar import Grammar
from viot_agent.llm.mini.menu import MISSING_KINDS, SYM, SYMBOLS, Call, Element, Menu
from viot_agent.llm.mini.units import KINDS, REQUEST, Passage, Reading, Unit, find_span, number_of, read, trim_time
from viot_agent.toolbox.contract import ArgSpec, ToolSpec
from viot_finetune.instruct.fill import Example
from viot_finetune.mini.flat import Rows
from viot_finetune.mini.net import Batch

SLOT = 2
"""The place of the slots among the five kinds of elements of the flat index."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sample:
    """One decision: what is read, what is written, what was allowed at each written place."""

    units: tuple[Unit, ...]
    pieces: list[list[int]]
    menu: Menu
    prefix: tuple[Element, ...]
    gold: tuple[Element, ...]
    allowed: tuple[tuple[Element, ...], ...]


class Unreachable(ValueError):
    """The right step cannot be written for this filling (for instance a name split by a wrong mention)."""


def reading_of(example: Example, seen: Sequence[Passage]) -> Reading:
    """What the model reads of an example after these observations."""
    earlier = [Passage(s.text, s.mentions) for s in example.earlier]
    return read(example.said.text, example.said.mentions, example.said.uploads, earlier=earlier, seen=seen)


def samples(example: Example, menu: Menu, reader: Reader, rng: random.Random, thought: bool = True) -> list[Sample]:
    """All decisions of the example: one a call and the one that ends it. Without ``thought`` a step names its own tool
    only, not those that remain. Raises Unreachable."""
    found: list[Sample] = []
    history: list[Call] = []
    seen: list[Passage] = []
    for step in example.steps:
        found.append(_sample(example, seen, menu, history, reader, lambda g, s=step: _act(s, g, example, thought)))
        text, status = step.observation, step.status
        history.append(Call(step.tool, step.args, status))
        seen.append(Passage(text, tool=step.tool))
    if example.steps:
        if rng.random() < 0.04:
            history[-1] = Call(history[-1].tool, history[-1].args, "retry")
        gold = [("sym", SYM["OBSERVED"])]
    elif example.reply == "ask":
        wanted = sorted(example.missing, key=MISSING_KINDS.index)
        gold = [("sym", SYM[s]) for s in ("MISSING", *(f"missing:{m}" for m in wanted), "END")]
    else:
        gold = [("sym", SYM["NOTOOL"]), ("sym", SYM[f"reply:{example.reply}"])]
    found.append(_sample(example, seen, menu, history, reader, lambda _: list(gold)))
    return found


def random_menu(
    specs: dict[str, tuple[ToolSpec, ...]],
    strange: Sequence[ToolSpec],
    needed: set[str],
    rng: random.Random,
    *,
    whole: float,
) -> Menu:
    """A menu of cards in random wordings and order: all tools with chance ``whole``, else some beside the needed; at
    times with tools that do not exist among them."""
    names = [n for n in specs if n in needed or rng.random() < 0.6] if rng.random() >= whole else list(specs)
    names = [n for n in names if n in specs] or list(specs)
    chosen = [specs[n][0] if rng.random() < 0.4 else rng.choice(specs[n]) for n in names]
    extra = [s for s in strange if s.name in needed]
    # what a card says it is not for stands beside it, often: only the cards tell the two apart
    extra += [s for s in strange if s not in extra and any(s.name in o.not_for for o in extra) and rng.random() < 0.7]
    if extra or rng.random() < 0.3:
        others = [s for s in strange if s not in extra]
        extra = [*extra, *rng.sample(others, min(len(others), rng.randint(1, 6)))]
    chosen += extra
    rng.shuffle(chosen)
    return Menu.of(chosen)


def _act(step: Any, grammar: Grammar, example: Example, thought: bool) -> list[Element]:
    menu = grammar.menu
    head = menu.index(step.tool)
    if head is None:
        raise Unreachable(f"{step.tool} is not in the menu")
    row: list[Element] = [("sym", SYM["NEED"]), ("cand", head)]
    for tool, open_ in step.rest if thought else ():
        at = menu.index(tool)
        if at is None:
            raise Unreachable(f"{tool} is not in the menu")
        row += [*([("sym", SYM["IF"])] if open_ else []), ("cand", at)]  # type: ignore[list-item]
    row += [("sym", SYM["PLAN_END"]), ("cand", head)]
    for slot in menu.slots_of(head):
        arg = menu.slots[slot][1]
        row.append(("slot", slot))
        if arg.name not in step.args:
            row.append(("sym", SYM["SKIP"]))
            continue
        value = step.args[arg.name]
        for item in value if isinstance(value, list) else [value]:
            row += _value(str(item), slot, arg, grammar, example)
        if arg.kind == "cameras":
            row.append(("sym", SYM["ARG_END"]))
    return [*row, ("sym", SYM["END"])]


_WANTED = {
    "person": ("person",),
    "vehicle": ("plate",),
    "cameras": ("camera", "group"),
    "time": ("time",),
    "plate": ("plate",),
}


def _value(value: str, slot: int, arg: ArgSpec, grammar: Grammar, example: Example) -> list[Element]:
    menu = grammar.menu
    if not arg.choices:
        return _copy(value, arg.kind, grammar.reading, example)
    form = next((c for c in arg.choices if c[-1] in ":>" and value.startswith(c)), value)
    at = next((i for i, c in enumerate(menu.candidates) if c.slot == slot and c.value == form), None)
    if at is None:
        raise Unreachable(f"no choice {value!r}")
    row: list[Element] = [("cand", at)]
    rest = value.removeprefix(form)
    if not rest:
        return row
    kind = {"face:": "person", "plate:": "plate"}.get(form)
    if kind is not None:
        return row + _copy(rest, kind, grammar.reading, example)[:1]
    for i, unit in enumerate(grammar.units):
        if unit.segment <= REQUEST and str(number_of(unit)) == rest:
            return [*row, ("start", i)]
    raise Unreachable(f"no number {rest!r} in {example.text!r}")


def _copy(value: str, kind: str, reading: Reading, example: Example) -> list[Element]:
    """The pointer to a value: a virtual unit, the marked unit of its kind where it was said, or plain words."""
    units = reading.units
    for i, unit in enumerate(units):
        if (unit.virtual or "handle" in unit.kinds) and unit.value == value:
            return [("start", i)]
    place = example.where.get(value)
    if place is not None:
        start, end = _absolute(place, example)
        if kind != "text":
            best = max(range(len(units)), key=lambda i: _fit(units[i], start, end, value, kind), default=-1)
            if best >= 0 and _fit(units[best], start, end, value, kind) > 0:
                return [("start", best)]
        first = next((i for i, u in enumerate(units) if u.start == start), None)
        last = next((i for i, u in enumerate(units) if u.end == end), None)
        if kind == "text" and reading.asked.strip() == value:
            return [("sym", SYM["WHOLE"])]
        plain = first is not None and last is not None and not any(u.marked for u in units[first : last + 1])
        if first is not None and last is not None and first <= last and (plain or kind == "text"):
            # a question mark at the end is no word
            while last > first and units[last].shape == "punct":
                last -= 1
            return [("start", first), ("end", last)]
    if kind == "scene":
        for i, unit in enumerate(units):
            if unit.segment > REQUEST and reading.text[unit.start :].startswith(value):
                span = next((k for k in range(i, len(units)) if units[k].end == unit.start + len(value)), None)
                if span is not None:
                    return [("start", i), ("end", span)]
    wanted = _WANTED.get(kind, ())
    for i, unit in enumerate(units):
        if unit.value == value and any(k in unit.kinds for k in wanted) and unit.segment <= REQUEST:
            return [("start", i)]
    found = find_span(reading.text, units, value)
    if found is not None and not units[found[0]].marked and kind in ("time", "plate", "person"):
        return [("start", found[0]), ("end", found[1])]
    raise Unreachable(f"no pointer to {kind} {value!r} in {example.text!r}")


def _absolute(place: tuple[int, int, int], example: Example) -> tuple[int, int]:
    """Offsets in the joined text of a stretch of one turn."""
    turn, start, end = place
    at = sum(len(s.text) + 1 for s in example.earlier[:turn])
    return at + start, at + end


def _fit(unit: Unit, start: int, end: int, value: str, kind: str) -> float:
    """How well a marked unit covers where a value was said; 0 when it does not."""
    if unit.virtual or not any(k in unit.kinds for k in _WANTED.get(kind, ())):
        return 0.0
    shared = min(end, unit.end) - max(start, unit.start)
    if shared <= 0:
        return 0.0
    own = trim_time(unit.value) if kind == "time" else unit.value
    if kind in ("cameras", "person"):
        # a camera or person may be said in part: it is the name that the unit stands for
        same = own.casefold() == value.casefold()
        return 2.0 if same else 0.9 if shared >= 0.6 * max(end - start, unit.end - unit.start) else 0.0
    covered = shared / max(end - start, len(own))
    return covered if covered >= 0.6 else 0.0


def _sample(
    example: Example, seen: Sequence[Passage], menu: Menu, history: Sequence[Call], reader: Reader, gold_of: Any
) -> Sample:
    reading = reading_of(example, seen)
    pieces = reader.unit_pieces(reading.units)
    if sum(map(len, pieces)) > WINDOW:
        raise Unreachable("longer than one window")
    grammar = Grammar(reading, menu, history)
    gold: list[Element] = gold_of(grammar)
    allowed = []
    for element in gold:
        options = tuple(grammar.allowed()) if grammar.step is None else ()
        if element not in options:
            raise Unreachable(f"{example.id}: {element} is not allowed in {example.text!r}")
        allowed.append(options)
        grammar.push(element)
    return Sample(reading.units, pieces, menu, tuple(grammar.prefix), tuple(gold), tuple(allowed))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids (T) of a batch, sample after sample; how many tokens each sample has (B), the opening and the closing
    one among them; how many units (B), and how many tokens each unit (U)."""

    ids: Ints
    lengths: Ints
    units: Ints
    pieces: Ints


def tokens(batch: Sequence[Sample], reader: Reader, hide: float = 0.0, rng: random.Random | None = None) -> Tokens:
    """The encoder's input of a batch; with ``rng``, each plain word is unreadable with chance ``hide``."""
    ids: list[int] = []
    lengths = []
    for sample in batch:
        before = len(ids)
        ids.append(reader.cls)
        for unit, piece in zip(sample.units, sample.pieces, strict=True):
            hidden = rng is not None and not unit.marked and rng.random() < hide
            ids += [t if t == reader.sep else reader.unk for t in piece] if hidden else piece
        ids.append(reader.sep)
        lengths.append(len(ids) - before)
    pieces = [len(piece) for sample in batch for piece in sample.pieces]
    units = [len(sample.units) for sample in batch]
    return Tokens(*(np.array(a, np.int64) for a in (ids, lengths, units, pieces)))


@dataclass(frozen=True, slots=True)
class Packed:
    """A padded batch without the vectors, of which ``unpack`` makes a ``Batch``; places in a table of texts stand for
    the embeddings.

    ``cands``, ``limits`` (B, C) and ``slots`` (B, S) are rows of that table; row 0 is nothing.
    """

    kinds: Floats
    shapes: Ints
    unit_mask: Flags
    cands: Ints
    limits: Ints
    cand_mask: Flags
    slots: Ints
    slot_kinds: Ints
    elements: Ints
    gold: Ints
    allowed: Flags
    weight: Floats


def pack(batch: Sequence[Sample], rows: Mapping[str, int]) -> Packed:
    """Pad samples into one batch; ``rows`` says where each card's and slot's text stands in the table."""
    size, units = len(batch), max(1, max(len(s.units) for s in batch))
    cand_n = max(len(s.menu.candidates) for s in batch)
    slot_n = max(1, max(len(s.menu.slots) for s in batch))
    layout = Layout(cand_n, slot_n, units)
    length = max(len(s.prefix) + len(s.gold) - 1 for s in batch)
    kinds = np.zeros((size, units, len(KINDS)), np.float32)
    shapes, unit_mask = np.zeros((size, units), np.int64), np.zeros((size, units), bool)
    cands, limits = np.zeros((size, cand_n), np.int64), np.zeros((size, cand_n), np.int64)
    cand_mask = np.zeros((size, cand_n), bool)
    slots, slot_ids = np.zeros((size, slot_n), np.int64), np.zeros((size, slot_n), np.int64)
    elements = np.zeros((size, length), np.int64)
    gold = np.full((size, length), -100, np.int64)
    allowed = np.zeros((size, length, layout.size), bool)
    allowed[:, :, 0] = True
    weight = np.ones((size, length), np.float32)
    for b, s in enumerate(batch):
        n = len(s.units)
        kinds[b, :n], shapes[b, :n] = marks(s.units)
        unit_mask[b, :n] = True
        cand_texts, limit_texts, slot_texts = s.menu.texts()
        cands[b, : len(cand_texts)] = [rows[t] for t in cand_texts]
        limits[b, : len(cand_texts)] = [rows[t] for t in limit_texts]
        cand_mask[b, : len(cand_texts)] = True
        if slot_texts:
            slots[b, : len(slot_texts)] = [rows[t] for t in slot_texts]
            slot_ids[b, : len(slot_texts)] = slot_kinds(s.menu)
        row = [*s.prefix, *s.gold]
        elements[b, : len(row) - 1] = [layout.flat(e) for e in row[:-1]]
        first = len(s.prefix) - 1
        for k, (element, options) in enumerate(zip(s.gold, s.allowed, strict=True)):
            if len(options) > 1:
                gold[b, first + k] = layout.flat(element)
                # what to do is harder than where it was said
                weight[b, first + k] = 2.0 if element[0] in ("cand", "sym") else 1.0
                allowed[b, first + k, 0] = False
                allowed[b, first + k, [layout.flat(o) for o in options]] = True
    return Packed(kinds, shapes, unit_mask, cands, limits, cand_mask, slots, slot_ids, elements, gold, allowed, weight)


def unpack(packed: Packed, states: torch.Tensor, table: torch.Tensor, noise: float) -> Batch:
    """The batch to train on, where ``table`` lies. ``states`` (U, 384) of the units, sample after sample; ``table``
    (texts + 1, 384), its row 0 zero."""
    device = table.device

    def t(array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    units, cards = packed.unit_mask.sum(1), packed.cand_mask.sum(1)
    layout = Layout(packed.cands.shape[1], packed.slots.shape[1], packed.unit_mask.shape[1])
    written = packed.gold.shape[1] - (packed.gold[:, ::-1] >= 0).argmax(1)
    elements, slots = _elements(packed, layout, written, units, cards)
    cands = table[t(packed.cands[packed.cand_mask])]
    return Batch(
        states=states,
        kinds=t(packed.kinds[packed.unit_mask]),
        shapes=t(packed.shapes[packed.unit_mask]),
        units=Rows(units, device),
        cands=cands + noise * torch.randn_like(cands),
        limits=table[t(packed.limits[packed.cand_mask])],
        cards=Rows(cards, device),
        memory=t(_together(units, cards)),
        slots=table[t(packed.slots[slots])],
        slot_kinds=t(packed.slot_kinds[slots]),
        elements=t(elements),
        written=Rows(written, device),
        gold=t(np.ascontiguousarray(packed.gold[:, : written.max()])),
        allowed=t(np.ascontiguousarray(packed.allowed[:, : written.max()])),
        weight=t(np.ascontiguousarray(packed.weight[:, : written.max()])),
        layout=layout,
    )


def _together(units: Ints, cards: Ints) -> Ints:
    """Where the anchor, the units and the cards of each sample stand among all anchors, all units and all cards."""
    size, count = len(units), int(units.sum())
    unit_ends, card_ends = np.cumsum(units), np.cumsum(cards)
    rows = [
        np.concatenate([[b], size + np.arange(u - n, u), size + count + np.arange(c - m, c)])
        for b, (n, m, u, c) in enumerate(zip(units, cards, unit_ends, card_ends, strict=True))
    ]
    return np.concatenate(rows).astype(np.int64)


def _elements(
    packed: Packed, layout: Layout, written: Ints, units: Ints, cards: Ints
) -> tuple[Ints, tuple[Ints, Ints]]:
    """Which rows of symbols, cards, written slots, starts and ends, each flat, the written elements are; and which
    sample's slots are written, by sample and slot."""
    begins = {"unit": np.cumsum(units) - units, "card": np.cumsum(cards) - cards}
    kinds = np.concatenate([[0], np.cumsum([len(SYMBOLS), layout.candidates, layout.slots, layout.units])])
    sample = np.repeat(np.arange(len(written)), written)
    own = np.concatenate([row[:n] for row, n in zip(packed.elements, written, strict=True)])
    kind = np.searchsorted(kinds, own, "right") - 1
    within = own - kinds[kind]
    slot = kind == SLOT
    used = (sample[slot], within[slot])
    count = [len(SYMBOLS), int(cards.sum()), int(slot.sum()), int(units.sum())]
    base = np.concatenate([[0], np.cumsum(count)])[kind]
    shift = np.choose(kind, [0, begins["card"][sample], 0, begins["unit"][sample], begins["unit"][sample]])
    within[slot] = np.arange(slot.sum())
    return (base + shift + within).astype(np.int64), used


def rows_of(texts: Sequence[str]) -> dict[str, int]:
    """Where each text stands in the table: from row 1 on, and no text at row 0."""
    return {"": 0, **{t: i for i, t in enumerate(texts, 1)}}
