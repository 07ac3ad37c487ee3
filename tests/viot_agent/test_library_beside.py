"""Analyzers side by side: order by need, results shared, faults raised, one core still works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from viot_agent.library.beside import AHEAD, Beside
from viot_agent.library.rows import Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame

FRAME = Frame(0, 0.0, np.zeros((2, 2, 3), np.uint8))


class Named:
    """An analyzer and its own analysis; ``look`` makes the result from what was shared."""

    version = model = model_version = summary = ""

    def __init__(self, name: str, look: Callable[[Shared], Any], needs: tuple[str, ...] = ()) -> None:
        self.name, self._look, self.needs = name, look, needs

    def start(self, segment: SegmentInfo) -> Named:
        return self

    def see(self, frame: Frame, shared: Shared) -> Any:
        return self._look(shared)

    def finish(self) -> Rows:
        return Rows()


@contextmanager
def clock(name: str) -> Iterator[None]:
    yield


def see(workers: int, *analyzers: Named) -> dict[str, Any]:
    shared = Shared()
    with Beside(workers) as beside:
        beside.see([(a, a) for a in analyzers], FRAME, shared, clock)
        beside.flush()
    return shared.results


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_who_needs_another_sees_its_result(workers: int) -> None:
    first = Named("a", lambda s: 1)
    second = Named("b", lambda s: s.results["a"] + 1, ("a",))
    third = Named("c", lambda s: s.results["a"] + s.results["b"], ("a", "b"))
    assert see(workers, first, second, third, Named("d", lambda s: "alone")) == {"a": 1, "b": 2, "c": 3, "d": "alone"}


def test_independent_analyzers_look_at_the_same_time() -> None:
    meet = threading.Barrier(2, timeout=10)
    assert see(2, Named("a", lambda s: meet.wait() >= 0), Named("b", lambda s: meet.wait() >= 0)) == {
        "a": True,
        "b": True,
    }


def test_frames_stay_in_order_and_a_slow_analyzer_holds_the_others_back() -> None:
    seen: dict[str, list[int]] = {"fast": [], "slow": []}
    lead = []

    def slow(shared: Shared) -> None:
        threading.Event().wait(0.01)
        seen["slow"].append(int(shared.motion))
        lead.append(len(seen["fast"]) - len(seen["slow"]))

    pair = [Named("fast", lambda s: seen["fast"].append(int(s.motion))), Named("slow", slow)]
    with Beside(2) as beside:
        for n in range(20):
            beside.see([(a, a) for a in pair], FRAME, Shared(motion=n), clock)
        beside.flush()
    assert seen == {"fast": list(range(20)), "slow": list(range(20))}
    assert max(lead) <= AHEAD + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_is_raised(workers: int) -> None:
    def fail(shared: Shared) -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        see(workers, Named("a", fail), Named("b", lambda s: s.results["a"], ("a",)))
