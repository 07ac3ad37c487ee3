"""Networks in safetensors files: written whole or not at all, read without running anything of the file; and pictures
as networks take them.

Owns the file and the layout. What a header must hold and whether weights fit a network are its callers' questions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault, WeightsMissing

if TYPE_CHECKING:
    from torch import Tensor


def pixels(faces: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Tensor:
    """Pictures (N, H, W, 3) uint8 as (N, 3, H, W) float of 0..255."""
    import torch

    return torch.from_numpy(np.stack(list(faces)).transpose(0, 3, 1, 2).copy()).float()


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write ``tensors`` and ``metadata`` to ``path``. Raises UserFault where it cannot be written."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    ready = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
            whole = Path(folder) / "net.safetensors"
            save_file(ready, str(whole), dict(metadata))
            whole.replace(path)
    except (OSError, SafetensorError) as error:
        raise UserFault(f"cannot write {path}: {error}", fix="choose a folder that exists and has room") from error


def read_tensors(path: Path, *, fix: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a file. Raises WeightsMissing with ``fix`` when there is none, UserFault when it
    is damaged."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsMissing(f"no file {path}", fix=fix)
    try:
        with safe_open(str(path), framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserFault(f"cannot read {path}: {error}", fix="give a whole safetensors file") from error


def check_fit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path, what: str, *, fix: str) -> None:
    """Raises UserFault when names or shapes differ from those of ``what``, or values are not finite."""
    shapes, others = ({k: tuple(v.shape) for k, v in s.items()} for s in (wanted, found))
    if wrong := sorted(k for k in shapes.keys() | others.keys() if shapes.get(k) != others.get(k)):
        first = wrong[0]
        raise UserFault(
            f"the weights of {path} do not fit {what}: {len(wrong)} differ, such as {first}: "
            f"{others.get(first, 'absent')} instead of {shapes.get(first, 'none')}",
            fix=fix,
        )
    if bad := [k for k, v in found.items() if v.is_floating_point() and not v.is_meta and not bool(v.isfinite().all())]:
        raise UserFault(f"{path} holds values that are not finite in {bad[0]}", fix="train or fetch it again")
