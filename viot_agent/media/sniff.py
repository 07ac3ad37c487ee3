"""What a path is before any decoder sees it, and the sentence for each way in which it is no video.

Owns the checks of the path (missing, folder, no permission, empty) and the telling apart of pictures, sounds, texts and
cut-off recordings by their first bytes. Knows nothing of decoding.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from viot_agent.errors import MediaFault, UserFault

HEAD = 4096

SUFFIXES = frozenset(
    ".264 .265 .3gp .asf .avi .dav .flv .h264 .h265 .hevc .m2ts .m4v .mjpeg .mjpg .mkv .mov .mp4 .mpeg .mpg .mts .ogv "
    ".ts .vob .webm .wmv .y4m".split()
)
"""What counts as a video in a folder; a single file may have any name."""

_PICTURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\xd8\xff", 0, "JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", 0, "PNG picture"),
    (b"GIF87a", 0, "GIF picture"),
    (b"GIF89a", 0, "GIF picture"),
    (b"BM", 0, "BMP picture"),
    (b"II*\x00", 0, "TIFF picture"),
    (b"MM\x00*", 0, "TIFF picture"),
    (b"WEBP", 8, "WebP picture"),
    (b"ftypheic", 4, "HEIC picture"),
    (b"ftypmif1", 4, "HEIF picture"),
    (b"ftypavif", 4, "AVIF picture"),
)

_ADDRESS = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:/")
"""``rtsp://...``; a Path folds the two slashes into one."""

_STREAM_OF_PICTURES = {".mjpg", ".mjpeg"}
"""A raw motion-JPEG stream begins like a JPEG picture; only its name tells."""


def head_of(path: Path) -> bytes:
    """The first bytes of a readable, regular, non-empty file.

    Raises MediaFault with one sentence for anything else; UserFault for the address of a stream.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        if _ADDRESS.match(str(path)):
            raise UserFault(f"{path} is an address, not a file.", fix="record it to a file and give that") from None
        raise MediaFault(f"There is no file {path}.", fix="check the path") from None
    except (OSError, ValueError) as error:
        raise MediaFault(f"{path} cannot be looked at: {_reason(error)}.", fix="check path and rights") from error
    if stat.S_ISDIR(status.st_mode):
        raise MediaFault(f"{path} is a folder, not a video file.", fix="name one file in it; one file is one camera")
    if not stat.S_ISREG(status.st_mode):
        raise MediaFault(f"{path} is not a regular file.", fix="copy it to a file first")
    if status.st_size == 0:
        raise MediaFault(f"{path} is empty (0 bytes).", fix="copy or export it again")
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except PermissionError as error:
        raise MediaFault(f"{path} may not be read by this user.", fix=f"chmod u+r {path}") from error
    except OSError as error:
        raise MediaFault(f"{path} cannot be read: {_reason(error)}.", fix="check the disk or the share") from error


def picture_kind(path: Path, head: bytes) -> str | None:
    """``JPEG picture`` and so on, or None when these bytes begin no picture."""
    if path.suffix.lower() in _STREAM_OF_PICTURES:
        return None
    return next((kind for magic, at, kind in _PICTURES if head[at : at + len(magic)] == magic), None)


def refuse_picture(path: Path, head: bytes) -> None:
    """Raises MediaFault when the file is a picture (an animated GIF too: it has no camera's clock)."""
    kind = picture_kind(path, head)
    if kind:
        raise MediaFault(
            f"{path} is a {kind}, not a video.",
            fix="a camera needs a video file; to look for a person in a picture, attach it: viot ask ... --attach FILE",
        )


def unreadable(path: Path, head: bytes, detail: str) -> MediaFault:
    """The fault for a file that no video format claims. ``detail`` is the decoder's own word, kept for the curious."""
    if head[4:8] == b"ftyp":
        return MediaFault(
            f"{path} is an MP4 file without its index (no moov box): the recording was cut off before it was finished.",
            fix="export it from the recorder again, or repair it with a tool such as untrunc",
        )
    if _is_text(head):
        return MediaFault(f"{path} is a text file, not a video.", fix="give a video file (mp4, mkv, avi, webm, ts)")
    return MediaFault(
        f"{path} is not a video that can be read ({detail}).",
        fix="give a video file (mp4, mkv, avi, webm, ts, 264); if it plays elsewhere, convert it to H.264 in MP4",
    )


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        # a multi-byte character may be cut at the end of the head
        head[: max(1, len(head) - 3)].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
