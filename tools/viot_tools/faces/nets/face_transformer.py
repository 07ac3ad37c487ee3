"""Face Transformer (Zhong and Deng, arXiv 2103.14803): a Vision Transformer whose patches overlap.

Patches of P pixels at every eighth pixel (``Unfold``), 14 x 14 = 196 tokens for P of 8, 10 and 12; a class token and
learned positions, both drawn from a standard normal; pre-norm blocks; the vector is the normalised class token.

Three details of the authors' code differ from the usual and are options here: attention is scaled by the *width* of
the model to the power -0.5, not by that of one head; queries, keys and values have no bias; pixels enter as 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from viot_tools.faces.nets.base import Body, Options

PATCHES = {"vit-p8s8": (8, 0), "vit-p10s8": (10, 1), "vit-p12s8": (12, 4)}
"""Side of a patch and padding, in pixels. With P of 12 four pixels of the padding are left over."""
STRIDE = 8


@dataclass(frozen=True)
class TransformerOptions(Options):
    """``depth`` blocks of ``heads`` heads of ``head_dim`` numbers on tokens of ``width`` numbers, with an inner layer
    of ``mlp``. ``patch_order``: ``pixel`` flattens a patch by row, column, channel, ``channel`` by channel, row, column
    (the authors' P8S8 is the first, their P12S8 the second: weights must be loaded into the same).
    ``attention_scale``: ``width`` or ``head``."""

    CHOICES: ClassVar = {"patch_order": ("pixel", "channel"), "attention_scale": ("width", "head")}

    scaling: str = "raw"
    depth: int = 20
    width: int = 512
    heads: int = 8
    head_dim: int = 64
    mlp: int = 2048
    dropout: float = 0.1
    patch_order: str = "channel"
    attention_scale: str = "width"
    qkv_bias: bool = False


@dataclass(frozen=True)
class PixelMajorOptions(TransformerOptions):
    """Those of P8S8."""

    patch_order: str = "pixel"


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2.2)."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        inner = options.heads * options.head_dim
        self._heads = options.heads
        self._scale = (options.width if options.attention_scale == "width" else options.head_dim) ** -0.5
        self.qkv = nn.Linear(options.width, 3 * inner, bias=options.qkv_bias)
        self.out = nn.Linear(inner, options.width)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, _ = x.shape
        q, k, v = self.qkv(x).view(n, tokens, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, scale=self._scale)
        out: Tensor = self.dropout(self.out(mixed.transpose(1, 2).reshape(n, tokens, -1)))
        return out


class Block(nn.Module):
    """Pre-norm attention, then pre-norm MLP, both added."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(options.width), nn.LayerNorm(options.width)
        self.attention = Attention(options)
        self.mlp = nn.Sequential(
            nn.Linear(options.width, options.mlp),
            nn.GELU(),
            nn.Dropout(options.dropout),
            nn.Linear(options.mlp, options.width),
            nn.Dropout(options.dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class FaceTransformer(Body):
    """(N, 3, 112, 112) to (N, width)."""

    def __init__(self, options: TransformerOptions, patch: int, padding: int) -> None:
        super().__init__()
        self.dim = options.width
        self._patch, self._padding = patch, padding
        self._pixel_major = options.patch_order == "pixel"
        self.tokens: int = ((112 + 2 * padding - patch) // STRIDE + 1) ** 2
        self.embed = nn.Linear(3 * patch * patch, options.width)
        self.cls_token = nn.Parameter(torch.randn(1, 1, options.width))
        self.position = nn.Parameter(torch.randn(1, self.tokens + 1, options.width))
        self.dropout = nn.Dropout(options.dropout)
        self.blocks = nn.ModuleList(Block(options) for _ in range(options.depth))
        self.norm = nn.LayerNorm(options.width)

    def patches(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, tokens, 3 P P): the pixels of each patch, row by row of the token grid."""
        flat = functional.unfold(x, self._patch, padding=self._padding, stride=STRIDE).transpose(1, 2)
        if self._pixel_major:
            n, tokens, _ = flat.shape
            flat = flat.view(n, tokens, 3, -1).transpose(2, 3).reshape(n, tokens, -1)
        return flat

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(self.patches(x))
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), tokens], 1) + self.position
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm(x[:, 0])
        return out

    def main_path(self) -> list[nn.Module]:
        found: list[nn.Module] = []
        for block in self.blocks:
            assert isinstance(block, Block)
            found += [block.attention.out, block.mlp[3]]
        return found
