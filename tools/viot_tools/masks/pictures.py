"""Masks on the faces of one picture, and picture files in and out.

What is kept of a file: its pixels, upright (EXIF's turn is carried out), and an RGB colour profile. What is not: EXIF
(camera, place, time), comments, transparency (laid on white), more than 8 bits, CMYK (becomes RGB), and all but the
first picture of an animation; ``Opened.notes`` says so in words. Owns choosing templates for faces, and files. Knows
no video.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import BackendFault, UserFault
from viot_agent.media.files import write_whole
from viot_agent.media.pictures import FORMATS, decode_image
from viot_agent.media.types import XYXY, Image
from viot_tools.faces.detect import Face
from viot_tools.masks.face import Points, pose_of
from viot_tools.masks.landmarks import SMALLEST, Landmarks
from viot_tools.masks.render import lay
from viot_tools.masks.templates import of_kind, template

DEFAULT_KIND = "surgical"
QUALITY = 95
"""JPEG quality of masked pictures, colours at full resolution (4:4:4)."""
WIDEST_YAW = 75.0
"""Degrees beyond which a face is a profile on which 68 points mean nothing."""


@dataclass(frozen=True, slots=True)
class Worn:
    """One mask put on. ``xyxy`` the face in pixels; ``yaw`` degrees."""

    xyxy: XYXY
    template: str
    seed: int
    yaw: float


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """``image`` and ``alpha`` as of :class:`~viot_tools.masks.render.MaskedFace`; ``worn`` from left to right;
    ``too_small`` faces were found but left without a mask."""

    image: Image
    alpha: NDArray[np.float32]
    worn: tuple[Worn, ...]
    too_small: int


def choose(mask: str | None, name: str | None, number: int, seed: int) -> str:
    """The template of face ``number`` (0, 1, ...): the one named, else the kind's, in turn from ``seed`` on.

    Raises UserFault for an unknown kind or template, or when both are given and do not fit.
    """
    if name is not None:
        chosen = template(name)
        if mask is not None and chosen.kind != mask:
            raise UserFault(f"the template {name} is no {mask} mask", fix="give one of --mask and --template")
        return chosen.name
    kind = of_kind(DEFAULT_KIND if mask is None else mask)
    return kind[(seed + number) % len(kind)].name


def usable(points: Points, face_side: float) -> bool:
    """Whether a mask can be put on the face at all: large enough, no bare profile, points that lie like a face."""
    if not np.isfinite(points).all():
        return False
    pose = pose_of(points)
    return pose.scale >= SMALLEST and pose.scale > 0.18 * face_side and abs(pose.yaw) <= WIDEST_YAW


def mask_picture(
    image: Image,
    landmarks: Landmarks,
    *,
    mask: str | None = None,
    name: str | None = None,
    seed: int = 0,
    found: Sequence[tuple[Face, Points]] | None = None,
) -> Masked:
    """Masks on all faces of ``image`` (H, W, 3) uint8 RGB, which is left as it is.

    ``mask``: a kind, ``name``: a template; face ``i`` from the left takes seed ``seed + i``. ``found``: what
    ``landmarks.find(image)`` answered, where it is known already. Raises UserFault for an unknown kind or template,
    WeightsMissing when a model is not on this machine.
    """
    choose(mask, name, 0, seed)  # a wrong name is said before a model is loaded
    found = sorted(landmarks.find(image) if found is None else found, key=lambda pair: pair[0].xyxy[0])
    good = [(face, points) for face, points in found if usable(points, face.xyxy[3] - face.xyxy[1])]
    out, alpha = image.copy(), np.zeros(image.shape[:2], np.float32)
    worn: dict[int, Worn] = {}
    # the smaller face is the farther one: its mask must not lie over a nearer face
    for i in sorted(range(len(good)), key=lambda i: good[i][0].xyxy[3] - good[i][0].xyxy[1]):
        face, points = good[i]
        chosen = choose(mask, name, i, seed)
        lay(out, alpha, points, chosen, seed + i)
        worn[i] = Worn(face.xyxy, chosen, seed + i, round(pose_of(points).yaw, 1))
    return Masked(out, alpha, tuple(worn[i] for i in range(len(good))), len(found) - len(good))


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A picture file: upright RGB, whether it was JPEG, its RGB colour profile, and what of it does not carry over."""

    image: Image
    jpeg: bool
    profile: bytes | None
    notes: tuple[str, ...]


def open_picture(path: Path) -> Opened:
    """Read a picture file. Raises MediaFault for anything that is no picture, is damaged, or larger than
    ``viot_agent.media.pictures.MAX_PIXELS``."""
    from PIL import Image as Pil

    image = decode_image(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in decode_image, which has read the whole file: only its head is asked
        Pil.init()
        data = path.read_bytes()
        with Pil.open(io.BytesIO(data), formats=[f for f in FORMATS if f in Pil.OPEN]) as picture:
            kind, mode, info = picture.format or "", picture.mode, dict(picture.info)
            frames = int(getattr(picture, "n_frames", 1))
            turned = picture.getexif().get(0x0112, 1) not in (0, 1)
    notes = []
    if frames > 1 and kind in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        notes.append(f"it holds {frames} pictures; only the first was taken")
    if "transparency" in info or mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        notes.append("its transparent parts are laid on white")
    if mode.startswith(("I", "F")):
        notes.append("its 16-bit greys are written with 8 bits")
    elif kind == "PNG" and data[24] == 16:  # the depth in its head: Pillow does not tell of colours
        notes.append("its 16-bit colours are written with 8 bits")
    if mode == "CMYK":
        notes.append("its CMYK colours are written as RGB")
    if turned:
        notes.append("it is turned upright, as its EXIF asked")
    icc = info.get("icc_profile")
    profile = icc if isinstance(icc, bytes) and icc[16:20] == b"RGB " else None
    return Opened(image, kind in ("JPEG", "MPO"), profile, tuple(notes))


def coded(image: Image, ending: str, *, profile: bytes | None = None, exif: bytes | None = None) -> bytes:
    """A file's bytes: PNG (exact) or JPEG by ``ending``; ``exif`` as Pillow takes it.

    Raises UserFault for another ending, BackendFault when it cannot be coded.
    """
    import cv2
    from PIL import Image as Pil

    if ending not in (".png", ".jpg", ".jpeg"):
        raise UserFault(f"pictures are written as .png or .jpg, not {ending!r}", fix="change the ending of --out")
    data = io.BytesIO()
    picture = Pil.fromarray(image)
    extra = {k: v for k, v in (("icc_profile", profile), ("exif", exif)) if v is not None}
    if ending == ".png" and not extra:
        # run lengths: on a grainy photo a fifth faster than the usual strategy, and a seventh smaller; but OpenCV
        # writes neither profiles nor EXIF
        how = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
        done, found = cv2.imencode(".png", image[..., ::-1], how)
        if not done:
            raise BackendFault("the picture cannot be coded as PNG", fix="write .jpg")
        return found.tobytes()
    if ending == ".png":
        picture.save(data, "PNG", compress_level=1, **extra)
    else:
        picture.save(data, "JPEG", quality=QUALITY, subsampling=0, **extra)
    return data.getvalue()


def write_picture(image: Image, path: Path, *, profile: bytes | None = None) -> None:
    """Write PNG or JPEG by the ending of ``path`` (:func:`coded`), whole or not at all.

    Raises UserFault for another ending, DiskFault or BackendFault when it cannot be written.
    """
    write_whole(path, coded(image, path.suffix.lower(), profile=profile), fix="free the disk or choose another --out")


def free_name(folder: Path, stem: str, ending: str, word: str = "masked") -> Path:
    """A file name in ``folder`` that nobody has: ``stem-masked.png``, ``stem-masked-2.png``, ..."""
    for number in range(1, 10_000):
        path = folder / f"{stem}-{word}{'' if number == 1 else f'-{number}'}{ending}"
        if not os.path.lexists(path):
            return path
    raise UserFault(f"{folder} holds 9,999 {word} copies of {stem}", fix="choose another --out")


def same_file(a: Path, b: Path) -> bool:
    """Whether both names are one file that exists."""
    return a.exists() and b.exists() and a.samefile(b)


def counted(worn: Sequence[Worn]) -> str:
    """``surgical-blue (2), surgical-green`` in order of first use."""
    names = [w.template for w in worn]
    parts = [f"{n} ({names.count(n)})" if names.count(n) > 1 else n for n in dict.fromkeys(names)]
    return ", ".join(parts)
