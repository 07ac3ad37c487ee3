"""``viot bench faces``: recognising people, who is who and who is nobody, with faces bare and behind masks.

Suites: ``verify`` (``faces_verify``), ``identify`` (``faces_identify``), ``masked`` (``faces_masked``: the same pairs
with masks, and what helps; ``faces_worn``: the product's whole path), ``templates`` (``faces_templates``),
``talfw-like`` (``faces_talfw``: pairs attacked on purpose), ``sizes`` (the backbones' weights, multiply-accumulates and
tokens). Owns the list of suites; the figures are the suites' own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from viot_agent.bench.report import Report, Row
from viot_agent.errors import FailedFault, UserFault, ViotError
from viot_agent.weights import Weights
from viot_agent.weights.store import Tier
from viot_tools.bench import faces_identify, faces_masked, faces_talfw, faces_templates, faces_verify, faces_worn
from viot_tools.bench.faces_store import Store

Suite = Callable[[Store], tuple[list[Row], list[str]]]
"""A tier's store to rows and what was skipped. May raise WeightsMissing."""

SUITES: dict[str, tuple[Suite, ...]] = {
    "verify": (faces_verify.rows,),
    "identify": (faces_identify.rows,),
    "masked": (faces_masked.rows, faces_worn.rows),
    "templates": (faces_templates.rows,),
    "talfw-like": (faces_talfw.rows,),
}


def bench(
    data: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    suite: Annotated[str, "verify, identify, masked, templates, talfw-like or sizes; all where none is named"] = "",
) -> Report:
    """Face verification and identification, bare and masked, in both tiers: half an hour on one core.

    ``data`` is laid out like ``../shared/data``. Hub files come from ``VIOT_MODELS``, else ``data/models``. What cannot
    run (its weights are missing) is said under the table with the reason, the rest runs. Raises UserFault for an
    unknown suite; where one is named and can run in no tier, what it raised.
    """
    if suite and suite not in (*SUITES, "sizes"):
        raise UserFault(f"there is no suite {suite!r}", fix=f"the suites are {', '.join((*SUITES, 'sizes'))}")
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    wanted = {name: parts for name, parts in SUITES.items() if suite in ("", name)}
    rows: list[Row] = []
    skipped: list[str] = []
    notes: list[str] = []
    fault: ViotError | None = None
    tiers: tuple[Tier, ...] = ("hub", "builtin")
    for tier in tiers if wanted else ():
        store = Store(data, Weights(base.home, local, tier), quick, seed)
        for name, part in ((name, part) for name, parts in wanted.items() for part in parts):
            try:
                found, without = part(store)
            except (FailedFault, UserFault) as error:
                fault = error
                skipped.append(f"suite {name} in tier {tier} was not run: {error}")
            else:
                rows += found
                skipped += without
        notes += store.notes()
    if suite and fault is not None and not rows:
        raise fault
    if suite in ("", "sizes"):
        rows += sizes()
    if suite in ("", "masked"):
        notes += faces_masked.NOTES
    return Report(tuple(rows), tuple(dict.fromkeys(skipped)), notes=tuple(notes))


def sizes(names: Sequence[str] | None = None) -> list[Row]:
    """The backbones (None: all) at full size, counted on shapes alone: exact figures, so their intervals are points."""
    if importlib.util.find_spec("torch") is None:
        raise UserFault("the backbones are counted by PyTorch, which is not installed", fix="pip install torch==2.13.0")
    from viot_tools.faces.nets import NAMES, size_table

    found: list[Row] = []
    for size in size_table(NAMES if names is None else names):
        figures = {"parameters": (size.parameters / 1e6, "million values"), "macs": (size.macs / 1e9, "billion a face")}
        if size.tokens is not None:
            figures["tokens"] = (float(size.tokens), "patches, without the class token")
        for key, (value, metric) in figures.items():
            found.append(Row(f"faces.sizes.{size.name}.{key}", metric, value, value, value, 1, size.name, ""))
    return found
