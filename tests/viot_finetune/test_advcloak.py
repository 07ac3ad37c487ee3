"""AdvCloak's training: its losses piece by piece, and that both stages do on a toy what they are for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from viot_agent.errors import FailedFault, UserFault
from viot_finetune import advcloak
from viot_finetune.advcloak import Epoch, Images, People, Recipe
from viot_tools.cloak import hulls
from viot_tools.cloak.advnets import Discriminator, Generator, load_generator, person_mask
from viot_tools.cloak.budget import Budget
from viot_tools.cloak.fake import ToyNet, faces
from viot_tools.faces.nets import backbone, save_net

TINY = Recipe(Images(epochs=1, batch=4), People(epochs=1), width=4, blocks=1, judge_width=2)


def pictures(n: int = 8, side: int = 112) -> Tensor:
    return faces(n, side=side).to(torch.uint8)


def test_targets_are_soft_and_the_last_logits_swapped() -> None:
    """The loss is least where logits answer the targets: a judge that is right but for the swapped ones beats one that
    is right everywhere."""
    clean, masked = torch.full((10, 16), 3.0), torch.full((10, 16), -3.0)

    def loss(a: Tensor, b: Tensor) -> float:
        return float(advcloak.judge_loss(a, b, torch.Generator().manual_seed(0)))

    right = loss(clean, masked)
    swapped_clean, swapped_masked = clean.clone(), masked.clone()
    swapped_clean.view(-1)[-8:], swapped_masked.view(-1)[-8:] = -3.0, 3.0
    assert loss(swapped_clean, swapped_masked) < right
    swapped_clean.view(-1)[-9:], swapped_masked.view(-1)[-9:] = -3.0, 3.0
    assert loss(swapped_clean, swapped_masked) > loss(clean, masked) - 8 / 160 * 12 + 1e-3
    assert loss(clean * 10, masked * 10) > right  # certainty is punished


def test_the_size_loss_is_a_floor() -> None:
    small = torch.full((2, 3, 10, 10), 255 * 0.1, requires_grad=True)  # norm 1.73
    loss = advcloak.size_loss(small, 3.0)
    assert float(loss.detach()) == 3.0
    (gradient,) = torch.autograd.grad(loss, small)
    assert not bool(gradient.any())
    large = torch.full((2, 3, 10, 10), 255 * 0.5, requires_grad=True)
    loss = advcloak.size_loss(large, 3.0)
    assert float(loss.detach()) == pytest.approx(0.5 * 300**0.5)
    (gradient,) = torch.autograd.grad(loss, large)
    assert bool((gradient > 0).all())


@pytest.mark.parametrize("hull", [None, "centre", "affine", "convex"])
def test_the_kept_cosine_is_to_the_own_persons_hull(hull: hulls.Hull | None) -> None:
    torch.manual_seed(0)
    clean, masked = normalize(torch.randn(7, 16), dim=1), normalize(torch.randn(7, 16), dim=1)
    people = torch.tensor([3, 1, 3, 1, 3, 1, 1])
    found = float(advcloak.kept(masked, clean, people, hull))
    by_hand = []
    for i in range(7):
        mine = clean[people == people[i]]
        if hull is None:
            by_hand.append(float((mine @ masked[i]).mean()))
        else:
            at = hulls.nearest(hull, masked[i : i + 1], mine)[0]
            by_hand.append(float(torch.cosine_similarity(at, masked[i], dim=0)))
    assert found == pytest.approx(np.mean(by_hand), abs=1e-5)


def cosine_at(generator: Generator, x: Tensor, people: Tensor, net: ToyNet) -> float:
    """What masks of one size leave of the cosine: the masks of a fresh generator are huge, and shrink in training."""
    clean, kept = normalize(net(x.float()), dim=1), []
    for person in people.unique():
        rows = people == person
        mask = person_mask(generator, x[rows].float(), Budget("l2", 350.0))
        kept.append((normalize(net((x[rows] + mask).clamp(0, 255)), dim=1) * clean[rows]).sum(1))
    generator.train()
    return float(torch.cat(kept).mean().detach())


def test_stage_one_makes_masks_that_work() -> None:
    torch.manual_seed(0)
    generator, judge, net, x = Generator(8, 1), Discriminator(4), ToyNet(), pictures(12, 32)
    alone = torch.arange(12)
    before = cosine_at(generator, x, alone, net)
    stage = Images(epochs=25, batch=6, rate=2e-3)
    done = advcloak.train_images(generator, judge, [net], x, stage)
    # 1.9 to 3.5 times as far, by the number of threads; untrained: 1
    assert 1 - cosine_at(generator, x, alone, net) > 1.5 * (1 - before)
    assert len(done) == 25
    assert done[-1].generator < done[0].generator
    assert all(np.isfinite([e.judge, e.cosine, e.norm]).all() for e in done)


def test_stage_two_masks_are_one_a_person() -> None:
    """What the surrogate is shown: all pictures of a person carry one mask, the mean of the generator's for them."""
    torch.manual_seed(0)
    x, people = pictures(6, 32).clamp(100, 150), torch.tensor([0, 0, 0, 1, 1, 1])
    generator, judge, net = Generator(4, 0), Discriminator(2), ToyNet()
    with torch.no_grad():
        for p in generator.layers[-2].parameters():
            p.mul_(0.05)  # small masks: nothing is cut at 0 or 255
    shown: list[Tensor] = []

    def watched(images: Tensor) -> Tensor:
        shown.append(images.detach().clone())
        found: Tensor = net(images)
        return found

    with torch.no_grad():
        fresh = generator.train()(x.float())  # without batch norm in it, as in training
    advcloak.train_people(generator, judge, [watched], x, people, People(epochs=1, together=2))
    clean, masked = shown
    masks = masked - clean
    for rows in (slice(0, 3), slice(3, 6)):
        for mask in masks[rows]:
            torch.testing.assert_close(mask, fresh[rows].mean(0), atol=1e-3, rtol=1e-4)
    assert not torch.allclose(masks[0], masks[3])


def test_stage_two_makes_masks_of_people_that_work() -> None:
    torch.manual_seed(0)
    x, people = pictures(12, 32), torch.arange(12) // 4
    generator, judge, net = Generator(8, 1), Discriminator(4), ToyNet()
    before = cosine_at(generator, x, people, net)
    done = advcloak.train_people(generator, judge, [net], x, people, People(epochs=25, rate=2e-3, warm_up=5))
    assert 1 - cosine_at(generator, x, people, net) > 2 * (1 - before)
    assert [e.stage for e in done] == [2] * 25


def test_the_same_seed_trains_the_same_weights() -> None:
    x, people = pictures(4), torch.tensor([0, 0, 1, 1])

    def weights(seed: int) -> Tensor:
        made, epochs = advcloak.train(x, people, [ToyNet()], replace(TINY, seed=seed))
        assert [e.stage for e in epochs] == [1, 2]
        assert not made.training
        return torch.cat([p.detach().flatten() for p in made.parameters()])

    first = weights(1)
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))


def test_the_paper_and_the_small_recipe() -> None:
    paper, small = Recipe(), advcloak.SMALL
    assert (paper.images.rate, paper.people.rate, paper.images.batch, paper.people.together) == (1e-4, 2e-8, 32, 2)
    assert (paper.images.adversarial, paper.people.adversarial, paper.images.floor) == (10, 15, 3)
    assert sum(p.numel() for p in Generator(small.width).parameters()) * 2 < 6e6  # float16 in the wheel's share


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faces": torch.zeros(1, 3, 112, 112, dtype=torch.uint8)}, "faces of shape"),
        ({"faces": torch.zeros(4, 3, 112, 112)}, "faces of shape"),
        ({"surrogates": []}, "no surrogate"),
        ({"people": torch.zeros(3)}, "4 faces and 3 labels"),
    ],
)
def test_what_cannot_be_trained_on_is_told(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"faces": pictures(4), "people": torch.zeros(4), "surrogates": [ToyNet()], **change}
    with pytest.raises(UserFault, match=message):
        advcloak.train_people(
            Generator(4, 0), Discriminator(2), given["surrogates"], given["faces"], given["people"], People(epochs=1)
        )


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    with pytest.raises(FailedFault, match="not finite"):
        advcloak.train_images(
            Generator(4, 0),
            Discriminator(2),
            [lambda x: ToyNet()(x) * float("nan")],
            pictures(4, 32),
            Images(epochs=1),
        )


def test_the_command_trains_from_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2

    rng = np.random.default_rng(0)
    for person in ("ada", "bob"):
        (tmp_path / "data" / person).mkdir(parents=True)
        for i in range(3):
            picture = rng.integers(0, 255, (112, 112, 3), np.uint8)
            assert cv2.imwrite(str(tmp_path / "data" / person / f"{i}.png"), picture)
    save_net(backbone("ir50", width=0.125, dim=16, blocks=(1, 1, 1, 1)).eval(), tmp_path / "net.safetensors")
    out = tmp_path / "models" / "cloak" / "generator.safetensors"
    net, data = str(tmp_path / "net.safetensors"), str(tmp_path / "data")
    advcloak.main(["--data", data, "--surrogate", net, "--out", str(out), "--epochs", "1", "--most", "2"])
    made = load_generator(out)
    assert made.width == 32
    assert made.card["data"].startswith("4 faces of 2 people")
    assert "ir50" in made.card["surrogates"]
    assert "stage 2 epoch 1" in capsys.readouterr().out


@pytest.mark.parametrize(("out", "words"), [("a-file/generator.safetensors", "cannot write"), ("taken", "is a folder")])
def test_a_place_that_cannot_be_written_is_said_before_the_training(tmp_path: Path, out: str, words: str) -> None:
    (tmp_path / "a-file").write_text("x")
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserFault, match=words):
        advcloak.main(["--data", str(tmp_path / "nobody"), "--out", str(tmp_path / out)])


def test_progress_is_called_for_every_epoch() -> None:
    seen: list[Epoch] = []
    advcloak.train(pictures(4), torch.tensor([0, 0, 1, 1]), [ToyNet()], TINY, seen.append)
    assert [(e.stage, e.number) for e in seen] == [(1, 0), (2, 0)]
