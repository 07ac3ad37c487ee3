"""Masks of ``viot bench cloak`` as pieces of work for the workers of a cluster.

Owns what travels, and the surrogates that a worker keeps. Which masks are wanted, and the keeping, is ``cloak_made``'s.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from viot_agent.cluster import Pool, Workers, in_order, joined
from viot_agent.errors import UserFault, ViotError
from viot_agent.weights import Weights
from viot_tools.bench.cloak_made import Far, Made, Wanted, mask_of
from viot_tools.cloak.surrogates import Surrogates, surrogates


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """A mask, the folder of hub files where the worker has no ``VIOT_MODELS`` of its own, and PyTorch's threads: of
    another number the sums round otherwise, and a mask of signs is another one."""

    wanted: Wanted
    models: Path | None
    threads: int


@cache
def _white(models: Path | None) -> Surrogates:
    base = Weights.from_env()
    return surrogates(Weights(base.home, base.models_dir or models, "hub"))


def make_here(errand: Errand) -> Made:
    """What a worker does. Raises UserFault where its surrogates are others, WeightsMissing."""
    import torch

    wanted, white = errand.wanted, _white(errand.models).only(errand.wanted.white)
    if (white.names, white.versions) != (wanted.white, wanted.versions):
        raise UserFault(
            f"the worker on {socket.gethostname()} has other surrogates: {'+'.join(white.versions)}",
            fix="install the same version there, with the same VIOT_MODELS, before `ray start`",
        )
    torch.set_num_threads(errand.threads)
    return mask_of(wanted.faces, wanted.method, white)


def workers(address: str) -> AbstractContextManager[Workers]:
    """Those of a cluster; raises as :func:`~viot_agent.cluster.joined`."""
    return joined(
        address,
        make_here,
        lambda errand: f"the mask of {errand.wanted.name}",
        wide=lambda errand: errand.threads,
        stays="made masks are kept",
    )


def far(pool: Pool, models: Path | None) -> Far:
    """Have masks made by the workers of ``pool``; raises what they raise, BackendFault when they died."""

    def made(wanted: Sequence[Wanted]) -> Iterator[Made]:
        import torch

        threads = torch.get_num_threads()
        for came in in_order(pool, (Errand(one, models, threads) for one in wanted)):
            if isinstance(came, ViotError):
                raise came
            yield came

    return made
