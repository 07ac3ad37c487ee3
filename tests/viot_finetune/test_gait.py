"""Simulated walkers, the network and its training: small, seeded, and the same outside PyTorch."""

from __future__ import annotations

import ast
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import viot_tools.bench.walkers as test_walkers
from viot_finetune.vision import gait, walkers
from viot_finetune.vision.gait_net import GaitNet as TorchNet
from viot_finetune.vision.gait_net import pictures, unit
from viot_tools.gait.net import GaitNet, build
from viot_tools.gait.walks import LEAST_GOOD
from viot_tools.inference import session_of

MILD = walkers.Noise(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def one(seed: int) -> tuple[walkers.Walker, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return walkers.walker(rng), rng


def test_the_same_seed_gives_the_same_walk_another_another() -> None:
    made = []
    for seed in (1, 1, 2):
        w, rng = one(seed)
        made.append(walkers.walk(w, walkers.outfit(rng), walkers.view(rng), 2.0, rng))
    assert np.array_equal(made[0], made[1])
    assert made[0].shape != made[2].shape or not np.array_equal(made[0], made[2])


@pytest.mark.parametrize("clothes", walkers.CLOTHES)
@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, np.pi])
def test_every_outfit_gives_silhouettes_from_every_side(clothes: str, yaw: float) -> None:
    w, rng = one(3)
    worn = replace(walkers.outfit(rng, clothes), carried="nothing")
    made = walkers.walk(w, worn, replace(walkers.view(rng, yaw), away=9.0, tall=110.0), 3.0, rng, MILD)
    assert made.shape[1:] == (64, 44)
    assert len(made) >= LEAST_GOOD
    assert 0.1 < (made > 127).mean() < 0.8


def test_clothes_change_the_picture_and_never_the_walker() -> None:
    w, rng = one(4)
    v = replace(walkers.view(rng, np.pi / 2), away=9.0, tall=110.0)
    plain, coat = (replace(walkers.outfit(rng, c), carried="nothing") for c in ("plain", "long coat"))
    a, b, again = (walkers.walk(w, o, v, 3.0, np.random.default_rng(9), MILD) for o in (plain, coat, plain))
    assert np.array_equal(a, again)
    assert (b > 127).mean() > 1.15 * (a > 127).mean()


def test_the_test_walkers_share_no_code_with_the_training_walkers() -> None:
    tree = ast.parse(Path(test_walkers.__file__).read_text("utf-8"))
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not any(m and m.startswith("viot_finetune") for m in imported)
    assert set(test_walkers.CHANGED).isdisjoint(walkers.CLOTHES)


@pytest.fixture(scope="module")
def corpus() -> gait.Corpus:
    return gait.simulate(5, 4, 2.4, 11)


def test_the_corpus(corpus: gait.Corpus) -> None:
    assert len(corpus.walks) == len(corpus.who) == len(corpus.side) == 20
    assert all(len(w) >= LEAST_GOOD for w in corpus.walks)
    assert corpus.measures.shape == (5, len(astuple(one(0)[0])))


def test_training_is_seeded_and_lowers_the_loss(corpus: gait.Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    a, b = (gait.train(corpus, 52, 3) for _ in range(2))
    assert all(np.array_equal(a.arrays()[k], b.arrays()[k]) for k in a.arrays())
    losses = [float(line.split()[3]) for line in capsys.readouterr().out.splitlines() if line.startswith("step")]
    assert losses[2] < 0.6 * losses[0]


def test_the_graph_gives_what_pytorch_gives(corpus: gait.Corpus, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = TorchNet()
    with torch.no_grad():
        net.train()
        net(torch.from_numpy(np.stack([pictures(w) for w in corpus.walks])))  # moves the norms' statistics
    net.eval()
    save_file(net.arrays(), str(tmp_path / "w.safetensors"))
    session = session_of(f"test:{tmp_path}", lambda: build(load_file(str(tmp_path / "w.safetensors"))))
    for walk in corpus.walks[:4]:
        with torch.no_grad():
            wanted = unit(net(torch.from_numpy(pictures(walk))[None])).numpy()[0]
        parts = session.run(None, {"x": walk[:, None].astype(np.float32) / 255.0})[0]
        assert np.allclose(parts.reshape(-1) / parts.shape[1] ** 0.5, wanted, atol=2e-5)
        assert np.allclose(GaitNet(tmp_path / "w.safetensors", "t").embed(walk), wanted, atol=2e-5)


def test_thresholds_stand_for_their_rates() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(60), 5)
    centre = rng.normal(size=(60, 64))
    vectors = (centre[who] + 0.5 * rng.normal(size=(300, 64))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = gait.calibrate(vectors, gait.Corpus([], who, np.zeros(300, np.int64), np.zeros((60, 1), np.float32)))
    cosine = vectors @ vectors.T
    upper, same = np.triu(np.ones_like(cosine, bool), 1), who[:, None] == who[None]
    assert (cosine[upper & ~same] >= made["match_here"]).mean() == pytest.approx(gait.FAR, rel=0.3)
    assert made["match"] >= max(made["match_here"], gait.LEAST_MATCH)
    assert (cosine[upper & same] < made["stranger"]).mean() == pytest.approx(gait.FRR, rel=0.3)


def test_contrast_prefers_the_right_neighbours() -> None:
    who = torch.tensor([0, 0, 1, 1])
    right = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    wrong = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    assert gait.contrast(right, who) < gait.contrast(wrong, who)
