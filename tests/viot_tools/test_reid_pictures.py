"""Which pictures are kept, what colours are read, and that the analyzers embed across tracks at the end."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from viot_agent.library.rows import SegmentInfo, Shared
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.detections import Detections
from viot_tools.reid.analyzer import LEAST_PERSON, PeopleLooksAnalyzer
from viot_tools.reid.colour import CELL, COLOURS, lab, layout, vehicle_colour, window
from viot_tools.reid.embed import STRIPES, FakeEmbedder, clothes, clothes_numbers
from viot_tools.reid.pictures import APART, KEPT, SIDE, Pictures, cut_out, hidden_share
from viot_tools.reid.vehicle import Read, words

FRAME = np.full((400, 600, 3), 90, np.uint8)


def test_the_best_few_are_kept_apart_in_time() -> None:
    pictures = Pictures()
    for k in range(40):
        score = 0.5 + 0.01 * (k % 7)
        pictures.offer("p1", k * 0.2, FRAME, (100, 100, 160, 300), score, 0.0)
    kept = [p for key, p in pictures if key == "p1"]
    times = [p.t for p in kept]
    assert len(kept) == KEPT and times == sorted(times)
    assert all(b - a >= APART - 1e-9 for a, b in itertools.pairwise(times))
    assert min(p.quality for p in kept) >= 0.54  # the weak moments were given up for better ones


def test_a_hidden_or_cut_picture_gives_way() -> None:
    pictures = Pictures()
    pictures.offer("p1", 0.0, FRAME, (100, 100, 160, 300), 0.9, 0.6)
    pictures.offer("p1", 0.4, FRAME, (100, 100, 160, 300), 0.8, 0.0)
    pictures.offer("p1", 0.6, FRAME, (0, 100, 60, 300), 0.9, 0.0)
    [(_, kept)] = list(pictures)
    assert kept.t == 0.4


def test_who_is_wholly_hidden_gets_no_picture_of_the_one_in_front() -> None:
    pictures = Pictures()
    pictures.offer("p1", 0.0, FRAME, (100, 100, 160, 300), 0.9, 1.0)
    assert list(pictures) == []


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        ((10.2, 20.0, 70.0, 180.0), (160, 60, 3)),
        ((-50.0, -50.0, 100.0, 390.0), (SIDE, 74, 3)),
        ((598.0, 10.0, 640.0, 200.0), None),
        ((700.0, 10.0, 740.0, 200.0), None),
        ((50.0, 100.0, 50.0, 100.0), None),
    ],
)
def test_cutting(box: tuple[float, float, float, float], shape: tuple[int, ...] | None) -> None:
    cut = cut_out(FRAME, box)
    assert (None if cut is None else cut.shape) == shape


def test_whoever_stands_lower_hides() -> None:
    boxes = np.array([[0, 0, 100, 200], [50, 0, 150, 220], [400, 0, 500, 200], [0, 0, 0, 10]], np.float32)
    assert [hidden_share(boxes, i) for i in range(4)] == pytest.approx([0.5, 0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((235, 235, 235), "white"),
        ((120, 120, 120), "grey"),
        ((15, 15, 15), "black"),
        ((170, 20, 25), "red"),
        ((225, 185, 30), "yellow"),
        ((30, 120, 45), "green"),
        ((40, 70, 160), "blue"),
    ],
)
def test_the_colour_of_a_car_on_a_grey_road(rgb: tuple[int, int, int], name: str) -> None:
    picture = np.full((80, 120, 3), 128, np.uint8)
    picture[15:68, 15:105] = rgb
    picture[20:35, 35:85] = 40  # windows
    shares = vehicle_colour(picture)
    assert COLOURS[int(shares.argmax())] == name and shares.sum() == pytest.approx(1)


def test_a_little_more_light_moves_a_little() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(20, 200, (64, 64, 3)).astype(np.uint8)
    bell = window(64, 64, 22.0, 22.0)
    one, two, other = (
        layout(lab(p, 64, 64), 2, 2, bell) for p in (base, base + 6, np.ascontiguousarray(base[:, :, ::-1] // 2))
    )
    assert one.shape == (4 * CELL,) and float(one @ one) == pytest.approx(4)
    assert float(one @ two) > 3.97 > float(one @ other)


def test_clothes_tell_trousers_from_shirt() -> None:
    def person(shirt: tuple[int, int, int], trousers: tuple[int, int, int]) -> np.ndarray:
        picture = np.full((200, 80, 3), 128, np.uint8)
        picture[40:110, 10:70], picture[110:190, 15:65] = shirt, trousers
        return picture

    red, blue = (180, 30, 30), (30, 40, 150)
    numbers = np.stack([clothes_numbers(person(*p)) for p in ((red, blue), (red, blue), (blue, red), (red, red))])
    mean, spread = numbers.mean(0), np.ones(numbers.shape[1], np.float32)
    vectors = clothes(numbers, mean, spread)
    assert vectors.shape == (4, STRIPES * (CELL + 4)) and np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert vectors[0] @ vectors[1] == pytest.approx(1) and vectors[0] @ vectors[2] < 0.2
    assert vectors[0] @ vectors[3] < 0.9


def test_a_read_survives_storage() -> None:
    read = Read(
        np.array([0.7, 0.3, 0, 0, 0, 0, 0], np.float32),
        np.eye(7, dtype=np.float32)[3],
        np.array([0.9, 0.05, 0.05, 0], np.float32),
    )
    back = Read.of(read.vector())
    assert np.linalg.norm(read.vector()) == pytest.approx(1)
    assert back.pixels == pytest.approx(read.pixels, abs=1e-6) and back.types == pytest.approx(read.types, abs=1e-6)
    assert words([back]) == ("white or red", "car")
    unsure = Read(read.network, read.network, np.full(4, 0.25, np.float32))
    assert words([unsure, unsure]) == ("red", "")


def objects(*boxes: tuple[float, float, float, float], label: str = "person") -> ObjectFrame:
    found = Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32), (label,) * len(boxes))
    return ObjectFrame(found, tuple(f"p{i + 1}" for i in range(len(boxes))))


def test_the_analyzer_embeds_across_tracks_and_names_them(home: Path) -> None:
    embedder = FakeEmbedder("osnet+reid-0288")
    analyzer = PeopleLooksAnalyzer(Weights(home, None, "builtin"), embedder=embedder)
    assert (analyzer.name, analyzer.model, analyzer.needs) == ("people_looks", "osnet+reid-0288", ("objects",))
    analysis = analyzer.start(SegmentInfo("gate", Path("g.mp4"), 0, 0, 30, 600, 400, 5.0))
    small = LEAST_PERSON - 5
    for k in range(15):
        shared = Shared(1.0, still=k in (3, 4))
        shared.results["objects"] = objects((100, 50, 160, 250), (300, 60, 350, 240), (500, 60, 510, 60 + small))
        analysis.see(Frame(k, k * 0.2, FRAME), shared)
    rows = analysis.finish()
    assert rows.tracks == () and {v.track for v in rows.vectors} == {"p1", "p2"}
    assert embedder.batches == [len(rows.vectors)] and all(v.model == "osnet+reid-0288" for v in rows.vectors)
    assert all(0 < v.quality <= 1 and np.linalg.norm(v.vector) == pytest.approx(1) for v in rows.vectors)


def test_nothing_seen_nothing_embedded(home: Path) -> None:
    embedder = FakeEmbedder()
    analyzer = PeopleLooksAnalyzer(Weights(home, None, "builtin"), embedder=embedder)
    analysis = analyzer.start(SegmentInfo("gate", Path("g.mp4"), 0, 0, 30, 600, 400, 5.0))
    shared = Shared()
    with pytest.raises(KeyError):
        analysis.see(Frame(0, 0.0, FRAME), shared)  # objects did not run: nothing seen would read as nobody there
    shared.results["objects"] = objects((100, 50, 220, 250), label="car")
    analysis.see(Frame(1, 0.2, FRAME), shared)
    assert analysis.finish().vectors == () and embedder.batches == []
