"""Nearest points in a person's feature subspace: class centre, affine hull, convex hull, reduced hull (Zhong and Deng,
"OPOM: Customized Invisible Cloak towards Face Privacy Protection", TPAMI 2022).

The person's clean features are the rows of ``clean`` (N, D); ``point`` (B, D) are masked features. A hull is the set of
``w @ clean`` with ``sum(w) = 1`` and, but for the affine hull, ``lower <= w <= upper``. Every solver takes all B points
at once, and any leading dimensions, several people for example. The weights are constants for autograd: by the
envelope theorem the gradient of the squared distance by ``point`` is ``2 (point - w @ clean)`` all the same.

Owns the quadratic programs. Knows neither networks nor losses.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from viot_agent.errors import UserFault

Hull = Literal["centre", "affine", "convex", "reduced"]
RIDGE = 1e-12
"""Added to the Gram matrix's diagonal, relative to its mean, in float64. Repeated pictures make the matrix singular:
the weights are then not unique, the nearest point is, and this moves it by less than 1e-6."""
RANK = 1e-8
"""Eigenvalues of the centred Gram matrix under this share of the largest, or of the features' squared length, count as
0: pictures whose features differ by less than 1e-4 are one picture, and their difference is no direction."""
SLACK = 1e-9
"""How far a bound or a multiplier may be broken and still count as kept; unit features in float64 leave about 1e-12."""


def centre_weights(point: Tensor, clean: Tensor) -> Tensor:
    """(..., B, N) weights 1 / N, of ``point`` (..., B, D) and ``clean`` (..., N, D)."""
    return torch.full_like(point.detach() @ clean.detach().mT, 1.0 / clean.shape[-2])


def affine_weights(point: Tensor, clean: Tensor) -> Tensor:
    """(..., B, N) float weights, summing to 1, of the nearest points in the affine hulls.

    The closed form of the KKT system ``[[G, 1], [1', 0]] [w; l] = [c; 1]``, ``G = clean clean'``, ``c = clean point'``,
    solved about the centre: ``w = 1/N + (P G P)^+ P (c - G 1/N)`` with ``P = I - 11'/N``. Where features repeat or
    depend on each other, the weights nearest to the centre's are taken.
    """
    gram, target = _gram(point, clean)
    n = gram.shape[-1]
    across = gram - gram.mean(-1, keepdim=True)
    inner = across - across.mean(-2, keepdim=True)
    right = target - gram.mean(-1).unsqueeze(-2)
    right = right - right.mean(-1, keepdim=True)
    values, vectors = torch.linalg.eigh((inner + inner.mT) / 2)
    # of pictures all alike nothing is left after centring but rounding
    least = torch.maximum(RANK * values[..., -1:], RANK * _scale(gram).unsqueeze(-1))
    inverse = torch.where(values > least, 1 / values.clamp_min(1e-300), 0.0)
    step = ((right @ vectors) * inverse.unsqueeze(-2)) @ vectors.mT
    found: Tensor = 1.0 / n + step - step.mean(-1, keepdim=True)
    return found.to(clean)


def box_weights(point: Tensor, clean: Tensor, lower: float = 0.0, upper: float = 1.0) -> Tensor:
    """(..., B, N) weights of the nearest points among ``w @ clean``, ``sum(w) = 1``, ``lower <= w <= upper``: (0, 1) is
    the convex hull, ``upper < 1`` the reduced hull.

    First a primal-dual active set iteration (Hintermueller, Ito and Kunisch, SIAM J. Optim. 2003), which changes many
    bounds at a time and mostly ends after 3 to 6 linear solves; points for which it goes in circles are solved by a
    primal active set method (Nocedal and Wright, Numerical Optimization, algorithm 16.3), which cannot. Both end at
    weights that keep the KKT conditions within ``SLACK``.

    Raises UserFault when no weights keep the bounds.
    """
    n = clean.shape[-2]
    if not (lower <= upper and lower * n <= 1.0 + 1e-12 and upper * n >= 1.0 - 1e-12):
        raise UserFault(
            f"no {n} weights between {lower:g} and {upper:g} sum to 1",
            fix=f"set lower to at most {1 / n:.4g} and upper to at least {1 / n:.4g}",
        )
    if min(1 - lower * n, upper * n - 1) < 1e-12:  # only the centre is left
        return centre_weights(point, clean)
    gram, target = _gram(point, clean)
    lead = target.shape[:-1]
    gram = gram + RIDGE * _scale(gram)[..., None, None] * torch.eye(n, dtype=gram.dtype, device=gram.device)
    flat = target.reshape(-1, n)
    full = gram.unsqueeze(-3).expand(*lead, n, n).reshape(-1, n, n)
    w, done = _dual(full, flat, lower, upper)
    if not bool(done.all()):
        left = ~done
        w[left] = _primal(full[left], flat[left], lower, upper)
    w = w.clamp(lower, upper)
    return (w / w.sum(-1, keepdim=True)).reshape(*lead, n).to(clean)


def weights(hull: Hull, point: Tensor, clean: Tensor, *, lower: float = 0.0, upper: float | None = None) -> Tensor:
    """(..., B, N) detached weights of the nearest points of ``hull``. ``lower`` and ``upper`` are the reduced hull's;
    its default ``upper`` is 2 / N, so that at least half of the pictures have a part in every point.

    Raises UserFault when no weights keep the bounds.
    """
    point, clean = point.detach(), clean.detach()
    if hull == "centre":
        return centre_weights(point, clean)
    if hull == "affine":
        return affine_weights(point, clean)
    if hull == "convex":
        return box_weights(point, clean)
    if hull == "reduced":
        return box_weights(point, clean, lower, min(1.0, 2 / clean.shape[-2]) if upper is None else upper)
    raise UserFault(f"no hull is called {hull!r}", fix="one of centre, affine, convex, reduced")


def nearest(hull: Hull, point: Tensor, clean: Tensor, *, lower: float = 0.0, upper: float | None = None) -> Tensor:
    """(..., B, D) nearest points of ``hull``, constants for autograd."""
    return weights(hull, point, clean, lower=lower, upper=upper) @ clean.detach()


def distance(hull: Hull, point: Tensor, clean: Tensor, *, lower: float = 0.0, upper: float | None = None) -> Tensor:
    """(..., B) squared distances to ``hull``, differentiable by ``point``."""
    return (point - nearest(hull, point, clean, lower=lower, upper=upper)).square().sum(-1)


def _gram(point: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """(..., N, N) and (..., B, N) in float64: squaring the features squares their condition number."""
    if clean.device.type == "mps":  # has no float64; the matrices are small
        point, clean = point.cpu(), clean.cpu()
    clean, point = clean.detach().double(), point.detach().double()
    target = point @ clean.mT
    gram = clean @ clean.mT
    return gram.expand(*target.shape[:-2], *gram.shape[-2:]), target


def _scale(gram: Tensor) -> Tensor:
    return gram.diagonal(dim1=-2, dim2=-1).mean(-1)


def _bordered(gram: Tensor, free: Tensor, right: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Solves ``G_FF x_F - l 1 = right_F``, ``sum(x_F) = total``, ``x = 0`` elsewhere: (M, N) and (M,) multiplier.
    ``free`` (M, N) is 0 or 1 and not all 0 in any row."""
    m, n = free.shape
    system = gram.new_zeros(m, n + 1, n + 1)
    system[:, :n, :n] = gram * (free.unsqueeze(-1) * free.unsqueeze(-2)) + torch.diag_embed(1 - free)
    system[:, :n, n] = -free
    system[:, n, :n] = free
    solved = torch.linalg.solve(system, torch.cat([right * free, total.unsqueeze(-1)], -1))
    return solved[:, :n], solved[:, n]


def _dual(gram: Tensor, target: Tensor, lower: float, upper: float) -> tuple[Tensor, Tensor]:
    """(M, N) weights and (M,) whether they keep the KKT conditions."""
    m, n = target.shape
    at_low = torch.zeros_like(target, dtype=torch.bool)
    at_high = torch.zeros_like(at_low)
    w = torch.full_like(target, 1.0 / n)
    done = torch.zeros(m, dtype=torch.bool, device=target.device)
    for _ in range(n + 4):
        bound = lower * at_low.to(target) + upper * at_high.to(target)
        free = (~(at_low | at_high)).to(target)
        stuck = free.sum(-1) == 0
        free = torch.where(stuck.unsqueeze(-1), 1.0, free)  # solvable, and found out below
        pull = (gram @ bound.unsqueeze(-1)).squeeze(-1)
        x, level = _bordered(gram, free, target - pull, 1 - bound.sum(-1))
        new = x * free + bound * (1 - free)
        slope = (gram @ new.unsqueeze(-1)).squeeze(-1) - target - level.unsqueeze(-1)
        slope = slope * (1 - free)
        kept = (
            (new >= lower - SLACK)
            & (new <= upper + SLACK)
            & (~at_low | (slope >= -SLACK))
            & (~at_high | (slope <= SLACK))
        ).all(-1) & ~stuck
        w = torch.where((kept & ~done).unsqueeze(-1), new, w)
        done = done | kept
        if bool(done.all()):
            break
        moved = new - slope
        at_low, at_high = moved < lower, moved > upper
    return w, done


def _primal(gram: Tensor, target: Tensor, lower: float, upper: float) -> Tensor:
    """(M, N) weights: from the centre along Newton steps, one bound more or less at a time, never uphill."""
    m, n = target.shape
    w = torch.full_like(target, 1.0 / n)
    fixed = torch.zeros_like(target, dtype=torch.bool)
    low = torch.zeros_like(fixed)  # of the fixed, which are at the lower bound
    done = torch.zeros(m, dtype=torch.bool, device=target.device)
    # a whole Newton step was taken: the next one would be rounding, which singular matrices make large
    rested = torch.zeros_like(done)
    rows = torch.arange(m, device=target.device)
    for _ in range(20 * (n + 1)):
        slope = (gram @ w.unsqueeze(-1)).squeeze(-1) - target
        free = (~fixed).to(target)
        step, _ = _bordered(gram, free, -slope, torch.zeros_like(target[:, 0]))
        step = step * free
        still = rested | (step.abs().amax(-1) <= SLACK)
        # where the free ones are at rest: the common slope of the free is the sum's multiplier
        level = (slope * free).sum(-1) / free.sum(-1)
        excess = torch.where(low, level.unsqueeze(-1) - slope, slope - level.unsqueeze(-1))
        worst, which = torch.where(fixed, excess, -torch.inf).max(-1)
        done = done | (still & (worst <= SLACK))
        if bool(done.all()):
            return w
        release = still & ~done
        fixed[rows[release], which[release]] = False
        go = ~still & ~done
        room = torch.where(step > SLACK, (upper - w) / step, torch.inf)
        room = torch.where(step < -SLACK, (lower - w) / step, room)
        room = torch.where(fixed, torch.inf, room)
        length, blocking = room.min(-1)
        length = torch.where(go, length.clamp(0.0, 1.0), 0.0)
        w = w + length.unsqueeze(-1) * step
        hit = go & (room.amin(-1) < 1.0)
        rested = go & ~hit
        where, bar = rows[hit], blocking[hit]
        low[where, bar] = step[where, bar] < 0
        w[where, bar] = torch.where(low[where, bar], lower, upper).to(w)
        fixed[where, bar] = True
    raise UserFault(
        "the nearest point in a hull was not found: the features are not finite or far from unit length",
        fix="give unit features",
    )
