"""Which person counter earns a place in the builtin tier: candidates against hand counts, in one table.

    python benchmarks/people_builtin.py [--data ../shared/data]

The 62 hand-counted frames below lie on nine clips that no published counting figure uses; the ground truth of three
MOT17 sequences stands beside them. Every candidate sees the clip at 5 pictures a second and the counted frames.
Prints share of frames within one person (clips), mean error, relative error on MOT17 and CPU milliseconds a picture.

The candidates that lost live here and nowhere else.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.objects.detect import YoloxNano
from viot_tools.objects.detections import box_iou
from viot_tools.objects.hog import HogPeople

HAND: dict[str, dict[int, int]] = {
    "shopfront_cctv.mp4": {64: 4, 193: 2, 322: 2, 452: 5, 581: 1, 710: 3, 839: 1, 969: 1, 1098: 1, 1227: 1, 1356: 1}
    | {1485: 0, 1614: 1, 1743: 1, 1872: 2},
    "actions/test_video_structuralize.mp4": {16: 2, 50: 2, 83: 2, 116: 2, 150: 2, 183: 3, 216: 3, 250: 3, 283: 1},
    "falls/fall.mp4": dict.fromkeys((15, 46, 77, 109, 140, 171), 1),
    "violence/3.mp4": dict.fromkeys((4, 13, 22, 32, 41, 50), 2),
    "intel/car-detection.mp4": dict.fromkeys((31, 94, 157, 219, 282, 345), 0),
    "traffic.mp4": dict.fromkeys((41, 125, 209, 293, 377, 460, 544, 628, 712), 0),
    "actions/exercise.avi": dict.fromkeys((32, 98, 163, 229, 294, 360), 3),
    "actions/demo_skeleton.mp4": dict.fromkeys((18, 54), 2),
    "actions/S001C001P001R001A001_rgb.avi": dict.fromkeys((17, 51, 85), 1),
}
"""People in view (legs at the edge count) by frame number, counted by eye before any detector was chosen."""
MOT = ("04", "05", "09")
Counter = Callable[[Image], int]


class Motion:
    """Moving blobs of a person's proportions, by OpenCV's background models."""

    def __init__(self, kind: str) -> None:
        make = {"mog2": cv2.createBackgroundSubtractorMOG2, "knn": cv2.createBackgroundSubtractorKNN}[kind]
        self.model = make(history=100, detectShadows=True)

    def boxes(self, image: Image) -> list[tuple[int, int, int, int]]:
        """Blobs as x, y, w, h in pixels of ``image``."""
        scale = 320 / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        mask = self.model.apply(small)
        mask = np.where(mask == 255, 255, 0).astype(np.uint8)  # shadows are marked 127
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 5), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        least = 0.001 * mask.size
        return [
            (int(x / scale), int(y / scale), int(w / scale), int(h / scale))
            for x, y, w, h, area in stats[1:]
            if area > least and 0.8 < h / w < 6
        ]

    def count(self, image: Image) -> int:
        return len(self.boxes(image))


class HogInMotion:
    """HOG, kept only where something moves."""

    def __init__(self) -> None:
        self.motion, self.hog = Motion("mog2"), HogPeople(640, 1.05, 0.3)

    def count(self, image: Image) -> int:
        blobs = np.array([(x, y, x + w, y + h) for x, y, w, h in self.motion.boxes(image)], np.float32).reshape(-1, 4)
        found = self.hog.detect(image)
        return int((box_iou(found.xyxy, blobs) > 0.1).any(1).sum()) if len(found) and len(blobs) else 0


def cascade(name: str) -> Callable[[], Counter]:
    """One of OpenCV's body cascades."""

    def make() -> Counter:
        classifier = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml"))

        def count(image: Image) -> int:
            scale = min(1.0, 640 / max(image.shape[:2]))
            grey = cv2.cvtColor(cv2.resize(image, None, fx=scale, fy=scale), cv2.COLOR_RGB2GRAY)
            return len(classifier.detectMultiScale(grey, 1.05, 3))

        return count

    return make


def hog(side: int, step: float, least: float) -> Callable[[], Counter]:
    """HOG with settings; ``least`` is the margin from which a box counts."""
    detector = HogPeople(side, step, least)
    return lambda: lambda image: len(detector.detect(image))


def candidates(weights: Weights | None) -> dict[str, Callable[[], Counter]]:
    """Name -> maker of a fresh counter (background models are per clip)."""
    found: dict[str, Callable[[], Counter]] = {
        "always 1": lambda: lambda image: 1,
        "motion MOG2": lambda: Motion("mog2").count,
        "motion KNN": lambda: Motion("knn").count,
        "HOG 640, 1.05, 0.3": hog(640, 1.05, 0.3),
        "HOG 960, 1.05, 0.3": hog(960, 1.05, 0.3),
        "HOG 960, 1.1, 0.3": hog(960, 1.1, 0.3),
        "HOG 960, 1.2, 0.2 (kept)": hog(960, 1.2, 0.2),
        "HOG 800, 1.1, 0.3": hog(800, 1.1, 0.3),
        "HOG in MOG2 blobs": lambda: HogInMotion().count,
        "cascade fullbody": cascade("fullbody"),
        "cascade upperbody": cascade("upperbody"),
    }
    if weights is not None:
        yolox = YoloxNano(weights.path("yolox-nano"), weights.entry("yolox-nano").model_version)
        fastest = FastestDet(weights.path("fastestdet"))
        found["YOLOX-Nano (hub)"] = lambda: lambda image: int((yolox.detect(image).people().score >= 0.35).sum())
        found["FastestDet (hub)"] = lambda: fastest.count
    return found


class FastestDet:
    """FastestDet (dog-qiuqiu, BSD-3-Clause) at 352x352: 22x22 cells of objectness, box and 80 classes."""

    def __init__(self, path: Path) -> None:
        from viot_tools.inference import session

        self.session = session(path)

    def count(self, image: Image, floor: float = 0.5) -> int:
        x = cv2.resize(image, (352, 352), interpolation=cv2.INTER_AREA)[:, :, ::-1].transpose(2, 0, 1)[None]
        raw = self.session.run(None, {"input.1": np.ascontiguousarray(x, np.float32) / 255})[0][0]
        raw = raw.reshape(85, -1).T
        score = raw[:, 0] ** 0.6 * raw[:, 5:].max(1) ** 0.4
        hit = np.flatnonzero((score > floor) & (raw[:, 5:].argmax(1) == 0))
        cell = np.stack([hit % 22, hit // 22], 1)
        centre = (np.tanh(raw[hit, 1:3]) + cell) / 22
        size = 1 / (1 + np.exp(-raw[hit, 3:5]))
        boxes = np.concatenate([centre - size / 2, size], 1) * 352
        return len(cv2.dnn.NMSBoxes(boxes.tolist(), score[hit].tolist(), floor, 0.45))


def clip_frames(path: Path, counted: dict[int, int]) -> Iterator[tuple[Image, int | None]]:
    """Every picture at 5 a second and every counted one, with its count."""
    video = cv2.VideoCapture(str(path))
    step, index = max(1.0, video.get(cv2.CAP_PROP_FPS) / 5), 0
    sampled = {round(i * step) for i in range(10_000)}
    while True:
        ok, picture = video.read()
        if not ok:
            return
        if index in sampled or index in counted:
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), counted.get(index)
        index += 1


def mot_frames(folder: Path) -> Iterator[tuple[Image, int]]:
    """Pictures of a MOT17 sequence with the number of people at least a quarter visible."""
    rows = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",")
    for path in sorted((folder / "img1").glob("*.jpg")):
        here: NDArray[np.float64] = rows[rows[:, 0] == int(path.stem)]
        truth = int((np.isin(here[:, 7], (1, 2, 7)) & (here[:, 8] >= 0.25)).sum())
        yield cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    models = arguments.data / "models"
    weights = Weights(Path.home() / ".cache" / "viot-bench", models, "hub") if models.is_dir() else None
    videos = arguments.data / "videos"
    errors: dict[str, list[int]] = defaultdict(list)
    relative: dict[str, list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    for clip, counted in HAND.items():
        counters = {name: make() for name, make in candidates(weights).items()}
        for image, truth in clip_frames(videos / clip, counted):
            for name, counter in counters.items():
                if truth is None and "motion" not in name and "MOG2" not in name:
                    continue  # without memory the pictures between make no difference
                before = time.process_time()
                n = counter(image)
                seconds[name].append(time.process_time() - before)
                if truth is not None:
                    errors[name].append(n - truth)
    for sequence in MOT:
        counters = {name: make() for name, make in candidates(weights).items()}
        for image, truth in mot_frames(videos / "stills" / "MOT17-mini" / "train" / f"MOT17-{sequence}-FRCNN"):
            for name, counter in counters.items():
                relative[name].append(abs(counter(image) - truth) / truth)
    print(
        f"{'candidate':26s} {'within 1':>8s} {'exact':>6s} {'mean error':>10s} {'MOT17 relative':>15s} {'CPU ms':>7s}"
    )
    for name, found in errors.items():
        e = np.abs(found)
        print(
            f"{name:26s} {np.mean(e <= 1):8.2f} {np.mean(e == 0):6.2f} {np.mean(e):10.2f} "
            f"{np.mean(relative[name]):15.2f} {1e3 * np.median(seconds[name]):7.1f}"
        )


if __name__ == "__main__":
    main()
