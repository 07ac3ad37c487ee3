"""What all backbones share: the ``FaceNet`` that scales pixels inside, the presets of scaling, and checked options.

Owns the outer shape of a network. Knows no architecture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from viot_agent.errors import NameFault, UserFault

SCALINGS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "raw": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "arcface": ((127.5, 127.5, 127.5), (128.0, 128.0, 128.0)),
    "arcface-tenfold": ((127.5, 127.5, 127.5), (12.8, 12.8, 12.8)),
    "unit": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "unit-tenfold": ((127.5, 127.5, 127.5), (12.75, 12.75, 12.75)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "dlib": ((122.782, 117.001, 104.298), (256.0, 256.0, 256.0)),
}
"""Mean and divisor of R, G, B in 0..255. ``arcface`` is (x - 127.5) * 0.0078125. ``arcface-tenfold`` is
(x - 127.5) * 0.078125, a slip in the code that trained the IR-50 of SFace, OPOM and GA: their checkpoints need it, and
inputs then span about +-10. ``unit`` is -1..1; ``unit-tenfold`` is what AdvCloak feeds its IR-50. ``raw`` is what the
Face Transformer takes. ``imagenet`` is torchvision's, ``dlib`` that of dlib's recogniser."""

MOST_BLOCKS = 1000
LIMITS = {"depth": (1, MOST_BLOCKS)}
"""Options come out of files too: a file must not be able to ask for a network that fills the memory by its name."""


@dataclass(frozen=True)
class Options:
    """Options of one architecture; a subclass adds its own fields, and lists in ``CHOICES`` what a text may be."""

    scaling: str = "arcface"

    CHOICES: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises NameFault for a text that is no choice, UserFault for a number out of range."""
        for name, choices in {"scaling": tuple(SCALINGS), **self.CHOICES}.items():
            value = getattr(self, name)
            if value not in choices:
                raise NameFault(
                    f"{name} is {value!r}", name=str(value), nearest=choices, fix=f"one of: {', '.join(choices)}"
                )
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, tuple):
                if min(value) < 0 or not 1 <= sum(value) <= MOST_BLOCKS:
                    raise UserFault(f"{f.name} is {value}", fix=f"blocks of each stage, 1 to {MOST_BLOCKS} together")
            elif not isinstance(value, (str, bool)):
                low, high = (0.0, 0.99) if f.name == "dropout" else LIMITS.get(f.name, (1, 1 << 14))
                if isinstance(value, float) and f.name == "width":
                    low, high = 1 / 64, 16.0
                if not low <= value <= high:
                    raise UserFault(f"{f.name} is {value}", fix=f"{low} to {high}")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Options:
        """From keywords or from JSON. Raises NameFault for an unknown option, with all that there are; UserFault for
        one of the wrong kind."""
        known = {f.name: f.default for f in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise NameFault(
                f"there is no option {', '.join(unknown)}",
                name=unknown[0],
                nearest=tuple(known),
                fix=f"options: {', '.join(known)}",
            )
        return cls(**{name: _like(name, value, known[name]) for name, value in values.items()})

    def plain(self) -> dict[str, Any]:
        """As JSON knows them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def _like(name: str, value: Any, default: Any) -> Any:
    """``value`` in the kind of ``default``, or UserFault: nothing is rounded or turned into something else."""
    if isinstance(default, tuple):
        good = isinstance(value, (list, tuple)) and len(value) == len(default) and all(type(v) is int for v in value)
        if good:
            return tuple(value)
        wanted = f"{len(default)} whole numbers"
    elif isinstance(default, float):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        wanted = "a number"
    elif type(value) is type(default):
        return value
    else:
        wanted = {int: "a whole number", bool: "true or false", str: "a text"}[type(default)]
    raise UserFault(f"option {name} is {value!r}", fix=f"{wanted}, such as {default!r}")


class FaceNet(nn.Module):
    """A backbone with its input scaling inside, so that gradients with respect to pixels are on the 0..255 scale.

    ``name`` and ``options`` rebuild it; ``dim`` is the length of its vectors, ``size`` the side of its input in pixels,
    ``tokens`` the number of patches a transformer sees (None for convolutions); ``card`` what was saved beside it.
    """

    mean: Tensor
    divisor: Tensor

    def __init__(self, name: str, options: Options, body: Body, *, size: int = 112) -> None:
        super().__init__()
        self.name, self.options, self.size = name, options.plain(), size
        self.body = body
        self.card: dict[str, str] = {}
        mean, divisor = SCALINGS[options.scaling]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("divisor", torch.tensor(divisor).view(1, 3, 1, 1), persistent=False)

    @property
    def dim(self) -> int:
        return self.body.dim

    @property
    def tokens(self) -> int | None:
        return self.body.tokens

    def forward(self, faces: Tensor) -> Tensor:
        """(N, 3, size, size) float, RGB 0..255, to (N, dim), *not* normalised. Raises ValueError for another shape
        or for whole numbers."""
        if faces.ndim != 4 or tuple(faces.shape[1:]) != (3, self.size, self.size) or not faces.is_floating_point():
            raise ValueError(
                f"{self.name} takes (N, 3, {self.size}, {self.size}) floats in 0..255, "
                f"got {tuple(faces.shape)} {faces.dtype}"
            )
        out: Tensor = self.body((faces - self.mean) / self.divisor)
        return out

    def main_path(self) -> list[nn.Module]:
        """The layers of the main path in order, without shortcuts and gates: every convolution, or for a transformer
        the last projection of each attention and each MLP. DFANet (arXiv 2004.05790) puts its dropout after them."""
        return self.body.main_path()


class Body(nn.Module):
    """What an architecture provides: (N, 3, size, size) scaled to (N, dim)."""

    dim: int
    tokens: int | None = None
    aside: tuple[str, ...] = ()
    """Names of submodules whose convolutions lie on no main path."""

    def main_path(self) -> list[nn.Module]:
        return [
            module
            for name, module in self.named_modules()
            if isinstance(module, nn.Conv2d) and not any(part in self.aside for part in name.split("."))
        ]


def channels(count: int, width: float, step: int = 8) -> int:
    """``count`` times ``width``, to the nearest multiple of ``step``, not under it; exactly ``count`` at width 1."""
    return count if width == 1 else max(step, round(count * width / step) * step)
