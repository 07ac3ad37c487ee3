"""Recovery of redacted faces by learning how people look redacted: the parrot attack of ``viot bench redact``.

McPherson, Shokri and Shmatikov 2016 ("Defeating image obfuscation with deep learning") do not undo a mosaic: they train
on pictures of the same people, redacted the same way. Here half of each person's pictures are learnt from and the other
half is named, then the halves change places. Two attackers see the hidden head (``inside``), or with a rim of what is
around it (``rim``: hair, collar and the photographer's wall are no part of a redaction, and name people on their own):
a ridge classifier on 16x16 pixels, and the nearest mean by the embedding of a recogniser. The better one counts.

Owns the attack. Knows no video.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row, bootstrap
from viot_agent.media.types import XYXY, Image
from viot_tools.redact import hide
from viot_tools.verification.align import opened
from viot_tools.verification.pairs import People
from viot_tools.verification.recognisers import Recogniser

SIDE = 16
LEAST = 6
"""Pictures that a person must have: half to learn from."""
RIM = 0.15
"""Of the head's size, on each side."""
RIDGE = 30.0

Redaction = Callable[[Image, XYXY], Image]
Find = Callable[[Image], XYXY | None]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One picture of one person, with the box of the face."""

    who: str
    image: Image
    face: XYXY


def portraits(people: People, find: Find, most: int | None = None) -> list[Portrait]:
    """The pictures of those people of a set who have enough of them. ``most``: people at most."""
    out: list[Portrait] = []
    names = [who for who, pictures in people.pictures.items() if len(pictures) >= LEAST]
    for who in names[:most]:
        for picture in people.pictures[who]:
            image = opened(people.root / picture)
            face = find(image)
            if face is not None:
                out.append(Portrait(who, image, face))
    return out


def light_blur(image: Image, face: XYXY) -> Image:
    """What is often taken for a redaction: the head under a Gaussian blur of a twentieth of the face's width."""
    import cv2

    out = image.copy()
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (round(v) for v in hide.head(face).xyxy)
    x0, y0, x1, y1 = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
    out[y0:y1, x0:x1] = cv2.GaussianBlur(out[y0:y1, x0:x1], (0, 0), max(0.05 * (face[2] - face[0]), 0.5))
    return out


def mosaic(image: Image, face: XYXY) -> Image:
    """As many blocks as the product's, with all their colour and without noise."""
    import cv2

    out, region = image.copy(), hide.head(face)
    x0, y0, x1, y1 = (round(v) for v in region.xyxy)
    height, width = image.shape[:2]
    part = image[max(0, y0) : min(height, y1), max(0, x0) : min(width, x1)]
    grid = cv2.resize(part, (hide.BLOCKS, hide.BLOCKS), interpolation=cv2.INTER_AREA).astype(np.float32)
    hide.hide(out, region, grid)
    return out


def blocks(rng: np.random.Generator) -> Redaction:
    """The product's default, with noise that can be drawn again."""

    def redact(image: Image, face: XYXY) -> Image:
        out, region = image.copy(), hide.head(face)
        under = hide.colours(image, region)
        hide.hide(out, region, None if under is None else under + hide.noise(rng))
        return out

    return redact


def solid(image: Image, face: XYXY) -> Image:
    """The product's ``--solid``."""
    out = image.copy()
    hide.hide(out, hide.head(face), None)
    return out


def untouched(image: Image, face: XYXY) -> Image:
    """No redaction."""
    return image


def crop(image: Image, face: XYXY, rim: float) -> Image:
    """(112, 112, 3): the head's box with a rim of that share of its size."""
    import cv2

    x0, y0, x1, y1 = hide.head(face).xyxy
    w, h = (x1 - x0) * (1 + 2 * rim), (y1 - y0) * (1 + 2 * rim)
    to = np.array([[112 / w, 0, -(x0 - rim * (x1 - x0)) * 112 / w], [0, 112 / h, -(y0 - rim * (y1 - y0)) * 112 / h]])
    if w > 224:  # sampled at every second pixel or less it would alias
        small = cv2.resize(image, None, fx=112 / w, fy=112 / w, interpolation=cv2.INTER_AREA)
        to = to * np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0], 1.0])
        image = small
    return np.asarray(cv2.warpAffine(image, to, (112, 112), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def inner(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same (N, 112, 112, 3) with all outside of the hidden ellipse in one grey."""
    y, x = np.mgrid[-1:1:112j, -1:1:112j]
    out = np.full_like(crops, hide.GREY)
    within = x**2 + y**2 < 0.95
    out[:, within] = crops[:, within]
    return out


def pixels(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, F): 16x16 colours."""
    import cv2

    rows = np.stack([cv2.resize(c, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for c in crops])
    return rows.astype(np.float32).reshape(len(rows), -1)


def halves(who: Sequence[str]) -> NDArray[np.int64]:
    """(N,) 0 or 1: every second picture of each person."""
    count: dict[str, int] = {}
    out = []
    for name in who:
        out.append(count.get(name, 0) % 2)
        count[name] = count.get(name, 0) + 1
    return np.array(out)


def ridge(train: NDArray[np.float32], owner: NDArray[np.int64], probe: NDArray[np.float32]) -> NDArray[np.int64]:
    """(M,) whose each probe is: one-against-all ridge regression on standardised features."""
    mean, spread = train.mean(axis=0), train.std(axis=0) + 1e-3
    a, b = (train - mean) / spread, (probe - mean) / spread
    target = np.where(owner[:, None] == np.arange(owner.max() + 1)[None], 1.0, -1.0)
    kernel = a @ a.T + RIDGE * np.eye(len(a))
    weights = np.linalg.solve(kernel, target - target.mean(axis=0))
    return np.asarray((b @ a.T @ weights + target.mean(axis=0)).argmax(axis=1))


def nearest(train: NDArray[np.float32], owner: NDArray[np.int64], probe: NDArray[np.float32]) -> NDArray[np.int64]:
    """(M,) the person whose mean vector is nearest by cosine."""
    means = np.stack([train[owner == k].mean(axis=0) for k in range(int(owner.max()) + 1)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return np.asarray((probe @ means.T).argmax(axis=1))


def right(
    some: Sequence[Portrait], redact: Redaction, recogniser: Recogniser | None, inside: bool
) -> dict[str, NDArray[np.bool_]]:
    """(N,) for each attacker: whether it names each redacted picture after it has learnt from the other half."""
    crops = np.stack([crop(redact(p.image, p.face), p.face, 0.0 if inside else RIM) for p in some])
    names = sorted({p.who for p in some})
    owner = np.array([names.index(p.who) for p in some])
    half = halves([p.who for p in some])
    crops = inner(crops) if inside else crops
    features = {"ridge": pixels(crops)}
    if recogniser is not None:
        features[recogniser.name] = recogniser.embed(crops)
    out: dict[str, NDArray[np.bool_]] = {}
    for name, rows in features.items():
        told = np.zeros(len(some), np.int64)
        for k in (0, 1):
            attack = ridge if name == "ridge" else nearest
            told[half == k] = attack(rows[half != k], owner[half != k], rows[half == k])
        out[name] = told == owner
    return out


def rows(
    sets: Mapping[str, Sequence[Portrait]], recogniser: Recogniser | None, seed: int
) -> tuple[list[Row], list[str]]:
    """``redact.parrot.SET.WAY.inside`` and ``.rim``: the better attacker's share of right names, with intervals over
    people; floor: a light blur. Notes tell chance and what no redaction at all gives."""
    out: list[Row] = []
    notes: list[str] = []
    for name, some in sets.items():
        rng = np.random.default_rng(seed)
        ways: dict[str, Redaction] = {"blocks": blocks(rng), "solid": solid, "mosaic": mosaic}
        for inside in (True, False):
            where = "inside" if inside else "rim"
            floor = _best(right(some, light_blur, recogniser, inside))[1].mean()
            bare = _best(right(some, untouched, recogniser, inside))[1].mean()
            for way, redact in ways.items():
                attacker, told = _best(right(some, redact, recogniser, inside))
                low, high = _interval(some, told, seed)
                metric = f"share named by who has learnt from redacted pictures ({attacker}); floor: light blur"
                out.append(
                    Row(f"redact.parrot.{name}.{way}.{where}", metric, float(told.mean()), low, high, len(some),
                        f"{way} against {attacker}", "any", float(floor))
                )  # fmt: skip
            people = len({p.who for p in some})
            notes.append(f"{name}, {where}: {people} people, so chance names {1 / people:.3f}; "
                         f"of pictures that are not redacted {bare:.3f}")  # fmt: skip
    return out, notes


def _best(told: Mapping[str, NDArray[np.bool_]]) -> tuple[str, NDArray[np.bool_]]:
    name = max(told, key=lambda k: (told[k].mean(), k))
    return name, told[name]


def _interval(some: Sequence[Portrait], told: NDArray[np.bool_], seed: int) -> tuple[float, float]:
    by: dict[str, list[bool]] = {}
    for portrait, ok in zip(some, told, strict=True):
        by.setdefault(portrait.who, []).append(bool(ok))
    return bootstrap([float(np.mean(v)) for v in by.values()], seed)
