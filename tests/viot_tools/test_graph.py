"""Graphs of our own networks give what PyTorch gives."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from viot_tools.graph import Graph, fold
from viot_tools.inference import session_of


def test_a_small_network_gives_what_pytorch_gives() -> None:
    torch.manual_seed(0)
    net = nn.ModuleDict(
        {
            "a": nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
            "bn": nn.BatchNorm2d(8),
            "d": nn.Conv2d(8, 8, 3, padding=1, groups=8),
            "out": nn.Linear(8, 5),
        }
    ).eval()
    bn = net["bn"]
    bn.running_mean.uniform_(-1, 1)
    bn.running_var.uniform_(0.5, 2)
    x = torch.rand(2, 3, 15, 18)
    y = torch.relu(bn(net["a"](x)))
    expected = net["out"]((y + net["d"](y)).mean((2, 3))).detach().numpy()
    arrays = {k: v.numpy() for k, v in net.state_dict().items()}
    arrays["a.weight"], arrays["a.bias"] = fold(
        arrays["a.weight"],
        arrays["bn.weight"],
        arrays["bn.bias"],
        arrays["bn.running_mean"],
        arrays["bn.running_var"],
    )
    g = Graph(arrays, "small", ["b", 3, "h", "w"])
    h = g.relu(g.conv("x", "a", stride=2))
    out = g.linear(g.pooled(g.add(h, g.conv(h, "d", groups=8))), "out")
    made = session_of("test-small", lambda: g.model(out)).run(None, {"x": x.numpy()})[0]
    np.testing.assert_allclose(made, expected, atol=1e-5)
