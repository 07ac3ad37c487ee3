"""The contact sheet: one picture of all answers, a row each: what was asked, what was answered, what shows it.

Owns the layout. Reads finished runs and their evidence files; knows neither library nor tools.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from viot_agent.media.fonts import fitting
from viot_agent.media.pictures import decode_image
from viot_agent.media.readers import open_media
from viot_agent.steps import Evidence
from viot_tools.demo.figures import font
from viot_tools.demo.report import Outcome

WIDTH = 1200
LIMIT = 590_000
"""Bytes; a larger sheet is written with 256 colours, which is a third of the size and shows in skin and sky."""
_PAD = 18
_PICTURE = (256, 144)
_GAP = 10
_INK, _SOFT, _PAPER, _LINE = (24, 28, 34), (104, 112, 122), (250, 250, 248), (222, 224, 226)
_BADGES = {
    "answered": ("answered", (30, 118, 72)),
    "cannot_tell": ("cannot tell", (160, 108, 0)),
    "needs_input": ("asks back", (0, 104, 140)),
    "refused": ("refused", (168, 44, 40)),
    "incomplete": ("incomplete", (130, 40, 120)),
}


def draw_sheet(outcomes: Sequence[Outcome], title: str, subtitle: str, path: Path) -> None:
    """Write the sheet as a PNG of ``WIDTH`` pixels."""
    rows = [_row(o) for o in outcomes]
    head = 92
    sheet = Pillow.new("RGB", (WIDTH, head + sum(r.height for r in rows) + _PAD), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_PAD, 22), title, fill=_INK, font=font(27, bold=True))
    pen.text((_PAD, 60), subtitle, fill=_SOFT, font=font(16))
    y = head
    for row in rows:
        sheet.paste(row, (0, y))
        y += row.height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        sheet.quantize(256, Pillow.Quantize.MEDIANCUT, dither=Pillow.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def _row(outcome: Outcome) -> Pillow.Image:
    run = outcome.run
    pictures = _pictures(run.evidence)
    left = _PAD + 2 * (_PICTURE[0] + _GAP) + 10
    room = WIDTH - left - _PAD
    asked = _wrapped(run.request.text, 20, room - 130)
    answer = _wrapped(run.answer.text, 16, room, most=5)
    calls = [line for s in run.steps for line in _wrapped(_call(s.call.tool, dict(s.call.args)), 14, room, most=2)]
    text_height = 14 + 27 * len(asked) + 6 + 23 * len(answer) + 6 + 20 * max(1, len(calls)) + 12
    tile = _PICTURE[1] if pictures else 76
    row = Pillow.new("RGB", (WIDTH, max(tile + 28, text_height)), _PAPER)
    pen = ImageDraw.Draw(row)
    pen.line((_PAD, 0, WIDTH - _PAD, 0), fill=_LINE, width=2)

    word, colour = _BADGES[run.answer.status]
    for k, picture in enumerate(pictures):
        row.paste(picture, (_PAD + k * (_PICTURE[0] + _GAP), 14))
    if not pictures:
        looked_in_vain = any(s.observation is not None and s.observation.verdict == "none" for s in run.steps)
        words = "no: looked, and not there" if looked_in_vain and run.answer.status == "answered" else word
        box = (_PAD, 14, _PAD + 2 * _PICTURE[0] + _GAP, 14 + tile)
        pen.rounded_rectangle(box, 8, fill=(238, 239, 238))
        pen.text(((box[0] + box[2]) / 2, 14 + tile / 2), words, fill=colour, font=font(20), anchor="mm")

    badge = word if outcome.right is None else ("right" if outcome.right else "WRONG")
    tint = colour if outcome.right is None else ((30, 118, 72) if outcome.right else (190, 30, 30))
    width = round(pen.textlength(badge, font(15, bold=True))) + 22
    pen.rounded_rectangle((WIDTH - _PAD - width, 15, WIDTH - _PAD, 41), 13, fill=tint)
    pen.text((WIDTH - _PAD - width / 2, 28), badge, fill=(255, 255, 255), font=font(15, bold=True), anchor="mm")

    y = 14
    for line, face in asked:
        pen.text((left, y), line, fill=_INK, font=face)
        y += 27
    y += 6
    for line, face in answer:
        pen.text((left, y), line, fill=colour, font=face)
        y += 23
    y += 6
    for line, face in calls or [(f"no tool call; {word}", font(14))]:
        pen.text((left, y), line, fill=_SOFT, font=face)
        y += 20
    return row


def _call(tool: str, args: dict[str, object]) -> str:
    inner = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in args.items())
    return f"{tool}({inner})"


def _wrapped(text: str, size: int, width: int, most: int = 3) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """The text in lines of at most ``width`` pixels; what does not fit in ``most`` lines ends in an ellipsis."""
    face, _, shown = fitting(text, size)
    lines: list[str] = []
    line = ""
    for word in shown.split():
        longer = f"{line} {word}".strip()
        if line and face.getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1] + " ..."]
    return [(one, face) for one in lines]


def _pictures(evidence: Sequence[Evidence]) -> list[Pillow.Image]:
    """At most two: from different cameras or people where there are such, else the best crop beside its clip."""
    chosen: list[Evidence] = []
    for piece in evidence:
        if piece.clip and all((piece.camera, piece.who) != (c.camera, c.who) for c in chosen):
            chosen.append(piece)
    tiles = [_fitted(_middle(Path(piece.clip))) for piece in chosen[:2] if piece.clip]
    crops = [piece.crop for piece in (*chosen, *evidence) if piece.crop]
    if len(tiles) < 2 and crops:
        tiles.append(_fitted(Pillow.fromarray(decode_image(Path(crops[0])))))
    return tiles


def _middle(clip: Path) -> Pillow.Image:
    reader = open_media(clip)
    return Pillow.fromarray(next(iter(reader.read([reader.info.duration / 2]))).image)


def _fitted(picture: Pillow.Image) -> Pillow.Image:
    """Whole inside a tile, on dark ground."""
    tile = Pillow.new("RGB", _PICTURE, (30, 32, 36))
    scale = min(_PICTURE[0] / picture.width, _PICTURE[1] / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Pillow.Resampling.LANCZOS)
    tile.paste(small, ((_PICTURE[0] - size[0]) // 2, (_PICTURE[1] - size[1]) // 2))
    return tile
