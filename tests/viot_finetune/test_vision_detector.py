"""Training of the built-in detector: network against graph, loss, views, noise, a few steps, and what is never used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from viot_agent.errors import UserFault
from viot_agent.media.types import Image
from viot_finetune.vision import detector
from viot_finetune.vision import detector_data as dd
from viot_finetune.vision.detector_drawn import HEIGHT, WIDTH, invented_place, puppet
from viot_finetune.vision.detector_net import DetectorNet, Targets, folded, loss_of
from viot_finetune.vision.detector_teacher import Teacher
from viot_finetune.vision.detector_views import Stock, noised, view
from viot_tools.objects import small
from viot_tools.objects.detections import Detections

JUDGED = ("people-detection", "one-by-one", "pedestrians", "MOT17", "mot_demo", "prw", "crowd", "shopfront", "fall.mp4")


def answers(batch: int, rows: int = 64, cols: int = 64, *, person: bool = True) -> Targets:
    """A teacher that sees one person of 16x32 pixels, at the fine level, or nothing."""
    shapes = [(rows // s, cols // s) for s in small.STRIDES]
    scores = [torch.zeros(batch, 2, h, w) for h, w in shapes]
    boxes = [torch.zeros(batch, 4, h, w) for h, w in shapes]
    if person:
        scores[0][:, 0, 3, 3] = 0.9
        boxes[0][:, :, 3, 3] = torch.tensor([0.5, 0.5, np.log(2.0), np.log(4.0)])
    return Targets(scores, boxes, [torch.ones(batch, 64, h, w) for h, w in shapes])


def test_network_and_graph_agree() -> None:
    torch.manual_seed(0)
    net = DetectorNet()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    net.eval()
    x = np.random.default_rng(0).normal(0, 1, (1, 3, 96, 160)).astype(np.float32)
    session = ort.InferenceSession(small.graph(folded(net)), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        wanted = net(torch.from_numpy(x))
    for ours, theirs in zip(session.run(None, {"x": x}), wanted, strict=True):
        assert np.abs(ours - theirs.numpy()).max() < 1e-4


def test_a_few_steps_teach_the_box() -> None:
    torch.manual_seed(0)
    net, x, targets = DetectorNet(), torch.randn(2, 3, 64, 64), answers(2)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    first = None
    for _ in range(25):
        loss, parts = loss_of(net, x, targets, 0.5)
        first = first or parts
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert parts["box"] < 0.5 * first["box"]
    assert parts["like"] < first["like"]


def test_without_things_there_is_a_loss_and_no_box() -> None:
    loss, parts = loss_of(DetectorNet(), torch.randn(1, 3, 64, 64), answers(1, person=False), 0.5)
    assert torch.isfinite(loss) and loss > 0
    assert parts["box"] == 0


@pytest.mark.parametrize("source", dd.SOURCES, ids=lambda s: s.path)
def test_no_source_is_judged_on_or_lacks_a_licence(source: dd.Source) -> None:
    assert source.licence in ("CC-BY-4.0", "MIT", "Apache-2.0")
    assert not any(word in source.path for word in JUDGED)


def test_an_absent_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"videos/none\.mp4 is not there"):
        dd.pictures(tmp_path, dd.Source("videos/none.mp4", "MIT", 3, 1.0))


def place() -> Stock:
    rng = np.random.default_rng(1)
    empty = tuple(invented_place(rng) for _ in range(2))
    return Stock((empty,), (1.0,), empty, tuple(puppet(rng) for _ in range(3)))


def test_views_are_seeded_and_of_one_size() -> None:
    made_of = place()

    def some(seed: int) -> list[Image]:
        rng = np.random.default_rng(seed)
        return [view(rng, made_of) for _ in range(12)]

    first, again, other = some(3), some(3), some(4)
    assert all(v.shape == (HEIGHT, WIDTH, 3) and v.dtype == np.uint8 for v in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_noise_changes_light_and_moves_nothing() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    picture[60:120, 100:200] = 190
    rng = np.random.default_rng(0)
    for _ in range(20):
        noisy = noised(rng, picture)
        assert noisy.shape == picture.shape
        inside, outside = noisy[70:110, 110:190].mean(), noisy[:50].mean()
        assert inside > outside + 25
        edge = noisy[80:100].mean((0, 2)) > (inside + outside) / 2
        assert np.flatnonzero(edge)[[0, -1]] == pytest.approx([100, 199], abs=3)


def test_a_cut_out_is_what_stood_in_the_box() -> None:
    picture = np.full((200, 300, 3), (90, 120, 90), np.uint8)
    picture[40:160, 100:150] = (200, 40, 40)
    found = Detections(
        np.array([[100, 40, 150, 160]] * 2, np.float32), np.array([0.9, 0.2], np.float32), ("person",) * 2
    )
    made = dd.cut_outs(np.random.default_rng(0), picture, found, 5)
    assert [thing.person for thing in made] == [True]  # the weak one is left out
    rgba = made[0].rgba
    red = (rgba[..., 0] > 150) & (rgba[..., 1] < 80)
    assert rgba[..., 3][red].mean() > 200


def test_a_run_that_was_stopped_goes_on_and_ends_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = [(HEIGHT // s, WIDTH // s) for s in small.STRIDES]
    pool = detector.Pool(
        rng.integers(0, 255, (detector.BATCH, HEIGHT, WIDTH, 3), np.uint8),
        [rng.random((detector.BATCH, 2, h, w)).astype(np.float16) for h, w in shapes],
        [rng.random((detector.BATCH, 4, h, w)).astype(np.float16) for h, w in shapes],
        [rng.random((detector.BATCH, 64, h, w)).astype(np.float16) for h, w in shapes],
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    one = detector.train(pool, whole, 2, seed=0)
    # the first step of the same schedule, kept, then the second
    detector.train(pool, parts, 2, seed=0, stop=1)
    saved = torch.load(parts / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 1
    two = detector.train(pool, parts, 2, seed=0)
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-5)
    assert small.read(parts / "small.safetensors")[1] == 0.0


@pytest.mark.real
def test_the_teacher_answers_on_our_grid(shared_models: Path) -> None:
    """Its answer cell by cell, decoded as ours is, is where the puppet was put."""
    rng = np.random.default_rng(4)
    picture = np.full((HEIGHT, WIDTH, 3), 150, np.float32)
    thing = puppet(rng)
    w = thing.rgba.shape[1]
    alpha = thing.rgba[: HEIGHT - 20, :, 3:] / 255
    region = picture[10 : 10 + alpha.shape[0], 120 : 120 + w]
    region[:] = region * (1 - alpha) + thing.rgba[: alpha.shape[0], :, :3] * alpha
    answer = Teacher(shared_models / "detect" / "yolox_nano.onnx", HEIGHT, WIDTH).answer(picture.astype(np.uint8))
    levels = []
    for scores, boxes in zip(answer.scores, answer.boxes, strict=True):
        p = np.clip(scores.astype(np.float32), 1e-4, 1 - 1e-4)
        levels.append(np.concatenate([np.log(p / (1 - p)), boxes.astype(np.float32)])[None])
    found = small.decode(levels, 0.3)
    best = found.xyxy[found.score.argmax()]
    assert found.label[int(found.score.argmax())] == "person"
    assert (best[0] + best[2]) / 2 == pytest.approx(120 + w / 2, abs=12)
    assert [f.shape for f in answer.features] == [(64, HEIGHT // s, WIDTH // s) for s in small.STRIDES]
