"""Single pictures out of recordings: the last moment of a camera, and the moment of a piece of evidence.

Owns the pictures below ``VIOT_HOME/cache/stills``; each is made once and named after what it shows. Serves nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from viot_agent.errors import BackendFault, MediaFault, UserFault
from viot_agent.fleet.types import Camera
from viot_agent.library import sources
from viot_agent.live.address import is_live
from viot_agent.live.ring import folder
from viot_agent.media.drawing import caption, draw_boxes
from viot_agent.media.pictures import encode_jpeg
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_agent.steps import Evidence
from viot_agent.system import Viot

WIDTH = 480


def latest(camera: Camera, home: Path) -> tuple[Path, os.stat_result]:
    """The camera's newest recording; of a live one what ``viot watch`` recorded below ``home``. Raises MediaFault where
    there is none, or a link that leads out of its folder."""
    try:
        if is_live(camera.source):
            root = folder(home, camera.id) / "ring"
            found = list(root.glob("*.mp4"))
            if not found:
                raise MediaFault(f"nothing was recorded of {camera.name} yet", fix="viot watch")
        else:
            root, found = Path(camera.source), sources.files(camera)
        newest = max(found, key=lambda p: (p.stat().st_mtime, p.name))
        if not newest.resolve().is_relative_to(root.resolve()):
            raise MediaFault(f"the newest recording of {camera.name} is a link to somewhere else")
        return newest, newest.stat()
    except OSError as error:  # a recorder takes its oldest file away at any time
        raise MediaFault(f"the recordings of {camera.name} cannot be looked at: {error.strerror}") from error


def taken(viot: Viot, camera: Camera) -> str:
    """When the picture of :meth:`Stills.of_camera` was recorded, in words, with what that is known from; "" where there
    is none."""
    try:
        newest, state = latest(camera, viot.home)
    except (MediaFault, UserFault):
        return ""
    same = (r for r in viot.library.media_rows(camera.name) if r.path == newest)
    row = next((r for r in same if r.fingerprint.size == state.st_size), None)
    if row is None:
        dated = viot.fleet.local(state.st_mtime, camera)
        return f"from a recording that is not indexed yet; its file is of {dated}"
    words = viot.fleet.local(row.start_ts + row.duration, camera)
    return f"{words}, by the date of its file" if row.start_origin == "mtime" else words


class Stills:
    """Makes and keeps stills. Two at once: decoding more beside each other only makes all of them late."""

    def __init__(self, viot: Viot, folder: Path) -> None:
        self.viot, self.folder = viot, folder
        self._turns = threading.Semaphore(2)

    def of_camera(self, camera: Camera) -> Path:
        """The last picture of the camera's newest recording. Raises MediaFault where there is none."""
        newest, state = latest(camera, self.viot.home)
        row = next((r for r in self.viot.library.media_rows(camera.name) if r.path == newest), None)
        if row is not None and any(b >= row.duration for _, b in self.viot.library.purged(row)):
            raise MediaFault(f"the last footage of {camera.name} was purged")
        key = f"camera {camera.id} {newest} {state.st_size} {state.st_mtime}"
        return self._kept(key, lambda: self._frame(newest, None, None, ""))

    def of_evidence(self, run: str, piece: Evidence) -> Path:
        """The frame at a piece's moment, its box drawn. Raises MediaFault when the footage is gone."""

        def make() -> Image:
            at = piece.at if piece.at is not None else (piece.start + piece.end) / 2
            found = self.viot.library.footage(piece.camera, at - 0.5, at + 0.5)
            if not found:
                raise MediaFault(f"there is no footage of {piece.camera} for this now")
            part = max(found, key=lambda f: min(f.end, at + 0.5) - max(f.start, at - 0.5))
            return self._frame(part.media, part.offset + max(0.0, at - part.start), piece.xyxy, piece.label)

        return self._kept(f"evidence {run} {piece.id}", make)

    def _frame(self, media: Path, t: float | None, box: tuple[float, float, float, float] | None, words: str) -> Image:
        """The frame at ``t`` seconds (None: the last) as a small picture."""
        reader = open_media(media)
        info = reader.info
        if info.width > WIDTH:
            reader = open_media(media, width=WIDTH)
        last = max(0.0, info.duration - 1.5 / max(info.fps, 1.0))
        frame = next(iter(reader.read([last if t is None else min(t, last)])), None)
        if frame is None:
            raise MediaFault(f"{media} shows nothing there")
        image = frame.image
        if box is not None:
            image = draw_boxes(image, np.array([box], np.float32) * np.float32(min(1.0, WIDTH / info.width)))
        return caption(image, words) if words else image

    def _kept(self, key: str, make: Callable[[], Image]) -> Path:
        path = self.folder / (hashlib.sha256(key.encode()).hexdigest()[:24] + ".jpg")
        if path.is_file():
            return path
        with self._turns:
            if path.is_file():
                return path
            data = encode_jpeg(make(), 82)
            part = path.with_name(f".{secrets.token_hex(6)}.part")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(data)
                part.replace(path)
            except OSError as error:
                raise BackendFault(f"{path} cannot be written: {error.strerror}", fix="free the disk") from error
        return path
