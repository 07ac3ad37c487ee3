"""The Face Transformer: patches that overlap, the details in which it differs, against plain formulas."""

from __future__ import annotations

import math

import pytest
import torch

from viot_tools.faces.nets import FaceNet, backbone
from viot_tools.faces.nets.face_transformer import PATCHES, Attention, FaceTransformer, TransformerOptions

SMALL = {"depth": 1, "width": 32, "heads": 2, "head_dim": 16, "mlp": 64}


def body(net: FaceNet) -> FaceTransformer:
    assert isinstance(net.body, FaceTransformer)
    return net.body


@pytest.mark.parametrize(("name", "values"), [("vit-p8s8", 192), ("vit-p10s8", 300), ("vit-p12s8", 432)])
def test_196_tokens(name: str, values: int) -> None:
    net = backbone(name, **SMALL)
    patches = body(net).patches(torch.zeros(1, 3, 112, 112))
    assert patches.shape == (1, 196, values)
    assert net.tokens == 196
    assert body(net).position.shape == (1, 197, 32)


@pytest.mark.parametrize("name", list(PATCHES))
@pytest.mark.parametrize("order", ["pixel", "channel"])
def test_a_patch_holds_its_pixels_in_its_order(name: str, order: str) -> None:
    side, padding = PATCHES[name]
    picture = torch.arange(3 * 112 * 112, dtype=torch.float32).view(1, 3, 112, 112)
    patches = body(backbone(name, patch_order=order, **SMALL)).patches(picture)[0]
    padded = torch.nn.functional.pad(picture[0], [padding] * 4)
    for row, column in ((0, 0), (5, 9), (13, 13)):
        patch = padded[:, 8 * row : 8 * row + side, 8 * column : 8 * column + side]
        flat = patch.permute(1, 2, 0) if order == "pixel" else patch
        assert torch.equal(patches[14 * row + column], flat.flatten())


def test_the_orders_of_the_authors_are_the_defaults() -> None:
    orders = {name: backbone(name, **SMALL).options["patch_order"] for name in PATCHES}
    assert orders == {"vit-p8s8": "pixel", "vit-p10s8": "channel", "vit-p12s8": "channel"}


@pytest.mark.parametrize(
    ("name", "seam"),
    # pixels of one row whose patches overlap, counted from a step of eight: P - 8 of them around where a patch ends
    [("vit-p8s8", ()), ("vit-p10s8", (0, 7)), ("vit-p12s8", (4, 5, 6, 7))],
)
def test_pixels_at_the_seam_are_shared(name: str, seam: tuple[int, ...]) -> None:
    net = body(backbone(name, **SMALL))
    for at in range(48, 56):
        count = 4 if at - 48 in seam else 1
        picture = torch.zeros(1, 3, 112, 112)
        picture[0, 1, at, at] = 1.0
        patches = net.patches(picture)
        assert int((patches != 0).any(-1).sum()) == count
        assert float(patches.sum()) == count  # the same value, once in each


@pytest.mark.parametrize("name", list(PATCHES))
def test_every_pixel_is_in_some_patch(name: str) -> None:
    picture = torch.ones(1, 3, 112, 112, requires_grad=True)
    (seen,) = torch.autograd.grad(body(backbone(name, **SMALL)).patches(picture).sum(), picture)
    assert float(seen.min()) == 1.0
    assert float(seen.max()) == (1.0 if name == "vit-p8s8" else 4.0)


@pytest.mark.parametrize(("choice", "scale"), [("width", 48**-0.5), ("head", 16**-0.5)])
def test_attention_is_scaled_by_the_width(choice: str, scale: float) -> None:
    """Against the formula, softmax(q k^T scale) v, head by head."""
    torch.manual_seed(0)
    attention = Attention(
        TransformerOptions(width=48, heads=2, head_dim=16, attention_scale=choice, dropout=0.0)
    ).eval()
    x = 3 * torch.randn(1, 7, 48)
    q, k, v = (attention.qkv.weight @ x[0].T).view(3, 2, 16, 7).unbind(0)
    mixed = torch.cat([(q[h].T @ k[h] * scale).softmax(-1) @ v[h].T for h in range(2)], -1)
    with torch.no_grad():
        assert torch.allclose(attention(x)[0], attention.out(mixed), atol=1e-5)


def test_full_size_scales_by_512() -> None:
    attention = Attention(TransformerOptions())
    assert attention._scale == 512**-0.5 != 64**-0.5


def test_no_bias_in_the_queries_unless_asked() -> None:
    assert Attention(TransformerOptions()).qkv.bias is None
    assert Attention(TransformerOptions(qkv_bias=True)).qkv.bias is not None


def test_pixels_enter_raw_unless_asked() -> None:
    net = backbone("vit-p8s8", **SMALL).eval()
    assert net.options["scaling"] == "raw"
    seen: list[torch.Tensor] = []
    net.body.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    x = torch.full((1, 3, 112, 112), 255.0)
    net(x)
    assert torch.equal(seen[0], x)


def test_positions_and_class_token_start_from_a_standard_normal() -> None:
    net = body(backbone("vit-p8s8", **{**SMALL, "width": 512}))
    assert float(net.position.detach().std()) == pytest.approx(1, abs=0.02)
    assert float(net.cls_token.detach().std()) == pytest.approx(1, abs=0.15)


def test_the_vector_is_the_normalised_class_token() -> None:
    net = backbone("vit-p10s8", **SMALL).eval()
    with torch.no_grad():
        out = net(255 * torch.rand(3, 3, 112, 112))
    assert torch.allclose(out.mean(-1), torch.zeros(3), atol=1e-5)
    assert torch.allclose(out.norm(dim=-1), torch.full((3,), math.sqrt(32)), rtol=1e-3)


def test_dropout_is_off_in_evaluation_only() -> None:
    net = backbone("vit-p8s8", **SMALL)
    x = 255 * torch.rand(1, 3, 112, 112)
    with torch.no_grad():
        assert not torch.equal(net.train()(x), net(x))
        assert torch.equal(net.eval()(x), net(x))
