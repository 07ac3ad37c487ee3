"""Drawn people, the judge of verification, and the studies: seeded, apart, and honest about what they show."""

from __future__ import annotations

import json
import math
import multiprocessing
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from viot_agent.bench.report import Row
from viot_agent.errors import FailedFault, NameFault, UserFault
from viot_finetune.faces import findings, study
from viot_finetune.faces.drawn import Nuisance, draw, person, picture
from viot_finetune.faces.judge import embed, listed, pairs, verify
from viot_finetune.faces.small import SmallNet
from viot_finetune.faces.tasks import STRANGERS, Task, aligned_people, drawn_floor, run_all, run_task
from viot_tools.verification.folds import both_views
from viot_tools.verification.recognisers import TRIVIAL

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "datasets" / "faces" / "studies"


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
    labels = np.repeat(np.arange(30), 12)
    perfect = np.eye(30, dtype=np.float32)[labels]
    found = verify(perfect, labels, 0)
    assert (found.accuracy, found.auc, found.tar, found.people) == (1, 1, 1, 30)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(360, 30)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    assert abs(verify(noise, labels, 0).accuracy - 0.5) < 0.08
    mixed = perfect + 0.9 * noise
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    assert 0.6 < verify(mixed, labels, 0).accuracy <= 1


def test_too_few_strangers_show_no_rate_and_a_lost_face_is_wrong() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 2, 2, 3, 3]]
    index = np.array([[0, 1], [0, 2], [4, 5], [4, 6], [6, 7]])
    same, fold = np.array([True, False, True, False, True]), np.array([0, 0, 1, 1, 1])
    found = listed(vectors, index, same, fold, 4)
    assert (found.accuracy, found.tar, found.pairs) == (1, None, 5)
    vectors[5] = np.nan
    assert listed(vectors, index, same, fold, 4).accuracy == pytest.approx((1 + 2 / 3) / 2)


def test_embedding_ignores_mirroring_and_gives_the_mode_back() -> None:
    torch.manual_seed(0)
    data, net = draw(2, 2, 0, side=56), SmallNet(8, width=4).train()
    mirrored = replace(data, pictures=data.pictures[:, :, ::-1].copy())
    assert np.allclose(embed(net, data), embed(net, mirrored), atol=1e-5)
    assert net.training


def test_intervals_are_students() -> None:
    mean, low, high = findings.interval([1.0, 2.0, 3.0, 4.0])
    half = 3.1824 * math.sqrt(5 / 3) / 2
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - half, 2.5 + half), abs=1e-4)
    assert math.isnan(findings.interval([1.0])[1])


def test_the_plans_pair_every_method_with_the_same_people_labels_and_seeds() -> None:
    cells = study.plan("noise", 0, 3)
    assert len(cells) == 12
    for cell in cells:
        assert [t.seed for t in cell.tasks] == [0, 1, 2]
    alike = {
        (t.people, t.each, t.epochs, t.batch, t.judges, t.judged, str(t.net_options)) for c in cells for t in c.tasks
    }
    assert len(alike) == 1
    assert 10 * max(t.people for c in cells for t in c.tasks) < STRANGERS
    assert study.DEVELOPMENT not in {t.seed for c in study.plan("noise", 88, 4) for t in c.tasks}


@pytest.mark.parametrize("method", list(study.METHODS))
def test_the_settings_of_a_loss_are_the_best_of_those_that_were_tried(method: str) -> None:
    written = json.loads((KEPT / "rates.json").read_text("utf-8"))["runs"]
    tried = [(r["figures"]["accuracy"], r["task"]) for r in written if r["task"]["loss"] == method]
    assert len(tried) == len(study.CANDIDATES[method]) and {t["seed"] for _, t in tried} == {study.DEVELOPMENT}
    _, best = max(tried, key=lambda one: one[0])
    assert (best["rate"], best["loss_options"]) == study.METHODS[method]


def test_the_backbones_cost_the_same_and_see_the_same_patches() -> None:
    from viot_tools.faces.nets.sizes import size_of

    sizes = {name: size_of(net, **options) for name, (net, options) in study.BACKBONES.items()}
    macs = [s.macs for s in sizes.values()]
    assert max(macs) / min(macs) < 1.10
    assert [sizes[name].tokens for name in study.TRANSFORMERS] == [196, 196]
    assert sorted((*study.TRANSFORMERS, *study.CONVOLUTIONS)) == sorted(study.BACKBONES)
    cells = study.plan("transformer", 0, 3)
    assert (
        len({(t.epochs, t.people, t.each, t.batch, t.loss, str(t.loss_options)) for c in cells for t in c.tasks}) == 1
    )


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


def test_a_run_that_cannot_be_is_named_and_ends_the_study() -> None:
    with pytest.raises(FailedFault, match=r"the run resnet sface rate 0.001 noise 0.4 seed 3 failed.*resnet"):
        run_all([replace(TINY, net="resnet"), *[replace(TINY, seed=s) for s in range(9)]], 1, None, None)
    assert multiprocessing.active_children() == []


def test_a_process_that_dies_is_said_and_the_rest_is_given_up(tmp_path: Path) -> None:
    said: list[BaseException] = []

    def work() -> None:
        try:
            run_all([replace(TINY, epochs=1000.0 + i) for i in range(3)], 1, tmp_path, None)
        except FailedFault as fault:
            said.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 60
    while not (children := multiprocessing.active_children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        child.kill()
    thread.join(60)
    assert not thread.is_alive()
    assert "died with 3 of 3 runs to go" in str(said[0])
    assert "finished runs are kept" in str(said[0])


def test_differences_are_paired_and_claims_say_what_the_interval_says() -> None:
    results: dict[tuple[str, int], list[dict[str, float]]] = {}
    for share in (0, 20, 40):
        for loss, gained in (("sface", 0.0), ("softmax", -0.05), ("cosface", 0.05), ("arcface", 0.0)):
            # seeds differ by much more than losses do
            results[loss, share] = [
                {"accuracy": 0.6 + 0.1 * s + gained + 0.001 * (-1) ** s * (loss != "sface")} for s in range(4)
            ]
    rows, notes = findings.noise(results, ("sface", "softmax", "cosface", "arcface"), (0, 20, 40))
    by_id = {r.id: r for r in rows}
    assert by_id["faces.noise.sface-softmax.40"].low > 0.04
    assert by_id["faces.noise.sface-cosface.40"].high < -0.04
    assert by_id["faces.noise.arcface.lost40"].value == pytest.approx(0)
    assert by_id["faces.noise.sface-arcface.lost40"].value == pytest.approx(0)
    assert "softmax +5.0 (+4.8 to +5.2)" in notes[0]
    assert "cosface -5.0 (-5.2 to -4.8)" in notes[0]
    said = "NOT SHOWN (shown against softmax; the contrary shown against cosface; neither shown against arcface)"
    assert [said in note for note in notes] == [False, False, True, False, True, False, False, False]


def test_a_claim_is_shown_only_where_it_is_shown_against_all() -> None:
    assert findings.claim("so", {"a": (0.02, 0.01, 0.03), "b": (0.1, 0.05, 0.2)}) == "so: SHOWN (shown against a, b)"
    assert findings.claim("so", {"a": (0.0, -0.005, 0.01)}, -0.01) == "so: SHOWN (shown against a)"
    assert findings.claim("so", {"a": (0.0, -0.005, 0.01)}) == "so: NOT SHOWN (neither shown against a)"
    lone = findings.interval([0.5])
    assert findings.claim("so", {"a": lone}) == "so: NOT SHOWN (neither shown against a)"


def test_transformers_are_held_against_each_convolution_and_each_other() -> None:
    results = {
        name: [{"accuracy": base + 0.001 * s, "tar": 0.1} for s in range(3)]
        for name, base in (("vit-p8s8", 0.70), ("vit-p12s8", 0.72), ("mobilefacenet", 0.90), ("ir", 0.72))
    }
    rows, notes = findings.transformer(results, ("vit-p8s8", "vit-p12s8"), ("mobilefacenet", "ir"))
    by_id = {r.id: r for r in rows}
    assert by_id["faces.transformer.vit-p12s8-vit-p8s8"].value == pytest.approx(0.02)
    assert "NOT SHOWN (shown against ir; the contrary shown against mobilefacenet)" in notes[3]
    assert "SHOWN (shown against vit-p8s8)" in notes[4]


@pytest.mark.slow
def test_what_was_written_down_prints_the_same_table(tmp_path: Path) -> None:
    cells = study.plan("noise", 0, 2)
    figures = {
        t.key(): {"accuracy": 0.7 + 0.01 * i + 0.001 * t.seed, "tar": 0.3, "cpu": 6.0}
        for i, c in enumerate(cells)
        for t in c.tasks
    }
    made = study.report("noise", cells, figures, None)
    made.write_json(tmp_path / "noise.json")
    again = study.bench(suite="noise", kept_in=tmp_path)
    assert (again.rows, again.notes, again.skipped) == (made.rows, made.notes, made.skipped)
    written = json.loads((tmp_path / "noise.json").read_text("utf-8"))
    written["runs"].pop()
    (tmp_path / "noise.json").write_text(json.dumps(written))
    with pytest.raises(UserFault, match="lacks 1 runs of the study"):
        study.bench(suite="noise", kept_in=tmp_path)
    (tmp_path / "noise.json").write_text("{}")
    with pytest.raises(UserFault, match="no study that was written down"):
        study.bench(suite="noise", kept_in=tmp_path)
    with pytest.raises(UserFault, match="there is no file"):
        study.bench(suite="transformer", kept_in=tmp_path)


@pytest.mark.parametrize("which", study.STUDIES)
@pytest.mark.slow
def test_the_committed_studies_are_those_planned_with_three_seeds_or_more(which: str) -> None:
    report = study.kept(which, KEPT)
    cells = [r for r in report.rows if r.metric == "accuracy" and r.tier == "drawn"]
    assert {r.n for r in cells} == {study.SEEDS[which]} and all(r.low < r.value < r.high for r in cells)
    assert any(r.tier == "real" for r in report.rows)
    assert any("found and aligned by yunet" in note for note in report.notes)
    # the table in the docs is this one
    page = (ROOT / "docs" / "faces.md").read_text("utf-8")
    table = page.partition("<!-- faces-studies:begin -->")[2].partition("<!-- faces-studies:end -->")[0]
    lines = [line for line in report.markdown().splitlines() if not line.startswith("Reprint")]
    assert [line for line in lines if line not in table.splitlines()] == []


@pytest.mark.slow
def test_the_verdicts_on_the_papers_claims_are_those_of_the_intervals() -> None:
    noise, transformer = study.kept("noise", KEPT), study.kept("transformer", KEPT)
    by_id = {r.id: r for r in (*noise.rows, *transformer.rows)}

    def verdict(words: str) -> str:
        [said] = [n for n in (*noise.notes, *transformer.notes) if n.startswith(words)]
        return said.removeprefix(words).partition(" (")[0].rpartition(": ")[2]

    def rows(name: str, others: Sequence[str], tail: str = "") -> list[Row]:
        return [by_id[f"faces.{name}-{o}{tail}"] for o in others]

    losses = [m for m in study.METHODS if m != "sface"]
    for share in (20, 40):
        shown = all(r.low > 0 for r in rows("noise.sface", losses, f".{share}"))
        words = f"the claim of SFace's paper, at {share} % wrong labels"
        assert verdict(words) == ("SHOWN" if shown else "NOT SHOWN") == "NOT SHOWN"
    assert all(r.low > 0 for r in rows("noise.sface", losses, ".lost40"))
    assert verdict("SFace loses less than the other losses from 0 to 40 % wrong labels") == "SHOWN"
    for name in study.TRANSFORMERS:
        assert all(r.high < -findings.COMPARABLE for r in rows(f"transformer.{name}", study.CONVOLUTIONS))
        words = f"the claim of Face Transformer's paper (made for millions of pictures), {name} "
        assert verdict(words) == "NOT SHOWN"


@pytest.mark.slow
def test_the_floor_of_drawn_people_is_the_better_trivial_rule_on_those_who_judge() -> None:
    by_id = {r.id: r for r in study.kept("noise", KEPT).rows}
    floors = []
    for seed in range(study.SEEDS["noise"]):
        people = draw(60, 20, seed, first=STRANGERS, side=56)
        floors.append(max(verify(both_views(r.embed, people.pictures), people.labels, seed).accuracy for r in TRIVIAL))
    assert by_id["faces.noise.sface.0"].floor == pytest.approx(np.mean(floors))
    assert 0.55 < np.mean(floors) < 0.6  # over chance, and what a net must beat
    assert drawn_floor([replace(TINY, judged=2)]) == (pytest.approx(drawn_floor([replace(TINY, judged=2)])[0]), None)


def test_the_best_candidate_is_named() -> None:
    cells = study.plan("rates")
    figures = {t.key(): {"accuracy": 0.5, "tar": None, "cpu": 1.0} for c in cells for t in c.tasks}
    for c in cells:
        if c.id == "faces.rates.arcface.s30.m0.3.0.009":
            figures[c.tasks[0].key()]["accuracy"] = 0.6
    report = study.report("rates", cells, figures, None)
    assert report.notes[0].endswith("arcface.s30.m0.3.0.009")
    assert all(math.isnan(r.low) for r in report.rows)


def test_an_unknown_study_names_the_known() -> None:
    with pytest.raises(NameFault, match="noise, transformer, rates"):
        study.run("losses", None, quick=True, seed=0, seeds=2)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["noise", "transformer"])
def test_a_quick_study_prints_its_table(which: str, tmp_path: Path) -> None:
    report = study.bench(quick=True, suite=which)
    ids = {r.id for r in report.rows}
    wanted = {"faces.noise.sface.40", "faces.noise.sface-cosface.40"}
    assert (wanted if which == "noise" else {"faces.transformer.vit-p8s8", "faces.transformer.vit-p12s8-ir"}) <= ids
    report.write_json(tmp_path / "study.json")
    saved = json.loads((tmp_path / "study.json").read_text("utf-8"))
    assert len(saved["studies"][0]["runs"]) == (24 if which == "noise" else 8)


@pytest.mark.real
@pytest.mark.slow
def test_real_people_are_aligned_and_numbered(shared: Path, tmp_path: Path) -> None:
    judges = aligned_people(shared, tmp_path / "real.npz")
    assert judges.people >= 140
    assert judges.pairs == 1422
    assert judges.missed < 0.1 * judges.pictures
    # the floor of viot bench faces, verification
    assert judges.floor == pytest.approx(0.665, abs=0.01)
    assert judges.detector == "yunet"
    with np.load(tmp_path / "real.npz") as kept:
        assert kept["pictures"].shape == (judges.pictures, 112, 112, 3)
        assert kept["index"].max() < judges.pictures


def test_without_people_the_study_says_how_they_must_lie(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserFault, match="no people to judge on"):
            aligned_people(folder, tmp_path / "real.npz")
