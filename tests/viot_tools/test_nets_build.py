"""Backbones: every name builds, saves and loads equal; options are checked; pixels get gradients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from viot_agent.errors import NameFault, UserFault, ViotError, WeightsMissing
from viot_tools.faces.nets import (
    NAMES,
    SCALINGS,
    FaceNet,
    backbone,
    count_macs,
    count_parameters,
    load_net,
    load_state,
    options_of,
    save_net,
    size_of,
    size_table,
)

SMALL: dict[str, dict[str, Any]] = {
    "ir50": {"blocks": (1, 1, 1, 1), "width": 0.125, "dim": 32},
    "se-ir50": {"blocks": (1, 1, 1, 1), "width": 0.25, "dim": 32},
    "mobilefacenet": {"blocks": (2, 1, 1, 1, 1), "width": 0.25, "dim": 32},
    "inception-resnet-v1": {"blocks": (1, 1, 1), "width": 0.25, "dim": 32},
    "vit-p8s8": {"depth": 2, "width": 32, "heads": 2, "head_dim": 16, "mlp": 64},
    "vit-p10s8": {"depth": 2, "width": 32, "heads": 2, "head_dim": 16, "mlp": 64},
    "vit-p12s8": {"depth": 2, "width": 32, "heads": 2, "head_dim": 16, "mlp": 64},
    "dlib_resnet": {"crop": "arcface"},
}


def faces(net: FaceNet, count: int = 2) -> torch.Tensor:
    return 255 * torch.rand(count, 3, net.size, net.size, generator=torch.Generator().manual_seed(7))


def test_every_name_has_a_small_one() -> None:
    assert set(SMALL) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_saves_and_loads_equal(name: str, tmp_path: Path) -> None:
    net = backbone(name, seed=3, **SMALL[name])
    with torch.no_grad():
        net(faces(net, 4))  # training mode: running means move away from their start
    net.eval()
    save_net(net, tmp_path / "net.safetensors", licence="Apache-2.0")
    again = load_net(tmp_path / "net.safetensors")
    x = faces(net)
    with torch.no_grad():
        assert torch.equal(again(x), net(x))
        assert net(x).shape == (2, net.dim)
    assert (again.name, again.options, again.card) == (name, net.options, {"licence": "Apache-2.0"})
    assert not again.training
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_the_pixels(name: str) -> None:
    net = backbone(name, **SMALL[name]).eval()
    x = faces(net).requires_grad_()
    net(x).square().sum().backward()
    assert x.grad is not None and bool(x.grad.isfinite().all())
    # a chip of dlib's shows less of the head than an aligned crop; Inception's unpadded layers leave three rows out
    seen = {"dlib_resnet": 0.6, "inception-resnet-v1": 0.94}.get(name, 0.97)
    assert float((x.grad != 0).float().mean()) > seen


@pytest.mark.parametrize("name", NAMES)
def test_the_scaling_is_inside(name: str) -> None:
    """The gradient is on the 0..255 scale: the body sees what the preset makes of the pixels."""
    net = backbone(name, **SMALL[name]).eval()
    seen: list[torch.Tensor] = []
    net.body.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    x = faces(net, 1)
    with torch.no_grad():
        net(x)
    mean, divisor = (torch.tensor(v).view(1, 3, 1, 1) for v in SCALINGS[options_of(name)["scaling"]])
    assert torch.allclose(seen[0], (x - mean) / divisor)


def test_the_tenfold_scalings_span_ten() -> None:
    """Seeds: the authors' IR-50 multiplies by 0.078125, so that inputs span about +-10, which is ten times too much."""
    for name, factor in (("arcface", 0.0078125), ("arcface-tenfold", 0.078125), ("unit", 1 / 127.5)):
        mean, divisor = SCALINGS[name]
        assert set(mean) == {127.5}
        assert 1 / divisor[0] == pytest.approx(factor)
    assert 127.5 / SCALINGS["arcface-tenfold"][1][0] == pytest.approx(9.96, abs=0.01)
    assert 127.5 / SCALINGS["unit-tenfold"][1][0] == pytest.approx(10)
    small = SMALL["ir50"]
    a, b = (backbone("ir50", scaling=s, **small).eval() for s in ("arcface", "arcface-tenfold"))
    with torch.no_grad():
        assert torch.equal(a.body.state_dict()["output_layer.3.weight"], b.body.state_dict()["output_layer.3.weight"])
        assert not torch.allclose(a(faces(a)), b(faces(b)))


def test_the_seed_makes_the_weights_and_leaves_the_callers_stream_alone() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    nets = [backbone("ir50", seed=s, **SMALL["ir50"]) for s in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    first, second, other = (n.body.state_dict()["input_layer.0.weight"] for n in nets)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("name", "options", "fault", "says"),
    [
        ("ir-50", {}, NameFault, "one of: ir50, se-ir50, mobilefacenet"),
        ("ir50", {"depth": 3}, NameFault, "options: scaling, blocks, width, dim, dropout"),
        ("ir50", {"scaling": "caffe"}, NameFault, "one of: raw, arcface, arcface-tenfold"),
        ("mobilefacenet", {"variant": "v2"}, NameFault, "one of: paper, foamliu"),
        ("vit-p8s8", {"patch_order": "row"}, NameFault, "one of: pixel, channel"),
        ("vit-p8s8", {"attention_scale": "none"}, NameFault, "one of: width, head"),
        ("dlib_resnet", {"crop": "face"}, NameFault, "one of: chip, arcface"),
        ("ir50", {"blocks": (3, 4, 14)}, UserFault, "4 whole numbers"),
        ("ir50", {"blocks": (0, 0, 0, 0)}, UserFault, "blocks of each stage"),
        ("ir50", {"blocks": (-1, 4, 14, 3)}, UserFault, "blocks of each stage"),
        ("ir50", {"width": 0}, UserFault, "width is 0.0"),
        ("ir50", {"width": float("nan")}, UserFault, "width is nan"),
        ("ir50", {"width": "half"}, UserFault, "a number"),
        ("ir50", {"dim": 12.5}, UserFault, "a whole number"),
        ("ir50", {"dim": 0}, UserFault, "dim is 0"),
        ("ir50", {"dropout": 1.0}, UserFault, "dropout is 1.0"),
        ("vit-p8s8", {"qkv_bias": 1}, UserFault, "true or false"),
        ("vit-p8s8", {"depth": 10**9}, UserFault, "1 to 1000"),
    ],
)
def test_wrong_names_and_options_say_what_is_right(
    name: str, options: dict[str, Any], fault: type[ViotError], says: str
) -> None:
    with pytest.raises(fault, match=says):
        backbone(name, **options)


def test_the_names_of_all_options_are_told() -> None:
    assert options_of("mobilefacenet")["blocks"] == [5, 1, 6, 1, 2]
    with pytest.raises(NameFault, match="one of: ir50"):
        options_of("resnet")


@pytest.mark.parametrize(
    "x",
    [torch.zeros(1, 3, 160, 160), torch.zeros(3, 112, 112), torch.zeros(1, 112, 112, 3), torch.zeros(1, 1, 112, 112)],
)
def test_another_shape_is_refused(x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="takes \\(N, 3, 112, 112\\)"):
        backbone("mobilefacenet", **SMALL["mobilefacenet"])(x)


def test_whole_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        backbone("mobilefacenet", **SMALL["mobilefacenet"])(torch.zeros(1, 3, 112, 112, dtype=torch.uint8))


def test_files_that_cannot_be_loaded_say_so(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with pytest.raises(WeightsMissing, match="no file"):
        load_net(path)
    path.write_bytes(b"")
    with pytest.raises(UserFault, match="cannot read"):
        load_net(path)
    save_file({"x": torch.zeros(1)}, str(path))
    with pytest.raises(UserFault, match="no face network saved by viot"):
        load_net(path)
    net = backbone("ir50", **SMALL["ir50"])
    save_net(net, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserFault, match="cannot read"):
        load_net(path)


@pytest.mark.parametrize(
    ("change", "fault", "says"),
    [
        ({"network": "ir51"}, NameFault, "one of: ir50"),
        ({"options": "{"}, UserFault, "damaged header"),
        ({"options": "[]"}, UserFault, "damaged header"),
        ({"options": json.dumps({"wide": 1})}, NameFault, "options: scaling"),
        ({"options": json.dumps({"dim": 64})}, UserFault, "do not fit ir50"),
        ({"options": json.dumps({"dim": 16384, "width": 16})}, UserFault, "do not fit ir50"),
        ({"format": "viot-facenet-9"}, UserFault, "no face network"),
    ],
)
def test_a_header_that_lies_is_found(change: dict[str, str], fault: type[ViotError], says: str, tmp_path: Path) -> None:
    net = backbone("ir50", **SMALL["ir50"])
    metadata = {"format": "viot-facenet-1", "network": "ir50", "options": json.dumps(net.options)} | change
    path = tmp_path / "net.safetensors"
    save_file(net.body.state_dict(), str(path), metadata)
    with pytest.raises(fault, match=says):
        load_net(path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    net = backbone("ir50", **SMALL["ir50"])
    with torch.no_grad():
        next(net.body.parameters())[0, 0, 0, 0] = float("nan")
    save_net(net, tmp_path / "net.safetensors")
    with pytest.raises(UserFault, match=r"not finite in input_layer\.0\.weight"):
        load_net(tmp_path / "net.safetensors")


def test_a_bare_state_of_others_fits_by_its_names(tmp_path: Path) -> None:
    net = backbone("ir50", seed=5, **SMALL["ir50"]).eval()
    path = tmp_path / "state.safetensors"
    save_file(net.body.state_dict(), str(path))
    other = load_state(backbone("ir50", seed=6, **SMALL["ir50"]), path)
    x = faces(net)
    with torch.no_grad():
        assert torch.equal(other(x), net(x))
    state = load_file(str(path))
    del state["output_layer.3.bias"]
    save_file(state, str(path))
    with pytest.raises(UserFault, match=r"1 differ, such as output_layer\.3\.bias: absent"):
        load_state(other, path)


def test_the_card_holds_texts_only(tmp_path: Path) -> None:
    net = backbone("ir50", **SMALL["ir50"])
    with pytest.raises(UserFault, match="card entry network"):
        save_net(net, tmp_path / "n.safetensors", network="x")
    with pytest.raises(UserFault, match="cannot write"):
        save_net(net, tmp_path / "absent" / "n.safetensors")


def test_sizes_of_the_papers() -> None:
    rows = {row.name: row for row in size_table()}
    assert list(rows) == list(NAMES)
    millions = {name: round(row.parameters / 1e6, 2) for name, row in rows.items()}
    assert millions["vit-p8s8"] == 63.22
    assert millions["vit-p10s8"] == 63.27
    assert millions["vit-p12s8"] == 63.34
    assert rows["inception-resnet-v1"].parameters == 23_482_624
    assert millions["mobilefacenet"] == 1.0  # the paper: 0.99 million
    assert rows["vit-p8s8"].macs == pytest.approx(13.2e9, rel=0.005)
    assert rows["ir50"].macs == pytest.approx(6.3e9, rel=0.01)
    assert rows["mobilefacenet"].macs == pytest.approx(221e6, rel=0.01)  # the paper: 221 million
    assert {name: row.tokens for name, row in rows.items() if row.tokens} == dict.fromkeys(
        ("vit-p8s8", "vit-p10s8", "vit-p12s8"), 196
    )
    assert (rows["dlib_resnet"].side, rows["dlib_resnet"].dim) == (150, 128)


def test_ir50_weights_counted_by_hand() -> None:
    """3 + 4 + 14 + 3 units; a unit: 18 d^2 or 9 i d + 9 d^2, three batch norms' worth and a PReLU; 512 x 49 -> 512."""
    total = 3 * 64 * 9 + 2 * 64 + 64
    inputs = 64
    for depth, count in ((64, 3), (128, 4), (256, 14), (512, 3)):
        for _ in range(count):
            total += 9 * inputs * depth + 9 * depth * depth + 2 * inputs + depth + 2 * depth
            total += inputs * depth + 2 * depth if inputs != depth else 0
            inputs = depth
    total += 2 * 512 + 512 * 49 * 512 + 512 + 2 * 512
    assert size_of("ir50").parameters == total


def test_macs_counted_by_hand() -> None:
    """One transformer block of width 32: projections, two products of 197 x 197, and the patches."""
    net = backbone("vit-p8s8", depth=1, width=32, heads=2, head_dim=16, mlp=64)
    assert count_macs(net) == 196 * 192 * 32 + 197 * (32 * 96 + 32 * 32 + 2 * 32 * 64) + 2 * 197 * 197 * 32
    assert count_parameters(net) == sum(p.numel() for p in net.body.parameters())


@pytest.mark.parametrize(
    ("name", "count"), [("ir50", 49), ("se-ir50", 49), ("vit-p8s8", 40), ("dlib_resnet", 29), ("mobilefacenet", 50)]
)
def test_the_main_path_leaves_shortcuts_out(name: str, count: int) -> None:
    with torch.device("meta"):
        assert len(backbone(name).main_path()) == count


@pytest.mark.parametrize("name", ["ir50", "mobilefacenet", "inception-resnet-v1"])
def test_a_stage_may_be_empty(name: str) -> None:
    blocks = [0] * len(options_of(name)["blocks"])
    blocks[-1] = 1
    net = backbone(name, blocks=blocks, width=0.125, dim=16).eval()
    with torch.no_grad():
        assert net(faces(net)).shape == (2, 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_full_sizes_run_forward(name: str) -> None:
    net = backbone(name).eval()
    with torch.no_grad():
        out = net(faces(net, 1))
    assert out.shape == (1, net.dim)
    assert bool(out.isfinite().all())
    assert float(out.std()) > 0
