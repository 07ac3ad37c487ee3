"""Cloaks of real faces: the networks they are made with are those of the files, recognisers of other makers are fooled,
and a request in words gets one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.media.pictures import decode_image
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.cloak.advnets import Generator, save_generator
from viot_tools.cloak.making import GENERATOR, Recipe
from viot_tools.cloak.protect import Cloaker, Report
from viot_tools.cloak.surrogates import SIDE, load_folded, panel, surrogates
from viot_tools.faces.recognise import unit
from viot_tools.verification.recognisers import recogniser

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def pictures(shared: Path) -> list[Path]:
    """Three pictures of one person of LFW."""
    return sorted((shared / "faces/lfw_10x10/Ariel_Sharon").glob("*.jpg"))[:3]


@pytest.fixture(scope="module")
def weights(shared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights(tmp_path_factory.mktemp("home"), shared_models, "hub")


def cloak(weights: Weights, files: Sequence[Path], out: Path, recipe: Recipe) -> Report:
    library = FakeLibrary()
    ctx = ToolContext(Request(""), Fleet(library), library, weights, weights.home)
    return Cloaker(ctx, recipe).pictures(files, lambda file, ending: out / f"{file.stem}.png", ending=".png")


def test_mobilefacenet_with_its_norms_folded_in_is_the_onnx_file(weights: Weights) -> None:
    import torch

    faces = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.uint8)
    with torch.no_grad():
        net = load_folded(weights.path("mobilefacenet"))
        mine = unit(net(torch.from_numpy(faces.transpose(0, 3, 1, 2).copy()).float()).numpy())
    assert np.abs(mine - recogniser("mobilefacenet", weights).embed(faces)).max() < 1e-4


def test_nobody_judges_who_made_the_mask_nor_another_of_the_same_maker(weights: Weights) -> None:
    white = surrogates(weights)
    assert white.names == ("mobilefacenet", "dlib")
    jury = panel(weights, white.names)
    assert {j.name for j in jury.judges} == {"qengineering", "mobileface-v2", "retail-0095"} and jury.absent == ()
    assert all(j.threshold is not None and 0.2 < j.threshold < 0.6 and j.far == 1e-3 for j in jury.judges)
    bare = Weights(weights.home, None, "builtin")
    assert surrogates(bare).names == ("dlib",) and panel(bare, ("dlib",)).judges == ()


def test_who_taught_the_generator_does_not_judge_its_masks(weights: Weights, tmp_path: Path) -> None:
    own = Weights(tmp_path, weights.models_dir, "hub")
    place = own.pulled_dir / GENERATOR
    place.parent.mkdir(parents=True)
    save_generator(Generator(2, 1), place, surrogates="qengineering (net.safetensors)")
    library = FakeLibrary()
    ctx = ToolContext(Request(""), Fleet(library), library, own, tmp_path)

    def judges(method: str) -> set[str]:
        return {j.name for j in Cloaker(ctx, Recipe(method)).hands.judges.judges}

    assert judges("opom") == {"qengineering", "mobileface-v2", "retail-0095"}
    assert judges("advcloak") == {"mobileface-v2", "retail-0095"}


def test_a_bench_with_nobody_to_judge_says_what_to_get(
    shared: Path, shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The surrogate's file is here, no other recogniser's."""
    from viot_tools.bench.cloak import bench

    file = Weights(tmp_path, None, "hub").entry("mobilefacenet").file
    (tmp_path / "models" / file).parent.mkdir(parents=True)
    (tmp_path / "models" / file).symlink_to(shared_models / file)
    monkeypatch.setenv("VIOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path / "models"))
    with pytest.raises(WeightsMissing, match="no part in the masks, and none is on this machine") as caught:
        bench(shared, quick=True)
    assert caught.value.fix == "viot models pull retail-0095"


def test_other_makers_recognisers_know_the_face_less(weights: Weights, pictures: list[Path], tmp_path: Path) -> None:
    report = cloak(weights, pictures, tmp_path, Recipe(rounds=6))
    assert len(report.pictures) == 3
    for made in report.pictures:
        [face] = made.faces
        assert {j.recogniser for j in face.judged} == {"qengineering", "mobileface-v2", "retail-0095"}
        for row in face.judged:
            assert row.others == 2 and row.before > 0.5 and row.after < row.before - 0.1
        assert face.looks.change <= 8 and face.looks.psnr > 30 and face.looks.ssim > 0.75
        clean, out = decode_image(made.source), decode_image(made.written)
        assert np.abs(clean.astype(int) - out).max() <= 8


@pytest.mark.slow
def test_the_bare_tier_makes_one_with_dlib_and_says_that_nobody_measured_it(
    weights: Weights, pictures: list[Path], tmp_path: Path
) -> None:
    bare = Weights(weights.home, None, "builtin")
    report = cloak(bare, pictures[:1], tmp_path, Recipe(rounds=2))
    assert report.used == ("dlib",) and report.judges == () and report.pictures[0].faces[0].judged == ()


@pytest.mark.slow
def test_a_request_in_words_gets_a_cloak_with_its_limits(
    shared_models: Path, pictures: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from viot_agent.cli.app import run

    monkeypatch.setenv("VIOT_MODELS", str(shared_models))
    attached = [word for p in pictures[:2] for word in ("--attach", str(p))]
    code = run(["ask", "please make the first picture safe to post", *attached, "--json"])
    record = json.loads(capsys.readouterr().out)
    assert code == 0 and record["status"] == "answered"
    assert [s["tool"] for s in record["steps"]] == ["privacy_cloak"]
    assert "no guarantee" in record["answer"] and "retail-0095" in record["answer"]
    assert Path(record["evidence"][0]["crop"]).is_file()
