"""``viot bench cloak``: how far masks protect, on recognisers that had no part in them, and whether the papers'
orderings hold here.

Suites: ``table`` (all methods, ``cloak_ways``, on the half of the people on which methods are chosen), ``search`` (what
the product's method was chosen from, on the same half: ``cloak_search``), ``default`` (the product's method against
FI-UAP, equal-norm noise and no cloak at all, on the other half), ``breaks`` (what of it JPEG, shrinking and blur leave:
``cloak_breaks``), ``universal`` (SGA against SPGD: ``cloak_universal``).

Protocol: seeds.md section 6 (Zhong and Deng, "OPOM", TPAMI 2022): five pictures of a person are learnt from, five
others are hidden one by one and looked for among all other faces, by cosine. ``psrK``: the mate is not among the first
K. ``below_threshold``: the pair's cosine is not over the recogniser's own threshold at a false-accept rate of 1e-3.
``blackbox``: recognisers of makers none of whose networks made the mask, together. Intervals draw people anew.

Masks are kept, so a run may be made in pieces: the same command with fewer suites, methods, epsilons or seeds first,
and then the whole, which makes only what is missing. Owns the rows.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Report, Row
from viot_agent.cluster import HELP
from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.weights import Weights
from viot_tools.bench import cloak_breaks, cloak_search, cloak_universal
from viot_tools.bench.cloak_cast import LEARN, PER_SET, Cast, Faces, Sitter, cast
from viot_tools.bench.cloak_made import Studio, Target, targets
from viot_tools.bench.cloak_scores import (
    NOISE,
    Figure,
    Scores,
    Way,
    found_by,
    gain_row,
    looks_rows,
    not_found,
    rejected,
    scores,
    share_row,
    verdict,
)
from viot_tools.bench.cloak_spread import far, workers
from viot_tools.bench.cloak_ways import CLAIMS, named
from viot_tools.cloak.making import DEFAULT, Recipe, chosen, drawn_by, generated
from viot_tools.cloak.making import PRODUCT as PRODUCT_METHODS
from viot_tools.cloak.methods import METHODS
from viot_tools.cloak.psr import RANKS, Person, Share, gallery_sizes, pooled
from viot_tools.cloak.surrogates import surrogates
from viot_tools.cloak.views import wanted
from viot_tools.faces.detect import make_detector
from viot_tools.verification.recognisers import MAKERS

SUITES = ("table", "search", "default", "breaks", "universal")
EPSILON = 8.0
SIZES = (50, 100, 200)
"""Distractors, besides all."""
METRICS = {f"psr{k}": f"share of probes whose mate is not among the first {k}" for k in RANKS} | {
    "below_threshold": "share of pairs under the recogniser's own threshold"
}
PRODUCT = Way("default", chosen(Recipe(DEFAULT)), wanted(LEARN))
PRODUCT_IS = PRODUCT_METHODS[DEFAULT]


def bench(
    data: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    suite: Annotated[
        str, "of table, search, default, breaks and universal, with commas between; all where none is named"
    ] = "",
    seeds: Annotated[int, "masks of each person, method and epsilon, from different seeds"] = 3,
    people: Annotated[int, "people of each set who are cloaked, half of them for choosing"] = PER_SET,
    methods: Annotated[str, "of the table or the search, with commas between; all where none is named"] = "",
    epsilons: Annotated[str, "of the default suite and the table, with commas between"] = "8,4,12",
    ray: Annotated[str | None, f"have the masks made by workers: {HELP}; all else stays here"] = None,
) -> Report:
    """Protection by masks: PSR and share below threshold by black-box recognisers, with intervals over people.

    ``data`` is laid out like ``../shared/data``. Hub files come from ``VIOT_MODELS``, else ``data/models``. Made masks
    are kept below ``VIOT_HOME/bench/cloak``. Raises UserFault for an unknown suite, method or epsilon; WeightsMissing
    without the surrogates' files, or where no recogniser is at hand that had no part in the masks; with ``ray`` also as
    ``cluster.joined``, and BackendFault when workers died of a mask.
    """
    running = tuple(suite.split(",")) if suite else SUITES
    strange = next((s for s in running if s not in SUITES), None)
    if strange is not None:
        raise UserFault(f"there is no suite {strange!r}", fix=f"the suites are {', '.join(SUITES)}")
    if seeds < 1 or people < 2:
        raise UserFault(f"{seeds} seeds of {people} people", fix="a seed or more, and two people or more of each set")
    sizes = budgets(epsilons)
    names = [m.strip() for m in (methods or ("base,fiuap,opom-convex" if quick else "")).split(",") if m.strip()]
    levers = cloak_search.chosen(names) if "search" in running else ()
    ways = named([n for n in names if n not in cloak_search.NAMES] if names else None)
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    weights = Weights(base.home, local, "hub")
    white = surrogates(weights)
    asked, skipped = targets(weights, white.names)
    if not any(t.black for t in asked):
        raise WeightsMissing(
            "protection is measured by recognisers that had no part in the masks, and none is on this machine",
            fix="viot models pull retail-0095",
        )
    who = cast(data, make_detector(weights), per_set=2 if quick else people, seed=seed)
    draws = tuple(range(seed, seed + (1 if quick else seeds)))
    rows: list[Row] = []
    notes = [f"{len(who.sitters)} people, {len(who.others)} faces of others, {len(draws)} seeds; made by "
             f"{'+'.join(white.names)}"]  # fmt: skip
    with ExitStack() as stack:
        made_by = None
        if ray is not None:
            pool = stack.enter_context(workers(ray))
            print(f"Ray: {pool.size} core(s)", file=sys.stderr, flush=True)
            made_by = far(pool, None if local is None else local.absolute())
        studio = Studio(
            white, weights.home / "bench" / "cloak", lambda who: print(who, file=sys.stderr, flush=True), made_by
        )
        found = Measuring(who, asked, studio, draws)
        if "table" in running:
            try:
                ways = (*ways, advcloak(weights))
            except WeightsMissing as missing:
                skipped.append(f"cloak.table.advcloak.*: {missing}")
            made, said = table(found, ways, sizes)
            rows, notes = rows + made, notes + said
        if levers:
            scored = {w.name: found.of(w, EPSILON, True) for w in levers}
            figures: dict[str, Figure] = {"below_threshold": rejected(found.black), "psr1": not_found(found.black)}
            made, said = cloak_search.rows(scored, figures, "+".join(found.black), seed, METRICS)
            rows, notes = rows + made, notes + said
        if "default" in running:
            made, said = default(found, epsilons=sizes)
            rows, notes = rows + made, notes + said
        if "breaks" in running:
            rows += cloak_breaks.rows(who.half(False), asked, studio, PRODUCT, EPSILON, seed)
        if "universal" in running:
            made, said, left = cloak_universal.rows(who, white, draws, quick, data, weights)
            rows, notes, skipped = rows + made, notes + said, skipped + left
    return Report(tuple(rows), (*who.skipped, *skipped), notes=tuple(notes))


def budgets(epsilons: str) -> tuple[float, ...]:
    """Numbers with commas between, 8 first, at which methods are compared. Raises UserFault for what is none."""
    try:
        found = [float(word) for word in epsilons.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < e <= 255 for e in found):
        raise UserFault(f"epsilons are {epsilons!r}", fix="numbers above 0 with commas between, such as 8,4,12")
    return (EPSILON, *dict.fromkeys(e for e in found if e != EPSILON))


@dataclass(frozen=True, slots=True)
class Measuring:
    """What every figure is measured with."""

    people: Cast
    targets: tuple[Target, ...]
    studio: Studio
    seeds: tuple[int, ...]

    def of(self, way: Way, epsilon: float, choosing: bool) -> Scores:
        """One way on one half."""
        half = self.people.half(choosing)
        return scores(way, epsilon, self.seeds, half, self.people.others, self.targets, self.studio)

    @property
    def black(self) -> list[str]:
        """The black boxes' names."""
        return found_by(self.targets, True)

    def black_for(self, way: Way) -> list[str]:
        """Those that did not teach what draws. Raises UserFault when none is left."""
        left = [name for name in self.black if name not in way.taught_by]
        if not left:
            raise UserFault(
                f"every recogniser here taught {way.name}, or is of a maker that did",
                fix="viot models pull retail-0095, or train it on other surrogates",
            )
        return left

    @property
    def white(self) -> list[str]:
        """The white boxes' names."""
        return found_by(self.targets, False)


def advcloak(weights: Weights) -> Way:
    """AdvCloak's generator as a way. Raises WeightsMissing when none was trained."""
    teachers = drawn_by(weights).taught_by

    def draw(faces: Faces, epsilon: float, seed: int) -> NDArray[np.floating]:
        return generated(list(faces), Recipe("advcloak", epsilon, seed), weights).transpose(2, 0, 1)

    makers = {MAKERS[name](weights).maker for name in teachers}
    return Way("advcloak", draw=draw, taught_by=tuple(n for n in MAKERS if MAKERS[n](weights).maker in makers))


def table(m: Measuring, ways: Sequence[Way], epsilons: Sequence[float] = (EPSILON,)) -> tuple[list[Row], list[str]]:
    """Every method on the choosing half; by target, the best and the orderings at epsilon 8.

    Recognisers that taught AdvCloak's generator are left out of its black boxes, and of the orderings it stands in.
    """
    rows: list[Row] = []
    for epsilon in epsilons:
        end = f".eps{epsilon:g}"
        all_scores = {way.name: m.of(way, epsilon, True) for way in ways}
        floors = all_scores[NOISE.name]
        for way in ways:
            s, black = all_scores[way.name], m.black_for(way)
            for key, figure in two(black).items():
                id_ = f"cloak.table.{way.name}.blackbox.{key}{end}"
                rows.append(share_row(id_, METRICS[key], figure(s), "+".join(black), figure(floors).value))
            if m.white:
                white = not_found(m.white)(s)
                id_ = f"cloak.table.{way.name}.whitebox.psr1{end}"
                rows.append(share_row(id_, METRICS["psr1"], white, "+".join(m.white)))
            rows += looks_rows(f"cloak.table.{way.name}", end, s, m.seeds[0])
            for target in black if epsilon == EPSILON else ():
                for key, figure in two([target]).items():
                    id_ = f"cloak.table.{way.name}.{target}.{key}{end}"
                    rows.append(share_row(id_, METRICS[key], figure(s), target, figure(floors).value))
        if epsilon == EPSILON:
            more, notes = orderings(m, ways, all_scores)
    return rows + more, notes


def orderings(m: Measuring, ways: Sequence[Way], found: Mapping[str, Scores]) -> tuple[list[Row], list[str]]:
    """DFANet's gain by target, the best method, and which claims hold."""
    rows: list[Row] = []
    if {"dfanet", "dfanet-off"} <= set(found):
        on, off = found["dfanet"], found["dfanet-off"]
        for target in m.targets:
            name = f"{target.name}" if target.black else f"{target.name}.whitebox"
            id_ = f"cloak.dfanet.gain.{name}.below_threshold.eps8"
            better, worse = on.below[target.name], off.below[target.name]
            rows.append(gain_row(id_, "with dropout less without", better, worse, target.name))
    names = [w.name for w in ways if w.method is not None]
    notes = []
    if names:
        best = max(names, key=lambda n: rejected(m.black)(found[n]).value)
        absent = "" if PRODUCT_IS in names else ", which this table leaves out"
        notes.append(f"best of this table by the share below threshold: {best}; the product's is {PRODUCT_IS}{absent}")
    known = {way.name: way for way in ways}
    for a, b in CLAIMS:
        if a in found and b in found:
            black = [n for n in m.black_for(known[a]) if n in m.black_for(known[b])]
            notes.append(verdict(found[a], found[b], two(black)))
    return rows, notes


def two(targets: Sequence[str]) -> dict[str, Figure]:
    """The two figures of every comparison, these targets together."""
    return {"psr1": not_found(targets), "below_threshold": rejected(targets)}


def default(
    m: Measuring, product: Way | None = None, epsilons: Sequence[float] = (EPSILON,)
) -> tuple[list[Row], list[str]]:
    """The product's method, FI-UAP and noise on the half that had no part in the choice."""
    ways = (product or PRODUCT, Way("fiuap", METHODS["fi-uap"]), NOISE)
    half = m.people.half(False)
    rows: list[Row] = []
    notes: list[str] = []
    models = "+".join(m.black)
    figures: dict[str, Figure] = {f"psr{k}": not_found(m.black, k) for k in RANKS}
    figures["below_threshold"] = rejected(m.black)
    for epsilon in epsilons:
        end = f".eps{epsilon:g}"
        found = {way.name: m.of(way, epsilon, False) for way in ways}
        floors = found[NOISE.name]
        for name, s in found.items():
            for key, figure in figures.items():
                id_ = f"cloak.{name}.blackbox.{key}{end}"
                rows.append(share_row(id_, METRICS[key], figure(s), models, figure(floors).value))
            rows += looks_rows(f"cloak.{name}", end, s, m.seeds[0])
        if epsilon != EPSILON:
            continue
        for name, s in found.items():
            for target in m.targets:
                box = target.name if target.black else f"{target.name}.whitebox"
                for key, one in (("psr1", not_found([target.name])), ("below_threshold", rejected([target.name]))):
                    id_ = f"cloak.{name}.{box}.{key}{end}"
                    rows.append(share_row(id_, METRICS[key], one(s), target.name, one(floors).value))
        for name in ("fiuap", "noise"):
            for key in ("psr1", "below_threshold"):
                better, worse = figures[key](found["default"]), figures[key](found[name])
                id_ = f"cloak.default.over.{name}.blackbox.{key}{end}"
                rows.append(gain_row(id_, "paired difference", better, worse, models))
            notes.append(verdict(found["default"], found[name], two(m.black)) + " (reporting half)")
        rows += galleries(m, ways, half)
    reached = next(r.value for r in rows if r.id == "cloak.default.blackbox.below_threshold.eps8")
    notes.append(f"below threshold at epsilon 8: {100 * reached:.0f} % of the pairs (60 % are wanted)")
    return rows, notes


def galleries(m: Measuring, ways: Sequence[Way], half: Sequence[Sitter], sizes: Sequence[int] = SIZES) -> list[Row]:
    """PSR@1 at epsilon 8 by number of distractors, smaller galleries being parts of larger ones."""
    sizes = [n for n in sizes if n < len(m.people.others)]
    if not sizes:
        return []
    rows = []
    for way in ways:
        shares: dict[int, list[Share]] = {n: [] for n in sizes}
        for seed in m.seeds:
            hidden = [way.hidden(m.studio, s, EPSILON, seed)[0] for s in half]
            for target in (t for t in m.targets if t.black):
                people = [
                    Person(m.studio.vectors(target, s.test), m.studio.vectors(target, h))
                    for s, h in zip(half, hidden, strict=True)
                ]
                strangers = m.studio.vectors(target, m.people.others)
                for n, tops in gallery_sizes(people, strangers, sizes, (1,)).items():
                    shares[n].append(tops[1])
        rows += [
            share_row(
                f"cloak.{way.name}.blackbox.psr1.eps8.gallery{n}", f"PSR@1 among {n}", pooled(found), "+".join(m.black)
            )
            for n, found in shares.items()
        ]
    return rows
