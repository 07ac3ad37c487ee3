"""AdvCloak's networks: a generator that draws a mask in one pass, and the discriminator it is trained against (Liu et
al., "AdvCloak: Customized Adversarial Cloak for Privacy Protection", arXiv 2312.14407).

The paper's networks are not published; these follow a plain description of a second-hand one: a residual generator with
two halvings, and five halving convolutions that judge a 4 x 4 grid. ``width`` 64 is full size (4.8 million weights);
32 fits the wheel.

Owns layers, the person's mask (the mean over the person's pictures, scaled to a declared budget) and files. Training is
``viot_finetune.advcloak``.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from viot_agent.errors import UserFault
from viot_agent.foreign import read_json
from viot_tools.cloak.budget import PAPER, Budget, fit
from viot_tools.tensors import check_fit, read_tensors, save_tensors

FORMAT = "viot-advcloak-1"
WIDEST, MOST_BLOCKS = 128, 9
"""Sizes also come out of files: a file must not be able to ask for a network that fills the memory."""


class Residual(nn.Module):
    """Two 3 x 3 convolutions with batch norm, added to their input."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(depth, depth, 3, 1, 1, padding_mode="reflect", bias=False),
            nn.BatchNorm2d(depth),
            nn.ReLU(),
            nn.Conv2d(depth, depth, 3, 1, 1, padding_mode="reflect", bias=False),
            nn.BatchNorm2d(depth),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


class Generator(nn.Module):
    """Faces (N, 3, H, W) float RGB 0..255, H and W multiples of 4, to a mask for each, of the same shape and scale,
    each value within +-255. Raises UserFault for sizes outside 1..``WIDEST`` and 0..``MOST_BLOCKS``."""

    def __init__(self, width: int = 64, blocks: int = 3) -> None:
        super().__init__()
        if not (1 <= width <= WIDEST and 0 <= blocks <= MOST_BLOCKS):
            raise UserFault(
                f"a generator of width {width} and {blocks} blocks", fix=f"1 to {WIDEST}, and 0 to {MOST_BLOCKS}"
            )
        self.width, self.blocks = width, blocks
        self.card: dict[str, str] = {}
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 7, 1, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.InstanceNorm2d(2 * width),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1),
            nn.InstanceNorm2d(4 * width),
            nn.ReLU(),
            *(Residual(4 * width) for _ in range(blocks)),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1),
            nn.GroupNorm(1, 2 * width),  # layer norm over channels and pixels, of any picture size
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.GroupNorm(1, width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 3, 7, 1, 3),
            nn.Tanh(),
        )

    def forward(self, faces: Tensor) -> Tensor:
        out: Tensor = 255.0 * self.layers(faces / 127.5 - 1)
        return out


class Discriminator(nn.Module):
    """Faces (N, 3, 112, 112) float RGB 0..255 to (N, 16) logits of a 4 x 4 grid: above 0 means a clean picture."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.width = width
        layers: list[nn.Module] = []
        inside = 3
        for i in range(5):
            outside = width * 2**i
            layers += [nn.Conv2d(inside, outside, 3, 2, 1), nn.BatchNorm2d(outside)]
            if i >= 2:
                layers.append(nn.LeakyReLU(0.2))
            inside = outside
        self.layers = nn.Sequential(*layers, nn.Conv2d(inside, 1, 1))

    def forward(self, faces: Tensor) -> Tensor:
        out: Tensor = self.layers(faces / 127.5 - 1)
        return out.flatten(1)


def shared(masks: Tensor, people: Tensor) -> Tensor:
    """(N, C, H, W): every picture gets the mean of the ``masks`` of its person, ``people`` (N,)."""
    out = torch.zeros_like(masks)
    for person in sorted(set(people.tolist())):
        rows = (people == person).nonzero().flatten()
        out = out.index_copy(0, rows, masks[rows].mean(0, keepdim=True).expand(len(rows), -1, -1, -1))
    return out


def person_mask(generator: Generator, faces: Tensor, budget: Budget = PAPER) -> Tensor:
    """(3, H, W) the mask of one person: the mean of what the generator draws for the person's ``faces``
    (N, 3, H, W) float RGB 0..255, scaled to ``budget``. The generator is put into evaluation mode.

    Raises UserFault without a face, for sizes that are no multiples of 4, and for a mask of nothing.
    """
    if faces.ndim != 4 or not len(faces) or faces.shape[1] != 3 or any(s % 4 for s in faces.shape[2:]):
        raise UserFault(f"faces of shape {tuple(faces.shape)}", fix="give (N, 3, 112, 112), at least one")
    generator.eval()
    with torch.no_grad():
        return fit(generator(faces).mean(0), budget)


def save_generator(generator: Generator, path: Path, **card: str) -> None:
    """Writes the weights as float16, their sizes and the ``card`` (any texts) to one safetensors file, whole or not at
    all. Raises UserFault where it cannot be written."""
    sizes = json.dumps({"width": generator.width, "blocks": generator.blocks})
    halves = {k: v.half() if v.is_floating_point() else v for k, v in generator.state_dict().items()}
    save_tensors(halves, path, {**card, "format": FORMAT, "sizes": sizes})


def load_generator(path: Path) -> Generator:
    """The generator of ``save_generator``, float32, in evaluation mode, with its ``card``.

    Raises WeightsMissing when there is no file, UserFault when it is none of ours or damaged.
    """
    tensors, metadata = read_tensors(path, fix="train one: python -m viot_finetune.advcloak --help")
    if metadata.pop("format", "") != FORMAT:
        raise UserFault(f"{path} is no generator saved by viot", fix="use a file that save_generator wrote")
    try:
        sizes = read_json(metadata.pop("sizes", "{}"))
        width, blocks = sizes["width"], sizes["blocks"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserFault(f"cannot read {path}: {error}", fix="give a whole file that save_generator wrote") from error
    if type(width) is not int or type(blocks) is not int:
        raise UserFault(f"{path} has a damaged header", fix="give a whole file that save_generator wrote")
    generator = Generator(width, blocks)
    what = f"a generator of width {width} and {blocks} blocks"
    check_fit(generator.state_dict(), tensors, path, what, fix="train or fetch it again")
    generator.load_state_dict(tensors)
    generator.card = metadata
    return generator.eval()
