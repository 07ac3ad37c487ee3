"""Reading the file of dlib's face recogniser (``dlib_face_recognition_resnet_model_v1.dat``) without dlib.

The format is dlib's own serialisation (``dlib/serialize.h`` and the ``deserialize`` functions of ``dlib/dnn``), as far
as this one network needs it: an integer is a byte with its length (and sign in the highest bit) and that many bytes,
low ones first; a floating-point number is two integers, mantissa and exponent of two; a truth value is the letter ``0``
or ``1``; a tensor is a version, four sizes and raw float32. Layers are nested, outermost first: first come the
versions of all layers from the output down to the input, then what each layer holds, from the input up.

Nothing in the file is executed, every length is checked before it is used, and every byte must be accounted for.

Owns the bytes. Does not know what the layers compute (``dlib_resnet``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault, WeightsMissing

MOST_BYTES = 64 << 20
"""A file larger than this is not the recogniser (22 MB)."""
MOST_VALUES = 8 << 20
"""No tensor of the recogniser comes near this many values."""
FIX = "take dlib_face_recognition_resnet_model_v1.dat of the package face_recognition_models 0.3.0"

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as stored: ``kind`` (``con``, ``affine``, ``relu``, ``max_pool``, ``avg_pool``, ``add_prev``, ``fc``),
    ``values`` (flat float32, empty where it learns nothing) and ``shape``: for ``con`` (filters, rows, columns,
    stride down, stride across, padding down, padding across), for pools the same without the filters, for ``fc``
    (outputs, inputs), for ``affine`` the channels of its scale."""

    kind: str
    values: Array = field(repr=False)
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """The file: mean colour (R, G, B) in 0..255 that is taken away, side of the input in pixels, layers from the input
    to the output."""

    mean: tuple[float, float, float]
    side: int
    layers: tuple[Layer, ...]


def read_dat(path: Path, nest: Sequence[str]) -> Stored:
    """The recogniser in ``path``. ``nest`` are the kinds of its layers from the output down to the input, ``tag`` and
    ``skip`` among them.

    Raises WeightsMissing when there is no file, UserFault when it holds anything else, is cut short or damaged.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserFault(f"{path} is too large to be dlib's face recogniser", fix=FIX)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsMissing(f"no file {path}", fix=FIX) from error
    except OSError as error:
        raise UserFault(f"cannot read {path}: {error}", fix=FIX) from error
    reader = _Reader(data, path)
    reader.expect("version of the loss", reader.integer(), 1)
    reader.text("loss_metric_2")
    for _ in range(2):  # margin and distance threshold, of use in training only
        reader.number()
    for i, kind in enumerate(nest):
        last = i == len(nest) - 1
        reader.expect(f"version of layer {i} ({kind})", reader.integer(), 1 if kind in PASSIVE else 3 if last else 2)
    reader.text("input_rgb_image_sized")
    mean = (reader.number(), reader.number(), reader.number())
    rows, columns = reader.integer(), reader.integer()
    reader.expect("height of the input", rows, columns)
    layers = []
    for i, kind in enumerate(k for k in reversed(nest) if k not in PASSIVE):
        layers.append(_LAYERS[kind](reader))
        for _ in range(3):  # states of training
            reader.truth()
        for _ in range(3):  # buffers of training; empty in a file made for use
            reader.tensor()
        if i == 0:
            reader.integer()  # how many inputs make one sample: one
    if reader.at != len(data):
        raise reader.fault(f"{len(data) - reader.at} bytes are left over")
    return Stored(mean, rows, tuple(layers))


PASSIVE = ("tag", "skip")


class _Reader:
    def __init__(self, data: bytes, path: Path) -> None:
        self._data, self._path, self.at = data, path, 0

    def fault(self, why: str) -> UserFault:
        return UserFault(f"{self._path} is not dlib's face recogniser: at byte {self.at} {why}", fix=FIX)

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self._data):
            raise self.fault("the file ends too early")
        piece = self._data[self.at : self.at + count]
        self.at += count
        return piece

    def integer(self) -> int:
        head = self.take(1)[0]
        count = head & 0x0F
        if head & 0x70 or count > 8:
            raise self.fault(f"{head:#04x} begins no integer")
        value = int.from_bytes(self.take(count), "little")
        return -value if head & 0x80 else value

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        if not -2000 < exponent < 900 or abs(mantissa) >> 63:
            raise self.fault("stands no finite number")
        return mantissa * 2.0**exponent

    def truth(self) -> bool:
        letter = self.take(1)
        if letter not in (b"0", b"1"):
            raise self.fault(f"{letter!r} is no truth value")
        return letter == b"1"

    def text(self, wanted: str) -> None:
        count = self.integer()
        found = self.take(min(count, 64)) if count > 0 else b""
        if found != wanted.encode():
            raise self.fault(f"{wanted!r} was expected, found {found[:32]!r}")

    def expect(self, what: str, found: int, wanted: int) -> None:
        if found != wanted:
            raise self.fault(f"{what} is {found}, expected {wanted}")

    def sizes(self) -> tuple[int, int, int, int]:
        n, k, rows, columns = (self.integer() for _ in range(4))
        if min(n, k, rows, columns) < 0 or n * k * rows * columns > MOST_VALUES:
            raise self.fault(f"stands a tensor of impossible size {n}x{k}x{rows}x{columns}")
        return n, k, rows, columns

    def tensor(self) -> Array:
        self.expect("version of a tensor", self.integer(), 2)
        n, k, rows, columns = self.sizes()
        values = np.frombuffer(self.take(4 * n * k * rows * columns), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self.fault("ends a tensor with values that are not finite")
        return values

    def alias(self) -> tuple[int, int, int, int]:
        """Sizes of a view into the layer's values."""
        self.expect("version of a view", self.integer(), 1)
        return self.sizes()


def _con(reader: _Reader) -> Layer:
    reader.text("con_4")
    values = reader.tensor()
    shape = tuple(reader.integer() for _ in range(7))
    n, k, rows, columns = reader.alias()
    bias = reader.alias()
    reader.expect("size of a convolution", n * k * rows * columns + int(np.prod(bias)), values.size)
    for _ in range(4):  # factors of learning rate and weight decay
        reader.number()
    return Layer("con", values, shape)


def _affine(reader: _Reader) -> Layer:
    reader.text("affine_")
    values = reader.tensor()
    scale, shift = reader.alias(), reader.alias()
    reader.expect("channels of the shift", int(np.prod(shift)), int(np.prod(scale)))
    reader.expect("size of an affine layer", 2 * int(np.prod(scale)), values.size)
    reader.expect("mode of an affine layer", reader.integer(), 0)
    return Layer("affine", values, (int(np.prod(scale)),))


def _fc(reader: _Reader) -> Layer:
    reader.text("fc_2")
    outputs, inputs = reader.integer(), reader.integer()
    values = reader.tensor()
    for _ in range(2):
        reader.alias()
    reader.expect("mode of the last layer", reader.integer(), 1)  # one: without bias
    for _ in range(4):
        reader.number()
    reader.expect("size of the last layer", outputs * inputs, values.size)
    return Layer("fc", values, (outputs, inputs))


def _pool(reader: _Reader, kind: str) -> Layer:
    reader.text(f"{kind}_2")
    return Layer(kind, _EMPTY, tuple(reader.integer() for _ in range(6)))


def _bare(reader: _Reader, kind: str) -> Layer:
    reader.text(f"{kind}_")
    return Layer(kind, _EMPTY)


_EMPTY = np.zeros(0, np.float32)
_LAYERS: dict[str, Callable[[_Reader], Layer]] = {
    "con": _con,
    "affine": _affine,
    "fc": _fc,
    "max_pool": lambda reader: _pool(reader, "max_pool"),
    "avg_pool": lambda reader: _pool(reader, "avg_pool"),
    "relu": lambda reader: _bare(reader, "relu"),
    "add_prev": lambda reader: _bare(reader, "add_prev"),
}
