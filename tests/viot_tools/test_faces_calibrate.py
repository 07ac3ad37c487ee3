"""Calibration on made-up embeddings, where the right numbers are known, and on folders that hold too little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.faces import calibrate
from viot_tools.faces.calibrate import Picture, Probe, choose, half, impostor_tracks, pairs, pictures, report
from viot_tools.faces.recognise import unit


def probes(people: int, each: int, noise: float, seed: int = 0) -> list[Probe]:
    """People in random directions of 64 numbers, each picture with noise; two probes a picture, one of them poor."""
    rng = np.random.default_rng(seed)
    found: list[Probe] = []
    for p in range(people):
        centre = unit(rng.normal(size=64))
        for k in range(each):
            picture = Picture("lfw", f"person {p}", Path(f"{p}-{k}.jpg"))
            for original, quality, extra in ((True, 0.9, 1.0), (False, 0.1, 2.0)):
                vector = unit(centre + noise * extra * unit(rng.normal(size=64)))
                found.append(Probe(picture, p * each + k, original, quality, vector))
    return found


def test_choose_and_report() -> None:
    chosen = choose(probes(60, 5, 0.6))
    rates = [rate for rate, _ in chosen["curve"]]
    scores = [score for _, score in chosen["curve"]]
    assert rates == sorted(rates, reverse=True) and scores == sorted(scores)
    assert chosen["threshold"] == dict(chosen["curve"])[calibrate.FAR]
    assert chosen["lower_poor"] <= chosen["lower"] <= chosen["threshold"]
    assert chosen["margin"] >= 0
    other = report(probes(60, 5, 0.6, seed=1), chosen)
    assert other["far"] <= 2 * calibrate.FAR
    assert other["tar"] > 0.9


def test_pairs_never_compare_a_picture_with_itself_nor_use_a_poor_gallery() -> None:
    found = probes(3, 2, 0.0)
    result = pairs(found)
    # 12 probes against 6 gallery pictures: each has one other picture of its person and four of others
    assert len(result.genuine) == 12 and len(result.impostor) == 48
    assert result.genuine == pytest.approx(np.ones(12), abs=1e-5)


def test_impostor_tracks_need_four_pictures() -> None:
    assert len(impostor_tracks(probes(5, 3, 0.5))) == 0
    assert len(impostor_tracks(probes(5, 4, 0.5))) == 5 * 6 * 16


def test_too_few_faces() -> None:
    with pytest.raises(UserFault, match="too few"):
        choose(probes(3, 2, 0.5))


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserFault, match="no face pictures"):
        pictures(tmp_path)
    assert calibrate.main(["--data", str(tmp_path), "--tier", "builtin"]) == 2
    assert "no face pictures" in capsys.readouterr().err


def test_pictures_of_a_folder(tmp_path: Path) -> None:
    for name in ("lfw_10x10/A/1.jpg", "lfw_10x10/A/2.jpg", "lfw_10x10/A/notes.txt", "att_orl/s1/1.pgm"):
        path = tmp_path / "faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    folder = tmp_path / "faces" / "deepface_dataset"
    folder.mkdir()
    (folder / "master.csv").write_text("file_x,file_y,Decision\na.jpg,b.jpg,Yes\nb.jpg,c.jpg,Yes\na.jpg,d.jpg,No\n")
    for name in "abd":
        (folder / f"{name}.jpg").write_bytes(b"")
    found = pictures(tmp_path)
    assert [(p.group, p.path.name) for p in found] == [
        ("lfw", "1.jpg"),
        ("lfw", "2.jpg"),
        ("orl", "1.pgm"),
        ("deepface", "a.jpg"),
        ("deepface", "b.jpg"),
    ]
    assert found[-1].person == found[-2].person


def test_halves_are_fixed_and_about_equal() -> None:
    names = [f"person {i}" for i in range(200)]
    assert [half(n) for n in names] == [half(n) for n in names]
    assert 70 < sum(half(n) for n in names) < 130
