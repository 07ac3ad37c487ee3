"""Still pictures in and out: any common file to RGB, RGB to JPEG.

Owns decoding of what people attach and enrol (turned by EXIF, grey, CMYK, 16-bit, transparent, first frame of an
animation), and the refusal of what is no picture or too large to be one. Does not know what is on them.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pil
from PIL import ImageOps, UnidentifiedImageError

from viot_agent.errors import MediaFault
from viot_agent.media.sniff import head_of
from viot_agent.media.types import Image

MAX_PIXELS = 89_000_000
"""Larger pictures are refused: 89 megapixels are 267 MB of RGB, and small files can claim any size."""

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
"""What Pillow may open. Others are left out on purpose: some of its plugins start other programs."""


def decode_image(source: bytes | str | Path) -> Image:
    """(H, W, 3) uint8 RGB, upright, of a picture file or its bytes. Transparency is laid on white.

    Raises MediaFault for anything that is no picture, is cut off, or holds more than ``MAX_PIXELS``.
    """
    if isinstance(source, bytes):
        name, data = "The picture", source
        if not data:
            raise MediaFault("The picture is empty (0 bytes).", fix="send it again")
    else:
        path = Path(source)
        head_of(path)
        name, data = str(path), path.read_bytes()
    try:
        with warnings.catch_warnings():
            # sizes are checked below; Pillow's other warnings are about odd metadata, which is not ours to judge
            warnings.simplefilter("ignore")
            with Pil.open(io.BytesIO(data), formats=_formats()) as picture:
                _check_size(name, picture.width, picture.height)
                return _rgb(picture)
    except Pil.DecompressionBombError as error:
        raise _too_large(name) from error
    except UnidentifiedImageError as error:
        raise MediaFault(f"{name} is not a picture that can be read.", fix="give a JPEG, PNG or WebP file") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, MemoryError) as error:
        raise MediaFault(f"{name} is damaged: {error}.", fix="copy or export the picture again") from error


def encode_jpeg(image: Image, quality: int = 90) -> bytes:
    """The picture as JPEG. ``quality`` 1..100."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"an image is (H, W, 3) uint8, not {image.shape} {image.dtype}")
    if max(image.shape[:2]) > 65_500:
        raise ValueError("JPEG ends at 65500 pixels a side")
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError("OpenCV could not encode the picture")
    return bytes(data)


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """``FORMATS`` without those that this build of Pillow lacks."""
    Pil.init()
    return tuple(name for name in FORMATS if name in Pil.OPEN)


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large(name, f" ({width} x {height})")


def _too_large(name: str, size: str = "") -> MediaFault:
    limit = MAX_PIXELS // 1_000_000
    return MediaFault(f"{name} is too large{size}: at most {limit} megapixels are read.", fix="scale it down first")


def _rgb(picture: Pil.Image) -> Image:
    turned = ImageOps.exif_transpose(picture)
    if turned.mode.startswith(("I", "F")):
        return _from_deep(np.asarray(turned))
    if "transparency" in turned.info or turned.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        alpha = turned.convert("RGBA")
        white = Pil.new("RGBA", alpha.size, (255, 255, 255, 255))
        turned = Pil.alpha_composite(white, alpha)
    return np.array(turned.convert("RGB"), np.uint8)


def _from_deep(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Image:
    """16- and 32-bit grey to RGB: whole numbers above 255 are 16-bit, fractions up to 1 are shares of white."""
    grey = values.astype(np.float64)
    top = float(grey.max(initial=0.0))
    if values.dtype.kind == "f" and top <= 1.0:
        grey *= 255.0
    elif values.dtype.itemsize == 2 or top > 255.0:
        grey /= 257.0 if top <= 65535.0 else top / 255.0
    return np.repeat(np.clip(grey.round(), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
