"""How well masks lie on faces, against a plain homography paste:
``python -m viot_tools.masks.measure --data ../shared/data [--json FILE]``.

Judged by landmarks that had no part in placing the mask (PFLD: Guo et al. 2019, ``DATA/models/landmark/pfld.onnx``), on
the faces of lfw_10x10 and deepface_dataset:

- *landmark error*: mean distance between where the warp puts the template's own nose, mouth and chin and where PFLD
  sees them, in eye distances;
- *outside*: share of the mask's cover that lies outside of PFLD's face outline (jaw to brows);
- *covered*: share of faces whose nose tip, nose base, lips and mouth corners are all in the picture and under the mask.

Two pastes: through the six points that MaskTheFace uses (Anwar and Raychowdhury 2020), and through all jaw and nose
points by least squares. Intervals: bootstrap over faces, seeded. Pictures that cannot be read, show no face or one that
cannot wear a mask are counted below the table. Owns the measure. Knows no recogniser.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import bootstrap
from viot_agent.errors import MediaFault, UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face
from viot_tools.inference import session
from viot_tools.masks.art import art, to_art
from viot_tools.masks.face import CANONICAL, FaceMesh, Points, pose_of, pose_scale
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.pictures import usable
from viot_tools.masks.render import mask_face
from viot_tools.masks.templates import TEMPLATES

SETS = ("lfw_10x10", "deepface_dataset")
KEYS = (28, 30, 33, 48, 51, 54, 57, 8, 6, 10, 4, 12)
"""Points of the canonical face whose place in the picture is compared: nose, mouth, chin and lower jaw."""
UNDER = (30, 33, 48, 51, 54, 57)
SIX = (27, 2, 14, 6, 10, 8)
ALL = (*range(1, 16), 28, 30, 33)
YAWS = ((0, 15), (15, 25), (25, 90))
METHODS = ("warp", "paste-6", "paste-all")


class Pfld:
    """68 points by PFLD: the face's box times 1.2, square, 112x112 BGR 0..1."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UserFault(f"there is no {path}", fix="the measure needs landmarks of another make: put PFLD there")
        self._net = session(path)

    def points(self, image: Image, face: Face) -> Points:
        """(68, 2) float32 pixels."""
        import cv2

        x0, y0, x1, y1 = face.xyxy
        side = 1.2 * max(x1 - x0, y1 - y0)
        zoom = 112 / side
        move = np.array([[zoom, 0, 56 - zoom * (x0 + x1) / 2], [0, zoom, 56 - zoom * (y0 + y1) / 2]])
        crop = cv2.warpAffine(image, move, (112, 112), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
        x = (crop[:, :, ::-1].astype(np.float32) / 255).transpose(2, 0, 1)[None]
        out = self._net.run(None, {self._net.get_inputs()[0].name: x})[0].reshape(68, 2) * 112
        return np.asarray((out - move[:, 2]) / move[0, 0], np.float32)


@dataclass(frozen=True, slots=True)
class Judged:
    """One face: yaw in degrees, and by method (error, outside, covered 0 or 1)."""

    yaw: float
    by: dict[str, tuple[float, float, float]]


def judge(image: Image, points: Points, seen: Points, name: str) -> Judged:
    """Compare the warp and both pastes of template ``name`` placed by ``points`` with the independent ``seen``."""
    scale = pose_scale(points)
    keys = CANONICAL[list(KEYS)]
    by: dict[str, tuple[float, float, float]] = {}
    for method in METHODS:
        if method == "warp":
            placed = FaceMesh(points).map(keys)
            alpha = mask_face(image, points, name, 0).alpha
        else:
            chosen = list(SIX if method == "paste-6" else ALL)
            placed, alpha = _paste(image, points, chosen, keys, name)
        error = float(np.linalg.norm(placed - seen[list(KEYS)], axis=1).mean() / scale)
        solid = np.where(alpha > 0.5, alpha, 0)
        outside = float((solid * (1 - _hull(seen, alpha.shape))).sum() / max(solid.sum(), 1e-6))
        x, y = np.round(seen[list(UNDER)]).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < alpha.shape[1]) & (y < alpha.shape[0])
        covered = float(bool(inside.all() and (alpha[y, x] > 0.5).all()))
        by[method] = (error, outside, covered)
    return Judged(pose_of(points).yaw, by)


def _paste(
    image: Image, points: Points, chosen: list[int], keys: Points, name: str
) -> tuple[Points, NDArray[np.float32]]:
    """Where a homography through the chosen points puts ``keys``, and the alpha it draws."""
    import cv2

    drawn = to_art(CANONICAL[chosen], 1).astype(np.float64)
    matrix, _ = cv2.findHomography(drawn, points[chosen].astype(np.float64), 0)
    placed = cv2.perspectiveTransform(to_art(keys, 1)[None].astype(np.float64), matrix)[0].astype(np.float32)
    alpha = cv2.warpPerspective(art(name, 1)[..., 3], matrix, (image.shape[1], image.shape[0]))
    return placed, np.asarray(alpha, np.float32)


def _hull(seen: Points, size: tuple[int, ...]) -> NDArray[np.float32]:
    import cv2

    field = np.zeros(size, np.uint8)
    hull = cv2.convexHull(np.round(np.vstack([seen[:17], seen[17:27]]) * 16).astype(np.int32))
    cv2.fillPoly(field, [hull], 1, cv2.LINE_8, 4)
    return field.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Measured:
    """The faces judged; and how many pictures were left out, by why."""

    faces: tuple[Judged, ...]
    left: dict[str, int]

    @property
    def left_words(self) -> str:
        """``left out: 2 pictures that cannot be read``, empty where nothing was."""
        parts = [f"{n} picture{'s' if n > 1 else ''} {why}" for why, n in self.left.items() if n]
        return f"left out: {', '.join(parts)}" if parts else ""


def measure(data: Path, weights: Weights, limit: int = 0) -> Measured:
    """Every usable face of ``SETS`` below ``data / faces``; ``limit`` pictures a set, 0 = all. Templates take turns.
    Raises UserFault when there is none."""
    landmarks, pfld = Landmarks(weights), Pfld(data / "models" / "landmark" / "pfld.onnx")
    names = list(TEMPLATES)
    found: list[Judged] = []
    left = {"that cannot be read": 0, "without a face": 0, "whose face cannot wear a mask": 0}
    for folder in SETS:
        files = sorted(p for p in (data / "faces" / folder).rglob("*") if p.suffix.lower() in (".jpg", ".png"))
        for path in files[:limit] if limit else files:
            try:
                image = decode_image(path)
            except MediaFault:
                left["that cannot be read"] += 1
                continue
            seen = landmarks.find(image)[:1]
            if not seen:
                left["without a face"] += 1
            for face, points in seen:
                if usable(points, face.xyxy[3] - face.xyxy[1]):
                    found.append(judge(image, points, pfld.points(image, face), names[len(found) % len(names)]))
                else:
                    left["whose face cannot wear a mask"] += 1
    if not found:
        raise UserFault(f"no face was found in {', '.join(SETS)} below {data / 'faces'}", fix="check --data")
    return Measured(tuple(found), left)


def table(found: Sequence[Judged], seed: int = 0) -> list[dict[str, Any]]:
    """Rows: metric, method, yaw range, value, 95 % interval, n; and the paired gain of the warp over each paste."""
    rows: list[dict[str, Any]] = []
    for low, high in ((0, 90), *YAWS):
        some = [f for f in found if low <= abs(f.yaw) < high]
        for k, metric in enumerate(("error", "outside", "covered")):
            for method in METHODS:
                own = np.array([f.by[method][k] for f in some])
                gain = own - np.array([f.by["warp"][k] for f in some])
                row = {"metric": metric, "method": method, "yaw": f"{low}-{high}", "n": len(some)}
                row["value"], row["low"], row["high"] = _interval(own, seed)
                if method != "warp":
                    row["minus_warp"] = list(_interval(gain, seed))
                rows.append(row)
    return rows


def _interval(values: NDArray[Any], seed: int) -> tuple[float, float, float]:
    low, high = bootstrap(values.tolist(), seed)
    value = float(values.mean()) if len(values) else float("nan")
    return round(value, 4), round(low, 4), round(high, 4)


def main(say: Callable[[str], None] = print) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    weights = Weights.from_env()
    made = measure(args.data, weights)
    rows = table(made.faces)
    say(f"detector {'yunet' if weights.tier == 'hub' else 'dlib-hog'}, landmarks dlib-68, judged by PFLD")
    say("metric    method     yaw    n     value   95 %             minus warp")
    for r in rows:
        gain = "" if "minus_warp" not in r else "{:+.4f} ({:+.4f} to {:+.4f})".format(*r["minus_warp"])
        say(
            f"{r['metric']:9s} {r['method']:10s} {r['yaw']:6s} {r['n']:3d}   {r['value']:.4f}  "
            f"{r['low']:.4f} to {r['high']:.4f}  {gain}"
        )
    if made.left_words:
        say(made.left_words)
    if args.json:
        args.json.write_text(json.dumps({"rows": rows, "left": made.left}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
