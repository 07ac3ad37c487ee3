"""Training: schedules, resuming to the same weights, several processes, what is written, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from typer.testing import CliRunner

from viot_agent.errors import FailedFault, UserFault
from viot_finetune import checkpoint
from viot_finetune.commands import app
from viot_finetune.faces.augment import Augmentation
from viot_finetune.faces.data import InMemory
from viot_finetune.faces.judge import embed
from viot_finetune.faces.presets import PRESETS, Preset, Stage, preset, shortened
from viot_finetune.faces.train import Limits, Pair, Trained, optimiser_for, train

ROOT = Path(__file__).resolve().parents[2]
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]  # on a free port
QUIET = Limits(log_every=1, quiet=True)


def people(count: int = 6, each: int = 8, seed: int = 0) -> InMemory:
    """A colour for each person, with grain: learnable in a few updates."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(count), each)
    base = rng.integers(30, 225, (count, 1, 1, 3))[labels]
    grain = rng.integers(-15, 15, (count * each, 112, 112, 3))
    return InMemory(np.clip(base + grain, 0, 255).astype(np.uint8), labels)


def tiny(seed: int = 3) -> nn.Module:
    """A stand-in for a backbone, with batch norm and dropout as real ones have."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.AvgPool2d(28),
        nn.Flatten(),
        nn.BatchNorm1d(48),
        nn.Linear(48, 16),
        nn.PReLU(),
        nn.Dropout(0.2),
        nn.Linear(16, 8),
    )


def recipe(**changes: object) -> Preset:
    base = replace(PRESETS["quick"], batch=16, stages=(Stage(1e-2, 3, warmup=0.5), Stage(1e-3, 2)))
    return replace(base, **changes)  # type: ignore[arg-type]


def same(a: Trained, b: Trained) -> bool:
    first, second = (Pair(t.net, t.loss).state_dict() for t in (a, b))
    return all(torch.equal(first[k], second[k]) for k in first) and first.keys() == second.keys()


@pytest.mark.parametrize("stop", [4, 9], ids=["inside a stage", "between two stages"])
@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "curricularface", "loss_options": {}},
        {"optimiser": "sgd", "weight_decay": 5e-4, "loss": "sface", "loss_options": {}},
    ],
    ids=["adamw", "sgd"],
)
def test_a_run_cut_off_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, stop: int, changes: dict[str, object]
) -> None:
    p, data = recipe(**changes), people()
    augmentation = Augmentation(0.5, lambda face, seed: np.roll(face, seed % 5, 0), 0.5)
    unbroken = train(tiny(), 8, data, p, tmp_path / "a", noise=0.2, augmentation=augmentation, limits=QUIET)
    train(tiny(), 8, data, p, tmp_path / "b", noise=0.2, augmentation=augmentation, limits=replace(QUIET, updates=stop))
    assert checkpoint.facts_of(tmp_path / "b")["update"] == stop
    # another net and other chances before: nothing but the checkpoint may count
    torch.manual_seed(99)
    resumed = train(
        tiny(7), 8, data, p, tmp_path / "b", noise=0.2, augmentation=augmentation, limits=replace(QUIET, resume=True)
    )
    assert same(unbroken, resumed)
    assert unbroken.log == resumed.log
    assert unbroken.updates == resumed.updates == 15
    lines = (tmp_path / "b" / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["update"] for line in lines] == list(range(1, 16))


def test_the_same_seed_gives_the_same_weights_and_training_learns() -> None:
    data = people()
    first, again, other = (train(tiny(), 8, data, recipe(), seed=s, limits=QUIET) for s in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)
    vectors = embed(first.net, data)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = vectors @ vectors.T
    equal = data.labels[:, None] == data.labels[None]
    assert cosine[equal].mean() > cosine[~equal].mean() + 0.3


@pytest.mark.slow
def test_loading_workers_change_nothing() -> None:
    p = recipe(stages=(Stage(1e-2, 1),))
    assert same(
        train(tiny(), 8, people(), p, limits=QUIET), train(tiny(), 8, people(), p, limits=replace(QUIET, workers=2))
    )


def test_wrong_labels_reach_the_loss() -> None:
    clean, noisy = (train(tiny(), 8, people(), recipe(), noise=n, limits=QUIET) for n in (0.0, 0.5))
    assert noisy.facts["wrong_labels"] == 24
    assert clean.log[-1]["angle_own"] < noisy.log[-1]["angle_own"] - 5


def test_checkpoints_hold_no_pickle_and_survive_a_torn_write(tmp_path: Path) -> None:
    train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, updates=3, save_every=2))
    names = sorted(p.name for p in (tmp_path / "checkpoint").iterdir())
    assert names == ["optimiser.safetensors", "random.safetensors", "state.json", "weights.safetensors"]
    # killed between the two renames
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    done = train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, resume=True))
    assert done.updates == 15
    assert not (tmp_path / "checkpoint.old").exists()


def test_what_the_optimiser_decays() -> None:
    pair = Pair(tiny(), train(tiny(), 8, people(), recipe(stages=(Stage(1e-3, 1),)), limits=QUIET).loss)
    casia = optimiser_for(pair, PRESETS["sface-casia"])
    assert isinstance(casia, torch.optim.SGD)
    assert [g["weight_decay"] for g in casia.param_groups] == [5e-4, 0.0]
    norm = {id(p) for m in pair.modules() if isinstance(m, nn.BatchNorm1d) for p in m.parameters()}
    assert {id(p) for p in casia.param_groups[1]["params"]} == norm
    face = optimiser_for(pair, PRESETS["face-transformer"])
    assert isinstance(face, torch.optim.AdamW)
    assert all(p.ndim <= 1 for p in face.param_groups[1]["params"])
    assert all(p.ndim > 1 for p in face.param_groups[0]["params"])


def test_the_papers_schedules() -> None:
    casia = preset("sface-casia").stages[0]
    assert casia.updates(100) == 12_500
    rates = {e: casia.rate_at(e * 100, 100) for e in (0, 49, 50, 69, 70, 80, 124)}
    assert rates == pytest.approx({0: 0.1, 49: 0.1, 50: 0.01, 69: 0.01, 70: 1e-3, 80: 1e-4, 124: 1e-4})
    large = preset("sface-ms1m").stages[0]
    assert [large.rate_at(u, 1) for u in (0, 100_000, 160_000, 220_000)] == pytest.approx([0.1, 0.01, 1e-3, 1e-4])
    face = preset("face-transformer")
    assert [s.rate for s in face.stages] == [3e-4, 1e-4, 5e-5]
    assert face.updates(10) == 250
    assert face.where(179, 10) == (0, 179)
    assert face.where(180, 10) == (1, 0)
    first = face.stages[0]
    assert first.rate_at(0, 10) == pytest.approx(1e-6)
    assert first.rate_at(10, 10) == pytest.approx(3e-4)
    assert first.rate_at(179, 10) == pytest.approx(1e-5, rel=0.1)
    assert all(first.rate_at(u, 10) >= first.rate_at(u + 1, 10) for u in range(10, 179))
    with pytest.raises(UserFault, match="sface-casia"):
        preset("casia")


def test_what_a_person_chooses_otherwise() -> None:
    face = preset("face-transformer")
    faster = shortened(face, rate=6e-4, loss="sface", backbone="ir50", batch=32)
    assert [s.rate for s in faster.stages] == pytest.approx([6e-4, 2e-4, 1e-4])
    assert (faster.loss, faster.loss_options, faster.backbone, faster.batch) == ("sface", {}, "ir50", 32)
    casia = shortened(preset("sface-casia"), epochs=25).stages
    assert len(casia) == 1
    assert casia[0].drops == pytest.approx((10, 14, 16))
    assert shortened(face, loss="cosface").loss_options == face.loss_options, "the same loss keeps its options"
    for wrong in ({"rate": -1.0}, {"rate": float("nan")}, {"epochs": float("inf")}):
        with pytest.raises(UserFault, match="above 0"):
            shortened(face, **wrong)


@pytest.mark.parametrize(
    ("changes", "limits", "words"),
    [
        ({"batch": 64}, QUIET, "--batch 48"),
        ({"loss": "sfaces"}, QUIET, "curricularface"),
        ({"loss_options": {"s": "much"}}, QUIET, "give a number"),
        ({"loss_options": {"m": float("nan")}}, QUIET, "give a number"),
        ({}, replace(QUIET, resume=True), "no checkpoint"),
    ],
)
def test_what_cannot_be_trained_is_said(tmp_path: Path, changes: dict[str, object], limits: Limits, words: str) -> None:
    with pytest.raises(UserFault, match=words):
        train(tiny(), 8, people(), recipe(**changes), tmp_path, limits=limits)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, updates=3))
    for changed, words in (({"seed": 5}, "seed"), ({"noise": 0.1}, "noise")):
        with pytest.raises(UserFault, match=words):
            train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, resume=True), **changed)
    wider = nn.Sequential(nn.AvgPool2d(28), nn.Flatten(), nn.Linear(48, 8))
    with pytest.raises(UserFault, match="another net"):
        train(wider, 8, people(), recipe(), tmp_path, limits=replace(QUIET, resume=True))
    with pytest.raises(UserFault, match="already at update 3"):
        train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, resume=True, updates=2))


def test_other_data_of_the_same_size_are_refused(tmp_path: Path) -> None:
    first = people()
    train(tiny(), 8, first, recipe(), tmp_path / "a", limits=replace(QUIET, updates=3))
    swapped = np.r_[first.labels[1:], first.labels[:1]]
    for other in (people(seed=8), InMemory(first.pictures, swapped)):
        with pytest.raises(UserFault, match="another run: files and labels differ"):
            train(tiny(), 8, other, recipe(), tmp_path / "a", limits=replace(QUIET, resume=True))


@pytest.mark.parametrize("file", ["weights.safetensors", "optimiser.safetensors", "random.safetensors", "state.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", bytes(range(256))], ids=["gone", "empty", "braces", "bytes"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, file: str, content: bytes | None) -> None:
    train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, updates=3))
    path = tmp_path / "checkpoint" / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(UserFault, match=r"damaged|holds no checkpoint") as fault:
        train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, resume=True))
    assert "without --resume" in str(fault.value) or "leave out --resume" in str(fault.value)


def test_an_optimiser_of_something_else_is_named(tmp_path: Path) -> None:
    train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, updates=3))
    folder = tmp_path / "checkpoint"
    (folder / "optimiser.safetensors").write_bytes((folder / "random.safetensors").read_bytes())
    with pytest.raises(UserFault, match=r"optimiser kept in .* is damaged"):
        train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, resume=True))


def test_the_command_does_not_overwrite_a_run_and_says_where_it_cannot_write(tmp_path: Path) -> None:
    data, out = folder_of(tmp_path / "data", people(2, 8)), tmp_path / "out"
    words = ["faces", "--data", str(data), "--batch", "8", "--epochs", "1", "--updates", "1", *SMALL, "--out"]
    assert CliRunner().invoke(app, [*words, str(out)]).exit_code == 0
    before = (out / "checkpoint" / "weights.safetensors").read_bytes()
    again = CliRunner().invoke(app, [*words, str(out)])
    assert isinstance(again.exception, UserFault)
    assert "--resume" in str(again.exception)
    assert (out / "checkpoint" / "weights.safetensors").read_bytes() == before
    assert CliRunner().invoke(app, [*words, str(out), "--resume"]).exit_code == 0
    (tmp_path / "file").write_text("no folder")
    blocked = CliRunner().invoke(app, [*words, str(tmp_path / "file")])
    assert isinstance(blocked.exception, UserFault)
    assert "--out" in str(blocked.exception)


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    broken = tiny()
    with torch.no_grad():
        broken[3].weight.fill_(float("nan"))  # type: ignore[index]
    with pytest.raises(FailedFault, match="update 1"):
        train(broken, 8, people(), recipe(), limits=QUIET)


def test_without_tensorboard_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as on a machine without the extra
    with pytest.raises(FailedFault, match=r"viot-agent\[tensorboard\]"):
        train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, tensorboard=True))


def test_tensorboard_is_written(tmp_path: Path) -> None:
    train(tiny(), 8, people(), recipe(), tmp_path, limits=replace(QUIET, tensorboard=True))
    assert list((tmp_path / "tensorboard").glob("events.*"))


def folder_of(path: Path, data: InMemory) -> Path:
    for i, (picture, label) in enumerate(zip(data.pictures, data.labels.tolist(), strict=True)):
        folder = path / f"person{label:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / f"{i}.png"), picture[:, :, ::-1])
    return path


SMALL = [
    "--backbone",
    "mobilefacenet",
    "--option",
    "width=0.125",
    "--option",
    "blocks=[1,1,1,1,1]",
    "--option",
    "dim=16",
]


def test_the_command_leaves_a_net_that_loads_and_its_card(tmp_path: Path) -> None:
    from viot_tools.faces.nets.build import load_net

    data, out = folder_of(tmp_path / "data", people(24, 3)), tmp_path / "out"
    words = ["faces", "--data", str(data), "--out", str(out), "--preset", "quick", "--loss", "sface", "--batch", "12"]
    words += ["--epochs", "1", "--held-out", "20", "--loss-option", "a=0.9", *SMALL]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "people never trained on: accuracy" in done.output
    net = load_net(out / "net.safetensors")
    assert net(torch.zeros(2, 3, 112, 112)).shape == (2, 16)
    assert net.card["loss"] == "sface"
    card = json.loads((out / "card.json").read_text("utf-8"))
    assert card["data"]["people"] == 4
    assert card["held_out"]["people"] == 20
    assert card["preset"]["loss_options"] == {"a": 0.9}
    assert card["updates"] == card["updates_of_the_preset"] == 1
    assert "net.safetensors" in (out / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--preset", "casia"], "face-transformer"),
        (["--backbone", "resnet"], "ir50"),
        (["--loss", "triplet"], "arcface"),
        (["--option", "width"], "NAME=VALUE"),
        (["--option", "wide=2"], "width"),
        (["--precision", "int8"], "bf16"),
        (["--held-out", "3"], "--held-out 20"),
        (["--data", "nowhere"], "no folder"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path: Path, more: list[str], words: str) -> None:
    data = folder_of(tmp_path / "data", people(2, 8))
    base = ["faces", "--data", str(data), "--out", str(tmp_path / "out"), "--batch", "8", "--epochs", "1", *SMALL]
    done = CliRunner().invoke(app, base + more)
    assert isinstance(done.exception, UserFault)
    assert words in str(done.exception)


@pytest.mark.slow
def test_one_of_two_processes_aligns_and_the_other_waits(tmp_path: Path) -> None:
    import skimage.data

    face = skimage.data.astronaut()
    for person in ("a", "b"):
        for i in range(4):
            path = tmp_path / "data" / person / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.roll(face, 7 * i, axis=1)[:, :, ::-1])
    out = tmp_path / "out"
    command = [sys.executable, *TWO, "-m", "viot_finetune.faces"]
    command += ["--data", str(tmp_path / "data"), "--out", str(out), "--align", "--batch", "8", "--epochs", "1", *SMALL]
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", "VIOT_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT, timeout=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert done.stdout.count("8 faces aligned") == 1
    assert json.loads((out / "card.json").read_text("utf-8"))["data"]["pictures"] == 8


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """Data-parallel: the same batches, the gradients averaged. A net without batch norm, whose statistics are each
    process's own, comes out the same but for rounding."""
    data = folder_of(tmp_path / "data", people())
    vit = ["--backbone", "vit-p8s8", "--option", "width=16", "--option", "depth=1", "--option", "heads=2"]
    vit += ["--option", "head_dim=8", "--option", "mlp=16", "--option", "dropout=0.0", "--option", "scaling=arcface"]
    weights = []
    for count, launcher in ((1, []), (2, TWO)):
        out = tmp_path / str(count)
        command = [sys.executable, *launcher, "-m", "viot_finetune.faces", "--data", str(data), "--out", str(out)]
        command += ["--batch", "16", "--epochs", "2", *vit]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT, timeout=280
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        card = json.loads((out / "card.json").read_text("utf-8"))
        assert card["processes"] == count
        weights.append(load_file(str(out / "net.safetensors")))
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=2e-4), name
