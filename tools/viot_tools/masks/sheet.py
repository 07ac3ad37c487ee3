"""A contact sheet of masked faces over all templates and poses, to be looked at:
``python -m viot_tools.masks.sheet --data ../shared/data --out sheet.png [--faces 60] [--seed 0]``.

Owns which faces are shown: of all pictures below ``DATA/faces`` (at most ``PER_SET`` a set), spread evenly over yaw.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from viot_agent.errors import MediaFault, UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.masks.face import Points, pose_of, pose_scale
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.pictures import usable
from viot_tools.masks.render import mask_face
from viot_tools.masks.templates import TEMPLATES

PER_SET = 40
SIDE = 224
"""Pixels of one face on the sheet."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".pgm", ".bmp")


Faces = list[tuple[Path, Image, Points]]
"""File, picture and points of a face each."""


def faces_below(folder: Path, landmarks: Landmarks, per_set: int = PER_SET) -> tuple[Faces, int]:
    """The faces that can wear a mask, in the order of the files; and how many pictures could not be read."""
    found: Faces = []
    unread = 0
    for inside in sorted(p for p in folder.iterdir() if p.is_dir()):
        files = sorted(p for p in inside.rglob("*") if p.suffix.lower() in _ENDINGS)
        step = max(1, len(files) // per_set)
        for path in files[::step][:per_set]:
            try:
                image = decode_image(path)
            except MediaFault:
                unread += 1
                continue
            for face, points in landmarks.find(image)[:4]:
                if usable(points, face.xyxy[3] - face.xyxy[1]) and pose_scale(points) >= 20 and _whole(points, image):
                    found.append((path, image, points))
    return found, unread


def _whole(points: Points, image: Image) -> bool:
    """Whether the face lies in the picture with the ears: a cut-out of eyes and mouth shows no mask."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * (high - low)
    return bool((low - margin >= 0).all() and (high + margin <= (image.shape[1], image.shape[0])).all())


def spread(faces: Faces, count: int) -> Faces:
    """``count`` of them, the turned ones (yaw beyond 25, then beyond 12 degrees) first, as far as a third each goes."""
    yaw = [abs(pose_of(points).yaw) for _, _, points in faces]
    groups = [[i for i, y in enumerate(yaw) if a <= y < b] for a, b in ((25, 90), (12, 25), (0, 12))]
    chosen: list[int] = []
    for k, group in enumerate(groups):
        want = (count - len(chosen)) // (len(groups) - k)
        step = max(1.0, len(group) / max(want, 1))
        chosen += [group[int(j * step)] for j in range(min(want, len(group)))]
    return [faces[i] for i in chosen]


def tile(image: Image, points: Points, name: str, seed: int) -> Image:
    """``SIDE`` pixels square: the face with its mask, and the template's name, seed and yaw below."""
    import cv2

    masked = mask_face(image, points, name, seed).image
    scale = pose_scale(points)
    zoom = SIDE / (4.4 * scale)
    centre = (points[27] + points[8]) / 2 - (0, 0.25 * scale)
    move = np.array([[zoom, 0, SIDE / 2 - zoom * centre[0]], [0, zoom, SIDE / 2 - zoom * centre[1]]])
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    if zoom < 0.5:
        small = cv2.resize(masked, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        move[:, :2] = np.eye(2)
        masked = small
    out = cv2.warpAffine(masked, move, (SIDE, SIDE), flags=how, borderValue=(32, 32, 32))
    words = f"{name} {seed} {pose_of(points).yaw:+.0f}"
    cv2.putText(out, words, (4, SIDE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(out, words, (4, SIDE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(out, np.uint8)


def sheet(
    data: Path, count: int, seed: int, weights: Weights, columns: int = 10, say: Callable[[str], None] = print
) -> Image:
    """The contact sheet; ``say`` hears how many pictures could not be read. Raises UserFault when ``data`` holds no
    faces."""
    landmarks = Landmarks(weights)
    if not (data / "faces").is_dir():
        raise UserFault(f"there is no folder {data / 'faces'}", fix="give --data a folder with faces/SET/PERSON/*")
    faces, unread = faces_below(data / "faces", landmarks)
    if unread:
        say(f"left out: {unread} picture{'s' if unread > 1 else ''} that cannot be read")
    chosen = spread(faces, count)
    if not chosen:
        raise UserFault(f"no face was found in {data / 'faces'}")
    names = list(TEMPLATES)
    # a stride prime to the number of templates, so that every pose meets every kind
    tiles = []
    for i, (_, image, points) in enumerate(chosen):
        tiles.append(tile(image, points, names[(7 * i + seed) % len(names)], seed + i))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def main() -> None:
    """Write the sheet."""
    from viot_tools.masks.pictures import write_picture

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    write_picture(sheet(args.data, args.faces, args.seed, Weights.from_env()), args.out)


if __name__ == "__main__":
    main()
