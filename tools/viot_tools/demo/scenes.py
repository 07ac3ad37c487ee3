"""The places in front of the demo's cameras, painted once per clip, and what a camera does to a picture.

A scene is a background and, for some, a foreground that stands before whoever passes. ``as_camera_sees`` adds flicker,
vignette, softness, sensor noise and the burnt-in clock.

Owns still pictures and the camera's own faults. Knows neither who passes nor when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from viot_agent.media.types import Image
from viot_tools.demo.figures import RGB, font

WIDTH, HEIGHT = 768, 432
_BIG = 2  # scenes are painted at this multiple and halved: smooth edges

_NOISE_FIELDS = 6
_NOISE = 2.2  # grey levels, standard deviation


@dataclass(frozen=True, slots=True)
class Scene:
    """``background`` RGB; ``foreground`` RGBA or None: what hides people behind it (a desk)."""

    background: Pillow.Image
    foreground: Pillow.Image | None = None


def build(name: str, seed: int) -> Scene:
    """Paint a scene: ``lobby``, ``back door``, ``gate`` or ``yard``. Raises KeyError for another name."""
    return _SCENES[name](np.random.default_rng(seed))


# the camera -----------------------------------------------------------------------------------------------------------


class Sensor:
    """One camera's way of seeing: the same seed and frame number always give the same faults."""

    def __init__(self, seed: int, *, tint: tuple[float, float, float] = (1.0, 1.0, 1.0), flicker: float = 0.02) -> None:
        """``tint`` multiplies the channels; ``flicker`` is the amplitude of the light, as a share."""
        rng = np.random.default_rng(seed)
        size = (HEIGHT + 64, WIDTH + 64)
        grain = [rng.normal(0.0, _NOISE, size).astype(np.float32) for _ in range(_NOISE_FIELDS)]
        self._noise = [
            (g + np.roll(g, 1, 1)) / np.float32(1.4) for g in grain
        ]  # a sensor's grain is wider than a pixel
        self._jitter = rng.integers(0, 64, (512, 2))
        self._phase = float(rng.uniform(0, 6.28))
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        self._light = (1.03 - 0.16 * (x * x + y * y))[..., None].astype(np.float32) * np.asarray(tint, np.float32)
        self._flicker = flicker

    def see(self, picture: Pillow.Image, number: int, fps: float) -> Image:
        """Frame ``number`` of a clip as this camera records it: (HEIGHT, WIDTH, 3) uint8 RGB."""
        soft = cv2.GaussianBlur(np.asarray(picture), (3, 3), 0.6).astype(np.float32)
        beat = np.sin(2 * np.pi * 0.37 * number / fps + self._phase) + 0.5 * np.sin(2.3 * number + self._phase)
        dy, dx = self._jitter[number % len(self._jitter)]
        noise = self._noise[number % _NOISE_FIELDS][dy : dy + HEIGHT, dx : dx + WIDTH, None]
        soft *= self._light * np.float32(1.0 + self._flicker * beat)
        soft += noise
        return np.asarray(np.clip(soft, 0, 255, out=soft).astype(np.uint8))


def burn_in(picture: Pillow.Image, camera: str, ts: float) -> None:
    """Write the camera's name and clock (UTC) into the picture, as recorders do."""
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, WIDTH, 33), fill=(26, 28, 30))
    words = f"{camera.upper()}  {datetime.fromtimestamp(ts, UTC):%Y-%m-%d %H:%M:%S}"
    pen.text((12, 17), words, fill=(236, 238, 234), font=font(15, mono=True), anchor="lm")


# painting -------------------------------------------------------------------------------------------------------------


def _gradient(top: RGB, bottom: RGB, width: int, height: int) -> Pillow.Image:
    t = np.linspace(0, 1, max(height, 1), dtype=np.float32)[:, None, None]
    rows = np.asarray(top, np.float32) * (1 - t) + np.asarray(bottom, np.float32) * t
    return Pillow.fromarray(np.broadcast_to(rows, (max(height, 1), width, 3)).round().astype(np.uint8))


def _texture(canvas: Pillow.Image, rng: np.random.Generator, box: tuple[int, int, int, int], strength: float) -> None:
    """Coarse and fine mottling inside ``box``, in place."""
    x0, y0, x1, y1 = box
    fine = rng.normal(0, strength, (y1 - y0, x1 - x0, 1)).astype(np.float32)
    coarse = rng.normal(0, 255, ((y1 - y0) // 24 + 2, (x1 - x0) // 40 + 2)).clip(-500, 500)
    smooth = Pillow.fromarray(coarse.astype(np.float32)).resize((x1 - x0, y1 - y0), Pillow.Resampling.BICUBIC)
    mottled = fine + np.asarray(smooth)[..., None] * (strength / 255)
    part = np.asarray(canvas.crop(box), np.float32) + mottled
    canvas.paste(Pillow.fromarray(part.clip(0, 255).astype(np.uint8)), (x0, y0))


def _glow(canvas: Pillow.Image, centre: tuple[int, int], radius: int, colour: RGB, strength: float) -> None:
    """Light added around a lamp, in place."""
    y, x = np.mgrid[0 : canvas.height, 0 : canvas.width].astype(np.float32)
    fall = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * radius * radius))[..., None] * strength
    lit = np.asarray(canvas, np.float32) + fall * np.asarray(colour, np.float32)
    canvas.paste(Pillow.fromarray(lit.clip(0, 255).astype(np.uint8)))


def _half(canvas: Pillow.Image) -> Pillow.Image:
    return canvas.resize((WIDTH, HEIGHT), Pillow.Resampling.LANCZOS)


def _lobby(rng: np.random.Generator) -> Scene:
    w, h = WIDTH * _BIG, HEIGHT * _BIG
    canvas = _gradient((206, 198, 184), (222, 214, 200), w, h)
    canvas.paste(_gradient((128, 122, 116), (92, 88, 84), w, h - 560), (0, 560))
    pen = ImageDraw.Draw(canvas)
    for i in range(-14, 15):  # floor tiles
        pen.line((w // 2 + i * 60, 560, w // 2 + i * 330, h), fill=(104, 99, 94), width=2)
    for i in range(7):
        y = 560 + int(9 * i * (i + 1))
        pen.line((0, y, w, y), fill=(104, 99, 94), width=2)
    pen.rectangle((0, 548, w, 566), fill=(150, 140, 126))
    for x in (90, 430):  # windows
        canvas.paste(_gradient((196, 216, 230), (232, 236, 232), 290, 330), (x, 130))
        pen.rectangle((x, 130, x + 290, 460), outline=(120, 112, 102), width=10)
        pen.line((x + 145, 130, x + 145, 460), fill=(120, 112, 102), width=8)
    canvas.paste(_gradient((150, 170, 178), (176, 188, 190), 150, 400), (830, 150))  # glass doors
    canvas.paste(_gradient((142, 163, 172), (170, 182, 186), 150, 400), (992, 150))
    for x in (830, 992):
        pen.rectangle((x, 150, x + 150, 550), outline=(86, 82, 78), width=10)
    for x in (960, 1008):
        pen.rectangle((x, 330, x + 8, 420), fill=(60, 58, 56))
    pen.rounded_rectangle((1216, 470, 1310, 580), 12, fill=(110, 84, 64))  # a plant
    for k in range(26):
        angle = rng.uniform(-1.25, 1.25)
        length = rng.uniform(110, 220)
        x, y = 1263 + length * np.sin(angle), 474 - length * np.cos(angle)
        green = int(rng.integers(70, 130))
        pen.line((1263, 474, int(x), int(y)), fill=(30 + k, green, 48), width=int(rng.integers(8, 18)))
    pen.rounded_rectangle((1170, 120, 1400, 200), 8, fill=(70, 84, 96))
    pen.text((1285, 160), "RECEPTION", fill=(232, 234, 230), font=font(32, bold=True), anchor="mm")
    canvas = canvas.filter(ImageFilter.GaussianBlur(2.2))
    for x in (260, 760, 1260):
        _glow(canvas, (x, 10), 190, (255, 244, 214), 0.22)
    _texture(canvas, rng, (0, 0, w, h), 2.0)

    front = Pillow.new("RGBA", (w, h))
    top = 706
    desk = _gradient((126, 92, 64), (84, 60, 42), w, h - top)
    _texture(desk, rng, (0, 0, w, h - top), 3.0)
    front.paste(desk, (0, top))
    pen = ImageDraw.Draw(front)
    pen.rectangle((0, top - 14, w, top + 16), fill=(164, 128, 94, 255))
    for x in range(0, w, 256):
        pen.line((x, top + 16, x, h), fill=(70, 50, 36, 255), width=4)
    pen.rounded_rectangle((70, top - 150, 300, top - 20), 10, fill=(34, 36, 40, 255))  # a monitor's back
    pen.rectangle((165, top - 24, 205, top - 10), fill=(50, 52, 56, 255))
    return Scene(_half(canvas), _half(front))


def _back_door(rng: np.random.Generator) -> Scene:
    w, h = WIDTH * _BIG, HEIGHT * _BIG
    canvas = Pillow.new("RGB", (w, h), (98, 92, 88))
    pen = ImageDraw.Draw(canvas)
    for row, y in enumerate(range(0, 700, 38)):
        for x in range(-60 + (row % 2) * 52, w, 104):
            shade = int(rng.integers(-12, 13))
            pen.rectangle((x + 3, y + 3, x + 101, y + 35), fill=(142 + shade, 84 + shade // 2, 68 + shade // 2))
    canvas.paste(_gradient((104, 102, 98), (78, 76, 74), w, h - 700), (0, 700))
    pen.rectangle((180, 120, 570, 720), fill=(58, 62, 64))
    canvas.paste(_gradient((88, 108, 104), (70, 88, 86), 330, 580), (210, 140))
    pen.rectangle((290, 200, 460, 400), fill=(30, 38, 44))
    pen.polygon([(300, 390), (300, 250), (400, 210), (440, 210)], fill=(58, 70, 78))
    pen.rectangle((500, 430, 524, 500), fill=(190, 190, 184))
    pen.rounded_rectangle((330, 40, 420, 92), 14, fill=(70, 66, 60))
    pen.rounded_rectangle((342, 66, 408, 96), 10, fill=(255, 240, 200))
    pen.rounded_rectangle((1180, 440, 1440, 716), 16, fill=(52, 74, 62))  # a bin
    pen.rounded_rectangle((1166, 420, 1454, 468), 14, fill=(44, 62, 54))
    canvas = canvas.filter(ImageFilter.GaussianBlur(1.8))
    dim = np.asarray(canvas, np.float32) * 0.86
    canvas = Pillow.fromarray(dim.astype(np.uint8))
    _glow(canvas, (375, 90), 330, (255, 214, 150), 0.42)
    _texture(canvas, rng, (0, 0, w, h), 4.0)
    return Scene(_half(canvas))


def _gate(rng: np.random.Generator) -> Scene:
    w, h = WIDTH * _BIG, HEIGHT * _BIG
    horizon = 300
    canvas = _gradient((168, 192, 214), (222, 226, 222), w, horizon + 60)
    full = Pillow.new("RGB", (w, h))
    full.paste(canvas, (0, 0))
    full.paste(_gradient((116, 128, 92), (92, 104, 72), w, h - horizon), (0, horizon))
    pen = ImageDraw.Draw(full)
    for _ in range(60):  # trees
        x, r = int(rng.integers(0, w)), int(rng.integers(36, 92))
        y = horizon - int(rng.integers(0, 46))
        if abs(x - w // 2) < 190:
            continue
        green = int(rng.integers(64, 112))
        pen.ellipse((x - r, y - r, x + r, y + r // 2), fill=(green - 22, green, green - 34))
    pen.rectangle((1230, 130, 1500, horizon + 130), fill=(176, 160, 140))  # the guard's booth
    pen.rectangle((1262, 170, 1400, 300), fill=(64, 80, 92))
    pen.rectangle((1210, 112, 1520, 142), fill=(92, 86, 80))
    pen.polygon([(w // 2 - 70, horizon), (w // 2 + 70, horizon), (1330, h), (206, h)], fill=(104, 106, 110))
    pen.line((w // 2 - 70, horizon, 206, h), fill=(196, 196, 190), width=8)
    pen.line((w // 2 + 70, horizon, 1330, h), fill=(196, 196, 190), width=8)
    full = full.filter(ImageFilter.GaussianBlur(2.4))
    _texture(full, rng, (0, horizon, w, h), 5.0)
    pen = ImageDraw.Draw(full)
    pen.rectangle((196, 250, 236, 560), fill=(210, 176, 52))  # the barrier's post, its arm raised
    for k in range(8):
        x, y = 212 + k * 5, 250 - k * 31
        pen.polygon(
            [(x, y), (x + 24, y), (x + 29, y - 31), (x + 5, y - 31)], fill=(236, 236, 230) if k % 2 else (196, 40, 36)
        )
    return Scene(_half(full))


def _yard(rng: np.random.Generator) -> Scene:
    w, h = WIDTH * _BIG, HEIGHT * _BIG
    canvas = _gradient((206, 206, 200), (220, 219, 212), w, h)
    canvas.paste(_gradient((176, 172, 164), (150, 146, 138), w, h - 430), (0, 430))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((0, 416, w, 436), fill=(168, 164, 156))
    for i in range(-12, 13):  # paving
        pen.line((w // 2 + i * 90, 436, w // 2 + i * 260, h), fill=(160, 156, 148), width=2)
    for i in range(8):
        y = 440 + int(7 * i * (i + 1))
        pen.line((0, y, w, y), fill=(160, 156, 148), width=2)
    for x in (120, 560, 1000):  # a long low window band: nothing upright that looks like a person
        canvas.paste(_gradient((156, 176, 190), (184, 196, 200), 360, 120), (x, 110))
        pen.rectangle((x, 110, x + 360, 230), outline=(140, 138, 132), width=8)
    pen.rectangle((0, 36, w, 60), fill=(150, 148, 142))
    canvas = canvas.filter(ImageFilter.GaussianBlur(2.6))
    _texture(canvas, rng, (0, 0, w, h), 2.5)
    return Scene(_half(canvas))


_SCENES: dict[str, Callable[[np.random.Generator], Scene]] = {
    "lobby": _lobby,
    "back door": _back_door,
    "gate": _gate,
    "yard": _yard,
}
