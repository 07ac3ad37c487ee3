"""The analyzers of the installed packages (entry points ``viot_agent.analyzers``), for a tier of weights.

Owns choosing among them. Every process that looks at footage asks here, the workers of a cluster too.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from viot_agent.errors import FailedFault, UserFault
from viot_agent.library.rows import Analyzer

if TYPE_CHECKING:
    from viot_agent.weights import Weights


def analyzers(weights: Weights, only: Sequence[str] = ()) -> list[Analyzer]:
    """The installed analyzers for the tier in force; of these names, with those that they need, where ``only`` is
    given. Raises FailedFault when two share a name, UserFault for a name that none has."""
    found: list[Analyzer] = []
    for point in entry_points(group="viot_agent.analyzers"):
        found.extend(point.load()(weights))
    names = [a.name for a in found]
    double = next((n for n in names if names.count(n) > 1), None)
    if double is not None:
        raise FailedFault(f"two analyzers are called {double!r}", fix="uninstall one of the packages")
    unknown = next((name for name in only if name not in names), None)
    if unknown is not None:
        raise UserFault(f"there is no analyzer {unknown!r}", fix=f"the analyzers are {', '.join(names)}")
    wanted = set(only)
    while needed := {n for a in found if a.name in wanted for n in a.needs} - wanted:
        wanted |= needed  # what is read must be there, and is stored where it is not yet
    return [a for a in found if not only or a.name in wanted]
