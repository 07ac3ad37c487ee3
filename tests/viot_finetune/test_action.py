"""The motion simulator makes what it says, and the network trains, is calibrated and ships."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from viot_finetune.vision import action, action_falls
from viot_finetune.vision.action_net import ActionNet, shipped
from viot_finetune.vision.skeleton_body import Angles, Build, pose
from viot_finetune.vision.skeleton_motion import MOTIONS
from viot_finetune.vision.skeleton_view import observe
from viot_tools.pose.network import ActionNetwork, Calibration
from viot_tools.pose.windows import FRAMES, STEP, features

T = np.arange(FRAMES) * STEP


def test_a_body_at_rest_stands_upright() -> None:
    build = Build()
    joints = pose(build, Angles(3))
    assert joints.shape == (3, 17, 3)
    head, hips, ankles = joints[0, 0, 2], joints[0, 11:13, 2].mean(), joints[0, 15:, 2].mean()
    assert head > hips > ankles and 1.4 < head < 1.8
    assert joints[0, 5, 1] > 0 > joints[0, 6, 1], "left is left"
    np.testing.assert_allclose(np.linalg.norm(joints[:, 13] - joints[:, 15], axis=1), build.shin * build.height)


@pytest.mark.parametrize("name", MOTIONS)
def test_every_motion_is_finite_and_on_the_ground(name: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        joints = pose(Build.random(rng), MOTIONS[name](rng, T))
        assert np.isfinite(joints).all()
        assert joints[:, :, 2].min() >= 0 and joints[:, :, 2].max() < 3.2


MEANING = {
    # action: (a number of the joints (10, 17, 3), least, most) over the median of draws
    "lying": (lambda j: j[:, 0, 2].mean(), 0.0, 0.6),
    "standing": (lambda j: j[:, 0, 2].mean(), 1.2, 2.0),
    "sitting": (lambda j: (j[:, 5, 2] - j[:, 15, 2]).mean(), 0.5, 1.2),
    "walking": (lambda j: np.linalg.norm(j[-1, 11, :2] - j[0, 11, :2]) / T[-1], 0.4, 2.0),
    "running": (lambda j: np.linalg.norm(j[-1, 11, :2] - j[0, 11, :2]) / T[-1], 2.0, 5.5),
    "falling": (lambda j: j[0, 0, 2] - j[-1, 0, 2], 0.7, 1.8),
    "waving": (lambda j: (j[:, 9:11, 2].max(1) - j[:, 5:7, 2].max(1)).mean(), 0.1, 0.9),
    "squatting": (lambda j: j[:, 11, 2].min(), 0.2, 0.75),
}


@pytest.mark.parametrize("name", MEANING)
def test_motions_mean_what_they_are_called(name: str) -> None:
    measure, least, most = MEANING[name]
    rng = np.random.default_rng(2)
    drawn = [float(measure(pose(Build.random(rng), MOTIONS[name](rng, T)))) for _ in range(60)]
    assert least <= float(np.median(drawn)) <= most


def test_what_the_camera_gives() -> None:
    rng = np.random.default_rng(3)
    seen = observe(rng, pose(Build(), MOTIONS["walking"](rng, T)))
    assert seen.shape == (FRAMES, 17, 3) and seen.dtype == np.float32 and np.isfinite(seen).all()
    assert (seen[..., 2] > 0).all() and (seen[..., 2] < 1).all()


def test_simulation_is_seeded() -> None:
    (a, y), (b, _) = action.simulate(5, 2), action.simulate(5, 2)
    np.testing.assert_array_equal(a, b)
    assert len(y) == 2 * 10 + 2 * action.OTHER_SHARE and set(y) == set(range(11))


def test_pytorch_and_the_graph_agree() -> None:
    torch.manual_seed(0)
    net = ActionNet(11).eval()
    x = features(action.simulate(0, 1)[0])
    made = ActionNetwork(shipped(net), Calibration(action.CLASSES, 1.0, 0.5, 0.1), "test-action").probabilities(x)
    expected = torch.softmax(net(torch.from_numpy(x)), 1).detach().numpy()
    np.testing.assert_allclose(made, expected, atol=1e-5)
    assert made.shape == (len(x), 11)


def test_calibration_keeps_the_false_accepts() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(11), 200)
    logits = rng.normal(0, 1, (len(y), 11)).astype(np.float32)
    logits[np.arange(len(y)), y] += 3
    note = action.calibrate(logits * 4, y)
    assert note["false_accept"] <= action.FALSE_ACCEPT + 0.01
    colder = action.calibrate(logits * 2, y)["temperature"]
    assert note["temperature"] == pytest.approx(2 * colder, rel=0.1), "logits twice as large need twice the cooling"


def test_the_command_trains_and_ships(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    action.main(["--out", str(tmp_path), "--each", "40", "--epochs", "1"])
    out = capsys.readouterr().out
    printed = json.loads(out[out.index("{") :])
    assert printed["classes"] == list(MOTIONS) and set(printed["f1"]) == set(MOTIONS)
    network = ActionNetwork.load(tmp_path / "skeleton_action.safetensors")
    assert network.calibration.classes == tuple(MOTIONS)
    assert (tmp_path / "skeleton_action.safetensors").stat().st_size < 2_000_000


def test_the_fall_rule_on_simulated_people() -> None:
    table = action_falls.table(40, 1)
    assert table["falling"] >= 0.35 and table["falling, within a second"] >= 0.3
    for name in ("standing", "waving", "fighting", "carrying", "sitting down", "squatting down"):
        assert table[name] <= 0.08, name
