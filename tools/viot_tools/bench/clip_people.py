"""The people of a clip as ingest would embed them: reader, motion gate, detector, tracker, best pictures.

For calibration and benches, which want the pictures themselves. Owns this loop; knows no embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from viot_agent.library.motion import MotionGate
from viot_agent.library.rows import SegmentInfo, Shared, VectorRow
from viot_agent.media.readers import open_media
from viot_agent.media.types import XYXY
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.objects.detections import PERSON
from viot_tools.reid.analyzer import LEAST_PERSON, LooksAnalysis
from viot_tools.reid.pictures import Picture

SAMPLE_FPS, SEGMENT = 5.0, 30.0


@dataclass(frozen=True, slots=True)
class Followed:
    """Somebody of a clip: the pictures that ingest would embed, in time, and the box at every second that one was
    found."""

    pictures: tuple[Picture, ...]
    boxes: Mapping[float, XYXY]


def clip_pictures(clip: Path, analyzer: ObjectsAnalyzer) -> list[Followed]:
    """The people of a clip, by track; a track ends with its segment, as in ingest."""
    reader, tracks = open_media(clip), []
    times = [k / SAMPLE_FPS for k in range(int(reader.info.duration * SAMPLE_FPS))]
    found: dict[str, list[Picture]] = {}
    boxes: dict[str, dict[float, XYXY]] = {}

    def keep(keys: Sequence[str], pictures: Sequence[Picture]) -> tuple[VectorRow, ...]:
        for key, picture in zip(keys, pictures, strict=True):
            found.setdefault(key, []).append(picture)
        return ()

    def close() -> list[Followed]:
        looks.finish()
        done = [Followed(tuple(p), boxes[key]) for key, p in found.items()]
        found.clear()
        boxes.clear()
        return done

    shape = SegmentInfo(clip.name, clip, 0, 0.0, SEGMENT, reader.info.width, reader.info.height, SAMPLE_FPS)
    objects, looks, gate, segment = (
        analyzer.start(shape),
        LooksAnalysis(frozenset({PERSON}), LEAST_PERSON, keep),
        MotionGate(),
        0,
    )
    for frame in reader.read(times):
        if int(frame.t / SEGMENT) != segment:
            tracks += close()
            objects, looks, gate = (
                analyzer.start(shape),
                LooksAnalysis(frozenset({PERSON}), LEAST_PERSON, keep),
                MotionGate(),
            )
            segment = int(frame.t / SEGMENT)
        motion, still = gate.look(frame)
        shared = Shared(motion, still)
        seen = objects.see(frame, shared)
        shared.results["objects"] = seen
        looks.see(frame, shared)
        for key, box in zip(seen.track_keys, seen.detections.xyxy, strict=True):
            x0, y0, x1, y1 = (float(v) for v in box)
            boxes.setdefault(key, {})[frame.t] = (x0, y0, x1, y1)
    return tracks + close()
