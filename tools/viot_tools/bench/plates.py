"""Plates against their true texts: photographs (found? read?), Chinese crops (read?), photographs of many countries.

What counts as found: a reading that the product would keep whose box overlaps the true box with IoU >= 0.5 (the best
such one). *Exact* compares normalised texts character by character; ``.o0`` counts O and 0 as one character, because
the truth files of ``openalpr_eu`` write O for zero in places ("RKO26AJ"). *Within 1*: edit distance at most 1. The
floor is plain PP-OCR (RapidOCR's own pipeline) on the whole picture: its best-scored line with a digit and 4 to 10
characters; on crops, RapidOCR's recogniser alone.

``python -m viot_tools.bench.plates --data ../shared/data [--quick]`` prints both tiers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from viot_agent.bench.report import Report, Row, bootstrap
from viot_agent.errors import UserFault
from viot_agent.fleet.plates import normalise_plate
from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights, default_home
from viot_tools.plates.alphabet import PROVINCES

FOUND = 0.5  # intersection over union
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture with one true plate. ``xyxy`` None: the picture is the plate."""

    path: Path
    text: str
    xyxy: XYXY | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a method made of a photo: ``read`` '' where nothing was read; ``found`` by the rule above."""

    text: str
    read: str
    found: bool


Method = Callable[[Photo], Result]


def rows(data: Path, weights: Weights, quick: bool = False, seed: int = 0) -> list[dict[str, Any]]:
    """The rows of the tier that ``weights`` stands for. Sets that ``data`` lacks give no rows; see :func:`missing`."""
    from viot_tools.plates.find import READER, plate_model_names

    model, _ = plate_model_names(weights)
    ours, plain = _ours(weights), _plain()
    found: list[Row] = []

    def add(name: str, photos: Sequence[Photo], wanted: Sequence[str], by: str) -> None:
        if photos:
            mine, floor = [ours(p) for p in photos], [plain(p) for p in photos]
            found.extend(_rows(name, mine, floor, wanted, by, weights.tier, seed))

    detected = ("detected", "exact_of_detected", "exact", "within1", "exact.o0")
    add("plates.eu", _thin(photos_with_boxes(data), quick, 6), detected, model)
    add("plates.cn", _thin(chinese_crops(data), quick, 25), ("exact", "within1"), READER)
    add("plates.examples", _thin(examples(data), quick, 3), detected[:4], model)
    return [asdict(row) for row in found]


def missing(data: Path) -> list[str]:
    """Which sets ``data`` does not have, in words."""
    sets = (
        ("plates.eu: no folder of plates/ with a .txt (file x y w h text) beside each picture", photos_with_boxes),
        ("plates.cn: no folder of plates/ with crops that are named by their Chinese text", chinese_crops),
        ("plates.examples: no plates/plate_examples, or no datasets/annotations/plate_examples.json", examples),
    )
    return [words for words, load in sets if not load(data)]


# data -----------------------------------------------------------------------------------------------------------------


def photos_with_boxes(data: Path) -> list[Photo]:
    """Every picture below ``plates/`` with a text file of its name: ``file x y width height text``."""
    found = []
    for path in sorted((data / "plates").glob("*/*.txt")):
        parts = path.read_text("utf-8").split()
        if len(parts) < 6 or not (path.parent / parts[0]).is_file():
            continue
        x, y, w, h = (float(v) for v in parts[1:5])
        found.append(Photo(path.parent / parts[0], normalise_plate("".join(parts[5:])), (x, y, x + w, y + h)))
    return found


def chinese_crops(data: Path) -> list[Photo]:
    """Every picture below ``plates/`` whose name is a Chinese plate."""
    paths = sorted(p for p in (data / "plates").glob("*/*") if p.suffix.lower() in PICTURES and p.stem[0] in PROVINCES)
    return [Photo(p, normalise_plate(p.stem), None) for p in paths]


def examples(data: Path) -> list[Photo]:
    """``plates/plate_examples`` with texts and boxes that were written down by eye before a reader ran: the file
    ``annotations/plate_examples.json`` of the data folder, else of this checkout."""
    folder = data / "plates" / "plate_examples"
    places = (data / "annotations", Path(__file__).resolve().parents[3] / "datasets" / "annotations")
    file = next((p / "plate_examples.json" for p in places if (p / "plate_examples.json").is_file()), None)
    if file is None:
        return []
    listed = json.loads(file.read_text("utf-8"))["plates"]
    found = []
    for row in listed:
        a, b, c, d = (float(v) for v in row["xyxy"])
        if (folder / row["file"]).is_file():
            found.append(Photo(folder / row["file"], normalise_plate(row["text"]), (a, b, c, d)))
    return found


def _thin(photos: list[Photo], quick: bool, step: int) -> list[Photo]:
    return photos[::step] if quick else photos


def picture(path: Path) -> Image:
    """RGB pixels. Raises UserFault for what is no picture."""
    import cv2

    # imdecode, because imread cannot open every non-ASCII name
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise UserFault(f"{path} is no picture", fix="remove it from the data folder")
    return np.ascontiguousarray(image[:, :, ::-1])


# methods --------------------------------------------------------------------------------------------------------------


def _ours(weights: Weights) -> Method:
    from viot_tools.plates.detect import iou
    from viot_tools.plates.find import READER, find_plates, plate_models
    from viot_tools.plates.ocr import TextRecogniser
    from viot_tools.plates.read import PlateReader

    models = plate_models(weights)
    reader = PlateReader(TextRecogniser(weights.path(READER)))

    def method(photo: Photo) -> Result:
        image = picture(photo.path)
        if photo.xyxy is None:
            reading = reader.read_crop(image)
            return Result(photo.text, "" if reading is None else normalise_plate(reading.text), True)
        readings = find_plates(image, models.still, models.reader)
        best = max(readings, key=lambda r: iou(r.xyxy, photo.xyxy or r.xyxy), default=None)
        if best is None or iou(best.xyxy, photo.xyxy) < FOUND:
            return Result(photo.text, "", False)
        return Result(photo.text, normalise_plate(best.text), True)

    return method


def _plain() -> Method:
    """RapidOCR as it comes."""
    from rapidocr_onnxruntime import RapidOCR

    from viot_tools.plates.detect import iou

    engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def method(photo: Photo) -> Result:
        image = picture(photo.path)[:, :, ::-1]
        if photo.xyxy is None:
            lines, _ = engine(image, use_det=False, use_cls=False)
            return Result(photo.text, normalise_plate(str(lines[0][0])) if lines else "", True)
        lines, _ = engine(image)
        fitting = [
            (float(score), normalise_plate(str(text)), np.asarray(corners, np.float32))
            for corners, text, score in lines or []
        ]
        fitting = [line for line in fitting if 4 <= len(line[1]) <= 10 and any(c.isdigit() for c in line[1])]
        if not fitting:
            return Result(photo.text, "", False)
        _, text, corners = max(fitting, key=lambda line: line[0])
        (left, top), (right, bottom) = corners.min(0), corners.max(0)
        hit = iou((float(left), float(top), float(right), float(bottom)), photo.xyxy) >= FOUND
        return Result(photo.text, text if hit else "", hit)

    return method


# figures --------------------------------------------------------------------------------------------------------------

_Score = Callable[[Result], float]


def _edit(a: str, b: str) -> int:
    """Plain edit distance."""
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(a, b))


_METRICS: dict[str, tuple[str, _Score]] = {
    "detected": ("share found (IoU >= 0.5)", lambda r: float(r.found)),
    "exact_of_detected": ("share read exactly, of those found", lambda r: float(r.read == r.text)),
    "exact": ("share read exactly, of all", lambda r: float(r.found and r.read == r.text)),
    "within1": ("share read with at most 1 edit, of all", lambda r: float(r.found and _edit(r.read, r.text) <= 1)),
    "exact.o0": (
        "share read exactly, of all, O and 0 as one character",
        lambda r: float(r.found and r.read.replace("O", "0") == r.text.replace("O", "0")),
    ),
}


def _rows(
    name: str,
    mine: Sequence[Result],
    floor: Sequence[Result],
    wanted: Sequence[str],
    model: str,
    tier: str,
    seed: int,
) -> list[Row]:
    found = []
    for key in wanted:
        words, score = _METRICS[key]

        def values(results: Sequence[Result], key: str = key, score: _Score = score) -> list[float]:
            return [score(r) for r in results if key != "exact_of_detected" or r.found]

        ours, plain = values(mine), values(floor)
        if not ours:
            continue
        low, high = bootstrap(ours, seed)
        least = float(np.mean(plain)) if plain else 0.0
        found.append(
            Row(f"{name}.{key}", words, float(np.mean(ours)), low, high, len(ours), model, tier, round(least, 4))
        )
    return found


def main() -> None:
    """Print both tiers' rows as a table; the hub tier's weights are taken from ``DATA/models``."""
    from rich.console import Console

    parser = argparse.ArgumentParser(prog="python -m viot_tools.bench.plates", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found: list[dict[str, Any]] = []
    skipped = missing(given.data)
    for tier in ("builtin", "hub"):
        folder = given.data / "models"
        if tier == "hub" and not folder.is_dir():
            skipped.append(f"hub tier: {folder} is not there")
            continue
        weights = Weights(default_home(), folder if tier == "hub" else None, "hub" if tier == "hub" else "builtin")
        found += rows(given.data, weights, given.quick, given.seed)
    command = f"python -m viot_tools.bench.plates --data {given.data}{' --quick' if given.quick else ''}"
    Report(tuple(Row(**row) for row in found), tuple(skipped), command).print(Console(width=170))


if __name__ == "__main__":
    main()
