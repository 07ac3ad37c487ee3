"""``viot bench cloak``: how far masks protect, on recognisers that had no part in them, and whether the papers'
orderings hold here.

Suites: ``table`` (all methods on the half of the people on which methods are chosen), ``default`` (the product's
method against FI-UAP, equal-norm noise and no cloak at all, on the other half), ``breaks`` (what of it JPEG, shrinking
and blur leave: ``cloak_breaks``), ``universal`` (SGA against SPGD: ``cloak_universal``).

Protocol: seeds.md section 6 (Zhong and Deng, "OPOM", TPAMI 2022): five pictures of a person are learnt from, five
others are hidden one by one and looked for among all other faces, by cosine. ``psrK``: the mate is not among the first
K. ``below_threshold``: the pair's cosine is not over the recogniser's own threshold at a false-accept rate of 1e-3.
``blackbox``: recognisers of makers none of whose networks made the mask, together. Intervals draw people anew.

Owns the list of methods, orderings and rows.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from viot_agent.bench.report import Report, Row
from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.weights import Weights
from viot_tools.bench import cloak_breaks, cloak_universal
from viot_tools.bench.cloak_cast import LEARN, PER_SET, Cast, Sitter, cast
from viot_tools.bench.cloak_made import Studio, Target, targets
from viot_tools.bench.cloak_scores import (
    BLUR,
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
from viot_tools.cloak.making import DEFAULT, Recipe, chosen, generated, generator_path
from viot_tools.cloak.making import PRODUCT as PRODUCT_METHODS
from viot_tools.cloak.methods import METHODS, Method
from viot_tools.cloak.psr import RANKS, Person, Share, gallery_sizes, pooled
from viot_tools.cloak.surrogates import surrogates
from viot_tools.cloak.views import FILLED, wanted
from viot_tools.faces.detect import make_detector

SUITES = ("table", "default", "breaks", "universal")
EPSILON = 8.0
SIZES = (50, 100, 200)
"""Distractors, besides all."""
GA = METHODS["ga"]
WAYS: tuple[Way, ...] = (
    NOISE,
    BLUR,
    Way("fiuap", METHODS["fi-uap"]),
    Way("opom-convex", METHODS["opom"]),
    Way("opom-momentum", METHODS["opom-momentum"]),
    Way("opom-diverse", METHODS["opom-diverse"]),
    Way("opom-smooth", METHODS["opom-smooth"]),
    Way("opom-transfer", METHODS["opom-transfer"]),
    Way("fiuap+", METHODS["fi-uap+"]),
    Way("opom-affine", METHODS["opom-affine"]),
    Way("opom-reduced", METHODS["opom-reduced"]),
    Way("ga-b1-k1", GA.but(batch=1, passes=1)),
    Way("dfanet", METHODS["opom-dfanet"].but(rounds=16)),
    Way("dfanet-off", Method("convex", METHODS["opom-dfanet"].but(rounds=16).options, warm_up=5)),
    Way("ga-b2-k2", GA),
    Way("opom-convex-as-ga", METHODS["opom"].but(rounds=GA.equal_cost(LEARN))),
    Way("opom-smooth-views", METHODS["opom-smooth"], FILLED),
    Way("ga-momentum", METHODS["ga-momentum"]),
)
"""Of the table, in its order. Centre is left out: its masks are those of FI-UAP+ but for rounding."""
CLAIMS = (
    ("fiuap", "noise"),
    ("fiuap+", "fiuap"),
    ("opom-affine", "fiuap+"),
    ("opom-convex", "fiuap"),
    ("opom-convex", "fiuap+"),
    ("opom-convex", "opom-affine"),
    ("opom-reduced", "opom-convex"),
    ("opom-momentum", "opom-convex"),
    ("opom-diverse", "opom-momentum"),
    ("opom-smooth", "opom-diverse"),
    ("opom-smooth-views", "opom-smooth"),
    ("opom-transfer", "opom-smooth"),
    ("opom-transfer", "fiuap"),
    ("ga-b1-k1", "opom-convex"),
    ("ga-b2-k2", "opom-convex-as-ga"),
    ("ga-momentum", "ga-b2-k2"),
    ("dfanet", "dfanet-off"),
)
"""What the papers say is better than what (OPOM, GA, DFANet), and what the product builds on."""


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
    suite: Annotated[str, "of table, default, breaks and universal, with commas between; all where none is named"] = "",
    seeds: Annotated[int, "masks of each person, method and epsilon, from different seeds"] = 3,
    people: Annotated[int, "people of each set who are cloaked, half of them for choosing"] = PER_SET,
    methods: Annotated[str, "of the table, with commas between; all where none is named"] = "",
    epsilons: Annotated[str, "of the default suite, with commas between"] = "8,4,12",
) -> Report:
    """Protection by masks: PSR and share below threshold by black-box recognisers, with intervals over people.

    ``data`` is laid out like ``../shared/data``. Hub files come from ``VIOT_MODELS``, else ``data/models``. Made masks
    are kept below ``VIOT_HOME/bench/cloak``. Raises UserFault for an unknown suite, WeightsMissing without the
    surrogates' files.
    """
    running = tuple(suite.split(",")) if suite else SUITES
    strange = next((s for s in running if s not in SUITES), None)
    if strange is not None:
        raise UserFault(f"there is no suite {strange!r}", fix=f"the suites are {', '.join(SUITES)}")
    if seeds < 1 or people < 2:
        raise UserFault(f"{seeds} seeds of {people} people", fix="a seed or more, and two people or more of each set")
    sizes = budgets(epsilons)
    ways = named(methods) if methods else WAYS[:4] if quick else WAYS
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    weights = Weights(base.home, local, "hub")
    white = surrogates(weights)
    asked, skipped = targets(weights, white.names)
    who = cast(data, make_detector(weights), per_set=2 if quick else people, seed=seed)
    studio = Studio(white, weights.home / "bench" / "cloak", lambda who: print(who, file=sys.stderr, flush=True))
    draws = tuple(range(seed, seed + (1 if quick else seeds)))
    found = Measuring(who, asked, studio, draws)
    rows: list[Row] = []
    notes = [f"{len(who.sitters)} people, {len(who.others)} faces of others, {len(draws)} seeds; made by "
             f"{'+'.join(white.names)}"]  # fmt: skip
    if "table" in running:
        try:
            generator_path(weights)
        except WeightsMissing as missing:
            skipped.append(f"cloak.table.advcloak.*: {missing}")
        else:
            ways = (
                *ways,
                Way(
                    "advcloak",
                    draw=lambda f, e, s: generated(list(f), Recipe("advcloak", e, s), weights).transpose(2, 0, 1),
                ),
            )
        made, said = table(found, ways)
        rows, notes = rows + made, notes + said
    if "default" in running:
        made, said = default(found, epsilons=sizes)
        rows, notes = rows + made, notes + said
    if "breaks" in running:
        rows += cloak_breaks.rows(who.half(False), asked, studio, PRODUCT, EPSILON, seed)
    if "universal" in running:
        made, said = cloak_universal.rows(who, white, seeds=draws, quick=quick)
        rows, notes = rows + made, notes + said
    return Report(tuple(rows), (*who.skipped, *skipped), notes=tuple(notes))


def named(methods: str) -> tuple[Way, ...]:
    """The ways of those names, and noise, which is every figure's floor. Raises UserFault for an unknown name."""
    known = {way.name: way for way in WAYS}
    asked = [name.strip() for name in methods.split(",")]
    strange = next((name for name in asked if name not in known), None)
    if strange is not None:
        raise UserFault(f"the table has no method {strange!r}", fix=f"it has {', '.join(known)}")
    return tuple(way for way in WAYS if way.name in asked or way is NOISE)


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

    @property
    def white(self) -> list[str]:
        """The white boxes' names."""
        return found_by(self.targets, False)


def table(m: Measuring, ways: Sequence[Way]) -> tuple[list[Row], list[str]]:
    """Every method at epsilon 8 on the choosing half, the winner, and the orderings."""
    all_scores = {way.name: m.of(way, EPSILON, True) for way in ways}
    figures: dict[str, Figure] = {"psr1": not_found(m.black), "below_threshold": rejected(m.black)}
    models = "+".join(m.black)
    rows: list[Row] = []
    for name, s in all_scores.items():
        for key, figure in figures.items():
            floor = figure(all_scores[NOISE.name]).value
            rows.append(share_row(f"cloak.table.{name}.blackbox.{key}.eps8", METRICS[key], figure(s), models, floor))
        rows.append(
            share_row(
                f"cloak.table.{name}.whitebox.psr1.eps8", METRICS["psr1"], not_found(m.white)(s), "+".join(m.white)
            )
        )
        rows += looks_rows(f"cloak.table.{name}", ".eps8", s, m.seeds[0])
    if {"dfanet", "dfanet-off"} <= set(all_scores):
        on, off = all_scores["dfanet"], all_scores["dfanet-off"]
        for target in m.targets:
            rows.append(
                gain_row(
                    f"cloak.dfanet.gain.{target.name}.below_threshold.eps8",
                    "with dropout less without",
                    on.below[target.name],
                    off.below[target.name],
                    target.name,
                )
            )
    names = [w.name for w in ways if w.method is not None]
    notes = []
    if names:
        best = max(names, key=lambda n: figures["below_threshold"](all_scores[n]).value)
        absent = "" if PRODUCT_IS in names else ", which this table leaves out"
        notes.append(f"best of this table by the share below threshold: {best}; the product's is {PRODUCT_IS}{absent}")
    notes += [verdict(all_scores[a], all_scores[b], figures) for a, b in CLAIMS if a in all_scores and b in all_scores]
    return rows, notes


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
            two = {k: figures[k] for k in ("psr1", "below_threshold")}
            notes.append(verdict(found["default"], found[name], two) + " (reporting half)")
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
