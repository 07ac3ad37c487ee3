"""A piecewise-affine warp: one affine map for each triangle between template points and points in the picture.

The map of all triangles is made at once, dense over the wanted window, and sampled once. The dense map is smoothed by a
small box: inside a triangle that changes nothing (the map is linear), across an edge it takes away the crease.
Owns geometry and sampling. Knows neither faces nor masks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viot_tools.masks.face import Points

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the picture; x1 and y1 excluded."""


def delaunay(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """(T, 3) indices of the Delaunay triangles over (N, 2) points, no two of which are the same."""
    import cv2

    low, high = points.min(axis=0), points.max(axis=0)
    scale = 1000.0 / float((high - low).max())  # OpenCV's subdivision keeps float32
    moved = ((points - low) * scale + 10).astype(np.float32)
    division = cv2.Subdiv2D((0, 0, 1100, 1100))
    for x, y in moved.tolist():
        division.insert((x, y))
    corners = np.asarray(division.getTriangleList()).reshape(-1, 3, 2)
    away = np.linalg.norm(corners[:, :, None] - moved[None, None], axis=3)
    found = away.argmin(axis=2)[(away.min(axis=2) < 0.05).all(axis=1)]  # without those to the subdivision's own corners
    return np.asarray(found, np.int32)


def dense_map(
    source: Points, target: Points, triangles: NDArray[np.int32], window: Window, supersample: int, smooth: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where in the template every (sub)pixel of the window comes from: two (H*s, W*s) float32 maps, -1e4 outside.

    ``source``, ``target`` (N, 2): the points in the template and in the picture; ``triangles`` (T, 3) indices, laid in
    the order given: where the mesh folds, the last one lies on top. ``smooth``: side of the smoothing box in pixels of
    the picture.
    """
    import cv2

    x0, y0, x1, y1 = window
    s = supersample
    height, width = (y1 - y0) * s, (x1 - x0) * s
    # a map that is smoothed holds nothing finer than its box: it is made coarsely and enlarged
    q = max(1, int(smooth * s / 3))
    rows, columns = -(-height // q), -(-width // q)
    # centre of cell (i, j) in picture coordinates: x0 - 0.5 + (j + 0.5) * q / s
    cells = (np.asarray(target, np.float64) - (x0 - 0.5, y0 - 0.5)) * (s / q) - 0.5
    label = np.full((rows, columns), -1, np.int32)
    corners = cells[triangles]
    for i, corner in enumerate(np.round(corners * 16).astype(np.int32)):
        cv2.fillConvexPoly(label, corner, i, cv2.LINE_8, 4)
    matrices = _affine(corners, np.asarray(source, np.float64)[triangles]).reshape(-1, 6)
    matrices = np.vstack([matrices, [[0, 0, -1e4, 0, 0, -1e4]]]).astype(np.float32)
    ys, xs = np.arange(rows, dtype=np.float32)[:, None], np.arange(columns, dtype=np.float32)[None, :]
    picked = matrices[label]
    maps = []
    side = round(smooth * s / q) // 2 * 2 + 1
    for k in (0, 3):
        field = picked[..., k] * xs + picked[..., k + 1] * ys + picked[..., k + 2]
        if side >= 3:
            field = cv2.blur(field, (side, side), borderType=cv2.BORDER_REPLICATE)
        if q > 1:
            field = cv2.resize(field, (columns * q, rows * q), interpolation=cv2.INTER_LINEAR)[:height, :width]
        maps.append(np.ascontiguousarray(field, np.float32))
    return maps[0], maps[1]


def _affine(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 2, 3): the affine map of each triangle (T, 3, 2) onto its partner; a triangle without area maps nowhere."""
    ones = np.ones((*source.shape[:2], 1))
    a = np.concatenate([source, ones], axis=2)
    flat = np.abs(np.linalg.det(a)) < 1e-9
    a[flat] = np.eye(3)
    found = np.linalg.solve(a, target).transpose(0, 2, 1)
    found[flat] = [[0, 0, -1e4], [0, 0, -1e4]]
    return np.asarray(found)
