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
    # centre of subpixel (i, j) in picture coordinates: x0 - 0.5 + (j + 0.5) / s
    fine = (np.asarray(target, np.float64) - (x0 - 0.5, y0 - 0.5)) * s - 0.5
    label = np.full((height, width), -1, np.int32)
    corners = fine[triangles]
    for i, corner in enumerate(np.round(corners * 16).astype(np.int32)):
        cv2.fillConvexPoly(label, corner, i, cv2.LINE_8, 4)
    matrices = _affine(corners, np.asarray(source, np.float64)[triangles]).astype(np.float32)
    matrices = np.concatenate([matrices, np.full((1, 2, 3), -1e4, np.float32) * [0, 0, 1]]).astype(np.float32)
    ys, xs = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    picked = matrices.reshape(-1, 6)[label]
    map_x = picked[..., 0] * xs + picked[..., 1] * ys + picked[..., 2]
    map_y = picked[..., 3] * xs + picked[..., 4] * ys + picked[..., 5]
    side = round(smooth * s) // 2 * 2 + 1
    if side >= 3:
        map_x, map_y = (cv2.blur(m, (side, side), borderType=cv2.BORDER_REPLICATE) for m in (map_x, map_y))
    return map_x, map_y


def _affine(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 2, 3): the affine map of each triangle (T, 3, 2) onto its partner; a triangle without area maps nowhere."""
    ones = np.ones((*source.shape[:2], 1))
    a = np.concatenate([source, ones], axis=2)
    flat = np.abs(np.linalg.det(a)) < 1e-9
    a[flat] = np.eye(3)
    found = np.linalg.solve(a, target).transpose(0, 2, 1)
    found[flat] = [[0, 0, -1e4], [0, 0, -1e4]]
    return np.asarray(found)


def homography_map(
    source: Points, target: Points, window: Window, supersample: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The dense map of the one homography that takes ``source`` to ``target`` best (least squares): the plain paste
    that the warp is measured against."""
    import cv2

    x0, y0, x1, y1 = window
    s = supersample
    found, _ = cv2.findHomography(np.asarray(target, np.float64), np.asarray(source, np.float64), 0)
    ys, xs = np.mgrid[0 : (y1 - y0) * s, 0 : (x1 - x0) * s]
    grid = np.stack([x0 - 0.5 + (xs + 0.5) / s, y0 - 0.5 + (ys + 0.5) / s, np.ones_like(xs, float)])
    out = np.einsum("ij,jhw->ihw", found, grid)
    return (out[0] / out[2]).astype(np.float32), (out[1] / out[2]).astype(np.float32)
