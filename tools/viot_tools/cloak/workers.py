"""The work of cloaking on other machines: what travels with a piece, and what a worker does with it.

A worker has its own models and opens no library; it reads a picture by its path and writes nothing. PyTorch's number of
threads travels too: with another one the sums round otherwise, and a mask of signs is soon another mask. Owns that, and
the refusal of a worker with other models. Knows no cluster: whoever has one brings it as ``results``.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from viot_agent.errors import MediaFault, UserFault
from viot_agent.weights import Weights
from viot_tools.cloak.hands import Drawing, Hands, Making, Seek, Work


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """A piece of work for a worker whose ``Hands.stamp`` is ``stamp``."""

    work: Work
    method: str
    stamp: tuple[str, ...]
    threads: int


Results = Callable[[Iterable[Errand]], Iterator[Any]]
"""What came of errands, or the faults that they ended with, in their order."""


class Afar:
    """A :class:`~viot_tools.cloak.hands.Crew` of workers that have what ``hands`` have."""

    def __init__(self, hands: Hands, results: Results) -> None:
        self.hands, self.results = hands, results

    def each(self, works: Iterable[Work]) -> Iterator[Any]:
        """What came of each in their order. Raises what ``results`` raises, and WeightsMissing as ``hands``."""
        import torch

        stamp, threads = self.hands.stamp(), torch.get_num_threads()
        return self.results(Errand(_rooted(work), self.hands.method, stamp, threads) for work in works)


def do_here(errand: Errand) -> Any:
    """What a worker does, with the models that are installed there. Raises as :func:`done`."""
    return done(errand, _hands(errand.method))


def done(errand: Errand, hands: Hands) -> Any:
    """The errand by these hands. Raises as ``Hands.do``, with this machine's name where a picture is to blame;
    UserFault where they have other models."""
    import torch

    if (mine := hands.stamp()) != errand.stamp:
        raise UserFault(
            f"The worker on {socket.gethostname()} would cloak with {', '.join(mine)}, not {', '.join(errand.stamp)}.",
            fix="install the same version there, with the same VIOT_MODELS and VIOT_TIER, before `ray start`",
        )
    torch.set_num_threads(errand.threads)
    try:
        return hands.do(errand.work)
    except MediaFault as fault:
        raise MediaFault(f"{fault.message.rstrip('.')} (on {socket.gethostname()})", fix=fault.fix) from fault


@cache
def _hands(method: str) -> Hands:
    return Hands(Weights.from_env(), method)


def named(errand: Errand) -> str:
    """What it is of, for messages."""
    work = errand.work
    if isinstance(work, (Seek, Drawing)):
        return str(work.path)
    return f"the mask of {work.person if isinstance(work, Making) else 'everybody'}"


def wide(errand: Errand) -> int:
    """Cores that it wants: threads that share one wait for each other longer than they work."""
    return 1 if isinstance(errand.work, (Seek, Drawing)) else errand.threads


def _rooted(work: Work) -> Work:
    """A worker stands in another folder."""
    return replace(work, path=work.path.absolute()) if isinstance(work, (Seek, Drawing)) else work
