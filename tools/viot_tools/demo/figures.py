"""What moves through the demo's pictures: two portraits cut out, walking figures, vehicles with number plates.

The portraits are public domain and lie in the wheels of two dependencies: Eileen Collins (NASA, scikit-image's
``astronaut.png``) and Grace Hopper (US Navy, Matplotlib's ``grace_hopper.jpg``). Their outlines were traced once, by
hand on top of GrabCut; everything else is drawn. All functions are pure: the same arguments give the same pixels.

Owns the sprites (RGBA) and where a face or plate lies in them. Knows no scene, no time, no video.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageChops, ImageDraw, ImageFilter, ImageFont

from viot_agent.errors import FailedFault

Box = tuple[float, float, float, float]
RGB = tuple[int, int, int]

_GAIT_PHASES = 12
_FIGURE_HEIGHT = 220  # pixels of a figure's sprite, scaled down by the scene


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture with transparency; ``mark`` is the box (pixels of the sprite) of what a tool should find on it."""

    image: Pillow.Image
    mark: Box

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size


def wheel_file(package: str, *parts: str) -> Path:
    """A file inside an installed package, found without importing it. Raises FailedFault when it is not there."""
    spec = find_spec(package)
    path = Path(spec.origin).parent.joinpath(*parts) if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise FailedFault(
            f"the demo's picture {'/'.join(parts)} is not in the package {package}",
            fix=f"pip install --force-reinstall {'scikit-image' if package == 'skimage' else package}",
        )
    return path


def font(size: int, *, bold: bool = False, mono: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu from Matplotlib's wheel at ``size`` pixels."""
    name = f"DejaVuSans{'Mono' if mono else ''}{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(str(wheel_file("matplotlib", "mpl-data", "fonts", "ttf", name)), size)


# portraits ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Portrait:
    """A public-domain portrait: where it lies, the person's outline and face box in its pixels, and its origin."""

    name: str
    package: str
    parts: tuple[str, ...]
    outline: tuple[tuple[int, int], ...]
    face: Box
    credit: str

    @property
    def path(self) -> Path:
        """The picture file. Raises FailedFault when the wheel lacks it."""
        return wheel_file(self.package, *self.parts)


def _outline(text: str) -> tuple[tuple[int, int], ...]:
    numbers = [int(n) for n in text.split()]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


COLLINS = Portrait(
    "Eileen Collins",
    "skimage",
    ("data", "astronaut.png"),
    _outline(
        "274 30 251 19 227 16 201 23 185 38 173 44 157 57 153 68 155 98 158 105 170 117 180 128 186 150 170 "
        "149 162 149 149 153 139 159 131 167 126 180 125 200 115 204 91 226 78 234 65 246 49 273 40 294 39 "
        "305 32 323 32 335 28 346 25 372 19 399 20 419 24 432 23 460 27 485 27 494 22 502 23 511 283 511 282 "
        "497 286 488 289 473 289 460 286 453 289 416 310 383 322 371 329 369 359 344 360 329 357 322 356 302 "
        "352 288 341 264 331 253 303 232 299 219 289 203 259 174 255 166 261 149 270 132 294 111 300 92 299 "
        "73 295 56 286 40"
    ),
    (177, 64, 272, 185),
    "NASA, public domain, from scikit-image",
)
HOPPER = Portrait(
    "Grace Hopper",
    "matplotlib",
    ("mpl-data", "sample_data", "grace_hopper.jpg"),
    _outline(
        "202 46 181 64 175 83 163 97 152 104 150 112 151 160 155 178 161 182 157 200 158 218 163 230 161 246 "
        "160 265 173 287 189 294 199 300 199 316 187 333 167 343 132 354 120 360 97 363 81 368 60 380 52 384 "
        "46 391 38 412 27 424 27 434 27 459 17 526 15 568 11 599 511 599 511 434 505 430 492 393 464 377 420 "
        "365 376 345 365 342 352 333 339 320 339 314 346 299 354 288 359 278 361 263 374 206 374 192 370 176 "
        "369 134 369 100 364 91 353 85 349 64 345 60 341 60 315 45 304 42 292 44 280 35 265 34 259 30 253 34 "
        "243 33 228 44 213 42"
    ),
    (165, 110, 372, 330),
    "US Navy, public domain, from Matplotlib",
)


@lru_cache(maxsize=2)
def _cut_out(portrait: Portrait) -> Pillow.Image:
    with Pillow.open(portrait.path) as opened:
        picture = opened.convert("RGB")
    mask = Pillow.new("L", (picture.width * 2, picture.height * 2))
    ImageDraw.Draw(mask).polygon([(2 * x, 2 * y) for x, y in portrait.outline], fill=255)
    # drawn in by a pixel and softened: a cut-out's hard, bright rim gives it away
    mask = mask.filter(ImageFilter.MinFilter(5)).filter(ImageFilter.GaussianBlur(2.0)).resize(picture.size)
    picture.putalpha(mask)
    return picture


def bust(portrait: Portrait) -> Sprite:
    """The person without the background, at the portrait's own size; ``mark`` is the face."""
    return Sprite(_cut_out(portrait), portrait.face)


# walking figures ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clothes:
    """Colours of a drawn person."""

    coat: RGB
    trousers: RGB
    skin: RGB
    hair: RGB


def figure(clothes: Clothes, phase: float, *, left: bool = False) -> Sprite:
    """A drawn person walking to the right (``left``: to the left); ``phase`` 0..1 through two steps.

    ``mark`` is the whole body.
    """
    sprite = _figure(clothes, round(phase * _GAIT_PHASES) % _GAIT_PHASES)
    if not left:
        return sprite
    x0, y0, x1, y1 = sprite.mark
    width = sprite.image.width
    return Sprite(sprite.image.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT), (width - x1, y0, width - x0, y1))


@lru_cache(maxsize=128)
def _figure(clothes: Clothes, phase: int) -> Sprite:
    """Drawn at twice the size in units of a body 100 high, standing on y = 100, then halved."""
    unit = 2 * _FIGURE_HEIGHT / 104
    canvas = Pillow.new("RGBA", (round(64 * unit), round(104 * unit)))
    angle = 2 * math.pi * phase / _GAIT_PHASES
    swing = math.sin(angle)
    bob = 0.8 * abs(math.cos(angle))
    hip, shoulder = (31.0, 51.0 - bob), (31.6, 22.0 - bob)
    far = _darker(clothes.trousers, 0.72)

    def limb(points: list[tuple[float, float]], widths: list[float], colour: RGB) -> None:
        _limb(canvas, [(x * unit, y * unit) for x, y in points], [w * unit for w in widths], colour)

    def leg(s: float, colour: RGB) -> None:
        thigh, bend = 0.32 * s, 0.1 + 0.5 * max(0.0, -s * 0.6 + 0.35 * math.cos(angle) * (1 if s == swing else -1))
        knee = (hip[0] + 23.5 * math.sin(thigh), hip[1] + 23.5 * math.cos(thigh))
        ankle = (knee[0] + 22.0 * math.sin(thigh - bend), knee[1] + 22.0 * math.cos(thigh - bend))
        limb([hip, knee, ankle], [9.5, 7.2, 5.0], colour)
        toe = (ankle[0] + 6.5, ankle[1] + 1.6)
        limb([(ankle[0] - 1.0, ankle[1] + 1.6), toe], [4.2, 3.2], (34, 30, 30))

    def arm(s: float, colour: RGB) -> None:
        swung = 0.45 * s
        elbow = (shoulder[0] + 15 * math.sin(swung), shoulder[1] + 2 + 15 * math.cos(swung))
        wrist = (elbow[0] + 13 * math.sin(swung + 0.35), elbow[1] + 13 * math.cos(swung + 0.35))
        limb([(shoulder[0], shoulder[1] + 2), elbow, wrist], [6.6, 5.6, 4.4], colour)
        limb([wrist, (wrist[0] + 0.8, wrist[1] + 2.4)], [4.2, 3.6], clothes.skin)

    leg(-swing, far)
    arm(swing, _darker(clothes.coat, 0.7))
    leg(swing, clothes.trousers)
    chest = (31.6, 30.0 - bob)
    limb([(shoulder[0], shoulder[1] + 1.5), chest, hip, (30.8, hip[1] + 6)], [14.5, 17.0, 15.0, 14.5], clothes.coat)
    arm(-swing, _darker(clothes.coat, 0.9))
    limb([(31.8, 19.5 - bob), (32.2, 14.5 - bob)], [6.0, 5.6], _darker(clothes.skin, 0.85))
    limb([(32.6, 11.6 - bob), (32.6, 8.0 - bob)], [9.6, 10.2], clothes.skin)
    limb([(31.4, 8.2 - bob), (31.9, 5.6 - bob)], [10.2, 9.6], clothes.hair)
    limb([(34.0, 11.2 - bob), (34.2, 9.2 - bob)], [6.0, 6.4], clothes.skin)
    small = canvas.resize((canvas.width // 2, canvas.height // 2), Pillow.Resampling.LANCZOS)
    bounds = small.getchannel("A").getbbox() or (0, 0, *small.size)
    return Sprite(small, (float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])))


def _limb(canvas: Pillow.Image, points: list[tuple[float, float]], widths: list[float], colour: RGB) -> None:
    """A rounded, tapering stroke, lit from the upper right."""
    reach = max(widths)
    left = math.floor(min(x for x, _ in points) - reach)
    top = math.floor(min(y for _, y in points) - reach)
    size = (
        math.ceil(max(x for x, _ in points) + reach) - left,
        math.ceil(max(y for _, y in points) + reach) - top,
    )
    mask = Pillow.new("L", size)
    pen = ImageDraw.Draw(mask)
    for (x0, y0), (x1, y1), w0, w1 in zip(points, points[1:], widths, widths[1:], strict=False):
        steps = max(2, int(math.hypot(x1 - x0, y1 - y0) / 3))
        for i in range(steps + 1):
            t = i / steps
            x, y, r = x0 + (x1 - x0) * t - left, y0 + (y1 - y0) * t - top, (w0 + (w1 - w0) * t) / 2
            pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
    lit = ImageChops.offset(mask, -round(reach * 0.22), round(reach * 0.12)).filter(ImageFilter.GaussianBlur(reach / 5))
    dark, light = _darker(colour, 0.62), _darker(colour, 1.14)
    canvas.paste(
        Pillow.composite(Pillow.new("RGB", size, light), Pillow.new("RGB", size, dark), lit), (left, top), mask
    )


def _darker(colour: RGB, share: float) -> RGB:
    return (
        min(255, round(colour[0] * share)),
        min(255, round(colour[1] * share)),
        min(255, round(colour[2] * share)),
    )


# vehicles -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def vehicle(colour: RGB, plate: str, *, tall: bool = False) -> Sprite:
    """A car (``tall``: a van) seen from the front, 800 pixels wide; ``mark`` is the number plate."""
    body_h = 900 if tall else 640
    canvas = Pillow.new("RGBA", (1600, body_h * 2))
    pen = ImageDraw.Draw(canvas)
    dark, light = _darker(colour, 0.55), _darker(colour, 1.25)
    base = body_h * 2
    waist = base - 720  # the lower edge of the windscreen
    roof = 60
    for x in (140, 1200):  # tyres
        pen.rounded_rectangle((x, base - 300, x + 260, base - 6), 60, fill=(22, 22, 24, 255))
    lean = 90 if tall else 190
    pen.polygon([(150, waist), (150 + lean, roof + 40), (1450 - lean, roof + 40), (1450, waist)], fill=(*dark, 255))
    pen.rounded_rectangle((150 + lean - 20, roof, 1450 - lean + 20, roof + 90), 45, fill=(*colour, 255))
    pen.polygon(
        [(215, waist - 10), (150 + lean + 40, roof + 95), (1450 - lean - 40, roof + 95), (1385, waist - 10)],
        fill=(38, 50, 62, 255),
    )
    pen.polygon(  # the sky in the windscreen
        [(260, waist - 40), (150 + lean + 60, roof + 110), (760, roof + 110), (560, waist - 40)],
        fill=(96, 118, 138, 255),
    )
    if tall:  # the box above the windscreen
        pen.rounded_rectangle((130 + lean, roof - 40, 1470 - lean, roof + 330), 60, fill=(*colour, 255))
        pen.rectangle((130 + lean, roof + 300, 1470 - lean, roof + 330), fill=(*dark, 255))
    for x in (60, 1440):  # mirrors
        pen.rounded_rectangle((x - 20, waist - 60, x + 120, waist + 40), 36, fill=(*dark, 255))
    pen.rounded_rectangle((90, waist - 12, 1510, base - 130), 110, fill=(*colour, 255))
    pen.rounded_rectangle((150, waist + 4, 1450, waist + 150), 70, fill=(*light, 255))  # bonnet
    pen.rounded_rectangle((90, base - 330, 1510, base - 130), 90, fill=(*dark, 255))  # bumper
    pen.rounded_rectangle((500, waist + 190, 1100, waist + 330), 30, fill=(24, 25, 28, 255))  # grille
    for row in range(4):
        y = waist + 208 + row * 32
        pen.line((520, y, 1080, y), fill=(88, 90, 96, 255), width=8)
    for x in (160, 1150):  # head lamps
        pen.rounded_rectangle((x, waist + 180, x + 290, waist + 330), 60, fill=(60, 64, 70, 255))
        pen.ellipse((x + 75, waist + 190, x + 215, waist + 322), fill=(236, 240, 232, 255))
    mark = (500.0, float(base - 330), 1100.0, float(base - 330 + 140))
    canvas.alpha_composite(number_plate(plate, 600, 140), (500, base - 330))
    canvas = canvas.resize((800, body_h), Pillow.Resampling.LANCZOS)
    return Sprite(canvas, (mark[0] / 2, mark[1] / 2, mark[2] / 2, mark[3] / 2))


def number_plate(text: str, width: int, height: int) -> Pillow.Image:
    """A white plate with dark characters, (height, width) RGBA."""
    image = Pillow.new("RGBA", (width, height))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, width - 1, height - 1), height // 8, fill=(28, 28, 30, 255))
    rim = max(2, height // 22)
    pen.rounded_rectangle((rim, rim, width - 1 - rim, height - 1 - rim), height // 10, fill=(244, 244, 238, 255))
    size = height
    while pen.textlength(text, font(size, bold=True)) > width * 0.9:
        size -= 2
    pen.text((width / 2, height / 2), text, fill=(16, 16, 20, 255), font=font(size, bold=True), anchor="mm")
    return image
