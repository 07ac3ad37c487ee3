"""What the detector is trained on: permissively licensed supplied footage, cut-outs of it, and what is drawn.

``SOURCES`` names every file that is looked at, with its licence; the clips that counts are judged on, MOT17, PRW and
whatever has no licence or a non-commercial one are not among them. Cut-outs are people and cars of those sources inside
the teacher's boxes, half of them freed from their background by GrabCut (Rother et al., SIGGRAPH 2004).

Owns sources and cut-outs. Knows neither network nor labels: the teacher labels views (``detector_views``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from viot_agent.errors import UserFault
from viot_agent.media.types import Image
from viot_finetune.vision.detector_drawn import CutOut, drawn, drawn_scenes, puppet
from viot_finetune.vision.detector_views import Stock
from viot_tools.objects.detections import Detections

T = TypeVar("T")
SURE = 0.45
"""The teacher's score from which a thing is cut out."""
EMPTY = 0.25
"""A picture in which the teacher sees nothing with this score is a background."""
LARGEST = 960
"""The longest side at which source pictures are kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """Pictures to train on: ``path`` below the data folder (a clip, a GIF, a picture or a folder), ``take`` of them.

    ``weight``: how often a view comes from here, against the others.
    """

    path: str
    licence: str
    take: int
    weight: float


SOURCES = (
    Source("videos/intel/car-detection.mp4", "CC-BY-4.0", 40, 1.2),
    Source("videos/intel/preview_gif/face-demographics-walking.gif", "CC-BY-4.0", 35, 2.0),
    Source("videos/intel/preview_gif/person-bicycle-car-detection.gif", "CC-BY-4.0", 41, 1.2),
    Source("videos/actions/demo.mp4", "Apache-2.0", 16, 0.7),
    Source("videos/actions/test_video_structuralize.mp4", "Apache-2.0", 150, 4.0),
    Source("videos/actions/exercise.avi", "MIT", 80, 2.0),
    Source("videos/traffic.mp4", "MIT", 24, 1.0),
    Source("videos/fire/fire_input.mp4", "MIT", 24, 0.8),
    Source("videos/faces/short_hamilton_clip.mp4", "MIT", 90, 2.5),
    Source("videos/faces/facenet_pytorch_video.mp4", "MIT", 105, 4.0),
    Source("videos/stills/fire_smoke_bbox/train", "CC-BY-4.0", 60, 1.0),
    Source("plates/plate_examples", "MIT", 20, 1.0),
    Source("plates/fast_alpr_test_image.png", "MIT", 1, 0.2),
    Source("faces/deepface_dataset", "MIT", 44, 1.0),
    Source("faces/groups", "MIT", 8, 1.5),
    Source("faces/ageitgey", "MIT", 12, 0.4),
)


def pictures(data: Path, source: Source) -> list[Image]:
    """The source's pictures, RGB, evenly spread, at most ``LARGEST`` wide or high. Raises UserFault without it."""
    path = data / source.path
    if not path.exists():
        raise UserFault(f"{path} is not there", fix="give --data the folder that SOURCES.md describes")
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        raw = [_file(p) for p in _spread(files, source.take)]
    elif path.suffix == ".gif":
        raw = _spread(list(_gif(path)), source.take)
    elif path.suffix == ".png":
        raw = [_file(path)]
    else:
        raw = _clip(path, source.take)
    return [_limited(p) for p in raw]


def _spread(things: Sequence[T], n: int) -> list[T]:
    keep = np.linspace(0, len(things) - 1, min(n, len(things))).round().astype(int)
    return [things[i] for i in sorted(set(keep.tolist()))]


def _file(path: Path) -> Image:
    return np.asarray(Pillow.open(path).convert("RGB"), np.uint8)


def _gif(path: Path) -> Iterator[Image]:
    with Pillow.open(path) as gif:
        for i in range(getattr(gif, "n_frames", 1)):
            gif.seek(i)
            yield np.asarray(gif.convert("RGB"), np.uint8)


def _clip(path: Path, n: int) -> list[Image]:
    video = cv2.VideoCapture(str(path))
    wanted = set(_spread(range(int(video.get(cv2.CAP_PROP_FRAME_COUNT))), n))
    found: list[Image] = []
    index = 0
    while True:
        ok, picture = video.read()
        if not ok:
            return found
        if index in wanted:
            found.append(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))
        index += 1


def _limited(picture: Image) -> Image:
    scale = LARGEST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def cut_outs(rng: np.random.Generator, picture: Image, found: Detections, per_picture: int) -> list[CutOut]:
    """Sure people and cars of ``picture``: by GrabCut inside their boxes, every second one as a patch that fades out.

    A patch keeps heads and feet, which GrabCut likes to lose, and some of the place around them. What GrabCut does not
    free becomes a patch.
    """
    made: list[CutOut] = []
    for box, score, label in zip(found.xyxy, found.score, found.label, strict=True):
        if len(made) == per_picture or score < SURE or label in ("bicycle", "motorcycle"):
            continue
        x0, y0, x1, y1 = (round(float(v)) for v in box)
        if min(x1 - x0, y1 - y0) < 14 or max(x1 - x0, y1 - y0) < 36:
            continue
        pad = max(3, (x1 - x0 + y1 - y0) // 16)
        left, top = max(0, x0 - pad), max(0, y0 - pad)
        patch = picture[top : y1 + pad, left : x1 + pad]
        scale = min(1.0, 160 / max(patch.shape[:2]))
        patch = np.asarray(cv2.resize(patch, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        inner = (round((x0 - left) * scale), round((y0 - top) * scale), *(round(v * scale) for v in (x1 - x0, y1 - y0)))
        alpha = _freed(patch, inner) if rng.random() < 0.5 else None
        if alpha is None:
            alpha = np.zeros(patch.shape[:2], np.uint8)
            edge = max(1, round(pad * scale))
            alpha[edge:-edge, edge:-edge] = 255
            alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), edge / 2), np.uint8)
        made.append(CutOut(np.ascontiguousarray(np.dstack([patch, alpha]), np.uint8), label == "person"))
    return made


def _freed(patch: Image, inner: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """What GrabCut takes for the thing in the box ``inner`` (x, y, w, h); None for too little or too much."""
    mask = np.zeros(patch.shape[:2], np.uint8)
    if inner[2] * inner[3] > 0.9 * mask.size:
        return None  # no background to learn
    cv2.grabCut(patch, mask, inner, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_RECT)
    alpha = np.where((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    alpha = np.asarray(cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    share = float((alpha > 0).sum()) / max(1, inner[2] * inner[3])
    return np.asarray(cv2.GaussianBlur(alpha, (3, 3), 0), np.uint8) if 0.35 < share < 0.92 else None


Detect = Callable[[Image], Detections]


def stock(data: Path, detect: Detect, rng: np.random.Generator) -> Stock:
    """Everything that views are made of; ``detect`` is the teacher, for cut-outs and for what is empty."""
    every: list[tuple[Image, ...]] = []
    empty: list[Image] = []
    things: list[CutOut] = []
    for source in SOURCES:
        taken = pictures(data, source)
        every.append(tuple(taken))
        cut = set(_spread(range(len(taken)), 20))  # no source may rule
        for i, picture in enumerate(taken):
            found = detect(picture)
            if not (found.score >= EMPTY).any():
                empty.append(picture)
            if i in cut:
                things += cut_outs(rng, picture, found, 3)
    places = drawn_scenes()
    return Stock(
        (*every, tuple(places)),
        (*(s.weight for s in SOURCES), 0.5),
        (*empty, *places),
        (*things, *drawn(rng, 40), *(puppet(rng) for _ in range(120))),
    )
