"""AdvCloak's networks and budgets: shapes, the person's mask, the declared norm, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from viot_agent.errors import UserFault, WeightsMissing
from viot_tools.cloak.advnets import (
    Discriminator,
    Generator,
    load_generator,
    person_mask,
    save_generator,
    shared,
)
from viot_tools.cloak.budget import FILL, PAPER, Budget, fit
from viot_tools.cloak.fake import faces


def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(4, 1).eval()


def test_shapes_and_sizes() -> None:
    x = faces(2, side=112)
    with torch.no_grad():
        masks = generator()(x)
        logits = Discriminator(4)(x)
    assert masks.shape == x.shape
    assert float(masks.abs().max()) <= 255
    assert logits.shape == (2, 16)
    assert sum(p.numel() for p in Generator().parameters()) == pytest.approx(4.8e6, rel=0.05)


def test_a_persons_mask_is_one_and_the_mean() -> None:
    x = faces(5, side=32)
    people = torch.tensor([0, 1, 0, 1, 1])
    masks = generator()(x)
    made = shared(masks, people)
    for person in (0, 1):
        rows = people == person
        assert len(made[rows].unique(dim=0)) == 1  # identical for all pictures of a person
        torch.testing.assert_close(made[rows][0], masks[rows].mean(0))
    made.sum().backward()  # gradients reach the generator through the mean


def test_the_mask_for_use_is_the_mean_on_the_declared_budget() -> None:
    net, x = generator(), faces(10, side=112)
    mask = person_mask(net, x)
    assert mask.shape == (3, 112, 112)
    assert float(mask.norm()) == pytest.approx(1200, rel=1e-5)
    mean = net(x).mean(0).detach()
    torch.testing.assert_close(mask / 1200, mean / mean.norm(), atol=1e-6, rtol=1e-4)
    assert torch.equal(person_mask(net.train(), x), mask)  # evaluation mode, whoever left it elsewhere
    bounded = person_mask(net, x, Budget("linf", 8))
    assert float(bounded.abs().max()) <= 8
    assert float(bounded.norm()) == pytest.approx(1200, rel=1e-3)


@pytest.mark.parametrize("size", [4.0, 8.0, 12.0])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_budgets_are_kept_from_above_and_below(norm: str, size: float) -> None:
    torch.manual_seed(1)
    budget = Budget(norm, size if norm == "linf" else 150 * size)  # type: ignore[arg-type]
    for scale in (1e-4, 1.0, 1e4):
        made = fit(scale * torch.randn(3, 3, 20, 20), budget)
        norms = made.double().flatten(1).norm(dim=1)
        if norm == "l2":
            torch.testing.assert_close(norms, torch.full((3,), budget.size, dtype=torch.float64), rtol=1e-5, atol=0)
        else:
            assert float(made.abs().max()) <= size
            torch.testing.assert_close(
                norms, torch.full((3,), FILL * size * 1200**0.5, dtype=torch.float64), rtol=1e-4, atol=0
            )


def test_the_papers_figures() -> None:
    """1200 over 37,632 values is 6.19 a value; a full sign mask of 8 would be 1552."""
    assert str(PAPER) == "l2 1200"
    values = 3 * 112 * 112
    assert PAPER.size / values**0.5 == pytest.approx(6.19, abs=0.005)
    full = float(torch.full((3, 112, 112), 8.0).norm())
    assert full == pytest.approx(1552, abs=0.5)
    assert full * FILL == pytest.approx(1200)


def test_a_sparse_mask_comes_as_near_as_clipping_allows() -> None:
    mask = torch.zeros(3, 10, 10)
    mask[0, 0, :3] = torch.tensor([1.0, -2.0, 3.0])
    made = fit(mask, Budget("linf", 8))
    torch.testing.assert_close(made[0, 0, :3], torch.tensor([8.0, -8.0, 8.0]))


def test_what_has_no_budget_is_told() -> None:
    with pytest.raises(UserFault, match="0 everywhere"):
        fit(torch.zeros(3, 4, 4), PAPER)
    with pytest.raises(UserFault, match="0 everywhere"):
        fit(torch.full((3, 4, 4), float("nan")), PAPER)
    for norm, size in (("linf", 0.0), ("l2", float("nan")), ("l1", 3.0)):
        with pytest.raises(UserFault, match="a budget of"):
            Budget(norm, size)  # type: ignore[arg-type]
    for shape in ((0, 3, 8, 8), (2, 3, 9, 8), (3, 8, 8), (1, 1, 8, 8)):
        with pytest.raises(UserFault, match="faces of shape"):
            person_mask(generator(), torch.zeros(shape))
    with pytest.raises(UserFault, match="a generator of width 5000"):
        Generator(5000)


def test_a_generator_is_saved_and_read(tmp_path: Path) -> None:
    net, path = generator(), tmp_path / "g.safetensors"
    save_generator(net, path, licence="Apache-2.0")
    again = load_generator(path)
    assert (again.width, again.blocks, again.card["licence"]) == (4, 1, "Apache-2.0")
    x = faces(3, side=32)
    torch.testing.assert_close(person_mask(again, x), person_mask(net, x), rtol=0.05, atol=0.5)  # float16
    assert [p.name for p in tmp_path.iterdir()] == ["g.safetensors"]


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no file"):
        load_generator(tmp_path / "none")
    text = tmp_path / "text"
    text.write_text("no weights")
    with pytest.raises(UserFault, match="cannot read"):
        load_generator(text)
    save_generator(generator(), tmp_path / "g")
    tensors = load_file(tmp_path / "g")
    good = {"format": "viot-advcloak-1", "sizes": json.dumps({"width": 4, "blocks": 1})}
    for change, message in (
        ({"format": "other"}, "no generator"),
        ({"sizes": "{}"}, "cannot read"),
        ({"sizes": '{"width": 8, "blocks": 1}'}, "do not fit"),
        ({"sizes": '{"width": 90000, "blocks": 1}'}, "a generator of width"),
        ({"sizes": '{"width": true, "blocks": 1}'}, "damaged header"),
    ):
        save_file(tensors, tmp_path / "bad", {**good, **change})
        with pytest.raises(UserFault, match=message):
            load_generator(tmp_path / "bad")
    name = next(k for k, v in tensors.items() if v.is_floating_point())
    save_file({**tensors, name: tensors[name] * float("nan")}, tmp_path / "bad", good)
    with pytest.raises(UserFault, match="not finite"):
        load_generator(tmp_path / "bad")
    with pytest.raises(UserFault, match="cannot write"):
        save_generator(generator(), tmp_path / "no" / "folder")
