"""Waiting after wrong passwords: when it begins, how it grows, when it ends."""

from __future__ import annotations

from viot_agent.policy.logins import FIRST, FORGOTTEN, FREE, KNOWN, MOST, Logins


class Clock:
    """Seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_wait_begins_after_a_few_and_doubles() -> None:
    clock = Clock()
    logins, key = Logins(clock), ("10.0.0.1", "ana")
    waits = []
    for _ in range(FREE + 8):
        logins.wrong(key)
        waits.append(logins.wait(key))
        clock.now += logins.wait(key)
        assert logins.wait(key) == 0
    assert waits[: FREE - 1] == [0.0] * (FREE - 1)
    assert waits[FREE - 1 : FREE + 2] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert waits[-1] == MOST
    assert logins.wait(("10.0.0.1", "ben")) == logins.wait(("10.0.0.2", "ana")) == 0


def test_a_right_one_and_time_forgive() -> None:
    clock = Clock()
    logins, key = Logins(clock), ("10.0.0.1", "ana")
    for forgive in (lambda: logins.right(key), lambda: setattr(clock, "now", clock.now + FORGOTTEN + 1)):
        for _ in range(FREE):
            logins.wrong(key)
        assert logins.wait(key) > 0
        forgive()
        logins.wrong(key)
        assert logins.wait(key) == 0
        logins.right(key)


def test_names_without_end_take_no_memory_without_end() -> None:
    logins = Logins(Clock())
    for n in range(KNOWN + 50):
        for _ in range(FREE):
            logins.wrong(("10.0.0.1", f"name {n}"))
    assert logins.wait(("10.0.0.1", "name 0")) == 0
    assert logins.wait(("10.0.0.1", f"name {KNOWN}")) > 0
    assert len(logins._counts) == KNOWN
