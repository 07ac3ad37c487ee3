"""How far a cloak protects: what recognisers that had no part in it make of the face, before and after.

The figure is the mean cosine of the face to *other* pictures of the same person. It is taken from the written file:
read again, its faces found and aligned again, as a stranger's recogniser would. Owns these figures. Knows no words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.cloak.likeness import psnr, ssim
from viot_tools.cloak.surrogates import Judge


@dataclass(frozen=True, slots=True)
class Judged:
    """One recogniser on one face: mean cosines to ``others`` pictures; above ``threshold`` (None: not measured) it
    takes two faces for one person, at a false-accept rate of ``far``. ``still``: share of those pictures to which the
    cloaked face is still taken for the same person (None without threshold)."""

    recogniser: str
    maker: str
    before: float
    after: float
    threshold: float | None
    far: float
    others: int
    was: float | None
    still: float | None


def judged(judges: Sequence[Judge], clean: Image, cloaked: Image, others: Sequence[Image]) -> tuple[Judged, ...]:
    """Every judge on one face, (112, 112, 3) each. Empty without ``others``: there is nothing to measure against."""
    if not others:
        return ()
    found = []
    for judge in judges:
        vectors = judge.recogniser.embed(np.stack([clean, cloaked, *others]))
        before, after = (np.asarray(vectors[2:] @ v) for v in vectors[:2])
        level = judge.threshold
        found.append(
            Judged(
                judge.name,
                judge.recogniser.maker,
                float(before.mean()),
                float(after.mean()),
                level,
                judge.far,
                len(others),
                None if level is None else float((before > level).mean()),
                None if level is None else float((after > level).mean()),
            )
        )
    return tuple(found)


def mean(rows: Sequence[Judged]) -> Judged:
    """One recogniser's rows together, of at least one face."""
    first = rows[0]
    return Judged(
        first.recogniser,
        first.maker,
        float(np.mean([r.before for r in rows])),
        float(np.mean([r.after for r in rows])),
        first.threshold,
        first.far,
        sum(r.others for r in rows),
        None if first.was is None else float(np.mean([r.was for r in rows if r.was is not None])),
        None if first.still is None else float(np.mean([r.still for r in rows if r.still is not None])),
    )


@dataclass(frozen=True, slots=True)
class Looks:
    """How the face's part of the picture differs: PSNR in dB, structural similarity, the largest change of a value
    before the file was coded and in the file as written."""

    psnr: float
    ssim: float
    change: int
    written: int


def looks(clean: NDArray[np.uint8], laid: NDArray[np.uint8], written: NDArray[np.uint8]) -> Looks:
    """Of the face's region (H, W, 3), at full resolution: as it was, with its mask, and read from the file."""
    from viot_tools.cloak.apply import largest_change

    small = min(clean.shape[:2]) < 11
    return Looks(
        psnr(clean, written),
        1.0 if small else ssim(clean, written),
        largest_change(clean, laid),
        largest_change(clean, written),
    )
