"""Drawn people, the judge of verification, and the studies: seeded, apart, and honest about what they show."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import NameFault, UserFault
from viot_finetune.faces import study
from viot_finetune.faces.drawn import Nuisance, draw, person, picture
from viot_finetune.faces.judge import auc, embed, pairs, verify
from viot_finetune.faces.small import SmallNet
from viot_finetune.faces.tasks import STRANGERS, Task, aligned_people, run_all, run_task


def test_drawn_people_depend_on_seed_and_number_alone() -> None:
    some = draw(3, 2, 5, side=56)
    assert some.pictures.shape == (6, 56, 56, 3)
    assert some.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(draw(1, 2, 5, first=1, side=56).pictures, some.pictures[2:4])
    assert not np.array_equal(draw(3, 2, 6, side=56).pictures, some.pictures)


def test_a_person_stays_the_same_when_nothing_disturbs() -> None:
    still = Nuisance(0, 0, 0, 0, 0, 0.75, 0, 0, 0)
    flat = []
    for number in range(4):
        who = person(np.random.default_rng(number))
        # light and background still change
        two = [picture(who, np.random.default_rng([number, j]), still, 56)[18:46, 18:38].astype(float) for j in (0, 1)]
        flat += [((p - p.mean()) / p.std()).ravel() for p in two]
    # what all faces share tells nothing
    likeness = np.corrcoef(np.array(flat) - np.mean(flat, 0))
    same = likeness[[0, 2, 4, 6], [1, 3, 5, 7]].mean()
    others = likeness[np.ix_([0, 2, 4, 6], [1, 3, 5, 7])][~np.eye(4, dtype=bool)].mean()
    assert same > others + 0.3


def test_pixels_do_not_tell_drawn_people_apart() -> None:
    """The nuisance is what makes the set hard: raw pixels are little better than chance."""
    data = draw(20, 6, 8, side=56)
    flat = data.pictures[:, ::4, ::4].reshape(len(data.labels), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert verify(flat, data.labels, 0).auc < 0.7


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
@settings(max_examples=80, deadline=None)
def test_auc_counts_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    score, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    if same.all() or not same.any():
        return
    counted = [(a > b) + 0.5 * (a == b) for a in score[same] for b in score[~same]]
    assert auc(score, same) == pytest.approx(np.mean(counted))


def test_pairs_stay_inside_folds_of_people_and_are_balanced() -> None:
    labels = np.repeat(np.arange(40), 5)
    index, same, fold = pairs(labels, 400, 1)
    assert np.array_equal(same, labels[index[:, 0]] == labels[index[:, 1]])
    assert same.sum() == (~same).sum() == 200
    where: dict[int, set[int]] = {}
    for (a, b), f in zip(index, fold, strict=True):
        where.setdefault(int(labels[a]), set()).add(int(f))
        where.setdefault(int(labels[b]), set()).add(int(f))
    assert all(len(folds) == 1 for folds in where.values())
    assert len({tuple(sorted(row)) for row in index.tolist()}) == len(index), "no pair twice"
    with pytest.raises(UserFault, match="too few"):
        pairs(np.repeat(np.arange(19), 5), 400, 1)


def test_verification_of_perfect_useless_and_half_good_vectors() -> None:
    labels = np.repeat(np.arange(30), 6)
    perfect = np.eye(30, dtype=np.float32)[labels]
    found = verify(perfect, labels, 0)
    assert (found.accuracy, found.auc, found.tar, found.people) == (1, 1, 1, 30)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(180, 30)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    assert abs(verify(noise, labels, 0).accuracy - 0.5) < 0.08
    mixed = perfect + 0.9 * noise
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    assert 0.6 < verify(mixed, labels, 0).accuracy <= 1


def test_embedding_ignores_mirroring_and_gives_the_mode_back() -> None:
    torch.manual_seed(0)
    data, net = draw(2, 2, 0, side=56), SmallNet(8, width=4).train()
    mirrored = replace(data, pictures=data.pictures[:, :, ::-1].copy())
    assert np.allclose(embed(net, data), embed(net, mirrored), atol=1e-5)
    assert net.training


def test_intervals_are_students() -> None:
    mean, low, high = study.interval([1.0, 2.0, 3.0, 4.0])
    half = 3.182 * math.sqrt(5 / 3) / 2
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - half, 2.5 + half))
    assert math.isnan(study.interval([1.0])[1])


def test_the_plans_pair_every_method_with_the_same_people_labels_and_seeds() -> None:
    cells = study._noise([0, 1, 2])
    assert len(cells) == 12
    for cell in cells:
        assert [t.seed for t in cell.tasks] == [0, 1, 2]
    alike = {
        (t.people, t.each, t.epochs, t.batch, t.judges, t.judged, str(t.net_options)) for c in cells for t in c.tasks
    }
    assert len(alike) == 1
    assert 10 * max(t.people for c in cells for t in c.tasks) < STRANGERS


def test_the_backbones_cost_the_same_and_see_the_same_patches() -> None:
    from viot_tools.faces.nets.sizes import size_of

    sizes = {name: size_of(net, **options) for name, (net, _, options) in study.BACKBONES.items()}
    macs = [s.macs for s in sizes.values()]
    assert max(macs) / min(macs) < 1.10
    assert sizes["vit"].tokens == 196
    assert len({t.epochs * t.people * t.each for c in study._backbones([0]) for t in c.tasks}) == 1


TINY = Task("sface", 1e-3, 3, 0.4, net_options={"width": 4}, people=8, each=4, epochs=1, batch=16, judges=20, judged=3)


def test_a_task_is_repeatable_and_another_seed_is_another() -> None:
    first, again = run_task(TINY, None), run_task(TINY, None)
    again["cpu"] = first["cpu"]
    assert first == again
    assert run_task(replace(TINY, seed=4), None)["loss"] != first["loss"]
    assert TINY.key() != replace(TINY, noise=0.2).key()


def test_finished_runs_are_remembered(tmp_path: Path) -> None:
    file = tmp_path / f"{TINY.key()}.json"
    file.write_text(json.dumps({"figures": {"accuracy": 0.123}}))
    assert run_all([TINY, TINY], 1, tmp_path, None) == [{"accuracy": 0.123}] * 2


def test_differences_are_paired_and_verdicts_say_what_the_interval_says() -> None:
    results: dict[str, list[dict[str, float]]] = {}
    for share in (0, 20, 40):
        for loss, gained in (("sface", 0.0), ("softmax", -0.05), ("cosface", 0.05), ("arcface", 0.0)):
            # seeds differ by much more than losses do
            results[f"faces.noise.{loss}.{share}"] = [
                {"accuracy": 0.6 + 0.1 * s + gained + 0.001 * (-1) ** s * (loss != "sface")} for s in range(4)
            ]
    rows, notes = study._noise_differences(results)
    by_id = {r.id: r for r in rows}
    assert by_id["faces.noise.sface-softmax.40"].low > 0.04
    assert by_id["faces.noise.sface-cosface.40"].high < -0.04
    assert by_id["faces.noise.arcface.lost40"].value == pytest.approx(0)
    assert "softmax +5.0 (+4.8 to +5.2: better)" in notes[0]
    assert "cosface -5.0 (-5.2 to -4.8: worse)" in notes[0]
    assert "no difference shown" in notes[0]


def test_an_unknown_study_names_the_known() -> None:
    with pytest.raises(NameFault, match="noise, backbones, rates"):
        study.run("losses", None, quick=True, seed=0, seeds=2)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["noise", "backbones"])
def test_a_quick_study_prints_its_table(which: str, tmp_path: Path) -> None:
    report = study.bench(quick=True, suite=which)
    ids = {r.id for r in report.rows}
    wanted = {"faces.noise.sface.40", "faces.noise.sface-cosface.40"}
    assert (wanted if which == "noise" else {"faces.backbone.vit", "faces.backbone.vit-ir"}) <= ids
    report.write_json(tmp_path / "study.json")
    saved = json.loads((tmp_path / "study.json").read_text("utf-8"))
    assert {"rows", "skipped", "command", "runs"} <= saved.keys()
    assert len(saved["runs"]) == (24 if which == "noise" else 6)


@pytest.mark.real
@pytest.mark.slow
def test_real_people_are_aligned_and_numbered(shared: Path, tmp_path: Path) -> None:
    pictures, people, missed = aligned_people(shared, tmp_path / "real.npz")
    assert people >= 100
    assert len(missed) < 0.1 * pictures
    with np.load(tmp_path / "real.npz") as kept:
        assert kept["pictures"].shape == (pictures, 112, 112, 3)
        assert np.bincount(kept["labels"]).min() >= 2
