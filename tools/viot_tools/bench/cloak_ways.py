"""The methods of ``viot bench cloak``'s table, and the orderings that the papers claim of them.

GA's grid stands at one cost: every b and K takes as many gradients as plain OPOM in twice its rounds
(``opom-convex-as-ga``), rounded to whole rounds. Owns the lists.
"""

from __future__ import annotations

from collections.abc import Sequence

from viot_agent.errors import UserFault
from viot_tools.bench.cloak_cast import LEARN
from viot_tools.bench.cloak_scores import BLUR, NOISE, Way
from viot_tools.cloak.methods import METHODS, Method
from viot_tools.cloak.views import FILLED

GA = METHODS["ga"]
OPOM_ROUNDS = METHODS["opom"].options.rounds
GRID = ((1, 1), (1, 2), (1, 4), (2, 2), (2, 4))
"""Batch b and passes K."""


def ga(batch: int, passes: int) -> Way:
    """GA at twice plain OPOM's gradients."""
    one = GA.but(batch=batch, passes=passes)
    return Way(
        f"ga-b{batch}-k{passes}", one.but(rounds=max(1, round(2 * OPOM_ROUNDS / one.but(rounds=1).equal_cost(LEARN))))
    )


WAYS: tuple[Way, ...] = (
    NOISE,
    BLUR,
    Way("fiuap", METHODS["fi-uap"]),
    Way("opom-convex", METHODS["opom"]),
    Way("fiuap+", METHODS["fi-uap+"]),
    Way("opom-affine", METHODS["opom-affine"]),
    Way("opom-reduced", METHODS["opom-reduced"]),
    Way("opom-convex-as-ga", METHODS["opom"].but(rounds=2 * OPOM_ROUNDS)),
    *(ga(b, k) for b, k in GRID),
    Way("opom-momentum", METHODS["opom-momentum"]),
    Way("ga-momentum", METHODS["ga-momentum"]),
    Way("dfanet", METHODS["opom-dfanet"].but(rounds=16)),
    Way("dfanet-off", Method("convex", METHODS["opom-dfanet"].but(rounds=16).options, warm_up=5)),
    Way("opom-diverse", METHODS["opom-diverse"]),
    Way("opom-smooth", METHODS["opom-smooth"]),
    Way("opom-smooth-views", METHODS["opom-smooth"], FILLED),
    Way("opom-transfer", METHODS["opom-transfer"]),
)
"""In the table's order. Centre is left out: its masks are those of FI-UAP+ but for rounding."""
CLAIMS = (
    ("fiuap", "noise"),
    ("fiuap+", "fiuap"),
    ("opom-affine", "fiuap+"),
    ("opom-convex", "fiuap"),
    ("opom-convex", "fiuap+"),
    ("opom-convex", "opom-affine"),
    ("opom-reduced", "opom-convex"),
    *((ga(b, k).name, "opom-convex-as-ga") for b, k in GRID),
    ("opom-momentum", "opom-convex"),
    ("ga-momentum", "ga-b2-k2"),
    ("ga-momentum", "opom-momentum"),
    ("dfanet", "dfanet-off"),
    ("opom-diverse", "opom-momentum"),
    ("opom-smooth", "opom-diverse"),
    ("opom-smooth-views", "opom-smooth"),
    ("opom-transfer", "opom-smooth"),
    ("opom-transfer", "fiuap"),
    ("advcloak", "noise"),
    ("advcloak", "opom-convex"),
)
"""What the papers say is better than what (OPOM, GA, DFANet, AdvCloak), and what the product builds on."""


def named(methods: Sequence[str] | None) -> tuple[Way, ...]:
    """The ways of those names, and noise, which is every figure's floor; all for None. Raises UserFault for an unknown
    name."""
    known = {way.name: way for way in WAYS}
    asked = list(known) if methods is None else methods
    strange = next((name for name in asked if name not in known), None)
    if strange is not None:
        raise UserFault(f"the table has no method {strange!r}", fix=f"it has {', '.join(known)}")
    return tuple(way for way in WAYS if way.name in asked or way is NOISE)
