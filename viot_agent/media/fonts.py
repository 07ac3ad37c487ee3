"""A font that has the letters of a text.

Owns the search: DejaVu Sans from Matplotlib's wheel (Latin, Greek, Cyrillic and more, on every machine), then the file
named by ``VIOT_FONT``, then CJK and other wide fonts where the system has some. A character that no font has is written
as its code point, ``[U+7696]``: longer, but never a ``?`` that could be anything. ``apt-get install fonts-noto-cjk``
(or ``VIOT_FONT=FILE``) gives Chinese, Japanese and Korean. Does not know what is drawn.
"""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from viot_agent.errors import FailedFault

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "C:/Windows/Fonts")
_WIDE = ("NotoSansCJK", "NotoSansSC", "SourceHanSans", "wqy-", "DroidSansFallback", "PingFang", "msyh", "NotoSans-")
_NOWHERE = "\U0010ffff"
"""A code point that no font draws: its picture is the one for missing characters."""


def fitting(text: str, size: int) -> tuple[ImageFont.FreeTypeFont, Path, str]:
    """(font of ``size`` pixels, its file, the text to draw with it): the first font that has all, else the best one."""
    shown = " ".join(text.split())
    fewest: tuple[int, Path] | None = None
    for path in (_dejavu(), *_others()):
        missing = [c for c in set(shown) if not _has(path, c)]
        if not missing:
            return _load(path, size), path, shown
        if fewest is None or len(missing) < fewest[0]:
            fewest = len(missing), path
    assert fewest is not None
    best = fewest[1]
    return _load(best, size), best, spelled(shown, best)


def spelled(text: str, path: Path) -> str:
    """The text as one line, with characters that the font at ``path`` lacks written as code points."""
    return "".join(c if _has(path, c) else f"[U+{ord(c):04X}]" for c in " ".join(text.split()))


def missing(text: str) -> str:
    """The characters of ``text`` that no font on this machine can draw (for ``viot doctor``)."""
    fonts = (_dejavu(), *_others())
    return "".join(sorted({c for c in " ".join(text.split()) if not any(_has(f, c) for f in fonts)}))


@lru_cache(maxsize=1)
def _dejavu() -> Path:
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise FailedFault("Matplotlib, whose font is drawn with, is not installed.", fix="pip install matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"


@lru_cache(maxsize=1)
def _others() -> tuple[Path, ...]:
    named = os.environ.get("VIOT_FONT")
    found = [Path(named)] if named and Path(named).is_file() else []
    files = [p for f in _FOLDERS for p in sorted(Path(f).rglob("*")) if p.suffix.lower() in (".ttf", ".ttc", ".otf")]
    for start in _WIDE:
        found += [p for p in files if p.name.lower().startswith(start.lower()) and "bold" not in p.name.lower()][:1]
    return tuple(found)


@lru_cache(maxsize=32)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(path), size)
    except OSError as error:
        raise FailedFault(f"The font {path} cannot be loaded: {error}.", fix="name another one in VIOT_FONT") from error


@lru_cache(maxsize=4096)
def _has(path: Path, character: str) -> bool:
    if character == " ":
        return True
    font = _load(path, 16)
    drawn, blank = font.getmask(character), font.getmask(_NOWHERE)
    return drawn.size != blank.size or bytes(drawn) != bytes(blank)
