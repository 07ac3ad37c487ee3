"""Cases of ``viot bench tools`` as work for the workers of a cluster: the verdicts, in the order of one process.

Owns what travels, and the model that a worker keeps. Floors are walked by the process that prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

from viot_agent.bench.cards import cards
from viot_agent.bench.cases import Case
from viot_agent.bench.oracle import ORACLE
from viot_agent.bench.router import Router
from viot_agent.bench.run import BARE, LIMITS, Mind, policy_mind, run_case, steady, turns_taken, ungrammatical
from viot_agent.bench.score import Judged, judge
from viot_agent.cluster import Pool, Workers, in_order, joined
from viot_agent.errors import ViotError
from viot_agent.steps import Principal
from viot_agent.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class Asked:
    """A case, the ``--llm`` that answers it, and for whom; ``bare``: without grammar and guards."""

    case: Case
    llm: str
    who: Principal | None
    bare: bool


@cache
def mind_of(spec: str) -> Mind:
    """The model behind ``--llm``, loaded once; ``router`` and ``oracle`` run the floors through the real graph."""
    if spec == "oracle":
        return ORACLE
    if spec == "router":
        return policy_mind(Router(), "router")
    from viot_agent.llm.load import load_llm

    return steady(load_llm(spec, Toolbox(cards().values())))


def answer(asked: Asked) -> Judged:
    """What a worker does. Raises as ``load_llm``."""
    llm = mind_of(asked.llm)(asked.case)
    limits = BARE if asked.bare else LIMITS
    return judge(run_case(asked.case, ungrammatical(llm) if asked.bare else llm, limits=limits, who=asked.who))


def workers(address: str) -> AbstractContextManager[Workers]:
    """Those of a cluster; raises as :func:`~viot_agent.cluster.joined`."""
    return joined(address, answer, lambda asked: f"case {asked.case.id}", stays="nothing is printed of the others")


def judged_by(
    pool: Pool,
    cases: Sequence[Case],
    llm: str,
    *,
    who: Principal | None = None,
    bare: bool = False,
    done: Callable[[], None] | None = None,
) -> Iterator[Judged]:
    """The verdicts on ``cases``, as ``run_cases`` and ``judge`` give them. ``done`` is called after each. Raises what
    a worker raised, BackendFault where workers went on dying, LostFault: a table lacks no case."""
    for came in in_order(pool, (Asked(case, llm, who, bare) for case in turns_taken(cases))):
        if isinstance(came, ViotError):
            raise came
        yield came
        if done is not None:
            done()
