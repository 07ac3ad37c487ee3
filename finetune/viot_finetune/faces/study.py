"""The two studies, as tables with intervals: ``viot finetune faces-study noise|transformer`` (and ``rates``, the search
that chose each loss's learning rate and margin on people that no table uses).

Every seed is a repetition from scratch: its own people to train on, its own people to judge, its own wrong labels and
first weights, the same for all methods. ``viot finetune faces-study`` makes the runs and writes them down; ``viot bench
faces-studies --kept-in DIR`` prints the tables from what was written (floors are worked out anew), and without it makes
all runs anew.

Owns the plans. Knows not how a run is made, nor what its figures show (``findings``).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from viot_agent.bench.report import Report, Row
from viot_agent.errors import NameFault, UserFault
from viot_finetune.faces import findings
from viot_finetune.faces.tasks import Judges, Task, aligned_people, drawn_floor, run_all

NOISE = (0, 20, 40)
"""Wrong labels, per cent."""
DEVELOPMENT = 90
"""The seed whose people chose the settings; the studies' seeds must not reach it."""
SMALL = {"width": 8, "dropout": 0.0}
METHODS: dict[str, tuple[float, dict[str, float]]] = {
    "sface": (3e-3, {}),
    "softmax": (9e-3, {}),
    "cosface": (3e-3, {"s": 30.0, "m": 0.2}),
    "arcface": (3e-3, {"s": 30.0, "m": 0.3}),
}
"""Learning rate and options of each loss: of its ``CANDIDATES`` the best in ``rates``: accuracy with 40 % wrong
labels, of which the claim is made, on people of a seed that the study does not use."""
RATES = (1e-3, 3e-3, 9e-3)
CANDIDATES: dict[str, tuple[tuple[float, Mapping[str, float]], ...]] = {
    # each method's own form at three rates, and another form (the papers' margins, SFace's class defaults) at one
    "sface": (*((r, {}) for r in RATES), (3e-3, {"a": 0.80, "b": 1.23})),
    "softmax": tuple((r, {}) for r in RATES),
    "cosface": (*((r, {"s": 30.0, "m": 0.2}) for r in RATES), (3e-3, {"s": 64.0, "m": 0.35})),
    "arcface": (*((r, {"s": 30.0, "m": 0.3}) for r in RATES), (3e-3, {"s": 64.0, "m": 0.5})),
}
_VIT = {"width": 32, "depth": 3, "heads": 2, "head_dim": 16, "dropout": 0.0, "scaling": "arcface"}
BACKBONES: dict[str, tuple[str, dict[str, Any]]] = {
    "vit-p8s8": ("vit-p8s8", {**_VIT, "mlp": 136}),
    "vit-p12s8": ("vit-p12s8", {**_VIT, "mlp": 96}),
    "mobilefacenet": ("mobilefacenet", {"width": 0.3125, "blocks": [3, 1, 4, 1, 3], "dim": 32}),
    "ir": ("ir50", {"width": 0.0625, "blocks": [1, 1, 1, 1], "dim": 32, "dropout": 0.0}),
}
"""Name in the table: backbone and options. Equal in multiply-accumulates within 10 % (tested); the patches of both
transformers lie as the full size's do (stride 8, 196 tokens)."""
TRANSFORMERS, CONVOLUTIONS = ("vit-p8s8", "vit-p12s8"), ("mobilefacenet", "ir")
STUDIES = ("noise", "transformer")
SEEDS = {"noise": 3, "transformer": 3, "rates": 1}
"""Repetitions, so many that a study takes 20 minutes at most on two quiet cores."""
COMMON: dict[str, Any] = {
    "loss": "normface", "loss_options": {"s": 16.0}, "rate": 3e-3, "batch": 32, "people": 60, "each": 40, "epochs": 8.0,
    "judges": 40, "judged": 12, "unlike": 0.4,
}  # fmt: skip
"""The one recipe of all backbones, chosen so that the transformer learns at all in so few updates: with CosFace's
margin, with raw pixels or on the noise study's people it stays at chance."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One method under one condition: its row's id, and a task for every seed."""

    id: str
    model: str
    tasks: tuple[Task, ...]


def run(
    which: str,
    data: Path | None,
    *,
    quick: bool = False,
    seed: int = 0,
    seeds: int = 0,
    processes: int = 2,
    keep: Path | None = None,
) -> Report:
    """One study, its runs made (those in the folder ``keep`` not again). ``seeds`` of 0: as many as ``SEEDS`` says.

    Raises NameFault for a name that is none, UserFault and WeightsMissing when real people cannot be had from
    ``data``, FailedFault when a run fails.
    """
    cells = plan(which, seed, seeds, quick)
    with tempfile.TemporaryDirectory() as folder:
        real, judges = None, None
        if data is not None and which != "rates":
            real = Path(folder) / "real.npz"
            judges = aligned_people(data, real)
        flat = [t for c in cells for t in c.tasks]
        # by seed, so that a process draws its people once
        order = sorted(range(len(flat)), key=lambda i: flat[i].seed)
        done = run_all([flat[i] for i in order], processes, keep, real)
    figures = {flat[i].key(): found for i, found in zip(order, done, strict=True)}
    return report(which, cells, figures, judges)


def report(
    which: str, cells: Sequence[Cell], figures: Mapping[str, Mapping[str, Any]], judges: Judges | None
) -> Report:
    """The table of one study out of the figures of its runs, by the key of their task."""
    results = {cell.id: [figures[t.key()] for t in cell.tasks] for cell in cells}
    floor = None if judges is None else judges.floor
    rows: list[Row] = [
        row for c in cells for row in findings.rows(c.id, c.model, results[c.id], drawn_floor(c.tasks), floor)
    ]
    notes: list[str] = []
    if which == "noise":
        by_share = {(loss, share): results[f"faces.noise.{loss}.{share}"] for loss in METHODS for share in NOISE}
        more, notes = findings.noise(by_share, tuple(METHODS), NOISE)
        rows += more
    elif which == "transformer":
        by_net = {name: results[f"faces.transformer.{name}"] for name in BACKBONES}
        more, notes = findings.transformer(by_net, TRANSFORMERS, CONVOLUTIONS)
        rows += more
        notes.append(_sizes())
    else:
        notes = _best(results)
    notes.append("floors are the better of two trivial rules on the same people: grey values at 16x16, colours")
    notes.append(f"seeds {', '.join(map(str, sorted({t.seed for c in cells for t in c.tasks})))}; {_cost(results)}")
    if judges is not None:
        notes.append(
            f"real: {judges.pairs} pairs of {judges.people} people, none of whom was trained on (training people are "
            f"drawn), found and aligned by {judges.detector}; {judges.missed} of {judges.pictures} pictures without a "
            "face that was found count as wrong"
        )
    skipped = ["*.real: no --data"] if judges is None and which != "rates" else []
    runs = [
        {"cell": c.id, "key": t.key(), "task": asdict(t), "figures": dict(figures[t.key()])}
        for c in cells
        for t in c.tasks
    ]
    extra = {"study": which, "real": None if judges is None else asdict(judges), "runs": runs}
    return Report(tuple(rows), tuple(skipped), extra=extra, notes=tuple(notes))


def kept(which: str, folder: Path) -> Report:
    """The table of one study out of ``folder``/STUDY.json, as ``viot finetune faces-study STUDY --json`` wrote it.

    Raises UserFault when there is no such file, or its runs are not those of this study as it is now.
    """
    path = folder / f"{which}.json"
    anew = f"viot finetune faces-study {which} --data DIR --json {path} makes it"
    if not path.is_file():
        raise UserFault(f"there is no file {path}", fix=anew)
    try:
        written = json.loads(path.read_text("utf-8"))
        figures = {r["key"]: r["figures"] for r in written["runs"]}
        seeds = sorted({int(r["task"]["seed"]) for r in written["runs"]})
        judges = None if written["real"] is None else Judges(**written["real"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserFault(f"{path} is no study that was written down: {error!r}", fix=anew) from error
    cells = plan(which, seeds[0], len(seeds))
    missing = sum(t.key() not in figures for c in cells for t in c.tasks)
    if missing:
        raise UserFault(f"{path} lacks {missing} runs of the study as it is planned now", fix=anew)
    return report(which, cells, figures, judges)


def plan(which: str, seed: int = 0, seeds: int = 0, quick: bool = False) -> list[Cell]:
    """The cells of one study. Raises NameFault for a name that is none."""
    studies = {"noise": _noise, "transformer": _transformer, "rates": _rates}
    if which not in studies:
        raise NameFault(
            f"there is no study {which!r}", name=which, nearest=tuple(studies), fix=f"one of: {', '.join(studies)}"
        )
    chosen = [s if s < DEVELOPMENT else s + 1 for s in range(seed, seed + (2 if quick else seeds or SEEDS[which]))]
    cells = studies[which](chosen)
    if quick:
        small: dict[str, Any] = {"people": 12, "each": 6, "epochs": 1.0, "judges": 20, "judged": 3, "batch": 24}
        cells = [replace(c, tasks=tuple(replace(t, **small) for t in c.tasks)) for c in cells]
    return cells


def bench(
    data: Path | None = None,
    *,
    quick: bool = False,
    seed: int = 0,
    suite: Annotated[str, "noise, transformer or rates; the first two where none is named"] = "",
    seeds: Annotated[int, "repetitions; 0: 3"] = 0,
    processes: Annotated[int, "runs at once"] = 2,
    kept_in: Annotated[Path | None, "print what is written there (datasets/faces/studies), train nothing"] = None,
) -> Report:
    """Losses under wrong labels, and Face Transformer against convolutions: trained anew, half an hour on two cores."""
    found = []
    for which in (suite,) if suite else STUDIES:
        if kept_in is None:
            found.append(run(which, data, quick=quick, seed=seed, seeds=seeds, processes=processes))
        else:
            found.append(kept(which, kept_in))
    return Report(
        tuple(row for one in found for row in one.rows),
        tuple(dict.fromkeys(line for one in found for line in one.skipped)),
        extra={"studies": [one.extra for one in found]},
        notes=tuple(line for one in found for line in one.notes),
    )


def _noise(seeds: Sequence[int]) -> list[Cell]:
    return [
        Cell(
            f"faces.noise.{loss}.{share}",
            loss,
            tuple(Task(loss, rate, s, share / 100, net_options=SMALL, loss_options=options) for s in seeds),
        )
        for share in NOISE
        for loss, (rate, options) in METHODS.items()
    ]


def _transformer(seeds: Sequence[int]) -> list[Cell]:
    return [
        Cell(
            f"faces.transformer.{name}",
            net,
            tuple(Task(seed=s, net=net, net_options=built, **COMMON) for s in seeds),
        )
        for name, (net, built) in BACKBONES.items()
    ]


def _rates(seeds: Sequence[int]) -> list[Cell]:
    """Candidates of every method on the development people. ``seeds`` play no part."""
    cells = []
    for loss, every in CANDIDATES.items():
        for rate, options in every:
            words = "".join(f".{k}{v:g}" for k, v in options.items())
            task = Task(loss, rate, DEVELOPMENT, NOISE[-1] / 100, net_options=SMALL, loss_options=options)
            cells.append(Cell(f"faces.rates.{loss}{words}.{rate:g}", loss, (task,)))
    return cells


def _best(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Of every method the candidate with the best accuracy."""
    tried: dict[str, dict[str, float]] = {}
    for id_, runs in results.items():
        name = id_.removeprefix("faces.rates.")
        method = next(m for m in METHODS if name.startswith(m + "."))
        tried.setdefault(method, {})[name] = float(runs[0]["accuracy"])
    return [f"best of its candidates: {', '.join(max(found, key=found.__getitem__) for found in tried.values())}"]


def _cost(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    seconds = [float(r["cpu"]) for runs in results.values() for r in runs]
    return f"{len(seconds)} runs, {sum(seconds) / 60:.0f} minutes of CPU in training"


def _sizes() -> str:
    from viot_tools.faces.nets.sizes import size_of

    sizes = []
    for name, (net, options) in BACKBONES.items():
        size = size_of(net, **options)
        tokens = f", {size.tokens} tokens" if size.tokens else ""
        sizes.append(
            f"{name} {size.macs / 1e6:.1f} M multiply-accumulates, {size.parameters / 1e3:.0f} k weights{tokens}"
        )
    return f"sizes: {'; '.join(sizes)}"
