"""Masks on the faces of a video: the same mask and seed on a face from its first to its last frame, steady, with sound.

The file is read twice: once to follow the faces (``follow``), once to draw. Frames are drawn in two threads ahead of
the encoder. The clip is H.264 in MP4 with the index in front, written by ``viot_agent.media.clips``. Owns the drawing
of a video. Knows no tool and no command.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from viot_agent.errors import BackendFault, MediaFault, UserFault
from viot_agent.media.clips import ClipInfo, cut_clip
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame, Image, MediaInfo, Reader
from viot_tools.masks.follow import FacePath, follow
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.pictures import choose, same_file
from viot_tools.masks.render import lay

AHEAD = 4
"""Frames drawn ahead of the encoder."""
CRF = 20


@dataclass(frozen=True, slots=True)
class MaskedVideo:
    """``clip`` None when no face was found (nothing is written then). ``templates`` by wearer, in order of appearance,
    and ``seconds`` the first and last of each; ``sound`` the codec of the kept sound or ''; ``lost`` why a sound there
    was could not be kept; ``info`` of the source."""

    clip: ClipInfo | None
    templates: tuple[str, ...]
    seed: int
    sound: str
    info: MediaInfo
    lost: str = ""
    seconds: tuple[tuple[float, float], ...] = ()


class _Wearing:
    """A reader whose frames wear the masks."""

    def __init__(self, inner: Reader, paths: Sequence[FacePath], templates: Sequence[str], seed: int) -> None:
        self.info = inner.info
        self.inner, self.paths, self.templates, self.seed = inner, paths, templates, seed

    def read(self, times: Sequence[float]) -> Iterator[Frame]:
        """See the protocol of :class:`~viot_agent.media.types.Reader`."""
        waiting: deque[Future[Frame]] = deque()
        with ThreadPoolExecutor(2, "masks") as pool:
            shown: Future[Frame] | None = None
            index = -1
            for frame in self.inner.read(times):
                if shown is None or frame.index != index:
                    index, shown = frame.index, pool.submit(self._drawn, frame)
                waiting.append(shown)
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _drawn(self, frame: Frame) -> Frame:
        here = [p for p in self.paths if p.first <= frame.t <= p.last]
        if not here:
            return frame
        image = frame.image.copy()
        for path in sorted(here, key=lambda p: p.box[3] - p.box[1]):  # nearer faces are larger and lie before others
            name = self.templates[path.wearer]
            lay(image, None, path.at(frame.t), name, self.seed + path.wearer, path.light(frame.t), fine=False)
        return Frame(frame.index, frame.t, image)


def mask_video(
    source: Path,
    out: Path,
    landmarks: Landmarks,
    *,
    mask: str | None = None,
    name: str | None = None,
    seed: int = 0,
    said: Callable[[float], None] | None = None,
) -> MaskedVideo:
    """Write ``source`` with masks to the MP4 file ``out``.

    ``mask``: a kind, ``name``: a template; wearer ``i`` takes seed ``seed + i``. ``said`` hears how far it is, 0..1.
    Raises UserFault for unknown names or when ``out`` is the source, MediaFault for what is no readable video,
    BackendFault when the disk is full, WeightsMissing when a model is not on this machine.
    """
    choose(mask, name, 0, seed)
    if same_file(source, out):
        raise UserFault(f"{out} is the video itself; it is never written over", fix="give another --out")
    if out.suffix.lower() != ".mp4":
        raise UserFault(f"videos are written as .mp4, not {out.name!r}", fix="change the ending of --out")
    timeline = examine(source).timeline
    reader = open_media(source)
    times = [timeline.t(i) for i in range(len(timeline))]
    paths = follow(reader, times, landmarks, None if said is None else lambda share: said(share / 2))
    wearers = 1 + max((p.wearer for p in paths), default=-1)
    templates = tuple(choose(mask, name, i, seed) for i in range(wearers))
    if not paths:
        return MaskedVideo(None, (), seed, "", reader.info)
    from viot_tools.masks.sound import add_sound

    wearing = _Wearing(reader, paths, templates, seed)
    clip = cut_clip(wearing, 0.0, reader.info.duration, out, draw=_image(said, len(times)), crf=CRF)
    sound = lost = ""
    try:
        sound = add_sound(out, source)
    except MediaFault as fault:  # the pictures are whole; the answer says what they lack
        lost = fault.message
    except OSError as error:
        raise BackendFault(f"the sound cannot be written to {out}: {error.strerror}", fix="free the disk") from error
    worn = [[p for p in paths if p.wearer == i] for i in range(wearers)]
    seconds = tuple((min(p.first for p in w), max(p.last for p in w)) for w in worn)
    return MaskedVideo(clip, templates, seed, sound, reader.info, lost, seconds)


def _image(said: Callable[[float], None] | None, frames: int) -> Callable[[Frame], Image]:
    def shown(frame: Frame) -> Image:
        if said is not None:
            said(0.5 + (frame.index + 1) / frames / 2)
        return frame.image

    return shown
