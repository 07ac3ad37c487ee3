"""The network: the graph gives what PyTorch gives, and what a map becomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from viot_agent.errors import WeightsMissing
from viot_agent.weights import Weights
from viot_finetune.vision.fire_net import FireNet, shipped
from viot_tools.fire.burning import THRESHOLD
from viot_tools.fire.model import SIDE, FireMap, FireNetwork, fed, fire_graph, pooled, weights_file
from viot_tools.fire.names import MODEL
from viot_tools.inference import session_of


def test_the_graph_gives_what_pytorch_gives() -> None:
    torch.manual_seed(3)
    net = FireNet()
    with torch.no_grad():  # batch norms as after training, not the identity
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.8, 1.2)
    net.eval()
    x = torch.rand(2, 3, 64, 96)
    expected = net(x).detach().numpy()
    arrays = shipped(net)
    session = session_of("test-fire", lambda: fire_graph(dict(arrays)))
    made = session.run(None, {"x": x.numpy()})[0]
    assert made.shape == (2, 2, 8, 12)
    np.testing.assert_allclose(made, expected, atol=2e-2)  # float16 weights


def test_what_ships_is_small_and_whole(tmp_path: Path) -> None:
    assert weights_file().stat().st_size < 3_000_000
    assert set(load_file(weights_file())) == set(shipped(FireNet()))
    network = FireNetwork(Weights(tmp_path, tier="builtin"))
    assert network.model == MODEL and len(network.model_version) == 12
    seen = network.look(np.zeros((120, 200, 3), np.uint8))
    assert seen.score("fire") < THRESHOLD["fire"] / 2 and (seen.width, seen.height) == (200, 120)


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    weights = Weights(tmp_path, tier="builtin")
    entry = weights.manifest[MODEL]
    weights.manifest[MODEL] = type(entry)(**{**{f: getattr(entry, f) for f in entry.__slots__}, "file": "gone"})
    with pytest.raises(WeightsMissing, match="pip install"):
        FireNetwork(weights)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((256, 256), (SIDE, SIDE)), ((480, 854), (128, SIDE)), ((1080, 1920), (128, SIDE)), ((2000, 100), (SIDE, 32))],
)
def test_fed(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    made = fed(np.full((*shape, 3), 255, np.uint8))
    assert made.shape == (1, 3, *expected) and made.dtype == np.float32 and made.max() == 1.0


def test_a_map_has_scores_places_and_boxes() -> None:
    fire = np.full((4, 5), -6, np.float32)
    fire[1, 2], fire[1, 3], fire[3, 0] = 3, 2, 1
    seen = FireMap(fire, np.full((4, 5), -6, np.float32), 50, 40)
    assert seen.score("fire") == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-5)  # the mean of 3, 2 and 1
    assert seen.score("smoke") < 0.01
    assert seen.peak("fire") == (25.0, 15.0)
    assert seen.box("fire", 0.5) == (20.0, 10.0, 40.0, 20.0)  # not the other part in the corner
    assert seen.box("smoke", 0.5) is None


def test_pooled_of_very_few_cells() -> None:
    assert pooled(np.zeros((1, 2), np.float32)) == 0.5
