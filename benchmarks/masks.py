"""Face masks: faces a second, and masking a clip against decoding and encoding the same clip, in one run.

``python benchmarks/masks.py [--data DIR] [--rounds 3]``. The clips are made on the spot (scikit-image's portrait moving
over the picture, one and two faces); ``--data`` adds the clips of ``DIR/videos`` in which faces are found.
Rounds of the two alternate, so that what else the machine does hits both. Printed are seconds of the clock and of the
processor: on a busy machine only the latter repeat.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from clock import timed

from viot_agent.media.clips import cut_clip, write_clip
from viot_agent.media.probe import probe
from viot_agent.weights import Weights
from viot_tools.masks.art import LEVELS, art
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.pictures import mask_picture
from viot_tools.masks.render import mask_face
from viot_tools.masks.video import mask_video

SIZES = ((640, 360), (1280, 720), (1920, 1080))
SECONDS, FPS = 4.0, 25
REAL = ("actions/demo.mp4", "actions/exercise.avi", "intel/one-by-one-person-detection.mp4")


def portrait() -> np.ndarray:
    """(300, 340, 3) uint8 RGB."""
    from skimage import data

    return np.asarray(data.astronaut()[:300, 60:400], np.uint8)


def moving(path: Path, width: int, height: int, faces: int) -> None:
    """A clip of one or two moving faces on a noisy ground."""
    rng = np.random.default_rng(0)
    face = portrait()
    grounds = [rng.normal(110, 4, (height, width, 3)).clip(0, 255).astype(np.uint8) for _ in range(3)]

    def frames() -> object:
        for i in range(int(SECONDS * FPS)):
            frame = grounds[i % 3].copy()
            for k in range(faces):
                zoom = 0.85 * height / 300 * (1 + 0.05 * np.sin(i / FPS * 1.3 + k))
                move = cv2.getRotationMatrix2D((170, 150), 6 * np.sin(i / FPS * 2 + k), zoom)
                middle = width * (k + 0.5) / faces + 0.03 * width * np.sin(i / FPS * 1.7 + k)
                move[:, 2] += (middle - 170, height / 2 - 150)
                cv2.warpAffine(face, move, (width, height), dst=frame, borderMode=cv2.BORDER_TRANSPARENT)
            yield frame

    write_clip(frames(), path, FPS)  # type: ignore[arg-type]


def compare(source: Path, folder: Path, landmarks: Landmarks, rounds: int) -> None:
    """Print a line for one clip; nothing for one without faces."""
    plain: list[tuple[float, float]] = []
    masked: list[tuple[float, float]] = []
    for _ in range(rounds):
        plain.append(timed(lambda: cut_clip(source, 0.0, 1e9, folder / "plain.mp4", crf=20)))
        masked.append(timed(lambda: mask_video(source, folder / "masked.mp4", landmarks)))
    people = len(mask_video(source, folder / "masked.mp4", landmarks).templates)
    if not people:
        return
    info = probe(source)
    clock = median(p[0] / m[0] for p, m in zip(plain, masked, strict=True))
    processor = median(p[1] / m[1] for p, m in zip(plain, masked, strict=True))
    print(
        f"{source.name} {info.width}x{info.height}, {info.n_frames} frames, {people} faces: decode and encode "
        f"{median(p[1] for p in plain):.2f} s, with masks {median(m[1] for m in masked):.2f} s of processor; "
        f"speed {processor:.2f} of it by processor, {clock:.2f} by clock"
    )


def main() -> None:
    """Print one line a measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    home = Weights.from_env().home
    weights = Weights(home, args.data / "models", "hub") if args.data else Weights.from_env()
    landmarks = Landmarks(weights)
    begun = time.process_time()
    for level in range(LEVELS + 1):
        art("surgical-blue", level)
        art("surgical-green", level)
    print(f"drawing a template, once a process: {(time.process_time() - begun) / 2:.2f} s of processor")
    image = portrait()
    [(face, points)] = landmarks.find(image)[:1]
    n = 40
    for words, call in (
        ("masks alone", lambda: mask_face(image, points, "surgical-blue", 1)),
        ("landmarks alone", lambda: landmarks.points(image, face)),
        (f"detection ({landmarks.detector.model}), landmarks and mask", lambda: mask_picture(image, landmarks)),
    ):
        call()
        clock, processor = timed(lambda call=call: [call() for _ in range(n)])  # type: ignore[misc]
        print(f"{words}: {n / processor:.0f} faces a second of processor, {n / clock:.0f} by clock")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for width, height in SIZES:
            for faces in (1, 2):
                source = folder / f"made-{faces}.mp4"
                moving(source, width, height, faces)
                compare(source, folder, landmarks, args.rounds)
        for clip in REAL if args.data else ():
            if (args.data / "videos" / clip).is_file():
                compare(args.data / "videos" / clip, folder, landmarks, 1)


if __name__ == "__main__":
    main()
