"""Hull solvers against scipy's reference solver, their KKT conditions, and the properties the paper's hulls have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import normalize

from viot_agent.errors import UserFault
from viot_tools.cloak import hulls


def features(n: int, dim: int, seed: int, spread: float = 0.7) -> Tensor:
    """(n, dim) unit features about one direction, as of one person."""
    torch.manual_seed(seed)
    return normalize(torch.randn(1, dim) + spread * torch.randn(n, dim), dim=1).double()


def reference(point: Tensor, clean: Tensor, lower: float | None, upper: float | None) -> np.ndarray:
    """(D,) nearest point of one hull by scipy's SLSQP."""
    a, y = clean.numpy(), point.numpy()
    n = len(a)
    bounds = None if lower is None else [(lower, upper)] * n
    done = minimize(
        lambda w: 0.5 * np.sum((y - w @ a) ** 2),
        np.full(n, 1 / n),
        jac=lambda w: a @ (w @ a - y),
        bounds=bounds,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(n)},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    assert done.success, done.message
    return np.asarray(done.x @ a)


@pytest.mark.parametrize(
    ("hull", "lower", "upper"), [("affine", None, None), ("convex", 0, 1), ("reduced", 0.02, 0.3), ("reduced", 0, 0.15)]
)
@pytest.mark.parametrize(("n", "dim"), [(10, 64), (10, 6), (16, 128), (3, 32)])
def test_the_nearest_point_is_the_reference_solvers(
    hull: hulls.Hull, lower: float | None, upper: float | None, n: int, dim: int
) -> None:
    if hull == "reduced" and n == 3:
        lower, upper = 0.1, 0.5
    clean, points = features(n, dim, 1), features(12, dim, 2, 2.0)
    found = hulls.nearest(hull, points, clean, lower=lower or 0.0, upper=upper)
    for y, got in zip(points, found, strict=True):
        np.testing.assert_allclose(got.numpy(), reference(y, clean, lower, upper), atol=1e-5)


@pytest.mark.parametrize("hull", ["affine", "convex", "reduced"])
def test_repeated_pictures_change_nothing_but_the_weights(hull: hulls.Hull) -> None:
    clean, points = features(5, 32, 3), features(20, 32, 4, 2.0)
    upper = 0.6 if hull == "reduced" else 1.0
    once = hulls.nearest(hull, points, clean, upper=upper)
    twice = hulls.nearest(hull, points, clean.repeat(2, 1), upper=upper / 2 if hull == "reduced" else upper)
    torch.testing.assert_close(twice, once, atol=1e-6, rtol=0)


def test_pictures_all_alike_are_one_point() -> None:
    clean = features(1, 32, 5).repeat(6, 1)
    for hull in ("centre", "affine", "convex", "reduced"):
        found = hulls.nearest(hull, features(4, 32, 6), clean)
        torch.testing.assert_close(found, clean[:4], atol=1e-6, rtol=0)


def test_the_affine_closed_form_solves_the_kkt_system() -> None:
    clean, points = features(10, 64, 7), features(8, 64, 8, 2.0)
    system = torch.zeros(11, 11, dtype=torch.float64)
    system[:10, :10], system[:10, 10], system[10, :10] = clean @ clean.T, 1, 1
    right = torch.cat([clean @ points.T, torch.ones(1, 8, dtype=torch.float64)])
    solved = torch.linalg.solve(system, right)[:10].T
    torch.testing.assert_close(hulls.affine_weights(points, clean), solved, atol=1e-8, rtol=0)


def kkt(point: Tensor, clean: Tensor, w: Tensor, lower: float, upper: float) -> float:
    """How far the weights (B, N) are from optimal: the largest gap between the steepest pair of weights that could
    still be shifted from one to the other."""
    slope = (w @ clean - point) @ clean.mT
    worst = 0.0
    for s, x in zip(slope, w, strict=True):
        down = torch.where(x > lower + 1e-7, s, -torch.inf).max()
        up = torch.where(x < upper - 1e-7, s, torch.inf).min()
        worst = max(worst, float(down - up))
    return worst


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(2, 14),
    dim=st.sampled_from([2, 5, 24]),
    seed=st.integers(0, 10_000),
    spread=st.sampled_from([0.01, 0.3, 3.0]),
    copies=st.integers(1, 2),
    box=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@example(n=5, dim=2, seed=235, spread=0.01, copies=1, box=(0.0, 0.0))
def test_weights_keep_bounds_and_the_distances_are_in_order(
    n: int, dim: int, seed: int, spread: float, copies: int, box: tuple[float, float]
) -> None:
    clean = features(n, dim, seed, spread).repeat(copies, 1)
    points = features(6, dim, seed + 1, 2.0)
    total = n * copies
    lower, upper = box[0] / total, (1 + box[1] * (total - 1)) / total
    apart = {}
    for hull in ("affine", "convex", "reduced", "centre"):
        w = hulls.weights(hull, points, clean, lower=lower, upper=upper)
        torch.testing.assert_close(w.sum(-1), torch.ones(6, dtype=torch.float64), atol=1e-9, rtol=0)
        apart[hull] = hulls.distance(hull, points, clean, lower=lower, upper=upper)
        if hull in ("convex", "reduced"):
            low, high = (0.0, 1.0) if hull == "convex" else (lower, upper)
            assert float(w.min()) >= low - 1e-8
            assert float(w.max()) <= high + 1e-8
            assert kkt(points, clean, w, low, high) < 1e-6
    slack = 1e-7
    # features that differ by less than 1e-4 are no direction to the affine hull (RANK), though they are to the convex
    # one: as far as two vectors of length 1 and 2 go, that is worth 2 * 2 * 1e-4 of squared distance
    near = 4e-4 if spread == 0.01 else slack
    assert bool((apart["affine"] <= apart["convex"] + near).all())
    assert bool((apart["convex"] <= apart["reduced"] + slack).all())
    assert bool((apart["reduced"] <= apart["centre"] + slack).all())


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 12), dim=st.sampled_from([2, 8]), seed=st.integers(0, 10_000), copies=st.integers(1, 2))
def test_the_second_method_finds_the_same_points(n: int, dim: int, seed: int, copies: int) -> None:
    """The primal method is met only where the first goes in circles; here it is asked outright."""
    clean, points = features(n, dim, seed).repeat(copies, 1), features(5, dim, seed + 1, 2.0)
    total = n * copies
    upper = min(1.0, 2.5 / total)
    gram, target = hulls._gram(points, clean)
    eye = torch.eye(total, dtype=torch.float64)
    w = hulls._primal((gram + 1e-12 * eye).expand(5, total, total), target, 0.0, upper)
    torch.testing.assert_close(
        w @ clean, hulls.nearest("reduced", points, clean, lower=0.0, upper=upper), atol=1e-5, rtol=0
    )


def test_several_people_are_solved_at_once() -> None:
    clean = torch.stack([features(7, 32, s) for s in range(3)])
    points = torch.stack([features(4, 32, s + 10, 2.0) for s in range(3)])
    for hull in ("centre", "affine", "convex", "reduced"):
        both = hulls.weights(hull, points, clean)
        for i in range(3):
            torch.testing.assert_close(both[i], hulls.weights(hull, points[i], clean[i]), atol=1e-9, rtol=0)


@pytest.mark.parametrize("hull", ["centre", "affine", "convex", "reduced"])
def test_the_envelope_gradient_is_the_true_one(hull: hulls.Hull) -> None:
    clean, points = features(8, 16, 11), features(3, 16, 12, 2.0).requires_grad_()
    (given_,) = torch.autograd.grad(hulls.distance(hull, points, clean).sum(), points)
    step = 1e-5
    for i, j in ((0, 0), (1, 7), (2, 15)):
        moved = torch.zeros(3, 16, dtype=torch.float64)
        moved[i, j] = step
        with torch.no_grad():
            up, down = (hulls.distance(hull, points + s * moved, clean).sum() for s in (1, -1))
        assert float(given_[i, j]) == pytest.approx(float((up - down) / (2 * step)), abs=1e-5)


def test_a_single_picture_and_float32_are_fine() -> None:
    clean, point = features(1, 16, 1).float(), features(2, 16, 2).float()
    for hull in ("centre", "affine", "convex", "reduced"):
        w = hulls.weights(hull, point, clean)
        assert w.dtype == torch.float32
        torch.testing.assert_close(w, torch.ones(2, 1))


def test_impossible_bounds_and_unknown_hulls_are_told() -> None:
    clean, point = features(4, 8, 1), features(1, 8, 2)
    with pytest.raises(UserFault, match=r"no 4 weights between 0 and 0\.2"):
        hulls.box_weights(point, clean, 0.0, 0.2)
    with pytest.raises(UserFault, match="no hull is called 'round'"):
        hulls.weights("round", point, clean)  # type: ignore[arg-type]
