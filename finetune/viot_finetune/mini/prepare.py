"""Examples to tensors: each decision of a run becomes one sequence of elements, checked by driving the serving grammar.

Owns the encoding and the batches. An example that the grammar cannot write is counted, never bent to fit.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from viot_agent.llm.mini.decoder import Layout, marks, slot_kinds
from viot_agent.llm.mini.encoder import WINDOW, Reader
from viot_agent.llm.mini.grammar import MISSING_KINDS, SYM, Call, Element, Grammar, Menu
from viot_agent.llm.mini.units import KINDS, Unit, find_span, make_units, trim_time
from viot_agent.toolbox.contract import ToolSpec
from viot_finetune.mini.examples import Example
from viot_finetune.mini.net import Batch

_GOOD = ("found", "found", "none", "cannot_tell", "info", "info", "failed")


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


def samples(example: Example, menu: Menu, reader: Reader, rng: random.Random) -> list[Sample]:
    """All decisions of the example: one a call and the one that ends it. Raises Unreachable."""
    units = make_units(example.text, example.mentions, example.uploads)
    pieces = reader.pieces([u.reading for u in units]) if units else []
    if sum(map(len, pieces)) > WINDOW:
        raise Unreachable("longer than one window")
    found: list[Sample] = []
    history: list[Call] = []
    for n, (tool, args) in enumerate(example.steps):
        plan = [t for t, _ in example.steps[n:]]
        gold = _act(plan, args, example.text, units, menu)
        found.append(_sample(example, units, pieces, menu, history, gold))
        history.append(Call(tool, args, rng.choice(_GOOD)))
    if example.steps:
        if rng.random() < 0.1:
            history[-1] = Call(history[-1].tool, history[-1].args, "retry")
        gold = [("sym", SYM["OBSERVED"])]
    elif example.reply == "ask":
        wanted = sorted(example.missing, key=MISSING_KINDS.index)
        gold = [("sym", SYM[s]) for s in ("MISSING", *(f"missing:{m}" for m in wanted), "END")]
    else:
        gold = [("sym", SYM["NOTOOL"]), ("sym", SYM[f"reply:{example.reply}"])]
    found.append(_sample(example, units, pieces, menu, history, gold))
    return found


def random_menu(specs: dict[str, tuple[ToolSpec, ...]], needed: set[str], rng: random.Random, *, whole: float) -> Menu:
    """A menu of cards in random wordings and order: all tools with chance ``whole``, else some beside the needed."""
    names = [n for n in specs if n in needed or rng.random() < 0.6] if rng.random() >= whole else list(specs)
    names = names or list(specs)
    rng.shuffle(names)
    return Menu.of([rng.choice(specs[n]) for n in names])


def _act(plan: Sequence[str], args: dict[str, Any], text: str, units: Sequence[Unit], menu: Menu) -> list[Element]:
    heads = [menu.index(t) for t in plan]
    assert all(h is not None for h in heads)
    row: list[Element] = [
        ("sym", SYM["NEED"]),
        *(("cand", h) for h in heads if h is not None),
        ("sym", SYM["PLAN_END"]),
    ]
    row.append(("cand", heads[0] or 0))
    for slot in menu.slots_of(heads[0] or 0):
        arg = menu.slots[slot][1]
        row.append(("slot", slot))
        if arg.name not in args:
            row.append(("sym", SYM["SKIP"]))
            continue
        value = args[arg.name]
        for item in value if isinstance(value, list) else [value]:
            row += _copy(str(item), arg.kind, text, units)
        if arg.kind == "cameras":
            row.append(("sym", SYM["ARG_END"]))
    return [*row, ("sym", SYM["END"])]


_WANTED = {"person": ("person",), "cameras": ("camera", "group"), "time": ("time",), "plate": ("plate",)}


def _copy(value: str, kind: str, text: str, units: Sequence[Unit]) -> list[Element]:
    """The pointer to a value: a virtual unit, the marked unit of its kind that covers it, or a run of plain words."""
    for i, unit in enumerate(units):
        if unit.virtual and unit.value == value:
            return [("start", i)]
    for at in _places(value, text):
        for i, unit in enumerate(units):
            shared = min(at + len(value), unit.end) - max(at, unit.start)
            own = trim_time(unit.value) if kind == "time" else unit.value
            if any(k in unit.kinds for k in _WANTED[kind]) and shared >= 0.6 * max(len(value), len(own)):
                return [("start", i)]
    span = find_span(text, units, value)
    if span is not None and not units[span[0]].marked:
        return [("start", span[0]), ("end", span[1])]
    raise Unreachable(f"no pointer to {value!r} in {text!r}")


def _places(value: str, text: str) -> list[int]:
    return [m.start() for m in re.finditer(re.escape(value), text)]


def _sample(
    example: Example,
    units: tuple[Unit, ...],
    pieces: list[list[int]],
    menu: Menu,
    history: list[Call],
    gold: list[Element],
) -> Sample:
    grammar = Grammar(example.text, units, menu, history)
    allowed = []
    for element in gold:
        options = tuple(grammar.allowed()) if grammar.step is None else ()
        if element not in options:
            raise Unreachable(f"{example.id}: {element} is not allowed in {example.text!r}")
        allowed.append(options)
        grammar.push(element)
    return Sample(units, pieces, menu, tuple(grammar.prefix), tuple(gold), tuple(allowed))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids (B, T), their mask, and the matrix (B, N, T) that averages tokens into units."""

    ids: torch.Tensor
    mask: torch.Tensor
    pool: torch.Tensor


def tokens(batch: Sequence[Sample], reader: Reader, hide: float = 0.0, rng: random.Random | None = None) -> Tokens:
    """The encoder's input of a batch, padded; with ``rng``, each plain word is unreadable with chance ``hide``."""
    rows = []
    for sample in batch:
        row = [reader.cls]
        for unit, piece in zip(sample.units, sample.pieces, strict=True):
            hidden = rng is not None and not unit.marked and rng.random() < hide
            row += [reader.unk] * len(piece) if hidden else piece
        rows.append([*row, reader.sep])
    length, units = max(map(len, rows)), max(1, max(len(s.units) for s in batch))
    ids = np.zeros((len(rows), length), np.int64)
    mask = np.zeros((len(rows), length), np.int64)
    pool = np.zeros((len(rows), units, length), np.float32)
    for b, (row, sample) in enumerate(zip(rows, batch, strict=True)):
        ids[b, : len(row)], mask[b, : len(row)] = row, 1
        at = 1
        for n, piece in enumerate(sample.pieces):
            pool[b, n, at : at + len(piece)] = 1 / len(piece)
            at += len(piece)
    return Tokens(torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(pool))


def collate(
    batch: Sequence[Sample], states: torch.Tensor, embed: dict[str, npt.NDArray[np.float32]], noise: float
) -> Batch:
    """Pad samples into one batch. ``states`` (B, N, 384) of the units; ``embed`` the cards' and slots' embeddings."""
    size, units = len(batch), states.shape[1]
    cand_n = max(len(s.menu.candidates) for s in batch)
    slot_n = max(1, max(len(s.menu.slots) for s in batch))
    layout = Layout(cand_n, slot_n, units)
    length = max(len(s.prefix) + len(s.gold) - 1 for s in batch)
    kinds = np.zeros((size, units, len(KINDS)), np.float32)
    shapes, unit_mask = np.zeros((size, units), np.int64), np.zeros((size, units), bool)
    cands, cand_mask = np.zeros((size, cand_n, 384), np.float32), np.zeros((size, cand_n), bool)
    slots, slot_ids = np.zeros((size, slot_n, 384), np.float32), np.zeros((size, slot_n), np.int64)
    elements = np.zeros((size, length), np.int64)
    gold = np.full((size, length), -100, np.int64)
    allowed = np.zeros((size, length, layout.size), bool)
    allowed[:, :, 0] = True
    for b, s in enumerate(batch):
        n = len(s.units)
        kinds[b, :n], shapes[b, :n] = marks(s.units)
        unit_mask[b, :n] = True
        cand_texts, slot_texts = s.menu.texts()
        cands[b, : len(cand_texts)] = [embed[t] for t in cand_texts]
        cand_mask[b, : len(cand_texts)] = True
        if slot_texts:
            slots[b, : len(slot_texts)] = [embed[t] for t in slot_texts]
            slot_ids[b, : len(slot_texts)] = slot_kinds(s.menu)
        row = [*s.prefix, *s.gold]
        elements[b, : len(row) - 1] = [layout.flat(e) for e in row[:-1]]
        first = len(s.prefix) - 1
        for k, (element, options) in enumerate(zip(s.gold, s.allowed, strict=True)):
            if len(options) > 1:
                gold[b, first + k] = layout.flat(element)
                allowed[b, first + k, 0] = False
                allowed[b, first + k, [layout.flat(o) for o in options]] = True
    as_torch = torch.from_numpy
    cand_rows = as_torch(cands)
    return Batch(
        states, as_torch(kinds), as_torch(shapes), as_torch(unit_mask), cand_rows + noise * torch.randn_like(cand_rows),
        as_torch(cand_mask), as_torch(slots), as_torch(slot_ids), as_torch(elements), as_torch(gold), as_torch(allowed),
    )  # fmt: skip
