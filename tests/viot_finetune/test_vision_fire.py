"""Training of the fire and smoke network: data, mixture, loss, a few steps, and what is never learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from viot_agent.errors import MediaFault
from viot_agent.media.types import Image
from viot_finetune.vision import fire
from viot_finetune.vision.fire_data import (
    BOXES,
    STILLS,
    Burning,
    burning,
    duplicates,
    flame_alpha,
    folds,
    masks_of,
    read_boxes,
)
from viot_finetune.vision.fire_net import IGNORE, NO, SOMEWHERE, YES, FireNet, loss_of, restored, shipped
from viot_finetune.vision.fire_paint import cloth, flame, laid, lamp, smoke
from viot_finetune.vision.fire_samples import Mixture, Samples, cut_outs, labels_of
from viot_finetune.vision.fire_train import Recipe, Stage, trained

SIZE = Mixture().size
SMALL = Stage(steps=2, batch=4, buffer=8, fresh=2)


def flare(seed: int) -> tuple[Image, tuple[tuple[int, int, int, int, int], ...]]:
    """An orange blob before a blue sky, dark smoke above it."""
    rng = np.random.default_rng(seed)
    image = np.full((256, 256, 3), (90, 140, 210), np.uint8)
    image[:] = np.clip(image + rng.integers(-15, 15, (256, 256, 1)), 0, 255)
    x, y = (int(v) for v in rng.integers(60, 160, 2))
    cv2.circle(image, (x, y - 40), 25, (40, 40, 45), -1)
    cv2.circle(image, (x, y), 20, (255, 150, 40), -1)
    return image, ((0, x - 24, y - 24, x + 24, y + 24), (1, x - 30, max(0, y - 66), x + 30, y - 14))


def pictures(n: int) -> list[Burning]:
    made = []
    for k in range(n):
        image, boxes = flare(k)
        made.append(Burning(f"{k}.jpg", image, masks_of(image, boxes), boxes, k))
    return made


def without(n: int) -> list[Image]:
    return [np.random.default_rng(k).integers(0, 200, (180, 240, 3), np.uint8) for k in range(n)]


def test_what_is_measured_on_is_never_learnt_from() -> None:
    for folder in (BOXES, *STILLS):
        assert "valid" not in folder and "fire_vs_nonfire" not in folder and "MOT17-04" not in folder
        assert folder.split("/")[0] != "videos" or folder.split("/")[1] == "stills"  # no clip


def test_flame_alpha_keeps_the_flame_and_leaves_the_sky() -> None:
    image, boxes = flare(1)
    _, x0, y0, x1, y1 = boxes[0]
    alpha = flame_alpha(image, (x0, y0, x1, y1))
    assert alpha[24, 24] == 255 and alpha[0, 0] == 0


def test_reading(tmp_path: Path) -> None:
    label = tmp_path / "a.txt"
    label.write_text("0 0.5 0.5 0.5 0.25\n1 0.0 0.0 0.5 0.5\n0 0.2 0.2 0.0 0.0\n")
    assert read_boxes(label, 200, 100) == ((0, 50, 38, 150, 62), (1, 0, 0, 50, 25))
    with pytest.raises(MediaFault, match="no pictures"):
        burning(tmp_path)
    folder = tmp_path / BOXES
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    cv2.imwrite(str(folder / "images" / "a.jpg"), flare(0)[0])
    (folder / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5")
    [one] = burning(tmp_path)
    assert one.name == "a.jpg" and one.boxes == ((0, 64, 64, 192, 192),) and one.masks.shape == (256, 256, 4)


def test_near_duplicates_stay_in_one_fold() -> None:
    image, other = flare(1)[0], np.random.default_rng(9).integers(0, 255, (256, 256, 3), np.uint8)
    lighter = np.asarray(np.clip(image.astype(int) + 20, 0, 255), np.uint8)
    groups = duplicates([image, other, lighter, np.ascontiguousarray(image[:, ::-1])])
    assert groups[0] == groups[2] == groups[3] != groups[1]
    many = pictures(12)
    many = [Burning(p.name, p.image, p.masks, p.boxes, k // 3) for k, p in enumerate(many)]
    parts = folds(many, 4, 0)
    assert sorted(i for part in parts for i in part) == list(range(12))
    assert all(len({many[i].group for i in part}) == 1 and len(part) == 3 for part in parts)


def test_samples_are_the_same_for_a_seed_and_labelled() -> None:
    source = Samples(pictures(4), without(4))
    drawn = [[source.draw(rng) for _ in range(30)] for rng in (np.random.default_rng(5), np.random.default_rng(5))]
    for (a, b, c), (d, e, f) in zip(*drawn, strict=True):
        assert (a == d).all() and (b == e).all() and (c == f).all()
    assert {s[0].shape for s in drawn[0]} == {(160, 160, 3)}
    assert {int(v) for s in drawn[0] for v in s[1].ravel()} == {NO, YES, IGNORE, SOMEWHERE}
    assert {int(s[2][0]) for s in drawn[0]} >= {NO, YES}


def test_pictures_without_fire_have_no_label_of_it() -> None:
    source = Samples(pictures(2), without(3), Mixture(real=0, pasted=0, without=1, distractors=1))
    rng = np.random.default_rng(0)
    for _ in range(20):
        _, cells, whole = source.draw(rng)
        assert not cells.any() and not whole.any()


def test_labels_of_cells() -> None:
    planes = [np.zeros((SIZE, SIZE), np.float32) for _ in range(5)]
    fire, in_fire, in_smoke, unknown, covered = planes
    fire[0:16, 0:16] = 1
    in_fire[0:32, 0:32] = 1
    in_smoke[80:120, 80:120] = 1
    unknown[72:128, 72:128] = 1
    covered[140:160, 140:160] = 1
    cells, whole = labels_of(*planes)
    assert cells[0, 0, 0] == YES and cells[0, 3, 3] == IGNORE and cells[0, 10, 0] == NO
    assert cells[1, 12, 12] == SOMEWHERE and cells[1, 9, 9] == IGNORE and cells[1, 19, 19] == YES
    assert whole.tolist() == [YES, YES]


def test_somewhere_counts_for_its_hottest_cells_only() -> None:
    labels = torch.zeros(1, 2, 4, 4, dtype=torch.int64)
    labels[0, 1] = SOMEWHERE
    unknown = torch.full((1, 2), IGNORE)
    cold = torch.full((1, 2, 4, 4), -8.0)
    some = cold.clone()
    some[0, 1, 0] = 8.0  # the hottest four of sixteen
    assert float(loss_of(some, labels, unknown, 0.25)) < 0.05 < float(loss_of(cold, labels, unknown, 0.25))
    labels[0, 1] = NO
    assert float(loss_of(some, labels, unknown, 0.25)) > 1  # there it is wrong


@pytest.mark.parametrize("paint", [flame, smoke, cloth, lamp])
def test_painted_things(paint: object) -> None:
    patch = paint(np.random.default_rng(2), 40)  # type: ignore[operator]
    assert patch.shape[0] == 40 and patch.shape[2] == 4 and patch.dtype == np.float32
    assert patch[..., :3].min() >= 0 and patch[..., :3].max() <= 256 and patch[..., 3].max() <= 1
    image = np.full((80, 80, 3), 50, np.float32)
    made, cover = laid(image, patch, 40, 40, False)
    assert cover.max() > 0.3 and (made[cover == 0] == 50).all()
    beyond, nothing = laid(image, patch, 500, 500, True)
    assert (beyond == image).all() and not nothing.any()


def test_cut_outs() -> None:
    [picture] = pictures(1)
    [cut] = cut_outs(picture, 0)
    assert cut[24, 24, 3] == 1 and cut[0, 0, 3] == 0
    assert len(cut_outs(picture, 1)) == 1


def test_a_run_is_decided_by_its_recipe() -> None:
    second = replace(SMALL, some_share=0.5, mixture=Mixture(size=112, real=0.3, pasted=0.4, without=0.3, varied=True))
    recipe = Recipe(stages=(SMALL, second))
    one, two = (trained(pictures(3), without(3), recipe) for _ in range(2))
    assert all((one[name] == two[name]).all() for name in one)
    first = trained(pictures(3), without(3), Recipe(stages=(SMALL,)))
    assert any((one[name] != first[name]).any() for name in one)
    on = trained(pictures(3), without(3), recipe, first)  # the second stage alone, from what the first shipped
    assert all((one[name] == on[name]).all() for name in one)


def test_what_ships_can_be_restored() -> None:
    torch.manual_seed(1)
    net = FireNet().eval()
    arrays = shipped(net)
    x = torch.rand(1, 3, 32, 48)
    assert torch.allclose(restored(arrays)(x), net(x), atol=2e-2)  # float16
    again = shipped(restored(arrays))
    assert all(np.allclose(again[name], arrays[name], atol=1e-3) for name in arrays)


@pytest.mark.slow
def test_a_few_steps_learn_something() -> None:
    seen, unseen = pictures(8), pictures(12)[8:]
    learnt = trained(seen, without(6), Recipe(stages=(Stage(steps=40, batch=12, buffer=48, fresh=2),)))
    scores = fire.measured(learnt, unseen, without(8)[6:], 0)
    untrained = fire.measured(shipped(FireNet().eval()), unseen, without(8)[6:], 0)
    assert scores.burning[:, 0].mean() - scores.stills[:, 0].mean() > 0.2
    assert abs(untrained.burning[:, 0].mean() - untrained.stills[:, 0].mean()) < 0.2
    assert fire.report(scores)[0].startswith("fire: AUC of 4 unseen pictures against 2 stills 1.0000")
