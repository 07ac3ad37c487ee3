"""DFANet: dropout where it belongs, and nothing else changed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from viot_agent.errors import UserFault
from viot_tools.cloak.dfanet import DFANet, P, main_path, tuned
from viot_tools.cloak.fake import ToyNet, faces
from viot_tools.faces.nets import backbone


def test_stem_and_two_a_block_and_no_shortcut() -> None:
    assert DFANet(ToyNet()).layers == (
        "stem.0",
        "body.0.res_layer.1",
        "body.0.res_layer.3",
        "body.1.res_layer.1",
        "body.1.res_layer.3",
    )


@pytest.mark.parametrize(
    ("name", "count"),
    # 1 + 2 * 24 in an IR-50, with and without gates; 1 + 2 * 14 in dlib's
    [("ir50", 49), ("se-ir50", 49), ("dlib_resnet", 29)],
)
def test_the_backbones_have_so_many_layers(name: str, count: int) -> None:
    options = {} if name == "dlib_resnet" else {"width": 0.125, "dim": 16}
    net = backbone(name, **options)
    assert len(DFANet(net).layers) == count
    # the rule for names agrees with what the networks say themselves, but for the names of their gates
    convolutions = [n for n, m in net.named_modules() if isinstance(m, nn.Conv2d) and main_path(n, m)]
    assert len(convolutions) - count == (48 if name == "se-ir50" else 0)


def test_a_transformer_is_thinned_too() -> None:
    net = backbone("vit-p8s8", depth=1, width=16, heads=2, head_dim=8, mlp=16)
    x = 255 * torch.rand(1, 3, 112, 112)
    thinned = DFANet(net, 0.1)
    assert not torch.equal(thinned(x), thinned(x))
    assert torch.equal(thinned.plain(x), net(x))


@pytest.mark.parametrize(
    ("name", "on"),
    [
        ("input_layer.0", True),
        ("body.3.res_layer.1", True),
        ("body.3.shortcut_layer.0", False),
        ("layer1.0.downsample.0", False),
        ("layer1.0.conv3", True),
        ("blocks.2.se.fc1", False),
        ("blocks.2.se_module.fc1", False),
        ("base.conv1", True),
        ("repeat_1.0.branch0.conv", True),
        ("skip.0", False),
    ],
)
def test_the_rule_for_names(name: str, on: bool) -> None:
    assert main_path(name, nn.Conv2d(1, 1, 1)) is on


def test_without_dropout_it_is_the_network() -> None:
    net, x = ToyNet(), faces()
    assert torch.equal(DFANet(net, 0.0)(x), net(x))


def test_two_passes_differ_and_repeat_after_reseeding() -> None:
    net, x = ToyNet(), faces()
    thinned = DFANet(net, 0.1, seed=4)
    first, second = thinned(x), thinned(x)
    assert not torch.equal(first, second)
    thinned.reseed(4)
    assert torch.equal(thinned(x), first)
    assert torch.equal(thinned.plain(x), net(x))
    thinned.reseed(5)
    assert not torch.equal(thinned(x), first)


def test_the_network_itself_is_untouched() -> None:
    net, x = ToyNet(), faces()
    before, state = net(x), {k: v.clone() for k, v in net.state_dict().items()}
    thinned = DFANet(net)
    thinned(x)
    assert torch.equal(net(x), before)
    thinned.train()
    assert not any(m.training for m in thinned.modules())
    net.train()  # somebody else's doing
    thinned(x)
    # batch norm's statistics and counters among them
    assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())
    assert thinned.detach() is net
    assert not [m for m in net.modules() if m._forward_hooks]


def test_the_networks_own_dropout_stays_off() -> None:
    net, x = ToyNet(), faces()
    assert torch.equal(DFANet(net, 0.0).train()(x), net(x))


def test_dropout_is_of_single_values_and_keeps_the_mean() -> None:
    """On a network that is one convolution, so that its output is what dropout made of it."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    x = torch.rand(8, 3, 40, 40)
    clean: Tensor = net(x).detach()
    thin = DFANet(net, 0.1)(x).detach()
    zero = thin == 0
    assert float(zero.float().mean()) == pytest.approx(0.1, abs=0.01)
    torch.testing.assert_close(thin[~zero], clean[~zero] / 0.9)
    by_channel = zero.float().mean((2, 3))
    assert float(by_channel.max()) < 0.2  # whole channels would be another method


def test_gradients_pass_and_another_rule_may_be_given() -> None:
    net, x = ToyNet(), faces().requires_grad_()
    thinned = DFANet(net, 0.1, where=lambda name, conv: conv.kernel_size == (1, 1))
    assert thinned.layers == ("body.1.shortcut_layer.0",)
    (gradient,) = torch.autograd.grad(thinned(x).sum(), x)
    assert bool(gradient.isfinite().all())
    assert bool(gradient.any())


def test_the_dropout_is_what_the_network_bears() -> None:
    """A deep stack of layers loses its features under 0.1, and is given less; a shallow one is not."""
    torch.manual_seed(0)
    deep = nn.Sequential(*(m for i in range(40) for m in (nn.Conv2d(3 if i == 0 else 8, 8, 3, 1, 1), nn.ReLU())))
    for conv in deep[::2]:
        nn.init.kaiming_normal_(conv.weight)
    deep.append(nn.Flatten())
    x = faces() / 255
    p = tuned(deep, x, 0.95)
    assert 0 < p < P

    def likeness(dropout: float) -> float:
        thinned = DFANet(deep, dropout)
        found = float(torch.cosine_similarity(thinned(x), thinned.plain(x)).mean().detach())
        thinned.detach()
        return found

    assert likeness(p) >= 0.95 > likeness(P)
    assert tuned(ToyNet(), faces(), 0.5) == P
    assert not [m for m in deep.modules() if m._forward_hooks]
    with pytest.raises(UserFault, match="bears no dropout"):
        tuned(deep, x, 0.99999)


def test_what_it_cannot_do_is_told() -> None:
    with pytest.raises(UserFault, match="no convolution"):
        DFANet(nn.Sequential(nn.Linear(3, 3)))
    with pytest.raises(UserFault, match="dropout probability"):
        DFANet(ToyNet(), 1.0)
