"""EXIF of a picture, for a cloaked copy that is to keep it.

Left out whatever is asked: the preview picture, maker notes (some hold a second preview) and the turn, since the copy
is upright. A preview shows the face without its cloak. Owns that choice.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from viot_agent.media.pictures import FORMATS

_TURN, _EXIF, _GPS, _INTEROP, _MAKER = 0x0112, 0x8769, 0x8825, 0xA005, 0x927C


def kept_exif(source: Path) -> tuple[bytes | None, str]:
    """The EXIF to write (None when there is none) and a note that says what is kept, for a file that is a picture."""
    from PIL import Image as Pil

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file was read whole before: only its head is asked
        Pil.init()
        with Pil.open(io.BytesIO(source.read_bytes()), formats=[f for f in FORMATS if f in Pil.OPEN]) as picture:
            read = picture.getexif()
            fresh = Pil.Exif()
            for tag, value in read.items():
                if tag not in (_TURN, _EXIF, _GPS, _INTEROP):
                    fresh[tag] = value
            for tag in (_EXIF, _GPS):
                inner = {k: v for k, v in read.get_ifd(tag).items() if k not in (_MAKER, _INTEROP)}
                if inner:
                    fresh.get_ifd(tag).update(inner)
            if not len(fresh) and not fresh.get_ifd(_EXIF) and not fresh.get_ifd(_GPS):
                return None, "it holds no EXIF to keep"
            place = " and where it was taken" if fresh.get_ifd(_GPS) else ""
            return fresh.tobytes(), f"its EXIF is kept{place}, without preview picture and maker notes"
