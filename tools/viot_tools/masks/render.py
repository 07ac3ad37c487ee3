"""One mask onto one face: :func:`mask_face`.

The template's drawing is warped by triangles onto the face (``warp``), with straps to the ears and a shadow on the
skin, lit as the face is (``light``), at up to three times the picture's resolution, and laid over the picture with an
exact alpha: a pixel whose alpha is 0 is the input's, byte for byte. Nothing is drawn beside the face: the outline of
``face.outline`` bounds all. Owns the composition. Does not find faces, and does not know that hands or hair may lie
before one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.masks.art import LEFT, LEVELS, PIXELS, TOP, art, to_art
from viot_tools.masks.face import FaceMesh, Points, Pose, outline, pose_of, pose_scale
from viot_tools.masks.light import LUMA, Light, light_on
from viot_tools.masks.templates import SIDE_YAW, Template, moved, template, triangles, vertices
from viot_tools.masks.warp import Window, dense_map

JITTER = 0.02
"""Standard deviation of the seeded shift of a mask, in eye distances; its turn and size vary in proportion."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskedFace:
    """``image`` (H, W, 3) uint8 RGB; ``alpha`` (H, W) float32 0..1: 0 exactly where the picture is untouched."""

    image: Image
    alpha: NDArray[np.float32]
    template: str
    seed: int


def mask_face(image: Image, points: Points, template_name: str, seed: int) -> MaskedFace:
    """Lay the template on the face with these 68 ``points`` (float32 pixels), jittered by ``seed``.

    ``image`` (H, W, 3) uint8 RGB is left as it is. The same arguments give the same bytes. Raises UserFault for an
    unknown template, ValueError for points that are no face.
    """
    out = image.copy()
    alpha = np.zeros(image.shape[:2], np.float32)
    lay(out, alpha, points, template_name, seed)
    return MaskedFace(out, alpha, template_name, seed)


def lay(
    image: Image, alpha: NDArray[np.float32] | None, points: Points, name: str, seed: int, light: Light | None = None,
    *, fine: bool = True,
) -> None:  # fmt: skip
    """:func:`mask_face` in place, for many faces of a picture or frame: draws on ``image`` and adds to ``alpha``.

    ``alpha`` None: nobody asks for it. ``light`` None: it is read from the face. ``fine`` False spares subpixels where
    an encoder will blur them anyway."""
    design = template(name)
    points = np.asarray(points, np.float32)
    mesh = FaceMesh(points)
    pose, scale = pose_of(points), pose_scale(points)
    light = light_on(image, mesh) if light is None else light
    around = outline(points)
    window = _window(around, scale, image.shape[:2])
    if window is None:
        return
    paint, cover = _painted(image, design, mesh, around, pose, scale, window, seed, light, supersampling(scale, fine))
    if light.grey:
        paint = np.repeat((paint @ LUMA)[..., None], 3, axis=2)
    x0, y0, x1, y1 = window
    cover[cover < 1 / 255] = 0.0
    part = image[y0:y1, x0:x1]
    part[:] = np.clip(np.rint(part + (paint - part) * cover[..., None]), 0, 255)  # cover 0 gives the byte back
    if alpha is not None:
        seen = alpha[y0:y1, x0:x1]
        seen[:] = 1 - (1 - seen) * (1 - cover)


def _window(around: Points, scale: float, size: tuple[int, ...]) -> Window | None:
    """The part of the picture in which the mask may lie; None when that is outside."""
    margin = 2 + 0.05 * scale
    x0, y0 = np.floor(around.min(axis=0) - margin).astype(int)
    x1, y1 = np.ceil(around.max(axis=0) + margin).astype(int) + 1
    x0, y0, x1, y1 = max(0, int(x0)), max(0, int(y0)), min(size[1], int(x1)), min(size[0], int(y1))
    return (x0, y0, x1, y1) if x1 - x0 >= 2 and y1 - y0 >= 2 else None


def supersampling(scale: float, fine: bool = True) -> int:
    """Subpixels a side: 3 for small faces, 1 for those whose pixels nobody can count."""
    return 3 if scale < 28 and fine else 2 if scale < (90 if fine else 32) else 1


def turn_of(pose: Pose) -> float:
    """The yaw in parts of ``SIDE_YAW``, -1 to 1: how far a template is on its way to its side points."""
    return float(np.clip(pose.yaw / SIDE_YAW, -1, 1))


def _jittered(points: Points, seed: int) -> Points:
    """Canonical points shifted, turned and scaled a little about the middle of the mask, and bent unevenly."""
    rng = np.random.default_rng(seed)
    shift = rng.normal(0, JITTER, 2) * (0.6, 1.0)
    turn, grow = rng.normal(0, JITTER * 0.5), 1 + rng.normal(0, JITTER * 0.6)
    bend = rng.normal(0, JITTER * 0.5, (4, 2))
    cos, sin = np.cos(turn), np.sin(turn)
    middle = np.array([0.0, 1.0])
    out = (points - middle) @ np.array([[cos, sin], [-sin, cos]]) * grow + middle + shift
    for (dx, dy), (cx, cy) in zip(bend, ((-0.6, 0.6), (0.6, 0.6), (0.0, 0.3), (0.0, 1.6)), strict=True):
        near = np.exp(-(((points[:, 0] - cx) ** 2 + (points[:, 1] - cy) ** 2) / 0.25))[:, None]
        out = out + near * (dx, dy)
    return np.asarray(out, np.float32)


def _painted(
    image: Image, design: Template, mesh: FaceMesh, around: Points, pose: Pose, scale: float, window: Window,
    seed: int, light: Light, s: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """The colours (H, W, 3) 0..255 and the cover (H, W) 0..1 of the window."""
    import cv2

    level = int(np.clip(np.floor(np.log2(PIXELS / (scale * s) + 1e-6)), 0, LEVELS))
    turn = turn_of(pose)
    straps = _paths(design, turn)
    own = design.points(turn)
    place = mesh.map(_jittered(np.vstack([own, straps.reshape(-1, 2)]), seed))
    lines = [
        _fine(_before_hair(line, path, image, light), window, s)
        for line, path in zip(place[len(own) :].reshape(straps.shape), straps, strict=True)
    ]
    place = place[: len(own)]
    maps = dense_map(to_art(vertices(), level), place, triangles(), window, s, smooth=0.10 * scale)
    drawn = cv2.remap(art(design.name, level), *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    _straps(drawn, lines, design, design.strap_width * scale * s)
    bound = _fill(around, window, s)
    drawn *= bound[..., None]
    if s > 1:
        size = (window[2] - window[0], window[3] - window[1])
        drawn, bound = (cv2.resize(field, size, interpolation=cv2.INTER_AREA) for field in (drawn, bound))
    solid = drawn[..., 3]
    drawn[..., 3] += _shadow(solid, scale) * (1 - solid)
    soft = max(light.blur, 0.006 * scale)  # cloth is not sharper than the lens that saw the face
    drawn = cv2.GaussianBlur(drawn, (0, 0), soft)
    # softening must not carry the mask past the face's outline
    cover = np.minimum(drawn[..., 3], bound)
    colour = drawn[..., :3] / np.maximum(drawn[..., 3], 1e-4)[..., None]
    canonical_x, canonical_y = (
        np.clip((field[s // 2 :: s, s // 2 :: s] + 0.5) / (PIXELS / 2**level) + start, -1.6, 2.4)
        for field, start in zip(maps, (LEFT, TOP), strict=True)
    )
    colour *= light.at(canonical_x, canonical_y)[..., None] * light.cast
    return colour, np.clip(cover, 0, 1)


def _fill(polygon: Points, window: Window, s: int) -> NDArray[np.float32]:
    """A polygon of picture pixels as 0..1 over the window's subpixels."""
    import cv2

    field = np.zeros(((window[3] - window[1]) * s, (window[2] - window[0]) * s), np.uint8)
    cv2.fillPoly(field, [np.round(_fine(polygon, window, s) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(field.astype(np.float32) / 255)


def _fine(points: Points, window: Window, s: int) -> NDArray[np.float64]:
    """Points of the picture as subpixels of the window."""
    origin = np.array([window[0] - 0.5, window[1] - 0.5])
    fine: NDArray[np.float64] = (np.asarray(points, np.float64) - origin) * s - 0.5
    return fine


def _shadow(solid: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """The cover of the shadow that the mask throws on the skin: soft, a little below its edge, within the face."""
    import cv2

    blurred = cv2.GaussianBlur(solid, (0, 0), max(0.8, 0.035 * scale))
    down = np.array([[1, 0, 0], [0, 1, 0.012 * scale]], np.float32)
    return np.asarray(0.30 * cv2.warpAffine(blurred, down, blurred.shape[::-1]), np.float32)


def _straps(drawn: NDArray[np.float32], lines: list[NDArray[np.float64]], design: Template, thick: float) -> None:
    """Draw the straps below the mask: elastic from its edge to the ear, lighter along its upper side. In place."""
    import cv2

    thin = min(1.0, thick)  # an elastic under a subpixel wide covers less, as OpenCV draws none thinner than one
    reach = 2 * thick + 2
    for line in lines:
        x0, y0 = np.maximum(np.floor(line.min(axis=0) - reach), 0).astype(int)
        x1, y1 = np.maximum(np.ceil(line.max(axis=0) + reach), 0).astype(int)
        part = drawn[y0:y1, x0:x1]
        if not part.size:
            continue
        layers = []
        for width, shift in ((1.0, 0.0), (0.6, -0.12)):
            layer = np.zeros(part.shape[:2], np.uint8)
            shifted = np.round((line - (x0, y0) + np.array([0.0, shift * thick])) * 16).astype(np.int32)
            cv2.polylines(layer, [shifted], False, 255, max(1, round(thick * width)), cv2.LINE_AA, 4)
            layers.append(layer.astype(np.float32) / 255)
        body = layers[0] * thin * (1 - part[..., 3])  # the mask lies over it
        part[..., :3] += np.array(design.strap, np.float32) * ((0.74 + 0.26 * layers[1]) * body)[..., None]
        part[..., 3] += body


def _before_hair(line: Points, path: Points, image: Image, light: Light) -> Points:
    """The part of a strap from the mask to where hair hangs before it: (2.., 2) pixels."""
    if light.skin <= 0:
        return line
    height, width = image.shape[:2]
    x = np.clip(np.round(line[:, 0]).astype(int), 0, width - 1)
    y = np.clip(np.round(line[:, 1]).astype(int), 0, height - 1)
    hidden = light.hidden(image[y, x].astype(np.float32) @ LUMA, path[:, 0], path[:, 1])
    hidden = hidden[1:] & hidden[:-1]  # one dark sample is a wrinkle or an earring
    return line[: max(2, int(hidden.argmax()) + 1)] if hidden.any() else line


_ALONG = np.linspace(0, 1, 12, dtype=np.float32)[None, :, None]


def _paths(design: Template, turn: float) -> Points:
    """(S, 12, 2) canonical points of the straps that are seen: each start moves with the mask, its end stays before the
    ear. Beyond a turn of 0.45 the far ear is behind the face."""
    sides = [side for side in (-1, 1) if side * turn <= 0.45]
    start, end = (
        np.array([(x * side, y) for side in sides for x, y in ends], np.float32)
        for ends in zip(*((strap.start, strap.end) for strap in design.cut.straps), strict=True)
    )
    start = moved(start, design.cut.side, turn)
    lines = start[:, None] + (end - start)[:, None] * _ALONG
    sags = np.array([strap.sag for strap in design.cut.straps] * len(sides), np.float32)
    lines[..., 1] += sags[:, None] * np.sin(np.pi * _ALONG[..., 0])
    return np.asarray(lines, np.float32)
