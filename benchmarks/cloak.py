"""How fast a mask is made: the batched hull solvers against one CVXPY call per sample, and their share of a round.

    python benchmarks/cloak.py [--pictures 10] [--dim 512] [--repeat 20]

The plain way is that of the OPOM paper's script: for every masked feature, in every round, a quadratic program is built
and solved by CVXPY with its default solver. The second row compiles the program once and changes its parameters, which
is the kindest use of CVXPY. Both solve the same points as the batched solver, one thread, in turn in one run; the
largest difference of the nearest points stands beside the ratio. Needs the extra ``dev`` (CVXPY).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import cvxpy
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from viot_tools.cloak import hulls
from viot_tools.cloak.fake import ToyNet, faces
from viot_tools.cloak.losses import Subspace
from viot_tools.cloak.optimise import Options, optimise

Points = NDArray[np.float64]


def bounds(hull: str, w: cvxpy.Variable, n: int) -> list[cvxpy.Constraint]:
    """The constraints of a hull on its weights."""
    found = [cvxpy.sum(w) == 1]
    if hull != "affine":
        found += [w >= 0, w <= (1 if hull == "convex" else 2 / n)]
    return found


def plainly(hull: str, points: Points, clean: Points) -> Points:
    """A program built and solved for every point."""
    found = []
    for y in points:
        w = cvxpy.Variable(len(clean))
        problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(clean.T @ w - y)), bounds(hull, w, len(clean)))
        problem.solve()
        found.append(w.value @ clean)
    return np.array(found)


def compiled(hull: str, dim: int, n: int) -> Callable[[Points, Points], Points]:
    """A program compiled once, solved for every point."""
    w, a, y = cvxpy.Variable(n), cvxpy.Parameter((dim, n)), cvxpy.Parameter(dim)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(a @ w - y)), bounds(hull, w, n))

    def solve(points: Points, clean: Points) -> Points:
        a.value = clean.T
        found = []
        for point in points:
            y.value = point
            problem.solve()
            found.append(w.value @ clean)
        return np.array(found)

    return solve


def seconds(work: Callable[[], object], repeat: int) -> float:
    """Median of ``repeat`` runs, after one that is not counted, in processor time: other work on the machine counts
    for nobody."""
    work()
    taken = []
    for _ in range(repeat):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return statistics.median(taken)


def person(pictures: int, dim: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Clean features about one direction, and as many masked ones, on their way to a stranger's."""
    torch.manual_seed(seed)
    own, other = torch.randn(1, dim), torch.randn(1, dim)
    clean = own + 0.7 * torch.randn(pictures, dim)
    return normalize(clean + 1.5 * other, dim=1), normalize(clean, dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=20)
    a = parser.parse_args()
    torch.set_num_threads(1)
    masked, clean = person(a.pictures, a.dim)
    y, rows = masked.double().numpy(), clean.double().numpy()
    print(
        f"hulls of {a.pictures} pictures, {a.dim} numbers a feature, {a.pictures} points a call; ms of processor time"
    )
    print(f"{'hull':8s} {'batched':>9s} {'CVXPY':>9s} {'ratio':>7s} {'compiled':>9s} {'ratio':>7s} {'difference':>11s}")
    ratios = []
    for hull in ("affine", "convex", "reduced"):
        kind: hulls.Hull = hull
        program = compiled(hull, a.dim, a.pictures)
        ours = seconds(lambda kind=kind: hulls.nearest(kind, masked, clean), a.repeat)
        slow = seconds(lambda hull=hull: plainly(hull, y, rows), max(3, a.repeat // 5))
        kind_use = seconds(lambda program=program: program(y, rows), max(3, a.repeat // 5))
        ratios.append(slow / ours)
        apart = float(np.abs(hulls.nearest(kind, masked, clean).numpy() - plainly(hull, y, rows)).max())
        print(
            f"{hull:8s} {1e3 * ours:9.2f} {1e3 * slow:9.1f} {slow / ours:7.0f} {1e3 * kind_use:9.1f}"
            f" {kind_use / ours:7.0f} {apart:11.1e}"
        )
    print(f"least ratio to a program built for every sample: {min(ratios):.0f} (20 is wanted)")
    images, net = faces(a.pictures), ToyNet()
    rounds = 10
    taken = {
        loss: seconds(lambda loss=loss: optimise(images, [net], Subspace(loss), Options(rounds=rounds)), 5) / rounds
        for loss in ("centre", "affine", "convex")
    }
    print(
        "a whole OPOM round on a toy network of 16x16 pictures, ms: "
        + ", ".join(f"{k} {1e3 * v:.1f}" for k, v in taken.items())
    )


if __name__ == "__main__":
    main()
