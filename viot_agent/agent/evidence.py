"""Evidence made visible: a picture, and for the first few pieces a short clip with the box drawn.

Drawing costs more than searching, so clips are short (``CLIP_SECONDS``), small (``CLIP_WIDTH``) and made for the first
``clips`` pieces only. The picture is the crop that the tool gave; a piece about several at once, or one without a crop,
gets the frame of its moment with the boxes drawn, where it is among the first ``FRAMES`` of these. Owns the files under
``VIOT_HOME/evidence/<run>``. Knows no tool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path

import numpy as np

from viot_agent.errors import BackendFault, MediaFault, NameFault, StoppedFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.library.api import Library
from viot_agent.library.rows import Poses, Track
from viot_agent.media.clips import cut_clip
from viot_agent.media.drawing import caption, draw_boxes, draw_skeletons, within
from viot_agent.media.pictures import encode_jpeg
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame, Image
from viot_agent.steps import Evidence

CLIP_SECONDS = 4.0
CLIP_WIDTH = 640
CLIP_FPS = 10.0
PICTURE_WIDTH = 960
FRAMES = 8
"""Pieces of a run whose picture is drawn from the footage: opening an hour of it takes seconds."""


class EvidenceFiles:
    """Writes crops and clips below ``folder``."""

    def __init__(self, library: Library, fleet: Fleet, folder: Path, *, clips: int = 3) -> None:
        self.library, self.fleet, self.folder, self.clips = library, fleet, folder, clips

    def write(self, run_id: str, evidence: Sequence[Evidence]) -> dict[str, Evidence]:
        """Files for all pieces; gives back the evidence with ``crop`` and ``clip`` filled, by id.

        Footage that has since been moved or deleted leaves ``clip`` empty and says so in ``label``, as does a piece of
        which there is no picture; the rows stay true. What a stopped run had not finished is left out.
        """
        folder = self.folder / run_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            frames = {piece.id for piece in [p for p in evidence if _needs_frame(p)][:FRAMES]}
            # opening files, decoding and encoding leave Python's lock: two pieces at a time use two cores
            with ThreadPoolExecutor(2, "picture") as pool:
                each = [(copy_context(), p) for p in evidence]  # in which the run's stop is heard
                made = pool.map(
                    lambda e: e[0].run(self._with_picture, e[1], _jpg(folder, e[1]), e[1].id in frames), each
                )
                pieces = list(made)
        except OSError as error:
            raise BackendFault(
                f"the evidence cannot be written to {folder}: {error.strerror}", fix="free the disk, or set VIOT_HOME"
            ) from error
        # a picture that a tool wrote is a copy of what was given: there is no footage of it
        own = {piece.id for piece in evidence if piece.crop is not None}
        wanted = [piece for piece in pieces if piece.clip is None and piece.id not in own][: self.clips]
        with ThreadPoolExecutor(2, "clip") as pool:
            jobs = [(copy_context(), piece) for piece in wanted]
            clips = list(pool.map(lambda job: job[0].run(self._unless_stopped, job[1], folder), jobs))
        return {piece.id: piece for piece in [*pieces, *clips]}

    def _unless_stopped(self, piece: Evidence, folder: Path) -> Evidence:
        try:
            return self._with_clip(piece, folder / f"{piece.id}.mp4")
        except StoppedFault:
            return piece  # the clip can still be cut when somebody asks for it

    def _with_picture(self, piece: Evidence, out: Path, framed: bool) -> Evidence:
        """The crop; where ``framed``, the frame: several are meant, or there is no crop. What a tool made stays."""
        if not piece.crop_jpeg and _made(piece):
            return piece
        data, why = None, f"frames are drawn of the first {FRAMES} pieces that need one"
        if framed:
            try:
                data, why = self._frame(piece), f"there is no footage of {piece.camera} for this now"
            except StoppedFault:
                why = "the run was stopped"
            except (NameFault, MediaFault, UserFault) as fault:
                why = fault.message
            except OSError as error:  # of the footage; what is written below is another matter
                why = f"the footage cannot be read: {error.strerror}"
        if data is None and not piece.crop_jpeg:
            return replace(piece, label=f"{piece.label} (no picture: {why})".strip())
        out.write_bytes(data or piece.crop_jpeg or b"")
        one = data is None and _needs_frame(piece)
        return replace(piece, crop=str(out), label=f"{piece.label} (picture of one in view)" if one else piece.label)

    def _frame(self, piece: Evidence) -> bytes | None:
        """The frame of a piece's moment with its boxes, as JPEG; None where there is no footage. Of a piece that names
        somebody it is no more than the box: who stands around is no part of it. Raises what the reader raises."""
        at = piece.at if piece.at is not None else (piece.start + piece.end) / 2
        around = self.library.footage(piece.camera, at - 0.5, at + 0.5)
        part = max(around, key=lambda f: min(f.end, at + 0.5) - max(f.start, at - 0.5), default=None)
        if part is None or (piece.who is not None and piece.xyxy is None):
            return None
        if piece.who is not None and not part.start <= at <= part.end:
            return None  # the box is of another moment: who would be in it is somebody else
        origin = part.start - part.offset
        t = min(max(at, part.start), part.end) - origin
        try:
            frame = next(iter(open_media(part.media).read([t])), None)
        except (MediaFault, UserFault) as fault:  # what is said is shown to whoever asked: no path of this machine
            raise MediaFault(str(fault).replace(str(part.media), part.media.name)) from fault
        if frame is None:
            return None
        if piece.who is not None and piece.xyxy is not None:
            x0, y0, x1, y1 = (max(0, round(v)) for v in piece.xyxy)
            cut = frame.image[y0:y1, x0:x1]
            return encode_jpeg(np.ascontiguousarray(cut)) if cut.size else None
        height, width = frame.image.shape[:2]
        scale = min(1.0, PICTURE_WIDTH / width)
        if scale < 1:
            frame = replace(frame, image=within(frame.image, PICTURE_WIDTH, height))
        return encode_jpeg(self._painter(piece, origin, scale)(frame))

    def clip(self, run_id: str, piece: Evidence) -> Path:
        """The clip of one piece, cut now when it was not. Raises MediaFault or BackendFault when it cannot be.

        Two that ask at once write the same file whole, one after the other.
        """
        out = self.folder / run_id / f"{piece.id}.mp4"
        if not out.is_file():
            cut = self._with_clip(piece, out)
            if cut.clip is None:
                raise MediaFault(f"there is no footage of {piece.camera} for this now", fix="put the recording back")
        return out

    def _with_clip(self, piece: Evidence, out: Path) -> Evidence:
        start, end = clip_window(piece)
        try:
            footage = self.library.footage(piece.camera, start, end)
        except NameFault as fault:  # the camera was removed in the meantime
            return replace(piece, label=f"{piece.label} (no clip: {fault.message})".strip())
        if not footage:
            return piece
        part = max(footage, key=lambda f: min(f.end, end) - max(f.start, start))
        t0 = part.offset + max(0.0, start - part.start)
        t1 = t0 + (min(end, part.end) - max(start, part.start))
        origin = part.start - part.offset  # POSIX seconds of the file's first frame
        try:
            reader = open_media(part.media)
            width = reader.info.width
            if width > CLIP_WIDTH:  # decoded small: drawing at full size and shrinking costs three times as much
                reader = open_media(part.media, width=CLIP_WIDTH)
            paint = self._painter(piece, origin, min(1.0, CLIP_WIDTH / width))
            cut_clip(reader, t0, t1, out, max_width=CLIP_WIDTH, fps=CLIP_FPS, draw=paint)
        except (MediaFault, UserFault) as fault:
            why = str(fault).replace(str(part.media), part.media.name)  # a label is shown to whoever asked
            return replace(piece, label=f"{piece.label} (no clip: {why})".strip())
        return replace(piece, clip=str(out))

    def _painter(self, piece: Evidence, origin: float, scale: float) -> Callable[[Frame], Image]:
        ids = [i for i in (piece.track, *piece.beside) if i and i.isdigit()]
        tracks = [t for t in (self.library.track(int(i)) for i in ids) if t is not None]
        camera = next((c for c in self.fleet.cameras() if c.name == piece.camera), None)
        poses = self._poses(piece, tracks) if piece.skeleton else []
        label = piece.label or piece.who or ""
        if piece.who and piece.score is not None:
            label = f"{piece.who} {piece.score:.2f}"

        def paint(frame: Frame) -> Image:
            ts = origin + frame.t
            found = [b for b in (_box_at(t, ts) for t in tracks) if b is not None]
            if not tracks and piece.xyxy is not None and (piece.at is None or abs(ts - piece.at) < 0.6):
                found = [np.asarray(piece.xyxy, np.float32)]
            words = f"{piece.camera}  {self.fleet.local(ts, camera)}" if camera is not None else piece.camera
            boxes = np.array(found, np.float32).reshape(-1, 4) * np.float32(scale)
            image = draw_skeletons(frame.image, [k for k in (_pose_at(p, ts, scale) for p in poses) if k is not None])
            # of several the label speaks of all of them, and of none there is no box: it stands below, not on one
            if piece.beside or not (tracks or piece.xyxy):
                return caption(draw_boxes(image, boxes), f"{words}  {label}")
            return caption(draw_boxes(image, boxes, [label] * len(boxes)), words)

        return paint

    def _poses(self, piece: Evidence, tracks: Sequence[Track]) -> list[Poses]:
        """The stored poses of the tracks that a clip of the piece shows."""
        start, end = clip_window(piece)
        wanted = {t.id for t in tracks}
        return [p for p in self.library.poses([piece.camera], start - 1, end + 1) if p.track in wanted]


def _made(piece: Evidence) -> bool:
    """Whether a tool made the file of a piece."""
    return piece.clip is not None or piece.crop is not None


def _needs_frame(piece: Evidence) -> bool:
    """Whether a crop does not show what the piece says, or there is none."""
    if not piece.crop_jpeg:
        return not _made(piece)
    return bool(piece.beside) and piece.who is None


def _jpg(folder: Path, piece: Evidence) -> Path:
    return folder / f"{piece.id}.jpg"


def clip_window(piece: Evidence) -> tuple[float, float]:
    """What the clip of a piece shows, POSIX seconds: the whole of it, or ``CLIP_SECONDS`` around its moment."""
    middle = piece.at if piece.at is not None else (piece.start + piece.end) / 2
    start = max(piece.start, middle - CLIP_SECONDS / 2) if piece.end - piece.start > CLIP_SECONDS else piece.start
    end = min(piece.end, start + CLIP_SECONDS)
    if end - start < 1.0:  # a single moment: show what led to it
        return middle - 1.0, middle + 1.0
    return start, end


def _pose_at(poses: Poses, ts: float, scale: float, gap: float = 0.3) -> np.ndarray | None:
    """(17, 3) key points at ``ts`` in pixels of the clip; None where no pose lies within ``gap`` seconds."""
    i = int(np.abs(poses.ts - ts).argmin())
    if abs(float(poses.ts[i]) - ts) > gap:
        return None
    return np.asarray(poses.keypoints[i] * np.array([scale, scale, 1.0], np.float32))


def _box_at(track: Track, ts: float, gap: float = 0.5) -> np.ndarray | None:
    """The track's box at ``ts`` by linear interpolation over gaps of up to twice ``gap`` seconds.

    None outside of the track: after a cut, a box held for a moment would name the next person in the picture.
    """
    if not track.start - 0.02 <= ts <= track.end + 0.02 or float(np.min(np.abs(track.ts - ts))) > gap:
        return None
    return np.array([np.interp(ts, track.ts, track.boxes[:, i]) for i in range(4)], np.float32)
