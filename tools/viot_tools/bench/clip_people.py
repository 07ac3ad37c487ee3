"""The people of a clip as ingest would embed them: reader, motion gate, detector, tracker, best pictures.

For calibration and benches, which want the pictures themselves. Owns this loop; knows no embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from viot_agent.library.motion import MotionGate
from viot_agent.library.rows import SegmentInfo, Shared, VectorRow
from viot_agent.media.readers import open_media
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.objects.detections import PERSON
from viot_tools.reid.analyzer import LEAST_PERSON, LooksAnalysis
from viot_tools.reid.pictures import Picture

SAMPLE_FPS, SEGMENT = 5.0, 30.0


def clip_pictures(clip: Path, analyzer: ObjectsAnalyzer) -> list[tuple[Picture, ...]]:
    """The pictures that ingest would embed, by track, of the people of a clip."""
    reader, tracks = open_media(clip), []
    times = [k / SAMPLE_FPS for k in range(int(reader.info.duration * SAMPLE_FPS))]
    found: dict[str, list[Picture]] = {}

    def keep(keys: Sequence[str], pictures: Sequence[Picture]) -> tuple[VectorRow, ...]:
        for key, picture in zip(keys, pictures, strict=True):
            found.setdefault(key, []).append(picture)
        return ()

    shape = SegmentInfo(clip.name, clip, 0, 0.0, SEGMENT, reader.info.width, reader.info.height, SAMPLE_FPS)
    objects, looks, gate, segment = (
        analyzer.start(shape),
        LooksAnalysis(frozenset({PERSON}), LEAST_PERSON, keep),
        MotionGate(),
        0,
    )
    for frame in reader.read(times):
        if int(frame.t / SEGMENT) != segment:
            looks.finish()
            tracks += [tuple(p) for p in found.values()]
            found.clear()
            objects, looks, gate = (
                analyzer.start(shape),
                LooksAnalysis(frozenset({PERSON}), LEAST_PERSON, keep),
                MotionGate(),
            )
            segment = int(frame.t / SEGMENT)
        motion, still = gate.look(frame)
        shared = Shared(motion, still)
        shared.results["objects"] = objects.see(frame, shared)
        looks.see(frame, shared)
    looks.finish()
    return tracks + [tuple(p) for p in found.values()]
