"""``viot bench tools``: how well a language model chooses and calls tools, floors and oracle in the same table.

Three suites: VIoT-Bench (packed in the wheel), the released VIoT-Tool set (``--suite viot-tool --data DIR``), and
outside cases (``--cases FILE``). Composition only: cases, runs, verdicts and figures have modules of their own.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

from viot_agent.bench.cards import cards
from viot_agent.bench.cases import Case, load_pack
from viot_agent.bench.figures import Figure, bare_figures, by_id, failures, figures, tags_of
from viot_agent.bench.floors import load_floors
from viot_agent.bench.outside import read_cases
from viot_agent.bench.report import Report, Row
from viot_agent.bench.run import BARE, Mind, run_cases, ungrammatical
from viot_agent.bench.score import Judged, judge
from viot_agent.bench.spread import judged_by, mind_of, workers
from viot_agent.bench.viot_tool import SATURATED, import_suite
from viot_agent.bench.walk import Marks, walk_cases
from viot_agent.cluster import HELP
from viot_agent.errors import UserFault
from viot_agent.steps import Principal

FLOOR = "router"
"""Whose figure stands in the floor column."""
Suite = Literal["viot-bench", "viot-tool"]


def bench(
    data: Path | None = None,
    *,
    quick: bool = False,
    seed: int = 0,
    suite: Annotated[str, "viot-bench (in the package) or viot-tool (the released set, at --data)"] = "viot-bench",
    cases: Annotated[Path | None, "run these outside cases instead, a JSON Lines file"] = None,
    llm: Annotated[str, "the language model: mini[:FILE], hf:NAME[+adapter=PATH], openai:URL#MODEL"] = "mini",
    raw: Annotated[bool, "besides, a part of the cases without grammar and guards: parse failures and loops"] = False,
    unseen: Annotated[str, "tools that the model was not trained on, by name, with commas: a slice of their own"] = "",
    policies: Annotated[str, "all (an operator asks: roles and purpose hold for each call), or none"] = "none",
    ray: Annotated[str | None, f"run the cases on workers: {HELP}; floors stay here"] = None,
) -> Report:
    """Run a suite with a model; ``data`` is needed for ``viot-tool`` only.

    Raises UserFault for a suite, tool or model nobody knows, and for files that cannot be used; with ``ray`` also as
    ``cluster.joined``, and BackendFault when a case's workers died.
    """
    if policies not in ("all", "none"):
        raise UserFault(f"there are no policies {policies!r}", fix="--policies all or --policies none")
    who = Principal("an operator", "operator") if policies == "all" else None
    chosen, notes, skipped = _cases(suite, cases, data)
    held = _tools(unseen)
    if quick:
        chosen = sample(chosen, seed)
    part = sample(chosen, seed) if raw else []
    with ExitStack() as stack:
        step = stack.enter_context(_progress(len(chosen) + len(part), llm))
        if ray is None:
            mind = mind_of(llm)
            free: Mind = lambda case: ungrammatical(mind(case))  # noqa: E731
            judged = [judge(r) for r in run_cases(chosen, mind, who=who, done=step)]
            # a part again, with the model's grammar and the agent's guards off
            bare = [judge(r) for r in run_cases(part, free, limits=BARE, done=step)]
        else:
            pool = stack.enter_context(workers(ray))
            print(f"Ray: {pool.size} core(s)", file=sys.stderr, flush=True)
            judged = list(judged_by(pool, chosen, llm, who=who, done=step))
            bare = list(judged_by(pool, part, llm, bare=True, done=step))
    below: dict[str, list[Figure]] = {}
    marks: Marks = {}
    for name, policy_of in load_floors(seed, skipped, quick=quick):
        below[name] = figures([judge(w) for w in walk_cases(chosen, policy_of, marks)], seed, unseen=held)
    tier = "remote" if llm.startswith("openai:") else "hub" if llm.startswith("hf:") else "builtin"
    return report(judged, below, seed, model=llm, tier=tier, notes=notes, skipped=skipped, unseen=held, bare=bare)


def _cases(suite: str, file: Path | None, data: Path | None) -> tuple[list[Case], list[str], list[str]]:
    if suite not in ("viot-bench", "viot-tool"):
        raise UserFault(f"there is no suite {suite!r}", fix="the suites are viot-bench and viot-tool")
    if file is not None:
        if suite != "viot-bench":
            raise UserFault("--cases brings its own cases: --suite does not go with it", fix="leave one of them out")
        return read_cases(file), [], []
    if suite == "viot-tool":
        if data is None:
            raise UserFault("the suite viot-tool needs its nine files", fix="name their folder with --data")
        brought = import_suite(data)
        return list(brought.cases), [SATURATED, *brought.notes], []
    return load_pack(), [], []


def _tools(names: str) -> tuple[str, ...]:
    held = tuple(n.strip() for n in names.split(",") if n.strip())
    unknown = [n for n in held if n not in cards()]
    if unknown:
        raise UserFault(f"there is no tool {unknown[0]!r}", fix=f"the tools are {', '.join(cards())}")
    return held


def _progress(total: int, name: str) -> AbstractContextManager[Any]:
    """A bar on a terminal, nothing else where the output is read by a program."""
    if not sys.stderr.isatty():
        return nullcontext(None)
    from rich.console import Console
    from rich.progress import Progress

    class Bar:
        def __enter__(self) -> Any:
            self.bar = Progress(console=Console(stderr=True), transient=True)
            self.bar.start()
            task = self.bar.add_task(name, total=total)
            return lambda: self.bar.advance(task)

        def __exit__(self, *error: object) -> None:
            self.bar.stop()

    return Bar()


def sample(cases: Sequence[Case], seed: int, share: int = 8) -> list[Case]:
    """Every eighth family with all its cases; of outside cases every eighth, ten at least."""
    families = list(dict.fromkeys(c.family for c in cases))
    random.Random(seed).shuffle(families)
    kept = set(families[: max(10, len(families) // share)])
    return [c for c in cases if c.family in kept]


def report(
    judged: Sequence[Judged],
    below: dict[str, list[Figure]],
    seed: int,
    *,
    model: str,
    tier: str,
    notes: Sequence[str] = (),
    skipped: Sequence[str] = (),
    unseen: Sequence[str] = (),
    bare: Sequence[Judged] = (),
) -> Report:
    """Rows with the router as floor, the keys of DESIGN section 8, and a note for every floor."""
    mine = figures(judged, seed, unseen=unseen) + bare_figures(bare, seed)
    floor = by_id(below.get(FLOOR, ()))
    own = {"seconds", "tokens", "pass1"}  # of these a floor says nothing
    rows = tuple(
        Row(
            f"tools.{f.id}",
            f.metric,
            f.value,
            f.low,
            f.high,
            f.n,
            model,
            tier,
            floor[f.id].value if f.id in floor and f.id not in own else None,
        )
        for f in mine
    )
    found = by_id(mine)
    main = [j for j in judged if j.case.part in ("main", "outside")]
    extra: dict[str, Any] = {
        k: found[k].value if k in found else None for k in ("SR", "SR_t", "SR_act", "SR_args", "edge_f1", "answer")
    }
    extra["by_tag"] = {t: found[f"tag.{t}.SR"].value for t in tags_of(main)}
    levels = sorted({j.case.level for j in main} - {""})
    extra["by_level"] = {level: found[f"{level}.SR"].value for level in levels}
    extra["floors"] = {name: by_id(rows_)["SR"].value for name, rows_ in below.items() if "SR" in by_id(rows_)}
    extra["failures"] = failures(judged)
    return Report(rows, tuple(skipped), "", extra, (*notes, *_floor_notes(levels, below)))


def _floor_notes(levels: Sequence[str], below: dict[str, list[Figure]]) -> list[str]:
    """One line a floor: SR over all and by level."""
    out = []
    for name, rows in below.items():
        known = by_id(rows)
        shown = [("all", "SR"), *((level, f"{level}.SR") for level in levels)]
        parts = [f"{words} {known[i].value:.3f}" for words, i in shown if i in known]
        out.append(f"{'above' if name == 'oracle' else 'floor'} {name}: SR {', '.join(parts)}")
    return out
