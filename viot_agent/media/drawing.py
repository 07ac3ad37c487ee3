"""Marks on pictures: boxes with labels, skeletons, captions, contact sheets.

Owns how evidence looks. Every function returns a new picture and leaves its argument alone; all pictures are RGB uint8
(H, W, 3). Boxes and labels are drawn by supervision, which takes 1.4 s and 60 MB to import, so it is imported on first
use. Does not know what is marked, or why.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as Pil
from PIL import ImageDraw

from viot_agent.media.fonts import fitting, spelled
from viot_agent.media.types import Image

PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""Okabe and Ito's colours: told apart by the colour-blind too. Labels are black or white, whichever reads better."""

_INK = ("#000000", "#000000", "#FFFFFF", "#000000", "#FFFFFF", "#FFFFFF", "#000000")


def draw_boxes(
    image: Image,
    boxes: ArrayLike | Sequence[tuple[float, float, float, float]],
    labels: Sequence[str] | None = None,
    *,
    colours: Sequence[int] | None = None,
    thickness: int | None = None,
    text_size: int | None = None,
) -> Image:
    """A copy with ``boxes`` (N, 4) left, top, right, bottom in pixels, and a label above each where there is one.

    ``colours``: N indices into ``PALETTE`` (taken modulo its length), default one after the other. ``thickness`` and
    ``text_size`` in pixels; by default they follow the picture's size. An empty label draws nothing.
    """
    xyxy = np.asarray(boxes, np.float32).reshape(-1, 4)
    n = len(xyxy)
    if labels is not None and len(labels) != n:
        raise ValueError(f"{len(labels)} labels for {n} boxes")
    if colours is not None and len(colours) != n:
        raise ValueError(f"{len(colours)} colours for {n} boxes")
    if n == 0:
        return image.copy()
    lookup = np.asarray(range(n) if colours is None else colours, np.int64) % len(PALETTE)
    height, width = image.shape[:2]
    thickness = thickness or max(2, round(max(width, height) / 400))
    size = text_size or max(12, round(max(width, height) / 48))
    return _labelled(_boxed(image.copy(), xyxy, lookup, thickness), xyxy, labels, lookup, size)


def _boxed(image: Image, xyxy: NDArray[np.float32], lookup: NDArray[np.int64], thickness: int) -> Image:
    sv = _supervision()
    # supervision draws boxes for OpenCV's BGR pictures; ours are RGB, so its colours go in with red and blue swapped
    swapped = sv.ColorPalette([sv.Color(c.b, c.g, c.r) for c in sv.ColorPalette.from_hex(list(PALETTE)).colors])
    annotator = sv.BoxAnnotator(color=swapped, thickness=thickness)
    found = sv.Detections(xyxy=xyxy, class_id=lookup)
    return np.asarray(annotator.annotate(image, found, custom_color_lookup=lookup), np.uint8)


def _labelled(
    image: Image, xyxy: NDArray[np.float32], labels: Sequence[str] | None, lookup: NDArray[np.int64], size: int
) -> Image:
    sv = _supervision()
    if labels is None or not any(labels):
        return image
    scene = Pil.fromarray(image)
    keep = [i for i, label in enumerate(labels) if label.strip()]
    _, path, _ = fitting(" ".join(labels), size)
    annotator = sv.RichLabelAnnotator(
        color=sv.ColorPalette.from_hex(list(PALETTE)),
        text_color=sv.ColorPalette.from_hex(list(_INK)),
        font_path=str(path),
        font_size=size,
        text_padding=max(3, size // 4),
        smart_position=True,  # keeps labels inside the picture and off each other
    )
    found = sv.Detections(xyxy=xyxy[keep], class_id=lookup[keep])
    texts = [spelled(labels[i], path) for i in keep]
    return np.array(annotator.annotate(scene, found, texts, custom_color_lookup=lookup[keep]), np.uint8)


BONES = (
    *((0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16)),
)
"""Pairs of COCO's 17 key points that a line joins."""
SURE = 0.2
"""Key points with a lower score are not drawn."""


def draw_skeletons(image: Image, keypoints: Sequence[NDArray[np.float32]], *, thickness: int | None = None) -> Image:
    """A copy with the body poses (17, 3) x, y in pixels and score drawn as lines; unsure points are left out."""
    out = image.copy()
    wide = thickness or max(1, round(max(image.shape[:2]) / 320))
    for n, points in enumerate(keypoints):
        hexed = PALETTE[(n + 2) % len(PALETTE)]
        colour = tuple(int(hexed[i : i + 2], 16) for i in (1, 3, 5))
        for a, b in BONES:
            if min(points[a, 2], points[b, 2]) >= SURE:
                ends = [(round(float(points[i, 0])), round(float(points[i, 1]))) for i in (a, b)]
                cv2.line(out, ends[0], ends[1], colour, wide, cv2.LINE_AA)
        for x, y, score in points:
            if score >= SURE:
                cv2.circle(out, (round(float(x)), round(float(y))), wide + 1, colour, -1, cv2.LINE_AA)
    return out


@lru_cache(maxsize=1)
def _supervision() -> Any:
    import supervision

    return supervision


def caption(image: Image, text: str, *, text_size: int | None = None) -> Image:
    """A copy with ``text`` on a dark band along the bottom (camera name and local time, say); long text is shrunk."""
    if not text.strip():
        return image.copy()
    height, width = image.shape[:2]
    size = text_size or max(12, round(max(width, height) / 42))
    font, _, shown = fitting(text, size)
    while size > 8 and font.getlength(shown) > width - size:
        size -= 1
        font, _, shown = fitting(text, size)
    band = min(height, round(size * 1.6))
    out = image.copy()
    out[height - band :] = (out[height - band :].astype(np.uint16) * 3 // 10).astype(np.uint8)
    strip = Pil.fromarray(out[height - band :])
    ImageDraw.Draw(strip).text((size // 2, band // 2), shown, font=font, fill=(255, 255, 255), anchor="lm")
    out[height - band :] = np.asarray(strip)
    return out


def contact_sheet(tiles: Sequence[tuple[Image, str]], columns: int = 4, *, tile_width: int = 320) -> Image:
    """Pictures with a line of text under each, in rows of ``columns``. Each keeps its shape inside its tile.

    Tiles are as high as the tallest picture needs, at most three quarters of their width. Raises ValueError without
    tiles or columns.
    """
    if not tiles or columns < 1:
        raise ValueError("a contact sheet needs at least one tile and one column")
    columns = min(columns, len(tiles))
    tallest = max(image.shape[0] / image.shape[1] for image, _ in tiles)
    picture_height = round(tile_width * min(tallest, 0.75))
    size = max(11, tile_width // 22)
    line, gap = round(size * 1.7), 6
    tile_height = picture_height + line
    rows = -(-len(tiles) // columns)
    shape = (rows * (tile_height + gap) + gap, columns * (tile_width + gap) + gap, 3)
    sheet: Image = np.full(shape, 24, np.uint8)
    for i, (image, text) in enumerate(tiles):
        y, x = gap + i // columns * (tile_height + gap), gap + i % columns * (tile_width + gap)
        small = within(image, tile_width, picture_height)
        h, w = small.shape[:2]
        y0, x0 = y + (picture_height - h) // 2, x + (tile_width - w) // 2
        sheet[y0 : y0 + h, x0 : x0 + w] = small
        if text.strip():
            under = sheet[y + picture_height : y + tile_height, x : x + tile_width]
            under[:] = _line(under, text, size)
    return sheet


def _line(area: Image, text: str, size: int) -> Image:
    font, _, shown = fitting(text, size)
    while len(shown) > 1 and font.getlength(shown) > area.shape[1] - 4:
        shown = shown[:-2] + "…"
    strip = Pil.fromarray(area)
    ImageDraw.Draw(strip).text((2, area.shape[0] // 2), shown, font=font, fill=(235, 235, 235), anchor="lm")
    return np.asarray(strip, np.uint8)


def within(image: Image, width: int, height: int) -> Image:
    """The picture scaled to fit into ``width`` x ``height``, its sides in proportion."""
    h, w = image.shape[:2]
    scale = min(width / w, height / h)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=how), np.uint8)
