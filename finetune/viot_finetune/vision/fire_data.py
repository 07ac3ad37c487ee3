"""The pictures that the fire and smoke network learns from, and their groups of near-duplicates.

Owns which folders are read, which never are, the masks inside the boxes, and the folds. Knows no network.

Learnt from: ``fire_smoke_bbox/train`` (boxes), and still pictures without fire (``STILLS``). Never read here:
``fire_smoke_bbox/valid``, ``fire_vs_nonfire`` and every video clip; they are what ``viot bench vision`` measures on.
MOT17-04 is left out because ``mot_demo.mp4`` looks like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault
from viot_agent.media.types import Image

BOXES = "videos/stills/fire_smoke_bbox/train"
STILLS = (
    "faces/ageitgey",
    "faces/deepface_dataset",
    "faces/groups",
    "faces/lfw_10x10",
    "plates/openalpr_eu",
    "plates/plate_examples",
    "videos/stills/MOT17-mini/train/MOT17-02-FRCNN",
    "videos/stills/MOT17-mini/train/MOT17-05-FRCNN",
    "videos/stills/MOT17-mini/train/MOT17-10-FRCNN",
    "videos/stills/MOT17-mini/train/MOT17-11-FRCNN",
    "videos/stills/MOT17-mini/train/MOT17-13-FRCNN",
    "videos/stills/crowd_india_annotated/train_data",
    "videos/stills/prw_market1501_frames",
)
PACKAGED = ("astronaut", "cat", "coffee", "retina", "immunohistochemistry", "rocket")
"""Pictures inside the scikit-image wheel (public domain or CC0): warm colours without fire."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
LONGEST = 512
"""Pictures are kept at most this large in memory."""
ALIKE = 0.93
"""Correlation of two 16 x 16 grey pictures from which they count as one picture."""

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Burning:
    """A picture with fire. ``masks`` (H, W, 4) uint8 0..255: how much flame; inside a fire box; inside a smoke box;
    the margin round smoke boxes, of which nothing is claimed. ``group`` is the same for near-duplicates."""

    name: str
    image: Image
    masks: Mask
    boxes: tuple[tuple[int, int, int, int, int], ...]
    """(class, x0, y0, x1, y1), class 0 fire, 1 smoke."""
    group: int


def burning(data: Path) -> list[Burning]:
    """All pictures of the training set with their masks. Raises MediaFault when the folder is not there."""
    folder = data / BOXES
    paths = sorted(p for p in (folder / "images").glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise MediaFault(f"no pictures in {folder / 'images'}", fix="give a folder laid out like ../shared/data")
    images = [read(path) for path in paths]
    groups = duplicates(images)
    made = []
    for path, image, group in zip(paths, images, groups, strict=True):
        boxes = read_boxes(folder / "labels" / f"{path.stem}.txt", image.shape[1], image.shape[0])
        made.append(Burning(path.name, image, masks_of(image, boxes), boxes, group))
    return made


def stills(data: Path) -> list[Image]:
    """Pictures without fire, at most ``LONGEST`` pixels long; folders that are not there are left out."""
    paths = [p for s in STILLS for p in sorted((data / s).rglob("*")) if p.suffix.lower() in SUFFIXES]
    from skimage import data as packaged

    found = [read(path) for path in paths]
    found += [np.asarray(getattr(packaged, name)()[..., :3], np.uint8) for name in PACKAGED]
    return [shrunk(image) for image in found]


def read(path: Path) -> Image:
    """An RGB picture. Raises MediaFault when it is none."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise MediaFault(f"{path} is no picture", fix="remove it from the data folder")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def shrunk(image: Image) -> Image:
    """At most ``LONGEST`` pixels long."""
    scale = LONGEST / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def read_boxes(path: Path, width: int, height: int) -> tuple[tuple[int, int, int, int, int], ...]:
    """A YOLO label file: ``class cx cy w h`` in shares of the picture, to (class, x0, y0, x1, y1) pixels."""
    made = []
    for line in path.read_text("utf-8").splitlines():
        kind, cx, cy, w, h = (float(v) for v in line.split())
        x0, x1 = (cx - w / 2) * width, (cx + w / 2) * width
        y0, y1 = (cy - h / 2) * height, (cy + h / 2) * height
        made.append((int(kind), max(0, round(x0)), max(0, round(y0)), min(width, round(x1)), min(height, round(y1))))
    return tuple(b for b in made if b[3] > b[1] and b[4] > b[2])


def masks_of(image: Image, boxes: tuple[tuple[int, int, int, int, int], ...]) -> Mask:
    """See :class:`Burning`."""
    height, width = image.shape[:2]
    masks = np.zeros((height, width, 4), np.uint8)
    for kind, x0, y0, x1, y1 in boxes:
        if kind == 0:
            part = masks[y0:y1, x0:x1]
            part[..., 0] = np.maximum(part[..., 0], flame_alpha(image, (x0, y0, x1, y1)))
            part[..., 1] = 255
        else:
            masks[y0:y1, x0:x1, 2] = 255
            mx, my = (x1 - x0) // 4, (y1 - y0) // 4
            masks[max(0, y0 - my) : y1 + my, max(0, x0 - mx) : x1 + mx, 3] = 255
    return masks


def flame_alpha(image: Image, box: tuple[int, int, int, int]) -> Mask:
    """How much flame each pixel of the box holds, 0..255: redder or brighter in red than the picture round the box.

    Flames give light, so in red they stand out of whatever is behind them; dark smoke and masts in the box do not.
    """
    x0, y0, x1, y1 = box
    height, width = image.shape[:2]
    m = max(4, (x1 - x0) // 6, (y1 - y0) // 6)
    left, top, right, bottom = max(0, x0 - m), max(0, y0 - m), min(width, x1 + m), min(height, y1 + m)
    around = np.ones((bottom - top, right - left), bool)
    around[y0 - top : y1 - top, x0 - left : x1 - left] = False
    ring = image[top:bottom, left:right][around]
    inside = image[y0:y1, x0:x1].astype(np.float32)
    red, warm = inside[..., 0], inside[..., 0] - inside[..., 2]
    base = np.median(ring, axis=0).astype(np.float32) if len(ring) else np.zeros(3, np.float32)
    brighter = (red - base[0] - 12) / 70
    warmer = (warm - (base[0] - base[2]) - 30) / 80
    alpha = np.clip(np.maximum(brighter, warmer), 0, 1) * np.clip((red - 70) / 50, 0, 1)
    # white clouds and steam in the box are bright too, but blue is as bright as red there and the ring is bright
    pale = (warm < 15) & (base.min() > 120) & (red < 235)
    alpha[pale] = 0
    return np.asarray(255 * alpha, np.uint8)


def duplicates(images: list[Image]) -> list[int]:
    """A group number for each picture; near-duplicates (also mirrored ones) share it."""
    small = [cv2.resize(cv2.cvtColor(i, cv2.COLOR_RGB2GRAY), (16, 16), interpolation=cv2.INTER_AREA) for i in images]
    seen = np.stack([np.asarray(s, np.float32) for s in small])

    def normal(values: NDArray[np.float32]) -> NDArray[np.float32]:
        flat = values.reshape(len(values), -1)
        flat = flat - flat.mean(1, keepdims=True)
        return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), np.float32)

    plain, mirrored = normal(seen), normal(seen[:, :, ::-1])
    alike = np.maximum(plain @ plain.T, plain @ mirrored.T) >= ALIKE
    group = list(range(len(images)))
    for a, b in np.argwhere(np.triu(alike, 1)).tolist():
        low, high = sorted((group[a], group[b]))
        group = [low if g == high else g for g in group]
    return group


def folds(pictures: list[Burning], n: int, seed: int) -> list[list[int]]:
    """Indices of ``n`` parts; near-duplicates stay in one part."""
    groups = sorted({p.group for p in pictures})
    np.random.default_rng(seed).shuffle(groups)
    part = {group: i % n for i, group in enumerate(groups)}
    return [[i for i, p in enumerate(pictures) if part[p.group] == k] for k in range(n)]
