"""The demo's fleet: who passes which camera when, the clips, and the truth that answers are held against.

A script is a list of clips, a clip a scene with actors on key-framed paths. The truth is computed from those paths (is
the whole face, plate or body inside the picture in this frame?), never written down by hand, and never seen by a tool.

Owns script, rendering and truth. Knows no tool, no model, no library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from viot_agent.media.types import Image
from viot_tools.demo import figures, scenes
from viot_tools.demo.figures import COLLINS, HOPPER, Box, Clothes, Portrait, Sprite

FPS = 10
SEED = 20261123

_STRIDE = 0.58
"""A double step in body heights."""
_LEAST = {"face": 40, "plate": 60, "person": 20}  # pixels of width below which a person would not see it either

Kind = Literal["face", "plate", "person"]
Key = tuple[float, float, float, float]
"""(t seconds, x of the middle, y of the lower edge, width for portraits and vehicles or height for figures), pixels."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Something that passes. Away before the first key and after the last; ``eased`` starts and stops softly."""

    kind: Kind
    who: str
    keys: tuple[Key, ...]
    picture: Callable[[float], Sprite]  # by the distance walked, in sizes; scaled to the key's size by the renderer
    by_height: bool = False
    eased: bool = False

    def at(self, t: float) -> tuple[float, float, float, float] | None:
        """(x, y, size, pixels travelled) at ``t`` seconds, None while away."""
        times = [key[0] for key in self.keys]
        if not times[0] <= t <= times[-1]:
            return None
        after = next(i for i, time in enumerate(times) if t <= time)
        before = max(0, after - 1)
        a, b = self.keys[before], self.keys[after]
        share = 0.0 if b[0] == a[0] else (t - a[0]) / (b[0] - a[0])
        if self.eased:
            share = 0.5 - 0.5 * math.cos(math.pi * share)
        x, y, size = (a[i] + (b[i] - a[i]) * share for i in (1, 2, 3))
        gone = sum(math.hypot(q[1] - p[1], q[2] - p[2]) for p, q in pairwise(self.keys[: before + 1]))
        return x, y, size, gone + math.hypot(x - a[1], y - a[2])

    def box(self, t: float) -> Box | None:
        """Where the face, plate or body is in the picture, None while away."""
        place = self.at(t)
        return None if place is None else _laid(self, place).mark


@dataclass(frozen=True, slots=True)
class Clip:
    """One camera's footage. ``start`` POSIX seconds of the first frame; ``floor`` is the lowest visible pixel row."""

    camera: str
    groups: tuple[str, ...]
    scene: str
    start: float
    seconds: float
    actors: tuple[Actor, ...]
    seed: int
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    flicker: float = 0.02
    floor: int = scenes.HEIGHT

    @property
    def n_frames(self) -> int:
        return round(self.seconds * FPS)

    def file_name(self) -> str:
        return self.camera.replace(" ", "-") + ".mp4"


@dataclass(frozen=True, slots=True)
class Appearance:
    """``who`` (a person's name, a plate; '' for a drawn figure) was wholly in the picture from ``start`` to ``end``."""

    camera: str
    kind: Kind
    who: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What really passed. ``most[camera]`` is the largest number of whole bodies in one frame."""

    appearances: tuple[Appearance, ...]
    most: dict[str, int]
    spans: dict[str, tuple[float, float]]

    def of(self, kind: Kind, *, who: str | None = None, cameras: tuple[str, ...] | None = None) -> list[Appearance]:
        """Appearances of a kind, of somebody, on some cameras."""
        return [
            a
            for a in self.appearances
            if a.kind == kind and who in (None, a.who) and (cameras is None or a.camera in cameras)
        ]


def yesterday_at(now: float, hour: int, minute: int = 0) -> float:
    """POSIX seconds of that time of the day before ``now``, in UTC."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (day - timedelta(days=1)).timestamp()


def script(now: float) -> tuple[Clip, ...]:
    """The demo's five cameras, all of the day before ``now``."""
    return (
        Clip(
            "lobby",
            ("building",),
            "lobby",
            yesterday_at(now, 8),
            8.0,
            (
                _portrait(
                    COLLINS, (2.0, -190, 505, 410), (3.6, 300, 508, 430), (5.2, 400, 508, 434), (7.0, 965, 505, 440)
                ),
            ),
            SEED,
            tint=(1.02, 1.0, 0.96),
            floor=345,
        ),
        Clip(
            "back door",
            ("building",),
            "back door",
            yesterday_at(now, 18, 30),
            8.2,
            (
                _portrait(
                    HOPPER, (1.5, 930, 470, 316), (3.4, 500, 474, 336), (5.6, 440, 478, 344), (7.6, -190, 474, 336)
                ),
            ),
            SEED + 1,
            tint=(1.0, 0.96, 0.9),
            flicker=0.035,
        ),
        Clip(
            "gate 1",
            ("gates",),
            "gate",
            yesterday_at(now, 14, 10),
            7.4,
            (
                _vehicle(
                    "KX-4821", (36, 84, 148), False, (0.3, 384, 168, 24), (3.0, 386, 400, 330), (5.4, 386, 401, 331)
                ),
            ),
            SEED + 2,
            tint=(0.98, 1.0, 1.02),
        ),
        Clip(
            "gate 2",
            ("gates",),
            "gate",
            yesterday_at(now, 14, 25),
            7.4,
            (
                _vehicle(
                    "HJ-593-TF", (206, 206, 200), True, (0.6, 384, 168, 24), (3.4, 380, 404, 326), (5.6, 380, 405, 327)
                ),
            ),
            SEED + 3,
            tint=(1.03, 1.0, 0.94),
        ),
        Clip(
            "yard",
            ("building",),
            "yard",
            yesterday_at(now, 12),
            8.0,
            (
                _walker(
                    Clothes((128, 40, 38), (36, 40, 62), (205, 160, 130), (60, 40, 30)),
                    132,
                    (0.2, -50, 330),
                    (9.0, 540),
                ),
                _walker(
                    Clothes((38, 66, 96), (44, 44, 46), (226, 188, 160), (110, 80, 44)),
                    136,
                    (2.7, -50, 346),
                    (9.0, 380),
                ),
                _walker(  # comes in from the right and waits
                    Clothes((30, 78, 66), (56, 50, 48), (150, 105, 80), (25, 20, 20)),
                    142,
                    (1.6, 805, 372),
                    (4.4, 805 - 2 * _STRIDE * 142),
                    (9.0, 805 - 2 * _STRIDE * 142),
                ),
            ),
            SEED + 4,
        ),
    )


# actors ---------------------------------------------------------------------------------------------------------------


def _portrait(portrait: Portrait, *keys: Key) -> Actor:
    return Actor("face", portrait.name, keys, lambda walked: figures.bust(portrait))


def _vehicle(plate: str, colour: figures.RGB, tall: bool, *keys: Key) -> Actor:
    """Comes up, waits at the barrier and drives on below the camera."""
    t, x, y, size = keys[-1]
    away = (t + 1.5, x, y + 420.0, size * 2.1)
    return Actor("plate", plate, (*keys, away), lambda walked: figures.vehicle(colour, plate, tall=tall), eased=True)


def _walker(clothes: Clothes, height: float, start: tuple[float, float, float], *stops: tuple[float, float]) -> Actor:
    """``start``: (t, x, y of the feet); ``stops``: (t, x). After whole double steps the feet are side by side."""
    t0, x0, y = start
    left = stops[0][1] < x0

    def picture(walked: float) -> Sprite:
        return figures.figure(clothes, walked / _STRIDE, left=left)

    keys = ((t0, x0, y, height), *((t, x, y, height) for t, x in stops))
    return Actor("person", "", keys, picture, by_height=True)


@dataclass(frozen=True, slots=True)
class _Laid:
    """An actor's picture in the frame: upper left corner, size in pixels, and its mark in frame pixels."""

    sprite: Sprite
    left: int
    top: int
    size: tuple[int, int]
    mark: Box


def _laid(actor: Actor, place: tuple[float, float, float, float]) -> _Laid:
    x, y, size, travelled = place
    sprite = actor.picture(travelled / size)
    scale = size / sprite.size[1 if actor.by_height else 0]
    width, height = max(1, round(sprite.size[0] * scale)), max(1, round(sprite.size[1] * scale))
    bob = 2.5 * abs(math.sin(travelled / 34)) if actor.kind == "face" else 0.0  # people bob as they walk
    foot = sprite.mark[3] * scale if actor.kind == "person" else height
    left, top = round(x - width / 2), round(y - foot + bob)
    x0, y0, x1, y1 = (v * scale for v in sprite.mark)
    return _Laid(sprite, left, top, (width, height), (left + x0, top + y0, left + x1, top + y1))


# rendering ------------------------------------------------------------------------------------------------------------


def frames(clip: Clip) -> Iterator[Image]:
    """Every frame of a clip, (HEIGHT, WIDTH, 3) uint8 RGB, the same on every call."""
    painter = Painter(clip)
    return (painter.paint(number) for number in range(clip.n_frames))


class Painter:
    """Paints any frame of one clip."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self._scene = _scene(clip.scene, clip.seed)
        self._sensor = scenes.Sensor(clip.seed, tint=clip.tint, flicker=clip.flicker)

    def paint(self, number: int) -> Image:
        """Frame ``number``, (HEIGHT, WIDTH, 3) uint8 RGB."""
        t = number / FPS
        picture = self._scene.background.copy()
        here = [(actor, place) for actor in self.clip.actors if (place := actor.at(t)) is not None]
        for actor, place in sorted(here, key=lambda pair: pair[1][1]):  # the nearer stands lower, and before the others
            laid = _laid(actor, place)
            if actor.kind != "face":
                _shadow(picture, place[0], place[1], laid.size[0] * (0.14 if actor.by_height else 0.46))
            small = laid.sprite.image.resize(laid.size, Pillow.Resampling.BILINEAR, reducing_gap=2.0)
            picture.paste(small, (laid.left, laid.top), small)
        if self._scene.foreground is not None:
            picture.paste(self._scene.foreground, (0, 0), self._scene.foreground)
        seen = Pillow.fromarray(self._sensor.see(picture, number, FPS))
        scenes.burn_in(seen, self.clip.camera, self.clip.start + t)
        return np.asarray(seen)


@lru_cache(maxsize=8)
def _scene(name: str, seed: int) -> scenes.Scene:
    return scenes.build(name, seed)


def _shadow(picture: Pillow.Image, x: float, y: float, half: float) -> None:
    """A soft dark patch on the ground, ``half`` pixels to each side."""
    depth = max(2.0, half * 0.16)
    pad = round(depth) + 2
    mask = Pillow.new("L", (round(2 * half) + 2 * pad, round(2 * depth) + 2 * pad))
    ImageDraw.Draw(mask).ellipse((pad, pad, mask.width - pad, mask.height - pad), fill=130)
    mask = mask.filter(ImageFilter.GaussianBlur(depth / 2))
    picture.paste((24, 24, 28), (round(x - half) - pad, round(y - depth) - pad), mask)


def make(clip: Clip, folder: Path) -> Path:
    """Write the clip as H.264 into ``folder``; gives back the file."""
    from viot_agent.media.clips import write_clip

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / clip.file_name()
    write_clip(frames(clip), path, FPS)
    return path


# truth ----------------------------------------------------------------------------------------------------------------


def truth(clips: tuple[Clip, ...]) -> Truth:
    """What really passed, from the paths alone."""
    appearances: list[Appearance] = []
    most: dict[str, int] = {}
    for clip in clips:
        bodies = np.zeros(clip.n_frames, int)
        for actor in clip.actors:
            whole = np.array([_whole(actor.box(n / FPS), actor.kind, clip) for n in range(clip.n_frames)])
            if actor.kind == "person":
                bodies += whole
            edges = np.flatnonzero(np.diff(np.concatenate([[0], whole.astype(int), [0]])))
            for first, end in zip(edges[::2], edges[1::2], strict=True):
                start = clip.start + float(first) / FPS
                appearances.append(Appearance(clip.camera, actor.kind, actor.who, start, clip.start + float(end) / FPS))
        most[clip.camera] = int(bodies.max())
    spans = {clip.camera: (clip.start, clip.start + clip.n_frames / FPS) for clip in clips}
    return Truth(tuple(appearances), most, spans)


def _whole(box: Box | None, kind: Kind, clip: Clip) -> bool:
    """Whether the box lies wholly in the picture, above what hides it, and is wide enough for a person to read."""
    if box is None:
        return False
    x0, y0, x1, y1 = box
    return x1 - x0 >= _LEAST[kind] and x0 >= 0 and y0 >= 0 and x1 <= scenes.WIDTH and y1 <= clip.floor
