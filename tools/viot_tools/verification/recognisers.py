"""Recognisers of different makers behind one seam: aligned 112x112 faces in, unit vectors out.

=====================  ===============================  ==================================================
name                   maker                            file
=====================  ===============================  ==================================================
``mobilefacenet``      foamliu (ArcFace)                manifest
``qengineering``       Qengineering (InsightFace's      converted from ncnn, see ``CONVERTED``
                       layer names: treat with care)
``mobileface-v2``      becauseofAI                      converted from MXNet, see ``CONVERTED``
``retail-0095``        Intel Open Model Zoo             manifest
``dlib``               dlib                             the builtin tier's
=====================  ===============================  ==================================================

Two of them exist here only as files converted from a format that nothing here reads. No address gives those bytes, so
``viot models pull`` cannot fetch them: they are looked for in ``VIOT_MODELS``.

retail-0095 and dlib were trained on crops of their own; both lie inside the usual 112x112 crop but for a strip under
the chin (dlib's: an eighth of its height), which repeats the last row. Owns preprocessing. Knows neither people nor
thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.weights import Weights
from viot_agent.weights.store import Entry
from viot_tools.faces.joint import TEMPLATE_DLIB
from viot_tools.faces.recognise import TEMPLATE, DlibResnet, similarity, unit
from viot_tools.inference import compiled, session

if TYPE_CHECKING:
    from viot_tools.faces.nets import FaceNet

Faces = NDArray[np.uint8]
Vectors = NDArray[np.float32]
BATCH = 16


class Recogniser(Protocol):
    """The seam. ``maker`` tells whose training it is: two of one maker are no independent judges."""

    name: str
    maker: str

    def embed(self, faces: Faces) -> Vectors:
        """``faces`` (N, 112, 112, 3) uint8 RGB -> (N, D) float32, L2-normalised."""
        ...


def _converted(name: str, file: str, size: int, sha256: str, licence: str, permissive: bool, source: str) -> Entry:
    return Entry(
        name, "hub", "face recogniser (measured, not used by any tool)", f"face_recog/{file}", size, sha256, licence,
        permissive, False, repository=source,
    )  # fmt: skip


CONVERTED = {
    entry.name: entry
    for entry in (
        _converted(
            "qengineering",
            "qengineering_mobilefacenet/qeng_mobilefacenet.onnx",
            4132591,
            "877752a89ae1f6f6fc5377a5502de54b2d6c1ccb202a2e93ca996387973b95f9",
            "BSD-3-Clause (who trained it is not stated)",
            False,
            "Qengineering/Face-Recognition-Raspberry-Pi-64-bits@774013f: mobilefacenet.param and .bin",
        ),
        _converted(
            "mobileface-v2",
            "mobileface_v2/mobileface_v2.onnx",
            3594319,
            "5b95aaf4405b6817e91c007f5dfff8c3939a2713fde99a30fc08d584469fa3ab",
            "MIT",
            True,
            "becauseofAI/MobileFace@128cea3: MobileFace_Identification_V2-symbol.json, -0000.params",
        ),
    )
}


def _file(weights: Weights, name: str) -> Path:
    """The checked file, of the manifest or of ``CONVERTED``. Raises WeightsMissing, UserFault for other bytes."""
    if name not in CONVERTED:
        return weights.path(name)
    entry = CONVERTED[name]
    here = Weights(weights.home, weights.models_dir, weights.tier, CONVERTED)
    if here.locate(name) is None:
        raise WeightsMissing(
            f"the model {name} ({entry.serves}) is not on this machine",
            fix=f"convert {entry.repository} to ONNX, put it at DIR/{entry.file}, set VIOT_MODELS=DIR",
        )
    return here.path(name)


class OnnxRecogniser:
    """A recogniser of 112x112 RGB faces in ONNX; ``prepare`` brings (N, 112, 112, 3) uint8 to what it was fed."""

    def __init__(
        self, weights: Weights, name: str, maker: str, prepare: Callable[[Faces], NDArray[np.float32]]
    ) -> None:
        self.name, self.maker = name, maker
        self._weights, self._prepare = weights, prepare

    def embed(self, faces: Faces) -> Vectors:
        """(N, D). Raises WeightsMissing, FailedFault."""
        net = session(_file(self._weights, self.name))
        asked = net.get_inputs()[0]
        step = asked.shape[0] if isinstance(asked.shape[0], int) else BATCH
        parts = [np.zeros((0, net.get_outputs()[0].shape[1]), np.float32)]
        for i in range(0, len(faces), step):
            fed = self._prepare(faces[i : i + step]).transpose(0, 3, 1, 2)
            parts.append(np.asarray(net.run(None, {asked.name: np.ascontiguousarray(fed)})[0], np.float32))
        return unit(np.concatenate(parts))


def imagenet(faces: Faces) -> NDArray[np.float32]:
    """Scaled by ImageNet's mean and spread."""
    mean, spread = np.array((0.485, 0.456, 0.406), np.float32), np.array((0.229, 0.224, 0.225), np.float32)
    return np.asarray((faces.astype(np.float32) / 255 - mean) / spread, np.float32)


def raw(faces: Faces) -> NDArray[np.float32]:
    """0..255: the scaling is inside the graph."""
    return faces.astype(np.float32)


def recrop(faces: Faces, template: NDArray[np.float32], side: int) -> Faces:
    """(N, side, side, 3): the part of the usual crops in which the five points lie at ``template``."""
    import cv2

    matrix = similarity(TEMPLATE, template)
    out = np.zeros((len(faces), side, side, 3), np.uint8)
    for i, face in enumerate(faces):
        out[i] = cv2.warpAffine(face, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return out


class Retail0095:
    """face-reidentification-retail-0095: 128x128 BGR 0..255, 256-d, an OpenVINO graph."""

    name, maker = "retail-0095", "Intel"
    # Open Model Zoo's five points, in shares of the crop
    TEMPLATE = 128 * np.array(
        [[0.315569, 0.461574], [0.682623, 0.461574], [0.500262, 0.640506], [0.349472, 0.846451], [0.653436, 0.846451]],
        np.float32,
    )

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def embed(self, faces: Faces) -> Vectors:
        """(N, 256). Raises WeightsMissing, FailedFault."""
        if not len(faces):
            return np.zeros((0, 256), np.float32)
        network = compiled(self._weights.path("retail-0095"), self._weights.path("retail-0095-weights"))
        crops = recrop(faces, self.TEMPLATE, 128)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        return unit(np.stack([network.run(np.ascontiguousarray(x[None]))[0].ravel() for x in crops]))


class Dlib:
    """dlib's ResNet on 150x150 chips cut out of the usual crop; our port of it, which gives dlib's own numbers (within
    1e-3, a test holds it to that) in a seventh of the time."""

    name, maker = "dlib", "dlib"

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def embed(self, faces: Faces) -> Vectors:
        """(N, 128). Raises WeightsMissing."""
        return self.embed_chips(recrop(faces, TEMPLATE_DLIB, DlibResnet.size))

    def embed_chips(self, chips: Faces) -> Vectors:
        """(N, 128) of dlib's own chips (N, 150, 150, 3)."""
        import torch

        net = _ported(str(self._weights.path("dlib-face-recogniser")))
        parts = [np.zeros((0, 128), np.float32)]
        with torch.inference_mode():
            for i in range(0, len(chips), BATCH):
                x = torch.from_numpy(np.ascontiguousarray(chips[i : i + BATCH].transpose(0, 3, 1, 2)))
                parts.append(net(x.to(torch.float32)).numpy().astype(np.float32))
        return unit(np.concatenate(parts))


@lru_cache(maxsize=1)
def _ported(path: str) -> Any:
    from viot_tools.faces.nets import load_dlib

    return load_dlib(Path(path)).eval()


class NetRecogniser:
    """Any :class:`~viot_tools.faces.nets.FaceNet`, in evaluation mode, on the CPU or wherever it lies."""

    def __init__(self, net: FaceNet, maker: str = "own") -> None:
        self.name, self.maker = str(net.name), maker
        self._net: Any = net

    def embed(self, faces: Faces) -> Vectors:
        """(N, D)."""
        import torch

        device = next(self._net.parameters()).device
        parts = [np.zeros((0, int(self._net.dim)), np.float32)]
        was = self._net.training
        self._net.eval()
        with torch.inference_mode():
            for i in range(0, len(faces), BATCH):
                x = torch.from_numpy(np.ascontiguousarray(faces[i : i + BATCH].transpose(0, 3, 1, 2)))
                parts.append(self._net(x.to(device, torch.float32)).cpu().numpy().astype(np.float32))
        self._net.train(was)
        return unit(np.concatenate(parts))


class Pixels:
    """The trivial rule: the grey values of the face at 16x16, without their mean."""

    name, maker = "pixels", "none"

    def embed(self, faces: Faces) -> Vectors:
        """(N, 256); a flat face is a zero vector."""
        import cv2

        rows = [
            cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), (16, 16), interpolation=cv2.INTER_AREA).ravel()
            for f in faces
        ]
        grey = np.array(rows, np.float32).reshape(len(faces), 256)
        return unit(grey - grey.mean(axis=1, keepdims=True))


class Colours:
    """The other trivial rule: how much of which colour, 4x4x4 bins of RGB, square roots (Hellinger)."""

    name, maker = "colours", "none"

    def embed(self, faces: Faces) -> Vectors:
        """(N, 64)."""
        counts = [np.bincount((f.reshape(-1, 3) // 64).astype(np.int64) @ (16, 4, 1), minlength=64) for f in faces]
        return unit(np.sqrt(np.array(counts, np.float32).reshape(len(faces), 64)))


MAKERS: dict[str, Callable[[Weights], Recogniser]] = {
    "mobilefacenet": lambda w: OnnxRecogniser(w, "mobilefacenet", "foamliu", imagenet),
    "qengineering": lambda w: OnnxRecogniser(w, "qengineering", "Qengineering", raw),
    "mobileface-v2": lambda w: OnnxRecogniser(w, "mobileface-v2", "becauseofAI", raw),
    "retail-0095": Retail0095,
    "dlib": Dlib,
}
"""Every supplied recogniser; files are looked for when one first embeds."""

TRIVIAL: tuple[Recogniser, ...] = (Pixels(), Colours())


def recogniser(name: str, weights: Weights) -> Recogniser:
    """The supplied recogniser of that name. Raises UserFault with the known names."""
    if name not in MAKERS:
        raise UserFault(f"there is no face recogniser {name!r}", fix=f"there are {', '.join(MAKERS)}")
    return MAKERS[name](weights)


def default_name(tier: str) -> str:
    """The recogniser of that tier."""
    return "mobilefacenet" if tier == "hub" else "dlib"
