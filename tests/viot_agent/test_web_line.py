"""Requests in line: who waits, which number they hear, and who leaves."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from viot_agent.web.line import Line


def test_the_line_tells_its_numbers() -> None:
    line: Line[str] = Line(2, "test")
    go = {name: threading.Event() for name in "abcde"}
    begun = {name: threading.Event() for name in "abcde"}
    heard: dict[str, list[int]] = {name: [] for name in "abcde"}

    def work(name: str) -> str:
        begun[name].set()
        assert go[name].wait(20)
        return name

    done = {}
    for name in "abcde":
        done[name] = line.submit(lambda name=name: work(name), heard[name].append)  # type: ignore[misc]
        if name in "ab":
            assert begun[name].wait(20)
    assert heard == {"a": [], "b": [], "c": [1], "d": [2], "e": [3]}
    assert done["d"].cancel()  # somebody in the middle gives up
    assert heard["e"] == [3, 2]
    go["b"].set()
    assert begun["c"].wait(20)
    assert heard == {"a": [], "b": [], "c": [1, 0], "d": [2], "e": [3, 2, 1]}
    assert not done["a"].cancel()  # it has begun
    for event in go.values():
        event.set()
    assert [done[name].result(20) for name in "abce"] == ["a", "b", "c", "e"]
    assert heard["e"] == [3, 2, 1, 0]


def test_work_that_fails_makes_room() -> None:
    line: Line[int] = Line(1, "test")
    heard: list[int] = []
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            line.submit(lambda: 1 // 0, heard.append).result(20)
    assert line.submit(lambda: 7, heard.append).result(20) == 7


def test_numbers_and_work_have_one_order() -> None:
    """However many ask at the same moment."""
    line: Line[None] = Line(1, "test")
    go, start = threading.Event(), threading.Barrier(40)
    assert line.submit(go.wait, lambda number: None) is not None
    first: dict[int, int] = {}
    worked: list[int] = []

    def ask(who: int) -> Future[None]:
        start.wait(20)
        return line.submit(lambda: worked.append(who), lambda number: first.setdefault(who, number) and None)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(40) as pool:
            asked = [pool.submit(ask, who) for who in range(40)]
            futures = [a.result(20) for a in asked]
    finally:
        sys.setswitchinterval(switch)
    go.set()
    for future in futures:
        future.result(20)
    assert [first[who] for who in worked] == list(range(1, 41))


def test_a_line_that_takes_nothing_keeps_no_place() -> None:
    line: Line[int] = Line(1, "test")
    heard: list[int] = []
    line._pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        line.submit(lambda: 7, heard.append)
    assert line._waiting == []
    assert heard == []
