"""What the README says of its own figures."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

README = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
LESS_IS_BETTER = ("mae", "mre", "false", "far", "frr", "unsure", "delay")


class Row(NamedTuple):
    id: str
    low: float
    high: float
    floor: float
    tier: str

    @property
    def beaten(self) -> bool:
        """Whether the floor lies outside of the interval, on its worse side."""
        less = any(word in self.id for word in LESS_IS_BETTER)
        return self.high < self.floor if less else self.low > self.floor


def vision() -> list[Row]:
    """The rows of the vision table that have a floor."""
    table = README.partition("<!-- vision:begin -->")[2].partition("<!-- vision:end -->")[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| `")]
    return [Row(c[0].strip("`"), *map(float, c[2].split(" to ")), float(c[4]), c[5]) for c in cells if c[4]]


def test_every_floor_that_is_not_beaten_is_named() -> None:
    words = README.partition("## Measured")[2].partition("<details>")[0]
    named = [word for word in words.split("`")[1::2] if "." in word]
    left = [row for row in vision() if not row.beaten]
    assert len(left) > 20
    assert [f"{r.tier} {r.id}" for r in left if not any(fnmatch(r.id, n) for n in named)] == []
    assert [n for n in named if not any(fnmatch(r.id, n) for r in left)] == [], "named, and beaten by now"
