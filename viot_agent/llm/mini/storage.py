"""How ``mini``'s nets lie in one safetensors file: matrices as int8 with a float32 scale a row, all else as float16.

Net ``i``'s array ``name`` lies under ``i/name``, a matrix's scales under ``i/name:scale``. Rounding is symmetric: a
row's largest magnitude is 127. Owns the layout; knows nothing of what the arrays are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
SMALL = 16
"""A matrix with fewer rows or columns is kept as float16."""
_SCALE = ":scale"


def packed(nets: Sequence[Mapping[str, npt.NDArray[Any]]]) -> dict[str, npt.NDArray[Any]]:
    """What is written to the file."""
    out: dict[str, npt.NDArray[Any]] = {}
    for number, arrays in enumerate(nets):
        for name, array in arrays.items():
            key, value = f"{number}/{name}", np.asarray(array, np.float32)
            if value.ndim == 2 and min(value.shape) >= SMALL:
                scale = np.maximum(np.abs(value).max(1), np.float32(1e-12)) / np.float32(127)
                out[key] = np.ascontiguousarray(np.rint(value / scale[:, None]), np.int8)
                out[key + _SCALE] = np.ascontiguousarray(scale, np.float32)
            else:
                out[key] = np.ascontiguousarray(value, np.float16)
    return out


def unpacked(file: Mapping[str, npt.NDArray[Any]]) -> tuple[dict[str, Array], ...]:
    """The nets of a file, as float32. Raises KeyError where a matrix's scales are missing."""
    nets: dict[int, dict[str, Array]] = {}
    for key, array in file.items():
        if key.endswith(_SCALE):
            continue
        number, _, name = key.partition("/")
        value = array.astype(np.float32)
        if array.dtype == np.int8:
            value *= file[key + _SCALE][:, None]
        nets.setdefault(int(number), {})[name] = value
    return tuple(nets[number] for number in sorted(nets))
