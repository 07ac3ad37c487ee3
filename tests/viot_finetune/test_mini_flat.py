"""Rows without padding against what is reckoned row by row."""

from __future__ import annotations

import pytest
import torch

from viot_finetune.mini.flat import TOGETHER, Dropout, Rows, attention, dropped, take


def _rows(lengths: list[int], seed: int) -> torch.Tensor:
    return torch.randn(sum(lengths), 24, generator=torch.Generator().manual_seed(seed), requires_grad=True)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 1e-4])
def test_attention_stays_within_its_row(causal: bool, dropout: float) -> None:
    asking = [1, 4, 2, 7] * (TOGETHER // 2)
    asked = asking if causal else [3, 1, 5, 2] * (TOGETHER // 2)
    q, k, v = _rows(asking, 0), _rows(asked, 1), _rows(asked, 2)

    def by_row() -> torch.Tensor:
        out = []
        for one, key, value in zip(q.split(asking), k.split(asked), v.split(asked), strict=True):
            parts = []
            for h in range(3):
                own = slice(8 * h, 8 * h + 8)
                scores = one[:, own] @ key[:, own].T / 8**0.5
                if causal:
                    scores = scores.masked_fill(torch.ones_like(scores).triu(1) > 0, -torch.inf)
                parts.append(scores.softmax(-1) @ value[:, own])
            out.append(torch.cat(parts, 1))
        return torch.cat(out)

    def outcome(mixed: torch.Tensor) -> list[torch.Tensor]:
        grads = torch.autograd.grad((mixed * torch.arange(24)).sum(), (q, k, v))
        return [mixed.detach(), *grads]

    # so small a share is no byte in 256: the other way of reckoning, and nothing dropped
    flat = attention(q, k, v, Rows(asking), Rows(asked), 3, causal=causal, dropout=dropout)
    for found, wanted in zip(outcome(flat), outcome(by_row()), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_attention_drops_what_is_attended_to() -> None:
    lengths = [6, 5]
    q, k, v = (_rows(lengths, n) for n in range(3))
    torch.manual_seed(0)
    once, twice = (attention(q, k, v, Rows(lengths), Rows(lengths), 3, dropout=0.5) for _ in range(2))
    assert not torch.allclose(once, twice)


def test_padding_and_taking_lead_gradients_back() -> None:
    x = _rows([2, 1, 3], 0)
    padded = Rows([2, 1, 3]).padded(x)
    assert padded.shape == (3, 3, 24)
    assert torch.equal(padded[1, 0], x[2]) and not padded[1, 1:].any()
    (grad,) = torch.autograd.grad((padded * padded).sum(), x)
    torch.testing.assert_close(grad, 2 * x)
    at = torch.tensor([4, 0])
    (grad,) = torch.autograd.grad((take(x, at) ** 2).sum(), x)
    torch.testing.assert_close(grad[at], 2 * x[at])
    assert not grad[[1, 2, 3, 5]].any()


def test_where_rows_lie() -> None:
    rows = Rows([2, 1, 3])
    assert rows.places.tolist() == [0, 1, 0, 0, 1, 2]
    assert rows.owners.tolist() == [0, 0, 1, 2, 2, 2]
    for lengths in ([], [2, 0]):
        with pytest.raises(ValueError, match="a row of nothing"):
            Rows(lengths)


def test_dropping_keeps_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.ones(1000, 1001)
    some = dropped(x, 0.25)
    assert float((some == 0).float().mean()) == pytest.approx(0.25, abs=2e-3)
    assert float(some.mean()) == pytest.approx(1, abs=3e-3)
    assert not torch.equal(some, dropped(x, 0.25))
    torch.manual_seed(0)
    assert torch.equal(some, dropped(x, 0.25))
    drop = Dropout(0.25)
    assert torch.equal(drop.eval()(x), x)
    assert not torch.equal(drop.train()(x), x)
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match="cannot be dropped"):
            Dropout(share)
