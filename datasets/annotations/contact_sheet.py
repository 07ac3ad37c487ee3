# SPDX-License-Identifier: Apache-2.0
"""Draw the hand-made people annotations of people_counts.json.

By default the annotated frames are decoded from the real footage (PyAV) and one
sheet per clip, with numbered dots, is written to a folder outside the repository.
With --blank no footage is read: contact_sheet.png is re-made with plain rectangles.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
PEOPLE, UNSURE, TEXT = (255, 80, 60), (200, 120, 255), (235, 235, 235)


def read_frames(path: Path, wanted: set[int]) -> dict[int, Image.Image]:
    """Return the wanted frames, indexed from 0 in presentation order."""
    import av  # only needed for the real footage

    frames: dict[int, Image.Image] = {}
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                frames[index] = frame.to_image()
    if missing := wanted - frames.keys():
        raise SystemExit(f"{path}: frames not found: {sorted(missing)}")
    return frames


def draw_tile(image: Image.Image, index: int, frame: dict[str, Any], scale: float, radius: float, number: bool) -> None:
    """Draw the points of one frame and its caption on the (already scaled) image."""
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(11)
    for kind, colour in (("people", PEOPLE), ("unsure", UNSURE)):
        for n, (px, py) in enumerate(frame[kind], start=1):
            x, y = px * scale, py * scale
            fill = colour if kind == "people" else None
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=colour)
            if number:
                label = str(n) if kind == "people" else f"?{n}"
                draw.text((x + radius + 1, y - 7), label, TEXT, font, stroke_width=2, stroke_fill="black")
    caption = f"#{index}: {len(frame['people'])}"
    if frame["unsure"]:
        caption += f" (+{len(frame['unsure'])}?)"
    draw.text((4, image.height - 16), caption, TEXT, font, stroke_width=2, stroke_fill="black")


def clip_sheet(name: str, clip: dict[str, Any], data: Path | None, tile_w: int, columns: int) -> Image.Image:
    """Return the sheet of one clip: rectangles if data is None, else the real frames."""
    scale = tile_w / clip["width"]
    tile_h = round(clip["height"] * scale)
    frames = {int(k): v for k, v in clip["frames"].items()}
    real = read_frames(data / clip["path"], set(frames)) if data else {}
    gap, head = 4, 20
    rows = -(-len(frames) // columns)
    sheet = Image.new("RGB", (columns * (tile_w + gap) + gap, head + rows * (tile_h + gap)), (16, 16, 16))
    ImageDraw.Draw(sheet).text((gap, 3), name, TEXT, ImageFont.load_default(13))
    for k, (index, frame) in enumerate(sorted(frames.items())):
        if data:
            tile = real[index].resize((tile_w, tile_h), Image.Resampling.LANCZOS)
        else:
            tile = Image.new("RGB", (tile_w, tile_h), (56, 56, 56))
        draw_tile(tile, index, frame, scale, radius=4 if data else 2, number=data is not None)
        sheet.paste(tile, (gap + k % columns * (tile_w + gap), head + k // columns * (tile_h + gap)))
    return sheet


def main() -> None:
    """Parse the command line and write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds videos/")
    parser.add_argument("--out", type=Path, default=Path("/tmp/people_contact_sheets"), help="folder for real sheets")
    parser.add_argument("--blank", action="store_true", help="re-make contact_sheet.png, without footage")
    args = parser.parse_args()

    clips: dict[str, Any] = json.loads((HERE / "people_counts.json").read_text())["clips"]
    if args.blank:
        sheets = [clip_sheet(name, clip, None, tile_w=160, columns=6) for name, clip in clips.items()]
        whole = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)))
        top = 0
        for sheet in sheets:
            whole.paste(sheet, (0, top))
            top += sheet.height
        whole.save(HERE / "contact_sheet.png", optimize=True)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    for name, clip in clips.items():
        target = args.out / f"{name}.png"
        clip_sheet(name, clip, args.data, tile_w=768, columns=4).save(target)
        print(target)


if __name__ == "__main__":
    main()
