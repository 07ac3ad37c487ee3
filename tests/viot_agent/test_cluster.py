"""What any work on a cluster is: results in order, bounded, and faults that end one piece or all."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from viot_agent.bench.cases import load_pack
from viot_agent.bench.run import BARE, run_cases, ungrammatical
from viot_agent.bench.score import Judged, judge
from viot_agent.bench.spread import answer, judged_by, mind_of
from viot_agent.cluster import AHEAD, in_order
from viot_agent.errors import BackendFault, LostFault

RAY = importlib.util.find_spec("ray") is not None


@dataclass
class Here:
    """A pool in this process; what travels is packed and unpacked, as between machines."""

    task: Callable[[Any], Any]
    size: int = 2
    waiting: int = 0
    most: int = 0
    given: list[Any] = field(default_factory=list)

    def submit(self, work: Any) -> Any:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        self.given.append(work)
        return pickle.dumps(work)

    def result(self, handle: Any) -> Any:
        self.waiting -= 1
        return pickle.loads(pickle.dumps(self.task(pickle.loads(handle))))


def tenfold(n: int) -> int:
    if n == 3:
        raise BackendFault("Workers died on 3, 4 times.")
    if n == 6:
        raise LostFault("The cluster is gone.")
    return 10 * n


def test_results_come_in_order_and_few_are_given_out() -> None:
    taken: list[int] = []

    def works() -> Iterator[int]:
        for n in (0, 1, 2, 4, 5, 7, 8):
            taken.append(n)
            yield n

    pool = Here(tenfold)
    came = in_order(pool, works())
    assert next(came) == 0
    assert taken == [0, 1, 2, 4] and pool.most == AHEAD * pool.size
    assert list(came) == [10, 20, 40, 50, 70, 80] and pool.most == AHEAD * pool.size
    assert list(in_order(Here(tenfold), [])) == []


def test_a_fault_stands_in_its_place_and_a_lost_cluster_ends_it() -> None:
    found = list(in_order(Here(tenfold, size=1), [2, 3, 4]))
    assert found[::2] == [20, 40] and isinstance(found[1], BackendFault)
    came = in_order(Here(tenfold), [5, 6, 7])
    assert next(came) == 50
    with pytest.raises(LostFault):
        next(came)


# viot bench tools -----------------------------------------------------------------------------------------------------


def untimed(judged: list[Judged]) -> list[Judged]:
    return [replace(j, seconds=0.0) for j in judged]


@pytest.mark.parametrize("bare", [False, True])
def test_the_verdicts_are_those_of_one_process(bare: bool) -> None:
    cases = load_pack()[::90]
    mind = mind_of("router")
    runs = run_cases(cases, lambda case: ungrammatical(mind(case)), limits=BARE) if bare else run_cases(cases, mind)
    steps: list[int] = []
    far = list(judged_by(Here(answer), cases, "router", bare=bare, done=lambda: steps.append(1)))
    assert untimed(far) == untimed([judge(r) for r in runs])
    assert len(steps) == len(cases) > 10 and any(j.sr for j in far) and not all(j.sr for j in far)


def test_a_table_lacks_no_case() -> None:
    cases = load_pack()[:6]

    def dies(asked: Any) -> Judged:
        if asked.case.id == cases[2].id:
            raise BackendFault("Workers died.")
        return answer(asked)

    with pytest.raises(BackendFault, match="died"):
        list(judged_by(Here(dies), cases, "oracle"))


REAL = """
from viot_agent.bench import tools
from viot_agent.bench.cases import load_pack
from viot_agent.bench.router import Router

cases = load_pack()[::60]
tools._cases = lambda *a: (cases, [], [])
tools.load_floors = lambda *a, **k: [("router", lambda case: Router())]
near, far = (tools.bench(llm="mini", raw=True, ray=ray) for ray in (None, "local"))
rows = [[row for row in made.rows if "seconds" not in row.id] for made in (near, far)]
print(len(rows[0]), rows[0] == rows[1], near.extra == far.extra, near.notes == far.notes)
"""


@pytest.mark.slow
@pytest.mark.fleet
@pytest.mark.skipif(not RAY, reason="no Ray here: pip install 'ray>=2.52,<3'")
def test_the_table_of_tools_is_the_same_on_real_workers(home: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", REAL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Ray: " in done.stderr
    rows, *same = done.stdout.split()
    assert int(rows) > 30 and same == ["True"] * 3
