"""Hiding faces in files that are about to leave the house: the entry point ``viot_agent.redaction``.

Owns the call of the redaction of pictures and videos on a file in its own place. Does not know who may see what.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from viot_agent.errors import BackendFault
from viot_agent.fleet import Fleet
from viot_agent.library.api import Library
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.redact.who import Keeper, Kept, Verdict

if TYPE_CHECKING:
    from viot_agent.media.types import Image
    from viot_tools.faces.detect import Face
    from viot_tools.redact.find import Finder
    from viot_tools.redact.follow import Track


@dataclass(slots=True)
class Several(Keeper):
    """Keeps several people visible, each by a keeper of their own; what one is sure of, no other takes back."""

    each: tuple[Keeper, ...] = ()

    def of_picture(self, image: Image, faces: Sequence[Face]) -> list[Verdict]:
        """The best verdict for each face."""
        told = [k.of_picture(image, faces) for k in self.each]
        return [max(of_one, key=lambda v: (v.answer == "sure", v.score)) for of_one in zip(*told, strict=True)]

    def see(self, track: Track, t: float, face: Face, image: Image) -> None:
        """All hear of it."""
        for one in self.each:
            one.see(track, t, face, image)

    def of_tracks(self, tracks: Sequence[Track]) -> tuple[list[Kept], list[Kept]]:
        """Where any of them surely is, and where one may be."""
        told = [k.of_tracks(tracks) for k in self.each]
        sure = [k for found, _ in told for k in found]
        return sorted(sure, key=lambda k: k.first), sorted((k for _, m in told for k in m), key=lambda k: k.first)


def hide_faces(
    weights: Weights, library: Library, fleet: Fleet, home: Path, path: Path, keep: Sequence[str], whole: bool
) -> None:
    """Hide the faces of the picture or video ``path``, in place, but those of the enrolled people ``keep``. ``whole``:
    a picture in which no face is found is hidden altogether.

    Raises MediaFault, RetryFault for people who cannot be told from others, WeightsMissing, BackendFault.
    """
    from viot_tools.redact.find import make_finder
    from viot_tools.redact.who import keeper

    ctx = ToolContext(Request(""), fleet, library, weights, home)
    each = tuple(keeper(ctx, name) for name in keep)
    kept: Keeper | None = each[0] if len(each) == 1 else None
    if len(each) > 1:
        first = each[0]
        kept = Several(", ".join(k.name for k in each), first.key, first.people, first.kit, each=each)
    hidden(path, make_finder(weights), kept, whole)


def hidden(path: Path, finder: Finder, keeper: Keeper | None, whole: bool) -> None:
    """The same with a given finder and keeper."""
    from viot_tools.redact.pictures import redact_picture
    from viot_tools.redact.video import redact_video

    part = path.with_name(f".{path.stem}-{secrets.token_hex(6)}{path.suffix}")
    try:
        if path.suffix.lower() == ".mp4":
            redact_video(path, part, finder, keeper=keeper)
        else:
            report = redact_picture(path, lambda _: part, finder, keeper=keeper)
            if report.written is None and not report.shown and whole:
                _whole(path, part)
        if part.exists():
            part.replace(path)
    except OSError as error:
        raise BackendFault(f"{path} cannot be written: {error.strerror}", fix="free the disk") from error
    finally:
        part.unlink(missing_ok=True)


def _whole(path: Path, out: Path) -> None:
    from viot_tools.masks.pictures import open_picture, write_picture
    from viot_tools.redact.hide import Region, colours, hide, noise

    image = open_picture(path).image.copy()
    height, width = image.shape[:2]
    region = Region((0.0, 0.0, float(width), float(height)), round=False)
    under = colours(image, region)
    hide(image, region, None if under is None else under + noise())
    write_picture(image, out)
