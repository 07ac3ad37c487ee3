"""The supplied ImageNet classifier in PyTorch: it answers what the integer network answers, and has a gradient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from viot_agent.errors import UserFault
from viot_tools.bench.cloak_universal import SIDE, fooled, stills
from viot_tools.bench.tflite_net import TfliteNet
from viot_tools.cloak.losses import Labels
from viot_tools.cloak.methods import noise
from viot_tools.cloak.optimise import Options, optimise

FILE = "classify/mobilenet_v2_1.0_224_quant.tflite"


@pytest.fixture(scope="module")
def net(shared_models: Path) -> TfliteNet:
    return TfliteNet(shared_models / FILE)


@pytest.mark.real
@pytest.mark.slow
def test_it_answers_as_the_integer_network_does(net: TfliteNet, shared: Path, shared_models: Path) -> None:
    import openvino

    whole = openvino.Core().compile_model(str(shared_models / FILE), "CPU")
    pictures = stills(shared, 20, side=224)
    with torch.no_grad():
        mine = net(pictures)
    close = best = 0
    for picture, logits in zip(pictures, mine, strict=True):
        theirs = whole(picture.numpy().transpose(1, 2, 0).round().astype(np.uint8)[None])[0][0]
        best += int(logits.argmax()) == int(theirs.argmax())
        close += int(logits.argmax()) in np.argsort(theirs)[-3:] and int(theirs.argmax()) in logits.topk(3).indices
    assert len(pictures) == 20 and close >= 18 and best >= 12


@pytest.mark.real
@pytest.mark.slow
def test_a_mask_for_everybody_takes_more_from_it_than_noise(net: TfliteNet, shared: Path) -> None:
    learn, test = stills(shared, 30)[:20], stills(shared, 30)[20:]
    made = optimise(learn, [net], Labels(), Options(epsilon=10.0, alpha=5.0, rounds=4, large=10, start="zero")).delta
    loud = noise((3, SIDE, SIDE), 10.0, 0)

    def lost(delta: Tensor) -> float:
        """Of the clean answer's share of all answers."""
        with torch.no_grad():
            answer = net(test).argmax(1, keepdim=True)
            return float(net((test + delta).clamp(0, 255)).softmax(1).gather(1, answer).mean())

    assert lost(made) < lost(loud) < lost(torch.zeros(3, 1, 1))
    assert not fooled(net, test, torch.zeros(3, 1, 1), 0.0, 255.0).any()


def test_what_is_no_network_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.tflite"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(UserFault, match="cannot be read"):
        TfliteNet(file)
