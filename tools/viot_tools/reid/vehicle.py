"""From the picture of a vehicle to a vector, a colour and a type. There is no permissive network for vehicle re-ID
among the files this product names, so the vector is composed of what there is.

Four parts: MobileNetV2's pooled features (ImageNet; Sandler et al., CVPR 2018), two middle layers of
vehicle-attributes-recognition-barrier-0039 (a network that was trained on vehicles, pooled), and the layout of Lab
colours. Each is centred and brought to unit spread, MobileNet's reduced to its first ``REDUCED`` directions; all
together are whitened by how *one* vehicle's numbers scatter under light, haze, blur, turn and cropping (within-class
covariance normalisation: Hatch, Kajarekar and Stolcke, Interspeech 2006, eq. 4). ``vehicle_look.safetensors`` holds
these matrices; ``fit_vehicle`` makes it.

The network's colours are confidently wrong (dark and blue cars read red), so the colour is read from the pixels
(``colour.vehicle_colour``) and the network's word stands beside it where they differ.

Owns pixels -> vectors and attributes of vehicles. Knows no tracks and no thresholds.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.inference import Compiled, thread_count
from viot_tools.reid.colour import COLOURS, lab, layout, vehicle_colour, window
from viot_tools.reid.embed import Vectors, unit

VEHICLE_MODEL: Final = "vehicle-look"
READ_MODEL: Final = "vehicle-read"
"""Under which name the colours and the type of a picture are stored, as a vector (see :class:`Read`)."""
FILES: Final = ("vehicle-attributes", "vehicle-attributes-weights", "imagenet-mobilenet", "vehicle-look")
TYPES: Final = ("car", "bus", "truck", "van")
LAYERS: Final = ("type", "color", "ReLU3", "ReLU5")
REDUCED = 128
PARTS: Final = ("mobilenet", "early", "middle", "colours")


@dataclass(frozen=True, slots=True)
class Read:
    """What a picture's vehicle looks like: ``pixels`` and ``network`` (7,) by ``COLOURS``, ``types`` (4,) by ``TYPES``.

    Each sums to 1. As a vector (for storage) they stand one after the other, L2-normalised.
    """

    pixels: NDArray[np.float32]
    network: NDArray[np.float32]
    types: NDArray[np.float32]

    def vector(self) -> Vectors:
        """(18,) for the library."""
        return unit(np.concatenate([self.pixels, self.network, self.types]))

    @classmethod
    def of(cls, vector: Vectors) -> Read:
        """Back from the library: each part sums to 1 again."""
        parts = vector[:7], vector[7:14], vector[14:18]
        return cls(*(np.asarray(p / max(float(p.sum()), 1e-9), np.float32) for p in parts))


class VehicleLook:
    """The embedder of vehicles; both networks run in OpenVINO, cut at the layers that are wanted."""

    model = VEHICLE_MODEL

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._networks: tuple[Compiled, Compiled] | None = None
        self._basis: Basis | None = None

    @property
    def model_version(self) -> str:
        """The networks' and the basis's."""
        return "+".join(self._weights.entry(name).model_version for name in FILES[1:])

    def embed(self, pictures: Sequence[Image]) -> Vectors:
        """(N, 464). Raises WeightsMissing, FailedFault."""
        return self.look(pictures)[0]

    def look(self, pictures: Sequence[Image]) -> tuple[Vectors, list[Read]]:
        """Vectors (N, 464) and what was read, in one pass."""
        seen = [self.numbers(p) for p in pictures]
        if not seen:
            return np.zeros((0, REDUCED + 64 + 128 + 144), np.float32), []
        if self._basis is None:
            self._basis = Basis.read(self._weights.path(FILES[3]))
        return self._basis.vectors({k: np.stack([s[0][k] for s in seen]) for k in PARTS}), [s[1] for s in seen]

    def numbers(self, picture: Image) -> tuple[dict[str, NDArray[np.float32]], Read]:
        """The parts of one picture before centring: (1280,), (64,), (128,), (144,); and what was read."""
        attributes, mobilenet = self._load()
        types, colours, early, middle = attributes.run(_planar(picture, 72))
        features = mobilenet.run(_scaled(picture, 224)[None])[0]
        positive = {
            "mobilenet": np.sqrt(np.maximum(features.reshape(-1), 0)),
            "early": np.sqrt(np.maximum(early[0].astype(np.float32).mean((1, 2)), 0)),
            "middle": np.sqrt(np.maximum(middle[0].astype(np.float32).mean((1, 2)), 0)),
            "colours": layout(lab(picture, 64, 64), 2, 2, window(64, 64, 22.0, 22.0)),
        }
        read = Read(vehicle_colour(picture), *(np.asarray(x, np.float32).ravel() for x in (colours, types)))
        return {k: np.asarray(v, np.float32) for k, v in positive.items()}, read

    def _load(self) -> tuple[Compiled, Compiled]:
        if self._networks is None:
            path = self._weights.path
            self._networks = _cut(path(FILES[0]), path(FILES[1]), LAYERS), _cut(path(FILES[2]), None, ())
        return self._networks


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What ``fit_vehicle`` learned. ``means``/``scales`` by part; ``first`` (1280, REDUCED); ``white`` (D, D)."""

    means: dict[str, NDArray[np.float32]]
    scales: dict[str, float]
    first: NDArray[np.float32]
    white: NDArray[np.float32]

    def vectors(self, numbers: dict[str, NDArray[np.float32]]) -> Vectors:
        """Numbers by part, (N, d) each, as (N, D) vectors."""
        return unit(self.joined(numbers) @ self.white)

    def joined(self, numbers: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """The same before whitening."""
        each = {k: (numbers[k] - self.means[k]) / self.scales[k] for k in PARTS}
        each["mobilenet"] = each["mobilenet"] @ self.first
        return np.concatenate([each[k] for k in PARTS], 1)

    @classmethod
    def read(cls, path: Path) -> Basis:
        """From the package's file, which comes checked from ``Weights.path``."""
        from safetensors.numpy import load_file

        arrays = {k: v.astype(np.float32) for k, v in load_file(str(path)).items()}
        return cls(
            {k: arrays[f"mean.{k}"] for k in PARTS},
            {k: float(arrays[f"scale.{k}"][0]) for k in PARTS},
            arrays["first"],
            arrays["white"],
        )


def _cut(path: Path, weights: Path | None, layers: tuple[str, ...]) -> Compiled:
    """The network up to ``layers`` (by name), or up to its one average pooling where none are named; compiled once a
    process, since every question makes a :class:`VehicleLook` of its own."""
    return _compiled(os.getpid(), path, weights, layers)  # what was compiled does not survive a fork


@lru_cache(maxsize=4)
def _compiled(process: int, path: Path, weights: Path | None, layers: tuple[str, ...]) -> Compiled:
    import openvino

    core: Any = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": thread_count(), "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    try:
        model = core.read_model(str(path)) if weights is None else core.read_model(str(path), str(weights))
        nodes = {node.get_friendly_name(): node for node in model.get_ops()}
        pools = [node for node in model.get_ops() if node.get_type_name() == "AvgPool"]
        wanted = [nodes[name] for name in layers] if layers else pools[:1]
        if not wanted:
            raise FailedFault(f"{path} has no average pooling", fix="viot models verify, then pull the file again")
        short = openvino.Model([node.output(0) for node in wanted], model.get_parameters(), "look")
        return Compiled(core.compile_model(short, "CPU", options))
    except (RuntimeError, KeyError) as error:
        raise FailedFault(
            f"OpenVINO cannot load {path}: {error}", fix="viot models verify, then pull the file again"
        ) from error


def _scaled(picture: Image, side: int) -> Image:
    how = cv2.INTER_AREA if max(picture.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how), np.uint8)


def _planar(picture: Image, side: int) -> NDArray[np.float32]:
    """(1, 3, side, side) BGR 0..255."""
    return np.ascontiguousarray(_scaled(picture, side)[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)


def words(reads: Sequence[Read]) -> tuple[str, str]:
    """(colour, type) that the pictures of one vehicle say together: ``red``, ``black or red``; type '' when unsure."""
    pixels = np.mean([r.pixels for r in reads], axis=0)
    network = np.mean([r.network for r in reads], axis=0)
    types = np.mean([r.types for r in reads], axis=0)
    first, other = COLOURS[int(pixels.argmax())], COLOURS[int(network.argmax())]
    return first if first == other else f"{first} or {other}", TYPES[int(types.argmax())] if types.max() >= 0.8 else ""
