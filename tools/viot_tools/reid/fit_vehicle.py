"""How ``vehicle_look.safetensors`` is made: ``python -m viot_tools.reid.fit_vehicle --data ../shared/data``.

Every photograph of a car under ``plates/openalpr_eu`` and ``plates/plate_examples`` is one vehicle (its largest
vehicle box; the whole picture where the detector finds none) and is rendered ``COPIES`` times as a camera might have
seen it: turned by up to 18 degrees, stretched, mirrored, cropped loosely, darker or lighter, tinted, behind haze, half
in shadow, 40 to 160 pixels large. What the copies of one vehicle differ in is what the whitening takes away. No video
takes part: the sightings that ``viot bench vision`` measures on are of other vehicles and other cameras.

Which parts to use was chosen by leaving a third of the photographs out (rank-1 of copies among the others'): MobileNet
alone 0.93, layer ReLU5 0.84, ReLU3 0.79, colours 0.42, all four 0.97. Copies cannot show another side of a car, so this
flatters MobileNet; nothing else to choose on was at hand.

Owns the recipe. Knows no thresholds.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.weights import Weights, default_home
from viot_tools.objects.detect import object_detector
from viot_tools.reid.pictures import cut_out
from viot_tools.reid.vehicle import PARTS, REDUCED, Basis, VehicleLook

COPIES = 14
LAMBDA = 0.3
"""Share of the mean variance added to every direction before whitening; 0.05 and 1 were within 0.01 of it."""
FOLDERS = ("openalpr_eu", "plate_examples")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
LONGEST = 400


def photographs(data: Path, weights: Weights) -> list[tuple[str, Image]]:
    """(name, RGB crop) of every photographed vehicle. Raises UserFault when there are fewer than 20."""
    detector, found = object_detector(weights), []
    for folder in FOLDERS:
        for path in sorted((data / "plates" / folder).glob("*")):
            if path.suffix.lower() not in SUFFIXES:
                continue
            image = decode_image(path)
            seen = detector.detect(image).vehicles()
            size = (seen.xyxy[:, 2] - seen.xyxy[:, 0]) * (seen.score >= 0.3)
            crop = None
            if len(seen) and size.max() >= 80:
                x0, y0, x1, y1 = (float(v) for v in seen.xyxy[int(size.argmax())])
                crop = cut_out(image, (x0, y0, x1, y1))
            height, width = image.shape[:2]
            whole = cut_out(image, (0.0, 0.0, float(width), float(height)))
            found.append((f"{folder}/{path.name}", crop if crop is not None else whole))
    kept = [(name, crop) for name, crop in found if crop is not None]
    if len(kept) < 20:
        raise UserFault(f"{len(kept)} photographs of vehicles under {data / 'plates'} are too few", fix="--data DIR")
    return kept


def copies(name: str, crop: Image, n: int = COPIES, seed: int = 0) -> list[Image]:
    """``n`` renderings of one vehicle, the same on every run."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    return [_copy(crop, rng) for _ in range(n)]


def _copy(crop: Image, rng: np.random.Generator) -> Image:
    scale = LONGEST / max(crop.shape[:2])
    image = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else crop
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-18, 18), rng.uniform(0.9, 1.15))
    turn[:, 2] += rng.uniform(-0.08, 0.08, 2) * (width, height)
    turn[0] *= rng.uniform(0.75, 1.3)
    size = (int(width * rng.uniform(0.9, 1.2)), height)
    image = np.asarray(cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REFLECT), np.uint8)
    if rng.random() < 0.5:
        image = image[:, ::-1]
    light = (image.astype(np.float64) / 255) ** rng.uniform(0.7, 1.5)
    light *= rng.uniform(0.55, 1.25) * rng.uniform(0.88, 1.12, 3)
    if rng.random() < 0.5:
        haze = rng.uniform(0.05, 0.35)
        light = light * (1 - haze) + haze * rng.uniform(0.25, 0.5) * np.array([1.0, 1.0, 1.1])
    if rng.random() < 0.4:
        dark, angle = rng.uniform(0.4, 0.8), rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[: light.shape[0], : light.shape[1]]
        side = (x / light.shape[1] - 0.5) * np.cos(angle) + (y / light.shape[0] - 0.5) * np.sin(angle)
        light[side > rng.uniform(-0.3, 0.3)] *= dark
    image = np.asarray((np.clip(light, 0, 1) * 255), np.uint8)
    small = rng.uniform(40, 160) / max(image.shape[:2])
    if small < 1:
        least = (max(8, round(image.shape[1] * small)), max(8, round(image.shape[0] * small)))
        image = np.asarray(cv2.resize(image, least, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(image)


def fit(numbers: dict[str, NDArray[np.float32]], vehicle: NDArray[np.int64]) -> Basis:
    """The basis of a population: a row of each of ``numbers`` a picture, ``vehicle`` (N,) whose it is.

    Rounded to what the file keeps (float16), so that what is measured is what is shipped.
    """
    means = {k: _half(numbers[k].mean(0)) for k in PARTS}
    scales = {k: float(_half(np.sqrt(numbers[k].var(0).sum(keepdims=True)))[0]) for k in PARTS}
    away = (numbers["mobilenet"] - means["mobilenet"]) / scales["mobilenet"]
    first = _half(np.linalg.svd(away, full_matrices=False)[2][:REDUCED].T)
    size = REDUCED + sum(numbers[k].shape[1] for k in PARTS[1:])
    joined = Basis(means, scales, first, np.eye(size, dtype=np.float32)).joined(numbers).astype(np.float64)
    centre = np.stack([joined[vehicle == v].mean(0) for v in range(int(vehicle.max()) + 1)])
    within = joined - centre[vehicle]
    spread = within.T @ within / len(within)
    values, axes = np.linalg.eigh(spread + LAMBDA * np.trace(spread) / len(spread) * np.eye(len(spread)))
    white = axes / np.sqrt(values)
    return Basis(means, scales, first, _half(white / np.abs(white).max()))  # lengths do not matter, float16 does


def _half(x: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(x, np.float16).astype(np.float32)


def write(path: Path, basis: Basis) -> None:
    """The file that ships."""
    from safetensors.numpy import save_file

    arrays = {f"mean.{k}": basis.means[k] for k in PARTS} | {"first": basis.first, "white": basis.white}
    arrays |= {f"scale.{k}": np.array([basis.scales[k]], np.float32) for k in PARTS}
    save_file({k: np.ascontiguousarray(v, np.float16) for k, v in arrays.items()}, str(path))


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m viot_tools.reid.fit_vehicle", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder laid out like ../shared/data")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("vehicle_look.safetensors"))
    given = parser.parse_args(argv)
    weights = Weights(default_home(), given.data / "models", "hub")
    look, photos = VehicleLook(weights), photographs(given.data, weights)
    pictures = [(v, image) for v, (name, crop) in enumerate(photos) for image in copies(name, crop)]
    seen = [look.numbers(image)[0] for _, image in pictures]
    numbers = {k: np.stack([s[k] for s in seen]) for k in PARTS}
    write(given.out, fit(numbers, np.array([v for v, _ in pictures])))
    print(f"{given.out}: {len(photos)} vehicles, {len(pictures)} pictures")


if __name__ == "__main__":
    main()
