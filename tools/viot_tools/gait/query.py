"""The walker of an attached video: found, followed and cut out by the same path as at ingest.

Owns which part of the video is looked at, and who is meant when several people walk. Knows no library and no sentence
but its faults.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import RetryFault
from viot_agent.library.rows import SegmentInfo, Shared
from viot_agent.media.types import Reader
from viot_tools.gait.net import GaitNet
from viot_tools.gait.walks import LEAST_GOOD, Stretch, Walk
from viot_tools.objects.analyzer import ObjectsAnalyzer

SAMPLE_FPS = 5.0
LONGEST = 60.0
"""Seconds of an attached video that are looked at."""
CLEARLY = 2.0
"""One of several walkers is meant when there are this many times more silhouettes of them than of the next."""


@dataclass(frozen=True, slots=True)
class Query:
    """The walker: ``vector`` (D,) of length 1 from ``silhouettes`` pictures between ``start`` and ``end`` seconds of
    the video. ``others`` people walked too, clearly shorter; ``cut`` when only the first ``LONGEST`` seconds were
    looked at."""

    vector: NDArray[np.float32]
    silhouettes: int
    start: float
    end: float
    others: int
    cut: bool


def walker_of(path: Path, handle: str, objects: ObjectsAnalyzer, net: GaitNet, reader: Reader | None = None) -> Query:
    """The walker in the video at ``path`` (``reader`` where it is open already), people found by ``objects``.

    Raises MediaFault when it is no video, RetryFault when nobody walks in it whole and alone for long enough, or when
    several do: the sentence says what is needed.
    """
    from viot_agent.media.readers import open_media

    reader = reader or open_media(path)
    stretch = watch(reader, path, objects)
    walks = sorted(stretch.walks(), key=lambda w: -len(w.times))
    if not walks:
        why = stretch.reasons()
        reasons = ", ".join(f"{word} ({n} times)" for word, n in why.most_common(3))
        where = f"the first {LONGEST:.0f} s of {handle}" if reader.info.duration > LONGEST else handle
        raise RetryFault(
            f"no walk can be cut out of {where}: {reasons or 'nobody was found in it'}",
            fix=f"attach a video from a camera that does not move, in which one person walks, wholly visible and apart "
            f"from others, for at least {math.ceil(LEAST_GOOD / SAMPLE_FPS)} seconds",
        )
    if len(walks) > 1 and len(walks[0].times) < CLEARLY * len(walks[1].times):
        raise RetryFault(
            f"{len(walks)} people walk in {handle} ({_times(walks)}), and it does not say who is meant",
            fix="cut it so that one person walks in it, and attach that",
        )
    best = walks[0]
    return Query(
        vector=net.embed(best.silhouettes),
        silhouettes=len(best.times),
        start=float(best.times[0]),
        end=float(best.times[-1]),
        others=len(walks) - 1,
        cut=reader.info.duration > LONGEST,
    )


def watch(reader: Reader, path: Path, objects: ObjectsAnalyzer, longest: float = LONGEST) -> Stretch:
    """The first ``longest`` seconds of a video, as ingest would look at them (but nothing is taken for still)."""
    info = reader.info
    end = min(info.duration, longest)
    analysis = objects.start(SegmentInfo("upload", path, 0, 0.0, end, info.width, info.height, SAMPLE_FPS))
    stretch = Stretch()
    for frame in reader.read([k / SAMPLE_FPS for k in range(int(end * SAMPLE_FPS - 1e-9) + 1)]):
        stretch.see(frame, analysis.see(frame, Shared()), still=False)
    return stretch


def _times(walks: list[Walk]) -> str:
    shown = [f"from {w.times[0]:.0f} to {w.times[-1]:.0f} s" for w in walks[:3]]
    return ", ".join(shown) + (", and others" if len(walks) > 3 else "")
