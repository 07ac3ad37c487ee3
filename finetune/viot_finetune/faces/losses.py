"""The losses of face recognition, as modules that hold the class weights.

All but :class:`Softmax` work on the hypersphere: embeddings and class weights are L2-normalised inside, so what counts
is the angle theta between them. Every loss takes ``embeddings (N, D)`` as the net gives them and ``labels (N,)`` int64,
and answers a scalar float32: the mean over the batch. Half-precision embeddings are computed in float32 from the cosine
on, because ``64 * cosine`` in float16 has steps of 0.03.

Owns the equations. Knows neither nets nor data.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from viot_agent.errors import UserFault

EDGE = 1e-6
"""Cosines are kept this far from -1 and 1 before ``acos`` and ``sqrt``, whose slopes are infinite there."""


class ClassLoss(nn.Module):
    """Class weights ``weight`` (classes, dim) float32 and what all losses share.

    ``monitor`` holds figures of the last batch for the log: mean angle (degrees) to the own class and to all others.
    """

    weight: nn.Parameter

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.normal_(self.weight, std=2 * math.sqrt(2 / dim))
        self.monitor: dict[str, float] = {}

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Scalar float32. Raises UserFault when shapes or labels do not fit the class weights."""
        classes, dim = self.weight.shape
        if embeddings.ndim != 2 or embeddings.shape[1] != dim or labels.shape != embeddings.shape[:1]:
            raise UserFault(
                f"embeddings {tuple(embeddings.shape)} and labels {tuple(labels.shape)} do not fit weights of "
                f"{classes} classes in {dim} dimensions"
            )
        # autocast would take the product back to half precision
        with torch.autocast(embeddings.device.type, enabled=False):
            cosine = cosines(embeddings.float(), self.weight.float())
            self._watch(cosine.detach(), labels)
            return self._loss(cosine, labels, embeddings.float())

    def _loss(self, cosine: Tensor, labels: Tensor, embeddings: Tensor) -> Tensor:
        raise NotImplementedError("a loss says what it does with the cosines")

    def _watch(self, cosine: Tensor, labels: Tensor) -> None:
        if not self.training or not len(labels):
            return
        theta = angles(cosine)
        own = theta.gather(1, labels[:, None])
        others = (theta.sum(1, keepdim=True) - own) / max(1, theta.shape[1] - 1)
        self.monitor = {
            "angle_own": math.degrees(float(own.mean())),
            "angle_others": math.degrees(float(others.mean())),
        }


def cosines(embeddings: Tensor, weight: Tensor) -> Tensor:
    """(N, classes): cos(theta) of every embedding to every class weight."""
    return functional.linear(functional.normalize(embeddings), functional.normalize(weight))


def angles(cosine: Tensor) -> Tensor:
    """theta in radians, with the cosine clamped first."""
    return torch.acos(cosine.clamp(-1 + EDGE, 1 - EDGE))


def _own(cosine: Tensor, labels: Tensor) -> Tensor:
    """(N, classes) bool: True at each sample's own class."""
    return torch.zeros_like(cosine, dtype=torch.bool).scatter_(1, labels[:, None], True)


class SFace(ClassLoss):
    """Sigmoid-constrained hypersphere loss (Zhong et al., TIP 2021, "SFace", arXiv 2205.12010).

    ``r_intra = s / (1 + exp(-k (theta - a)))``, ``r_inter = s / (1 + exp(k (theta - b)))``, and

    ``L = mean_i [ -sg(r_intra(theta_yi)) cos theta_yi + sum_{j != yi} sg(r_inter(theta_j)) cos theta_j ]``

    with sg the stop-gradient: along the sphere the gradient of a term has the length ``r sin(theta)``. Nothing pulls a
    sample that is nearer than about ``a`` (radians) to its class, nothing pushes one further than about ``b`` from
    another. The printed loss is not monotone, because r changes with theta: watch the angles.
    """

    def __init__(
        self, dim: int, classes: int, *, s: float = 64.0, k: float = 80.0, a: float = 0.87, b: float = 1.20
    ) -> None:
        super().__init__(dim, classes)
        if not (s > 0 and k > 0 and 0 <= a <= math.pi and 0 <= b <= math.pi):
            raise UserFault(
                f"SFace wants s, k > 0 and angles 0..pi, not s={s} k={k} a={a} b={b}", fix="a and b: radians"
            )
        self.s, self.k, self.a, self.b = s, k, a, b

    def intra(self, theta: Tensor) -> Tensor:
        """r_intra of angles in radians. ``torch.sigmoid`` never forms exp of a positive number: no overflow in fp16."""
        return self.s * torch.sigmoid(self.k * (theta - self.a))

    def inter(self, theta: Tensor) -> Tensor:
        """r_inter of angles in radians."""
        return self.s * torch.sigmoid(-self.k * (theta - self.b))

    def _loss(self, cosine: Tensor, labels: Tensor, embeddings: Tensor) -> Tensor:
        own = _own(cosine, labels)
        with torch.no_grad():
            theta = angles(cosine)
            rate = torch.where(own, -self.intra(theta), self.inter(theta))
        return (rate * cosine).sum(1).mean()


class Softmax(ClassLoss):
    """Cross-entropy of ``W x + b`` on embeddings and weights as they are (no normalisation)."""

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__(dim, classes)
        nn.init.xavier_uniform_(self.weight)
        self.bias = nn.Parameter(torch.zeros(classes))

    def _loss(self, cosine: Tensor, labels: Tensor, embeddings: Tensor) -> Tensor:
        return functional.cross_entropy(functional.linear(embeddings, self.weight.float(), self.bias.float()), labels)


class _Scaled(ClassLoss):
    """Cross-entropy of ``s`` times cosines that a margin has changed."""

    def __init__(self, dim: int, classes: int, *, s: float) -> None:
        super().__init__(dim, classes)
        if s <= 0:
            raise UserFault(f"the scale s must be positive, not {s}")
        self.s = s

    def _margin(self, cosine: Tensor, own: Tensor) -> Tensor:
        raise NotImplementedError("a margin loss says how it changes the cosines")

    def _loss(self, cosine: Tensor, labels: Tensor, embeddings: Tensor) -> Tensor:
        return functional.cross_entropy(self.s * self._margin(cosine, _own(cosine, labels)), labels)


class NormFace(_Scaled):
    """``s cos(theta)``, no margin (Wang et al. 2017, "NormFace", equation 6)."""

    def __init__(self, dim: int, classes: int, *, s: float = 64.0) -> None:
        super().__init__(dim, classes, s=s)

    def _margin(self, cosine: Tensor, own: Tensor) -> Tensor:
        return cosine


class CosFace(_Scaled):
    """``s (cos(theta_y) - m)`` for the own class (Wang et al. 2018, "CosFace", equation 4)."""

    def __init__(self, dim: int, classes: int, *, s: float = 64.0, m: float = 0.35) -> None:
        super().__init__(dim, classes, s=s)
        self.m = m

    def _margin(self, cosine: Tensor, own: Tensor) -> Tensor:
        return torch.where(own, cosine - self.m, cosine)


def _added_angle(cosine: Tensor, m: float) -> Tensor:
    """cos(theta + m); beyond theta = pi - m, where it would rise again, its usual continuation
    ``cos(theta) - m sin(m)``."""
    inside = cosine.clamp(-1 + EDGE, 1 - EDGE)
    turned = inside * math.cos(m) - torch.sqrt(1 - inside * inside) * math.sin(m)
    return torch.where(cosine > math.cos(math.pi - m), turned, cosine - m * math.sin(m))


class ArcFace(_Scaled):
    """``s cos(theta_y + m)`` for the own class (Deng et al. 2019, "ArcFace", equation 3)."""

    def __init__(self, dim: int, classes: int, *, s: float = 64.0, m: float = 0.5) -> None:
        super().__init__(dim, classes, s=s)
        self.m = m

    def _margin(self, cosine: Tensor, own: Tensor) -> Tensor:
        return torch.where(own, _added_angle(cosine, self.m), cosine)


class CurricularFace(_Scaled):
    """ArcFace whose hard negatives count more as training goes on (Huang et al. 2020, "CurricularFace", equations 4, 5
    and 7): a class j nearer than the own one plus margin gets ``cos(theta_j) (t + cos(theta_j))``, ``t`` the running
    mean of the cosines to the own class."""

    t: Tensor

    def __init__(self, dim: int, classes: int, *, s: float = 64.0, m: float = 0.5, momentum: float = 0.99) -> None:
        super().__init__(dim, classes, s=s)
        self.m, self.momentum = m, momentum
        self.register_buffer("t", torch.zeros(()))

    def _margin(self, cosine: Tensor, own: Tensor) -> Tensor:
        target = cosine[own]
        if self.training:
            with torch.no_grad():
                mean = target.mean()
                if torch.distributed.is_available() and torch.distributed.is_initialized():
                    torch.distributed.all_reduce(mean)
                    mean /= torch.distributed.get_world_size()
                self.t.lerp_(mean, 1 - self.momentum)
        turned = _added_angle(target, self.m)
        # a copy: the buffer changes in place at the next batch
        harder = cosine * (self.t.clone() + cosine)
        others = torch.where(cosine > turned[:, None], harder, cosine)
        return torch.where(own, turned[:, None], others)


LOSSES: dict[str, type[ClassLoss]] = {
    "sface": SFace, "softmax": Softmax, "normface": NormFace, "cosface": CosFace, "arcface": ArcFace,
    "curricularface": CurricularFace,
}  # fmt: skip


def loss_named(name: str, dim: int, classes: int, **options: Any) -> ClassLoss:
    """A loss by its name. Raises UserFault for a name or an option that is not there, with those that are, and for an
    option that is no finite number."""
    import inspect

    if name not in LOSSES:
        raise UserFault(f"there is no loss {name!r}", fix=f"the losses are {', '.join(LOSSES)}")
    known = [p for p in inspect.signature(LOSSES[name].__init__).parameters if p not in ("self", "dim", "classes")]
    wrong = [o for o in options if o not in known]
    if wrong:
        fix = f"its options are {', '.join(known)}" if known else "it has none"
        raise UserFault(f"the loss {name} has no option {', '.join(wrong)}", fix=fix)
    for option, value in options.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserFault(f"{option} of the loss {name} is {value!r}", fix="give a number, such as 0.5")
    if classes < 2:
        raise UserFault(
            f"training needs at least two people, not {classes}", fix="name a folder that holds PERSON/*.jpg"
        )
    return LOSSES[name](dim, classes, **options)
