"""Which analyzers have to look at which segment: what is due, what must run beside it, at which rate.

Owns the order of analyzers and the comparison with what is stored. Reads and writes nothing.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from viot_agent.errors import FailedFault
from viot_agent.library.records import MediaRow, RunStamp, SegmentSpan, StoredRun
from viot_agent.library.rows import Analyzer


@dataclass(frozen=True, slots=True)
class Due:
    """One segment's work. ``run`` in order of need; of these, ``write`` are the names whose rows are stored."""

    span: SegmentSpan
    sample_fps: float
    run: tuple[Analyzer, ...]
    write: frozenset[str]

    def times(self) -> list[float]:
        """The sampled times, multiples of ``1 / sample_fps`` from the file's start, so that any cut samples alike."""
        first = math.ceil(self.span.t0 * self.sample_fps - 1e-9)
        last = math.ceil(self.span.t1 * self.sample_fps - 1e-9)
        return [k / self.sample_fps for k in range(first, last)]


def times(todo: Sequence[Due]) -> array[float]:
    """All sampled times of these, in order."""
    found = array("d")
    for work in todo:
        found.extend(work.times())
    return found


def order(analyzers: Sequence[Analyzer]) -> list[Analyzer]:
    """Those that are needed before those that need them, else as given.

    Raises FailedFault for two of one name, a need that is not among them, and a circle.
    """
    by_name = {a.name: a for a in analyzers}
    if len(by_name) != len(analyzers):
        raise FailedFault(f"Two analyzers have one name among {sorted(a.name for a in analyzers)}.")
    done: list[Analyzer] = []
    open_: list[str] = []

    def visit(analyzer: Analyzer) -> None:
        if analyzer in done:
            return
        if analyzer.name in open_:
            raise FailedFault(f"Analyzers need each other in a circle: {' -> '.join([*open_, analyzer.name])}.")
        open_.append(analyzer.name)
        for need in analyzer.needs:
            if need not in by_name:
                raise FailedFault(f"The analyzer {analyzer.name!r} needs {need!r}, which is not registered.")
            visit(by_name[need])
        open_.pop()
        done.append(analyzer)

    for analyzer in analyzers:
        visit(analyzer)
    return done


def stamps(ordered: Sequence[Analyzer]) -> dict[str, RunStamp]:
    """name -> stamp. ``inputs`` has a line ``name TAB model TAB version TAB model_version`` for everything it reads,
    also by way of others, so that a change below is a change of the stamp."""
    found: dict[str, RunStamp] = {}
    lines: dict[str, frozenset[str]] = {}
    for a in ordered:
        lines[a.name] = frozenset().union(
            *(lines[n] | {f"{n}\t{found[n].model}\t{found[n].version}\t{found[n].model_version}"} for n in a.needs)
        )
        inputs = "\n".join(sorted(lines[a.name]))
        found[a.name] = RunStamp(a.name, a.version, a.model, a.model_version, inputs, tuple(a.needs))
    return found


def spans(row: MediaRow) -> list[SegmentSpan]:
    """The segments of a file; the last one ends with it."""
    n = math.ceil(row.duration / row.segment_seconds - 1e-9) if row.duration > 0 else 0
    length = row.segment_seconds
    return [SegmentSpan(i, i * length, min((i + 1) * length, row.duration)) for i in range(n)]


def due(row: MediaRow, ordered: Sequence[Analyzer], stored: Sequence[StoredRun], sample_fps: float) -> list[Due]:
    """The segments with work left.

    A segment is done for an analyzer when it was looked at by the same name, version, model, model version and inputs,
    at this rate or a higher one. Where a higher one is stored it is used again, so that the keys of tracks stay the
    same.
    """
    marks = stamps(ordered)
    kept: dict[int, dict[tuple[str, str], StoredRun]] = {}
    for run in stored:
        kept.setdefault(run.idx, {})[run.stamp.analyzer, run.stamp.model] = run
    found = []
    for span in spans(row):
        here = kept.get(span.idx, {})
        valid: dict[str, float] = {}
        for name, mark in marks.items():
            old = here.get((name, mark.model))
            if old is not None and _same(old.stamp, mark):
                valid[name] = old.sample_fps
        rate = max([sample_fps, *valid.values()])
        write: set[str] = set()
        for a in ordered:
            # new rows of what it reads replace the tracks its own rows hang on
            if valid.get(a.name, 0.0) < rate or write.intersection(a.needs):
                write.add(a.name)
        run_too = set(write)
        for a in reversed(ordered):
            if a.name in run_too:
                run_too.update(a.needs)
        if write:
            found.append(Due(span, rate, tuple(a for a in ordered if a.name in run_too), frozenset(write)))
    return found


def _same(a: RunStamp, b: RunStamp) -> bool:
    return (a.version, a.model_version, a.inputs) == (b.version, b.model_version, b.inputs)
