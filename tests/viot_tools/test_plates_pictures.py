"""Finding and reading with the real networks of the builtin tier, on plates that Pillow draws; real photographs where
they are at hand."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from viot_agent.errors import WeightsMissing
from viot_agent.library.rows import SegmentInfo, Shared
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.plates.analyzer import PlatesAnalyzer
from viot_tools.plates.detect import (
    LpdYunet,
    OcrPlates,
    PlateBox,
    SeveralDetectors,
    iou,
    lpd_priors,
    overlap,
    suppress,
    tiles,
    upright_sides,
)
from viot_tools.plates.find import FirstThatFinds, PlateModels, find_plates, plate_model_names, plate_models
from viot_tools.plates.ocr import ALPHABET, clockwise, decode, join
from viot_tools.plates.read import PlateReader, rectify, without_stickers


def font(size: int) -> ImageFont.FreeTypeFont:
    spec = importlib.util.find_spec("matplotlib")
    assert spec is not None and spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans-Bold.ttf"), size)


def plate(lines: list[str], height: int = 40) -> Pillow.Image:
    """Black type on white with a rim."""
    size = int(height * 0.66)
    width = int(max(font(size).getlength(line) for line in lines) + height)
    picture = Pillow.new("RGB", (width, height * len(lines)), (236, 236, 230))
    pen = ImageDraw.Draw(picture)
    for i, line in enumerate(lines):
        pen.text((width / 2, height * (i + 0.5)), line, fill=(16, 16, 18), font=font(size), anchor="mm")
    pen.rectangle((0, 0, width - 1, height * len(lines) - 1), outline=(30, 30, 30), width=2)
    return picture


def street(
    *plates: tuple[Pillow.Image, int, int], size: tuple[int, int] = (640, 360), words: str = "", seed: int = 1
) -> Image:
    """Plates at places on something like asphalt, softened as by a lens; ``words`` burnt in at the top."""
    rng = np.random.default_rng(seed)
    ground = rng.normal(96, 6, (size[1], size[0], 1)).clip(0, 255).astype(np.uint8).repeat(3, 2)
    canvas = Pillow.fromarray(ground)
    for picture, x, y in plates:
        canvas.paste(Pillow.new("RGB", (picture.width + 80, picture.height + 70), (120, 30, 34)), (x - 40, y - 40))
        canvas.paste(picture, (x, y))
    image = cv2.GaussianBlur(np.asarray(canvas), (3, 3), 0.7)
    if words:
        canvas = Pillow.fromarray(image)
        ImageDraw.Draw(canvas).text((8, 4), words, fill=(240, 240, 240), font=font(14))
        image = np.asarray(canvas)
    return np.ascontiguousarray(image)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights(tmp_path_factory.mktemp("home"), tier="builtin")


@pytest.fixture(scope="module")
def models(weights: Weights) -> PlateModels:
    return plate_models(weights)


# reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["KX-4821"], "KX4821"),
        (["HJ-593-TF"], "HJ593TF"),
        (["B MW 4071"], "BMW4071"),
        (["RK 026 AJ"], "RK026AJ"),
        (["88A", "118.86"], "88A11886"),
    ],
)
def test_reads_a_crop(models: PlateModels, lines: list[str], expected: str) -> None:
    assert isinstance(models.reader, PlateReader)
    reading = models.reader.read_crop(np.asarray(plate(lines)))
    assert reading is not None
    assert reading.text == expected
    assert len(reading.char_scores) == len(expected)
    assert all(0 <= s <= 1 for s in reading.char_scores)
    assert reading.score > 0.8


def test_reads_nothing_on_nothing(models: PlateModels) -> None:
    assert isinstance(models.reader, PlateReader)
    assert models.reader.read_crop(np.full((40, 160, 3), 128, np.uint8)) is None


def test_finds_and_reads_in_a_picture(models: PlateModels) -> None:
    image = street(
        (plate(["KX-4821"]), 100, 120), (plate(["HJ-593-TF"]), 380, 220), words="GATE 2  2026-03-01 14:05:12"
    )
    found = find_plates(image, models.still, models.reader)
    assert {r.text for r in found} == {"KX4821", "HJ593TF"}
    by_text = {r.text: r.xyxy for r in found}
    assert iou(by_text["KX4821"], (100, 120, 100 + plate(["KX-4821"]).width, 160)) > 0.4


@pytest.mark.parametrize("words", ["EXIT ONLY", "GATE 2", "2026-03-01 14:05:12", "CAM01", "TAXI", "0800 123456"])
def test_signs_are_no_plates(models: PlateModels, words: str) -> None:
    assert find_plates(street((plate([words]), 200, 150)), models.still, models.reader) == []


def test_a_turned_plate_is_read(models: PlateModels) -> None:
    image = street((plate(["KX-4821"], 48), 220, 150))
    turn = cv2.getRotationMatrix2D((320, 180), 12, 1.0)
    turned = cv2.warpAffine(image, turn, (640, 360), borderMode=cv2.BORDER_REFLECT)
    assert [r.text for r in find_plates(turned, models.still, models.reader)] == ["KX4821"]


# the analyzer ---------------------------------------------------------------------------------------------------------

SEGMENT = SegmentInfo("gate", Path("clip.mp4"), 0, 0.0, 2.0, 640, 360, 5.0)


def drive_by() -> Iterator[Frame]:
    """Two seconds at 5 a second; a plate crosses from left to right under a burnt-in clock."""
    for i in range(10):
        yield Frame(
            i, i / 5, street((plate(["KX-4821"]), 40 + 30 * i, 200), words=f"GATE 2  2026-03-01 14:05:{i:02d}", seed=i)
        )


def test_the_analyzer_follows_a_plate(weights: Weights, models: PlateModels) -> None:
    models = replace(models, frame=OcrPlates(weights.path("pp-ocr-det"), side=416))

    def once() -> object:
        analysis = PlatesAnalyzer(weights, models=models).start(SEGMENT)
        for frame in drive_by():
            analysis.see(frame, Shared())
        return analysis.finish()

    rows = PlatesAnalyzer(weights, models=models).start(SEGMENT).finish()
    assert rows.tracks == rows.plates == rows.crops == ()
    first, second = once(), once()
    assert first == second
    [track] = first.tracks  # type: ignore[attr-defined]
    assert (track.key, track.kind, track.label) == ("l1", "plate", "KX4821")
    assert len(track.points) >= 3
    plates = first.plates  # type: ignore[attr-defined]
    assert 3 <= len(plates) <= 6
    assert {p.track for p in plates} == {"l1"}
    assert [p.text for p in plates].count("KX4821") >= len(plates) - 1
    assert all(len(p.text) == len(p.char_scores) and p.jpeg[:2] == b"\xff\xd8" for p in plates)
    [crop] = first.crops  # type: ignore[attr-defined]
    assert crop.track == "l1" and 0 < crop.quality <= 1


def test_names_of_the_models(tmp_path: Path) -> None:
    builtin, hub = Weights(tmp_path, tier="builtin"), Weights(tmp_path, tier="hub")
    assert plate_model_names(builtin)[0] == "pp-ocr"
    assert plate_model_names(hub)[0] == "lpd-yunet+pp-ocr"
    assert PlatesAnalyzer(hub).model_version.count("+") == 2
    with pytest.raises(WeightsMissing, match="viot models pull lpd-yunet"):
        PlatesAnalyzer(hub).start(SEGMENT)


# parts ----------------------------------------------------------------------------------------------------------------


def box(x0: float, y0: float, x1: float, y1: float, score: float = 0.5, source: str = "") -> PlateBox:
    return PlateBox(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32), score, source)


def test_priors_match_the_network() -> None:
    priors = lpd_priors()
    assert priors.shape == (4385, 4)
    assert priors[0] == pytest.approx([4 / 320, 4 / 240, 10 / 320, 10 / 240])
    assert priors[-1] == pytest.approx([4.5 * 64 / 320, 2.5 * 64 / 240, 256 / 320, 256 / 240])


def test_clockwise_from_any_order() -> None:
    corners = np.array([[10, 12], [110, 8], [112, 40], [12, 44]], np.float32)
    rng = np.random.default_rng(0)
    for _ in range(10):
        assert np.array_equal(clockwise(rng.permutation(corners)), corners)


def test_thin_diagonals_are_seen_through() -> None:
    assert upright_sides(np.array([[94, 195], [207, 203], [206, 233], [93, 224]], np.float32))
    assert not upright_sides(np.array([[94, 198], [155, 216], [206, 234], [145, 218]], np.float32))


def test_suppress_keeps_the_best_of_overlapping() -> None:
    boxes = [box(0, 0, 100, 20, 0.6), box(2, 1, 98, 21, 0.9), box(200, 0, 300, 20, 0.3), box(40, 0, 60, 20, 0.7)]
    assert [b.score for b in suppress(boxes)] == [0.9, 0.3]


@pytest.mark.parametrize(
    ("a", "b", "i", "o"), [((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3, 0.5), ((0, 0, 1, 1), (2, 2, 3, 3), 0, 0)]
)
def test_overlaps(a: tuple[float, ...], b: tuple[float, ...], i: float, o: float) -> None:
    assert iou(a, b) == pytest.approx(i)  # type: ignore[arg-type]
    assert overlap(a, b) == pytest.approx(o)  # type: ignore[arg-type]


def test_tiles_cover_the_picture() -> None:
    seen = np.zeros((37, 61), int)
    for x, y, tile in tiles(np.zeros((37, 61, 3), np.uint8), 0.6):
        seen[y : y + tile.shape[0], x : x + tile.shape[1]] += 1
    assert seen.min() >= 1


class Scripted:
    def __init__(self, *boxes: PlateBox) -> None:
        self.boxes, self.calls = list(boxes), 0

    def detect(self, image: Image) -> list[PlateBox]:
        self.calls += 1
        return self.boxes


def test_combined_detectors() -> None:
    picture = np.zeros((10, 10, 3), np.uint8)
    first, second = (
        Scripted(box(0, 0, 100, 20, source="a")),
        Scripted(box(5, 0, 90, 20, source="b"), box(200, 0, 250, 9)),
    )
    assert [b.source for b in SeveralDetectors(first, second).detect(picture)] == ["a", ""]
    assert FirstThatFinds(first, second).detect(picture) == first.boxes
    assert second.calls == 1
    assert FirstThatFinds(Scripted(), second).detect(picture) == second.boxes


def test_rectify_turns_a_plate_upright() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    corners = np.array([[60, 60], [240, 100], [232, 140], [52, 100]], np.float32)
    cv2.fillPoly(image, [corners.astype(int)], (255, 255, 255))
    front = rectify(image, corners)
    assert front.shape[0] == 64
    assert front.mean() > 245
    assert rectify(image, corners, margin_x=0.1, margin_y=0.2).mean() < front.mean()


def test_stickers_are_painted_over() -> None:
    picture = np.full((64, 300, 3), 230, np.uint8)
    picture[20:36, 140:156] = (30, 160, 40)
    bare = without_stickers(picture)
    assert bare is not None and int(bare.min()) == 230
    assert without_stickers(np.full((64, 300, 3), 230, np.uint8)) is None
    assert without_stickers(np.full((64, 300, 3), (20, 40, 200), np.uint8)) is None  # a blue plate


def test_ctc() -> None:
    def steps(*classes: int) -> np.ndarray:
        folded = np.full((len(classes), 3 + len(ALPHABET)), 0.001, np.float32)
        folded[np.arange(len(classes)), classes] = 0.9
        return folded

    a, b = 3 + ALPHABET.index("A"), 3 + ALPHABET.index("B")
    assert decode(steps(a, a, 0, a, b, 1, 0)).text == "AAB"
    assert decode(steps(0, 0)).text == ""
    half = decode(steps(a, 2, 0))
    assert (half.text, half.other) == ("A", 0.5)
    assert join([decode(steps(a)), decode(steps(0)), decode(steps(b))]).text == "AB"


# real footage ---------------------------------------------------------------------------------------------------------


def photo(path: Path) -> Image:
    return np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])


@pytest.mark.real
@pytest.mark.parametrize("tier", ["builtin", "hub"])
def test_real_photographs(shared: Path, shared_models: Path, tmp_path: Path, tier: str) -> None:
    weights = Weights(tmp_path, shared_models if tier == "hub" else None, "hub" if tier == "hub" else "builtin")
    models = plate_models(weights)
    files = {
        "fast_alpr_test_image.png": "5AU5341",
        "openalpr_eu/eu11.jpg": "BS47040",
        "plate_examples/china_car_plate.jpg": "京BK0074",
        "plate_examples/vietnam_car_square_plate.jpg": "88A11886",
    }
    for name, text in files.items():
        found = find_plates(photo(shared / "plates" / name), models.still, models.reader)
        assert [r.text for r in found] == [text], name


@pytest.mark.real
def test_lpd_gives_corners(shared: Path, shared_models: Path, tmp_path: Path) -> None:
    weights = Weights(tmp_path, shared_models, "hub")
    [found] = LpdYunet(weights.path("lpd-yunet")).detect(photo(shared / "plates" / "openalpr_eu" / "eu11.jpg"))
    assert iou(found.xyxy, (92, 201, 214, 229)) > 0.5
    assert upright_sides(found.corners)
