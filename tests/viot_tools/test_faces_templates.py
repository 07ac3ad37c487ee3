"""Template evaluation by the bench: on people of a made-up world, and on a folder laid out like IJB."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.bench import faces_templates


def test_people_who_are_easy_to_tell(bench_world: ModuleType, tmp_path: Path) -> None:
    s = bench_world.store(bench_world.world(tmp_path, people=34), tmp_path, quick=False)
    rows, skipped = faces_templates.rows(s)
    by_id = {r.id: r for r in rows}
    assert set(by_id) == {"faces.templates.rank1", "faces.templates.tar_1e-2"}
    # 34 people: 34 x 33 pairs of two; 17 of them enrolled, with two pictures in their second template
    assert by_id["faces.templates.tar_1e-2"].value == by_id["faces.templates.rank1"].value == 1.0
    assert "1122 impostor pairs" in by_id["faces.templates.tar_1e-2"].metric and by_id["faces.templates.rank1"].n == 17
    assert by_id["faces.templates.rank1"].low < 0.85  # seventeen people all right are no certainty
    assert [line.split(":")[0] for line in skipped] == [
        "faces.templates.tar_1e-3",
        "faces.templates.tar_1e-4",
        "faces.templates.tpir",  # 34 searches for strangers cannot show one in ten
    ]


def test_strangers_set_the_threshold_of_a_search(bench_world: ModuleType, tmp_path: Path) -> None:
    s = bench_world.store(bench_world.world(tmp_path, people=40, pictures=12), tmp_path, quick=False)
    by_id = {r.id: r for r in faces_templates.rows(s)[0]}
    assert by_id["faces.templates.tpir"].value == 1.0 and by_id["faces.templates.tpir"].n == 20
    assert "0.1 of 120 strangers' searches" in by_id["faces.templates.tpir"].metric


def test_a_picture_without_a_face_is_a_search_that_finds_nobody(bench_world: ModuleType, tmp_path: Path) -> None:
    data = bench_world.world(tmp_path, people=34)
    for i in range(34):
        cv2.imwrite(str(data / "faces" / "some" / f"p{i:02d}" / "1.png"), np.zeros((112, 112, 3), np.uint8))
    by_id = {r.id: r for r in faces_templates.rows(bench_world.store(data, tmp_path, quick=False))[0]}
    assert by_id["faces.templates.rank1"].value == 0.5  # one of each person's two
    assert by_id["faces.templates.tar_1e-2"].value == 1.0  # the other picture stands for the template


def test_people_without_a_face_in_their_first_template_are_counted(
    bench_world: ModuleType, tmp_path: Path, home: Path
) -> None:
    data = bench_world.world(tmp_path, people=36)
    for i in (3, 7):
        for k in (0, 2):
            cv2.imwrite(str(data / "faces" / "some" / f"p{i:02d}" / f"{k}.png"), np.zeros((112, 112, 3), np.uint8))
    by_id = {r.id: r for r in faces_templates.rows(bench_world.store(data, tmp_path, quick=False))[0]}
    said = "among 17 templates; without 2 people in whose first template no face was found"
    assert by_id["faces.templates.rank1"].metric.endswith(said)
    assert by_id["faces.templates.rank1"].value == 1.0
    # in the list of pairs they stay, and are not accepted
    assert by_id["faces.templates.tar_1e-2"].value == pytest.approx(34 / 36)


def released(bench_world: ModuleType, tmp_path: Path) -> Path:
    """Twenty templates, two media each, of the made-up people."""
    some = bench_world.world(tmp_path / "some", people=20) / "faces" / "some"
    data = tmp_path / "IJBX"
    (data / "loose_crop").mkdir(parents=True)
    (data / "meta").mkdir()
    media, number = [], 0
    for i in range(20):
        for k in range(4):
            number += 1
            (data / "loose_crop" / f"{number}.png").write_bytes((some / f"p{i:02d}" / f"{k}.png").read_bytes())
            media.append(f"{number}.png {100 + 2 * i + k // 2} {number // 2}")
    pairs = [f"{100 + 2 * i} {101 + 2 * j} {int(i == j)}" for i in range(20) for j in range(20)]
    (data / "meta" / "ijbx_face_tid_mid.txt").write_text("\n".join(media) + "\n")
    (data / "meta" / "ijbx_template_pair_label.txt").write_text("\n".join(pairs) + "\n")
    return data


def test_a_release_is_evaluated_by_its_own_list(bench_world: ModuleType, tmp_path: Path) -> None:
    data = released(bench_world, tmp_path)
    # a wrong label shows: the list is obeyed, not the faces
    rows, skipped = faces_templates.rows(bench_world.store(data, tmp_path))
    assert [(r.id, r.value, r.n) for r in rows] == [] and len(skipped) == 3  # 380 impostors cannot show 1 %
    path = data / "meta" / "ijbx_template_pair_label.txt"
    path.write_text(path.read_text() * 3)
    rows, skipped = faces_templates.rows(bench_world.store(data, tmp_path))
    assert [(r.id, r.value, r.n) for r in rows] == [("faces.templates.ijbx.tar_1e-2", 1.0, 60)]
    path.write_text(path.read_text().replace("100 101 1", "100 101 0"))
    [row] = faces_templates.rows(bench_world.store(data, tmp_path))[0]
    assert row.n == 57 and "1143 impostor pairs" in row.metric
    # a second release in the folder has its own row
    for kind in ("face_tid_mid", "template_pair_label"):
        first = data / "meta" / f"ijbx_{kind}.txt"
        (data / "meta" / f"ijby_{kind}.txt").write_text(first.read_text())
    rows, _ = faces_templates.rows(bench_world.store(data, tmp_path))
    assert [r.id for r in rows] == ["faces.templates.ijbx.tar_1e-2", "faces.templates.ijby.tar_1e-2"]
    path.unlink()
    with pytest.raises(UserFault, match="there is no file"):
        faces_templates.rows(bench_world.store(data, tmp_path))
