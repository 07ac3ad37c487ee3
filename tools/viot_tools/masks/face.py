"""The canonical face and the mesh that carries it onto a face in a picture.

The canonical face is upright and symmetric: origin between the eye centres, x to the right and y down as in the
picture, unit = distance of the eye centres. Its 68 points (the order of iBUG 300-W: Sagonas et al. 2013) are the mean
of 35 nearly frontal faces of LFW, made symmetric. Owns the mesh: jaw, nose, derived points on cheeks, chin and around
the face, Delaunay triangles over them, and the pose that 68 points tell. Knows nothing of masks or pixels' colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
"""(N, 2) float32, x and y."""

# fmt: off
CANONICAL: Points = np.array(
    [
        (-1.172, -0.001), (-1.156, 0.312), (-1.129, 0.623), (-1.086, 0.933),
        (-0.985, 1.225), (-0.815, 1.485), (-0.585, 1.697), (-0.312, 1.864),
        (0.000, 1.910), (0.312, 1.864), (0.585, 1.697), (0.815, 1.485),
        (0.985, 1.225), (1.086, 0.933), (1.129, 0.623), (1.156, 0.312),
        (1.172, -0.001), (-0.929, -0.176), (-0.796, -0.314), (-0.596, -0.361),
        (-0.384, -0.339), (-0.188, -0.259), (0.188, -0.259), (0.384, -0.339),
        (0.596, -0.361), (0.796, -0.314), (0.929, -0.176), (0.000, -0.044),
        (0.000, 0.155), (0.000, 0.354), (0.000, 0.561), (-0.233, 0.687),
        (-0.123, 0.730), (0.000, 0.769), (0.123, 0.730), (0.233, 0.687),
        (-0.690, 0.006), (-0.567, -0.054), (-0.430, -0.053), (-0.305, 0.018),
        (-0.436, 0.042), (-0.572, 0.042), (0.305, 0.018), (0.430, -0.053),
        (0.567, -0.054), (0.690, 0.006), (0.572, 0.042), (0.436, 0.042),
        (-0.464, 1.085), (-0.295, 1.013), (-0.127, 0.987), (0.000, 1.014),
        (0.127, 0.987), (0.295, 1.013), (0.464, 1.085), (0.303, 1.242),
        (0.137, 1.307), (0.000, 1.322), (-0.137, 1.307), (-0.303, 1.242),
        (-0.397, 1.088), (-0.130, 1.065), (0.000, 1.082), (0.130, 1.065),
        (0.397, 1.088), (0.133, 1.174), (0.000, 1.189), (-0.133, 1.174),
    ],
    np.float32,
)
# fmt: on
CANONICAL.setflags(write=False)

JAW = slice(0, 17)
EYES = (slice(36, 42), slice(42, 48))
UNDER_CHIN = 0.05
"""How far a mask reaches over the jaw below the chin, in eye distances: the thickness of the fabric."""

# depth towards the viewer, in eye distances, of the points that do not slide along the contour when the head turns
_DEPTH = np.array(
    [
        *(-0.10, 0.03, 0.12, 0.18, 0.20, 0.20, 0.18, 0.12, 0.03, -0.10),  # brows
        *(0.20, 0.33, 0.48, 0.62, 0.28, 0.36, 0.42, 0.36, 0.28),  # nose
        *(-0.14, -0.02, 0.02, -0.03, 0.00, 0.00, -0.03, 0.02, -0.02, -0.14, 0.00, 0.00),  # eyes
        *(0.08, 0.27, 0.37, 0.38, 0.37, 0.27, 0.08, 0.25, 0.33, 0.34, 0.33, 0.25),  # outer lips
        *(0.12, 0.30, 0.32, 0.30, 0.12, 0.28, 0.30, 0.28),  # inner lips
    ]
)


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees. ``yaw`` > 0: the nose points to the right of the picture; ``pitch`` > 0: down; ``roll`` > 0: clockwise.

    ``scale``: pixels of one canonical unit, whatever the yaw.
    """

    yaw: float
    pitch: float
    roll: float
    scale: float


def eye_centres(points: Points) -> tuple[NDArray[Any], NDArray[Any]]:
    """The centres of the eyes on the left and on the right of the picture, each (2,)."""
    return points[EYES[0]].mean(axis=0), points[EYES[1]].mean(axis=0)


def pose_of(points: Points) -> Pose:
    """The pose of 68 points by a scaled orthographic camera: least squares for its 2x3 matrix, then the nearest
    rotation (DeMenthon and Davis 1995, one step of POS). The jaw is left out: its points slide when the head turns."""
    model = np.column_stack([CANONICAL[17:], _DEPTH])
    flat = np.asarray(points[17:], np.float64)
    a, b = model - model.mean(axis=0), flat - flat.mean(axis=0)
    camera = np.linalg.lstsq(a, b, rcond=None)[0].T
    u, s, vt = np.linalg.svd(camera, full_matrices=False)
    first, second = u @ vt
    third = np.cross(first, second)
    # rotation = roll after yaw after pitch; its rows: picture x, picture y, towards the viewer
    yaw = float(np.degrees(np.arcsin(np.clip(-third[0], -1, 1))))
    pitch = float(np.degrees(np.arctan2(-third[1], third[2])))
    roll = float(np.degrees(np.arctan2(second[0], first[0])))
    return Pose(yaw, pitch, roll, float(s.mean()))


def mesh_points(points: Points) -> Points:
    """(M, 2): the mesh of a face with these 68 points; the same M for every face, in the same order."""
    p = np.asarray(points, np.float32)
    mouth = p[48:60].mean(axis=0)
    chin = (p[57] + p[8]) / 2
    centre = [p[28], p[30], p[33], mouth, chin]
    cheeks = []
    for row, jaw in zip(centre, (1, 2, 3, 4, 6), strict=True):
        for side in (p[jaw], p[16 - jaw]):
            cheeks += [row + (side - row) * f for f in (0.35, 0.7)]
    left, right = eye_centres(p)
    unit = max(float(np.linalg.norm(right - left)), float(np.linalg.norm(p[8] - p[27])) / 1.954)
    down = (p[8] - p[27]) / max(float(np.linalg.norm(p[8] - p[27])), 1e-6)
    away = _away(p) * unit
    rings = [(p[JAW] + 2 * UNDER_CHIN * away)[4:13], p[JAW] + 0.45 * away]
    above = [p[i] - 0.5 * unit * down for i in (0, 19, 24, 16)]
    anchors = [p[i] for i in (27, 29, 31, 35, 36, 39, 42, 45, 19, 24)]
    return np.vstack([p[JAW], *rings, np.array(centre), np.array(cheeks), np.array(anchors), np.array(above)]).astype(
        np.float32
    )


def outward(points: Points, by: float) -> Points:
    """(17, 2): the jaw pushed by ``by`` pixels along its own normals, away from the nose."""
    return np.asarray(points[JAW] + _away(points) * by, np.float32)


def _away(points: Points) -> Points:
    """(17, 2) unit normals of the jaw, away from the nose."""
    jaw = np.asarray(points[JAW], np.float32)
    along = np.empty_like(jaw)
    along[1:-1], along[0], along[-1] = jaw[2:] - jaw[:-2], jaw[1] - jaw[0], jaw[-1] - jaw[-2]
    normal = along[:, ::-1] * np.array([-1, 1], np.float32)
    normal /= np.maximum(np.sqrt((normal * normal).sum(axis=1, keepdims=True)), 1e-6)
    side = (normal * (jaw - points[33])).sum(axis=1, keepdims=True)
    return np.asarray(np.where(side < 0, -normal, normal), np.float32)


def outline(points: Points, per_edge: int = 4) -> Points:
    """The region in which a mask may lie, as a closed polygon: the jaw as a smooth curve (Catmull-Rom), a fabric's
    thickness below the chin, closed above the brows. Sides are the jaw contour itself: nothing beside the face."""
    p = np.asarray(points, np.float32)
    unit = pose_scale(p)
    weight = np.clip((np.arange(17) - 3) / 3, 0, 1) * np.clip((13 - np.arange(17)) / 3, 0, 1)
    jaw = p[JAW] + (outward(p, UNDER_CHIN * unit) - p[JAW]) * weight[:, None].astype(np.float32)
    padded = np.vstack([2 * jaw[0] - jaw[1], jaw, 2 * jaw[-1] - jaw[-2]])
    t = (np.arange(per_edge) / per_edge)[None, :, None].astype(np.float32)
    a, b, c, d = (padded[i : i + 16, None] for i in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    down = (p[8] - p[27]) / max(float(np.linalg.norm(p[8] - p[27])), 1e-6)
    top = [p[16] - 0.35 * unit * down, p[0] - 0.35 * unit * down]
    return np.vstack([curve.reshape(-1, 2), jaw[-1:], np.array(top)]).astype(np.float32)


def pose_scale(points: Points) -> float:
    """Pixels of one canonical unit, robust to a turned head (then the eyes draw together) and to a nod."""
    left, right = eye_centres(points)
    wide = float(np.linalg.norm(right - left))
    tall = float(np.linalg.norm(points[33] - (left + right) / 2)) / 0.769
    return max(wide, tall, 1e-3)


class FaceMesh:
    """Carries points of the canonical face onto a face in a picture, piecewise affine over Delaunay triangles.

    ``points`` (68, 2) float32 pixels. Raises ValueError when they are not finite or of another shape.
    """

    def __init__(self, points: Points) -> None:
        if points.shape != (68, 2) or not np.isfinite(points).all():
            raise ValueError(f"a face has (68, 2) finite points, not {points.shape}")
        self._target = mesh_points(points)

    def map(self, canonical: Points) -> Points:
        """(N, 2) pixels for (N, 2) canonical points; outside of the mesh the nearest triangle goes on."""
        corners, matrices, label = _triangles()
        cell = np.clip(np.round((canonical - _LOW) / _CELL).astype(int), 0, (label.shape[1] - 1, label.shape[0] - 1))
        found = label[cell[:, 1], cell[:, 0]]
        flat = np.column_stack([canonical, np.ones(len(canonical))])
        weights = np.einsum("nj,nij->ni", flat, matrices[found])
        return np.asarray(np.einsum("ni,nij->nj", weights, self._target[corners[found]]), np.float32)


_LOW, _CELL = np.array([-2.0, -1.5]), 0.01
"""Corner and step of the raster in which a canonical point finds its triangle."""


@lru_cache(maxsize=1)
def _triangles() -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]:
    """(T, 3) Delaunay triangles of the canonical mesh; per triangle the matrix (T, 3, 3) that takes (x, y, 1) to
    barycentric weights; the raster of triangles, with the nearest one (by its middle) outside of the mesh."""
    import cv2

    from viot_tools.masks.warp import delaunay

    source = mesh_points(CANONICAL).astype(np.float64)
    corners = delaunay(source)
    square = np.concatenate([source[corners], np.ones((len(corners), 3, 1))], axis=2).transpose(0, 2, 1)
    label = np.full((450, 400), -1, np.int32)
    cells = (source[corners] - _LOW) / _CELL
    for i, corner in enumerate(np.round(cells * 16).astype(np.int32)):
        cv2.fillConvexPoly(label, corner, i, cv2.LINE_8, 4)
    y, x = np.nonzero(label < 0)
    middle = cells.mean(axis=1)
    label[y, x] = np.linalg.norm(np.column_stack([x, y])[:, None] - middle[None], axis=2).argmin(axis=1)
    return corners, np.linalg.inv(square), label
