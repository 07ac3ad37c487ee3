"""Who answers a question: the protocol of engines, the symbolic one, and the choice between them.

A question that a typed program says is answered by ``symbolic`` (exact, offline, on the CPU). Of what its eyes are not
to be relied on for (``abilities``) it only says what is sure, and the video language model looks next, where one is set
up. What no program says goes to that model at once; where none is, the answer is *cannot tell*, with the reason and the
command that would help. No engine is taken in place of another without saying so.

Owns protocol and choice. Knows no word of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from viot_agent.library.api import Library
from viot_agent.steps import Evidence
from viot_agent.toolbox.contract import ToolContext
from viot_tools.qa.abilities import doubt
from viot_tools.qa.evidence import pieces
from viot_tools.qa.execute import execute
from viot_tools.qa.facts import Facts, Found
from viot_tools.qa.ground import Clock
from viot_tools.qa.program import Program, Unparsed
from viot_tools.qa.types import Kind

SYMBOLIC: Final = "symbolic"


class Told(Protocol):
    """What an engine gives: the answer, and clauses that belong to it (what was dropped, how it was looked)."""

    @property
    def found(self) -> Found: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


T = TypeVar("T", bound=Told)


class Engine(Protocol[T]):
    """``name`` is said with every answer. ``T``: what it gives."""

    name: str

    def claims(self, kind: Kind, parsed: Program | Unparsed) -> bool:
        """Whether the engine vouches for its answers to such a question."""
        ...

    def tries(self, kind: Kind, parsed: Program | Unparsed) -> bool:
        """Whether it may have an answer to it."""
        ...

    def answer(
        self,
        question: str,
        kind: Kind,
        parsed: Program | Unparsed,
        facts: Facts,
        library: Library,
        options: Sequence[str] = (),
    ) -> T:
        """The answer from the facts, or from footage that the library knows."""
        ...

    def evidence(self, told: T, ctx: ToolContext, tool: str) -> tuple[Evidence, ...]:
        """What shows the answer."""
        ...


@dataclass(frozen=True, slots=True)
class Reasoned:
    """What the symbolic engine found."""

    found: Found
    notes: tuple[str, ...] = ()


class Symbolic:
    """Engine (a): typed programs over the library. ``clock`` reads the times of day in them."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.name: str = SYMBOLIC
        self._clock = clock

    def claims(self, kind: Kind, parsed: Program | Unparsed) -> bool:
        """Every question of which a program says what the product sees reliably."""
        return isinstance(parsed, Program) and not doubt(parsed)

    def tries(self, kind: Kind, parsed: Program | Unparsed) -> bool:
        """Every question that a program says: of what is not reliably seen, some is sure."""
        return isinstance(parsed, Program)

    def answer(
        self,
        question: str,
        kind: Kind,
        parsed: Program | Unparsed,
        facts: Facts,
        library: Library,
        options: Sequence[str] = (),
    ) -> Reasoned:
        """Runs the program. Raises TypeError for a question without one."""
        if not isinstance(parsed, Program):
            raise TypeError("the symbolic engine answers programs only")
        return Reasoned(execute(parsed, facts, clock=self._clock))

    def evidence(self, told: Reasoned, ctx: ToolContext, tool: str) -> tuple[Evidence, ...]:
        """The tracks that were found."""
        return pieces(told.found, ctx, tool)


def chosen(kind: Kind, parsed: Program | Unparsed, engines: Sequence[Engine[Any]]) -> list[Engine[Any]]:
    """Whom to ask, in this order: the first that claims the question, alone; else all that may have an answer."""
    claiming = next((engine for engine in engines if engine.claims(kind, parsed)), None)
    return [claiming] if claiming is not None else [engine for engine in engines if engine.tries(kind, parsed)]
