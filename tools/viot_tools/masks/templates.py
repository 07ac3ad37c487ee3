"""The mask templates: what each looks like and how it sits, as numbers. No picture file: ``art`` draws them.

All points are on the canonical face (``face``): x from the middle to the *right half*, mirrored to the left; y down.
A cut is its outline as curves that meet in corners, from the nose to the chin, and the straps from the mask to the ear.
Every template has front and side points: its vertices on a face seen from the front, and where they move when the head
is turned until the cheek beside the ear shows (``points``). Owns the numbers. Draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from viot_agent.errors import UserFault
from viot_tools.masks.face import CANONICAL, JAW, Points, mesh_points

Kind = Literal["surgical", "n95", "kn95", "cloth", "black", "patterned"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Surface = Literal["pleated", "cup", "folded", "seamed", "flat"]
Print = Literal["", "dots", "stripes", "plaid", "flowers", "camouflage", "checks"]
Colour = tuple[int, int, int]
Curve = tuple[tuple[float, float], ...]

SIDE_YAW = 40.0
"""Degrees of yaw at which the side points hold; between 0 and there points move on a line."""


@dataclass(frozen=True, slots=True)
class Strap:
    """From ``start`` on the mask's edge to ``end`` before the ear, sagging by ``sag`` (canonical units)."""

    start: tuple[float, float]
    end: tuple[float, float]
    sag: float = 0.02


@dataclass(frozen=True, slots=True)
class Cut:
    """``curves``: the right half of the outline; ``side``: which part of its distance from the middle a point keeps on
    the cheek towards the viewer when the head is turned by ``SIDE_YAW`` (the mask ends before the ear)."""

    curves: tuple[Curve, ...]
    straps: tuple[Strap, ...]
    side: float


@dataclass(frozen=True, slots=True)
class Template:
    """One mask. Colours are sRGB in even light; ``strap_width`` canonical units."""

    name: str
    kind: Kind
    cut: Cut
    surface: Surface
    colour: Colour
    hem: Colour
    strap: Colour
    pattern: Print = ""
    inks: tuple[Colour, ...] = ()
    strap_width: float = 0.035
    valve: bool = False

    def points(self, turn: float) -> Points:
        """(M, 2) canonical points of the template's vertices at ``turn``: 0 from the front, +1 turned by ``SIDE_YAW``
        to the right of the picture (the left cheek is the near one), -1 to the left."""
        return moved(vertices(), self.cut.side, turn)


def moved(points: Points, side: float, turn: float) -> Points:
    """Points of the near half drawn towards the middle: fully between nose and mouth, not at the chin, whose edge stays
    on the jaw."""
    turn = float(np.clip(turn, -1.0, 1.0))
    x, y = points[:, 0], points[:, 1]
    near = np.clip(-x * np.sign(turn), 0.0, None)  # +turn: the left half (x < 0) is near
    reach = np.clip(near / 0.9, 0, 1) ** 1.5
    height = np.clip((1.75 - y) / 0.55, 0, 1)
    keep = 1.0 - (1.0 - side) * abs(turn) * reach * height * height * (3 - 2 * height)
    return np.column_stack([x * keep, y]).astype(np.float32)


@lru_cache(maxsize=1)
def vertices() -> Points:
    """(M, 2) canonical points of every template's mesh: the face's own mesh and points half-way on the sides, where
    the outline bends most."""
    own = mesh_points(CANONICAL)
    jaw = CANONICAL[JAW]
    between = (jaw[1:5] + jaw[2:6]) / 2
    inner = np.vstack([jaw[1:7] * (0.86, 1.0)])
    extra = np.vstack([between, between * (-1, 1), inner, inner * (-1, 1)])
    return np.vstack([own, extra]).astype(np.float32)


@lru_cache(maxsize=1)
def triangles() -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """(T, 3) Delaunay triangles over :func:`vertices`."""
    from viot_tools.masks.warp import delaunay

    found = delaunay(vertices())
    # the outermost triangles bear no mask
    middle = vertices()[found].mean(axis=1)
    bears = (np.abs(middle[:, 0]) < 1.45) & (middle[:, 1] > -0.25) & (middle[:, 1] < 2.15)
    return np.asarray(found[bears], np.int32)


_EAR_TOP, _EAR_LOW = (1.175, -0.02), (1.145, 0.46)
_PLEATED = Cut(
    (
        ((0.0, 0.15), (0.16, 0.20), (0.45, 0.41), (0.75, 0.51), (1.03, 0.56)),
        ((1.03, 0.56), (1.02, 0.80), (1.00, 1.05), (0.93, 1.33)),
        ((0.93, 1.33), (0.80, 1.53), (0.585, 1.74), (0.31, 1.91), (0.0, 1.96)),
    ),
    (Strap((1.0, 0.60), _EAR_TOP, -0.02), Strap((0.96, 1.20), _EAR_LOW, 0.05)),
    0.74,
)
_CUP = Cut(
    (
        (
            (0.0, 0.10), (0.17, 0.19), (0.37, 0.44), (0.62, 0.63), (0.84, 0.82), (0.93, 1.06), (0.88, 1.33),
            (0.73, 1.57), (0.45, 1.77), (0.20, 1.87), (0.0, 1.89),
        ),
    ),
    (Strap((0.80, 0.80), (1.175, -0.10), 0.0), Strap((0.87, 1.30), (1.135, 0.62), 0.03)),
    0.76,
)  # fmt: skip
_FOLDED = Cut(
    (
        ((0.0, 0.08), (0.14, 0.17), (0.36, 0.41), (0.66, 0.56), (0.99, 0.64)),
        ((0.99, 0.64), (1.00, 0.86), (0.97, 1.08)),
        ((0.97, 1.08), (0.88, 1.38), (0.62, 1.71), (0.28, 1.92), (0.0, 1.97)),
    ),
    (Strap((0.97, 0.68), _EAR_TOP, -0.02), Strap((0.96, 1.04), _EAR_LOW, 0.04)),
    0.74,
)
_SEAMED = Cut(
    (
        ((0.0, 0.11), (0.15, 0.18), (0.40, 0.42), (0.72, 0.52), (1.02, 0.55)),
        ((1.02, 0.55), (1.01, 0.80), (0.98, 1.02)),
        ((0.98, 1.02), (0.90, 1.36), (0.60, 1.72), (0.28, 1.92), (0.0, 1.97)),
    ),
    (Strap((1.0, 0.59), _EAR_TOP, -0.02), Strap((0.97, 0.99), _EAR_LOW, 0.03)),
    0.76,
)
_WINGED = Cut(  # the loop is cut from the same sheet: it narrows towards the ear
    (
        ((0.0, 0.13), (0.15, 0.20), (0.40, 0.42), (0.75, 0.48), (1.16, 0.34)),
        ((1.16, 0.34), (1.15, 0.60)),
        ((1.15, 0.60), (1.05, 1.00), (0.90, 1.36), (0.60, 1.72), (0.28, 1.92), (0.0, 1.96)),
    ),
    (Strap((1.13, 0.38), _EAR_TOP, 0.0), Strap((1.12, 0.58), (1.16, 0.30), 0.0)),
    0.95,
)

_WHITE: Colour = (238, 240, 240)
_ALL = (
    Template("surgical-blue", "surgical", _PLEATED, "pleated", (150, 196, 222), (176, 212, 232), _WHITE),
    Template("surgical-green", "surgical", _PLEATED, "pleated", (150, 204, 182), (180, 220, 202), _WHITE),
    Template("surgical-white", "surgical", _PLEATED, "pleated", (230, 234, 236), (240, 242, 243), _WHITE),
    Template("surgical-pink", "surgical", _PLEATED, "pleated", (232, 178, 196), (240, 200, 212), _WHITE),
    Template("n95-white", "n95", _CUP, "cup", (232, 231, 226), (222, 220, 212), (226, 196, 92), strap_width=0.042),
    Template(
        "n95-valve", "n95", _CUP, "cup", (228, 228, 226), (214, 214, 210), (70, 96, 150), strap_width=0.042, valve=True
    ),
    Template("n95-teal", "n95", _CUP, "cup", (122, 178, 186), (104, 160, 170), (236, 236, 232), strap_width=0.042),
    Template("kn95-white", "kn95", _FOLDED, "folded", (236, 237, 236), (226, 227, 226), _WHITE),
    Template("kn95-grey", "kn95", _FOLDED, "folded", (128, 134, 142), (112, 118, 126), (112, 118, 126)),
    Template("kn95-black", "kn95", _FOLDED, "folded", (50, 51, 55), (42, 43, 46), (38, 38, 40)),
    Template("cloth-navy", "cloth", _SEAMED, "seamed", (52, 66, 104), (46, 58, 94), (44, 54, 86)),
    Template("cloth-beige", "cloth", _SEAMED, "seamed", (205, 186, 156), (194, 174, 144), (222, 210, 190)),
    Template("cloth-red", "cloth", _SEAMED, "seamed", (156, 48, 52), (140, 40, 46), (124, 38, 42)),
    Template("cloth-pleated-grey", "cloth", _PLEATED, "pleated", (150, 150, 148), (138, 138, 136), (90, 90, 92)),
    Template("black-cloth", "black", _SEAMED, "seamed", (40, 40, 43), (34, 34, 36), (30, 30, 32)),
    Template("black-sport", "black", _WINGED, "flat", (44, 45, 50), (38, 38, 42), (38, 38, 42), strap_width=0.09),
    Template("black-surgical", "black", _PLEATED, "pleated", (48, 49, 53), (58, 59, 63), (40, 40, 42)),
    Template(
        "patterned-dots", "patterned", _SEAMED, "seamed", (48, 74, 128), (42, 64, 112), (232, 232, 230), "dots",
        ((238, 238, 236),),
    ),
    Template(
        "patterned-plaid", "patterned", _PLEATED, "pleated", (172, 58, 56), (150, 44, 46), (52, 40, 44), "plaid",
        ((38, 40, 58), (232, 218, 186)),
    ),
    Template(
        "patterned-flowers", "patterned", _SEAMED, "seamed", (240, 232, 222), (228, 216, 206), (236, 228, 220),
        "flowers", ((206, 84, 108), (232, 168, 74), (84, 132, 98)),
    ),
    Template(
        "patterned-camouflage", "patterned", _WINGED, "flat", (112, 116, 82), (84, 88, 62), (70, 72, 52), "camouflage",
        ((70, 80, 52), (152, 140, 104), (46, 46, 38)), strap_width=0.08,
    ),
    Template(
        "patterned-stripes", "patterned", _FOLDED, "folded", (236, 236, 232), (46, 70, 110), (46, 70, 110), "stripes",
        ((56, 88, 140),),
    ),
    Template(
        "patterned-checks", "patterned", _SEAMED, "seamed", (242, 242, 240), (200, 214, 226), (236, 238, 240), "checks",
        ((96, 144, 186),),
    ),
)  # fmt: skip

TEMPLATES: dict[str, Template] = {t.name: t for t in _ALL}
"""Every template by name; the first of a kind is the kind's own choice."""


def template(name: str) -> Template:
    """The template of that name. Raises UserFault with the known names."""
    if name not in TEMPLATES:
        raise UserFault(f"there is no mask template {name!r}", fix=f"the templates are {', '.join(TEMPLATES)}")
    return TEMPLATES[name]


def of_kind(kind: str) -> list[Template]:
    """The templates of a kind, in their order. Raises UserFault with the known kinds."""
    found = [t for t in _ALL if t.kind == kind]
    if not found:
        raise UserFault(f"there is no kind of mask {kind!r}", fix=f"the kinds are {', '.join(KINDS)}")
    return found
