"""Arrays in blobs: track points, counts, character scores, enrolled vectors. Little-endian, no pickles.

Owns the byte layout. Knows neither SQL nor rows. A blob of track points is ``N float64 times | N x 4 float32 boxes |
N float32 scores``, one of poses ``N float64 times | N x 17 x 3 float32 key points``; the length gives N (28 bytes a
point, 212 a pose), so a wrong length is damage and raises LibraryFault.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import LibraryFault

_POINT = 8 + 16 + 4
_POSE = 8 + 17 * 3 * 4


def pack_points(ts: Sequence[float], boxes: Sequence[Sequence[float]], scores: Sequence[float]) -> bytes:
    """Times (POSIX seconds), boxes (xyxy pixels) and scores of one track as bytes."""
    return (
        np.asarray(ts, dtype="<f8").tobytes()
        + np.asarray(boxes, dtype="<f4").tobytes()
        + np.asarray(scores, dtype="<f4").tobytes()
    )


def unpack_points(blob: bytes) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """(N,) float64 times, (N, 4) float32 boxes, (N,) float32 scores. Raises LibraryFault for a damaged blob."""
    n, rest = divmod(len(blob), _POINT)
    if rest or not n:
        raise damaged("a track")
    ts = np.frombuffer(blob, "<f8", n)
    boxes = np.frombuffer(blob, "<f4", 4 * n, 8 * n).reshape(n, 4)
    return ts, boxes, np.frombuffer(blob, "<f4", n, 24 * n)


def pack_poses(ts: Sequence[float], keypoints: NDArray[np.float32]) -> bytes:
    """Times (POSIX seconds) and key points (N, 17, 3) of one track as bytes. Raises ValueError for another shape."""
    if keypoints.shape != (len(ts), 17, 3):
        raise ValueError(f"key points must be ({len(ts)}, 17, 3), not {keypoints.shape}")
    return np.asarray(ts, "<f8").tobytes() + np.ascontiguousarray(keypoints, "<f4").tobytes()


def unpack_poses(blob: bytes) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """(N,) float64 times, (N, 17, 3) float32 key points. Raises LibraryFault for a damaged blob."""
    n, rest = divmod(len(blob), _POSE)
    if rest or not n:
        raise damaged("a row of poses")
    return np.frombuffer(blob, "<f8", n), np.frombuffer(blob, "<f4", n * 51, 8 * n).reshape(n, 17, 3)


def pack(values: Sequence[float] | NDArray[np.floating], dtype: str) -> bytes:
    """A flat array as bytes of ``dtype`` (``<f4``, ``<f8``)."""
    return np.ascontiguousarray(values, dtype=dtype).tobytes()


def unpack64(blob: bytes) -> NDArray[np.float64]:
    """(N,) float64. Raises LibraryFault for a damaged blob."""
    if len(blob) % 8:
        raise damaged("a row of times")
    return np.frombuffer(blob, "<f8")


def unpack32(blob: bytes) -> NDArray[np.float32]:
    """(N,) float32. Raises LibraryFault for a damaged blob."""
    if len(blob) % 4:
        raise damaged("a row of numbers")
    return np.frombuffer(blob, "<f4")


def damaged(what: str) -> LibraryFault:
    """The fault for bytes that cannot be what was written."""
    return LibraryFault(
        f"The library is damaged: {what} has an impossible length.",
        fix="restore VIOT_HOME from a backup, or remove the camera and index it again",
    )
