"""What a mask is to maximise: distances in feature space for faces, label losses for classifiers.

Feature-subspace losses (Zhong and Deng, "OPOM", TPAMI 2022), ``y`` the unit feature of a masked picture and the
person's clean unit features the rows of ``A``:

=========  ====================================================
fi-uap     squared distance of y and its own clean feature
fi-uap+    minus the mean cosine of y and every clean feature
centre     squared distance of y and the mean of A, not made unit
affine     squared distance of y and the affine hull of A
convex     the same with weights in 0..1
reduced    the same with weights in lower..upper
=========  ====================================================

The paper's mean squared error divides by D, which moves no sign step. For unit features
``|y - m|^2 = 1 + |m|^2 - 2 y.m``: centre and fi-uap+ have one and the same gradient, up to the factor 2, and give the
same masks but for rounding.

Owns losses and what of the clean pictures each needs. Knows neither networks nor optimisers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from viot_agent.errors import UserFault
from viot_tools.cloak import hulls

SubspaceLoss = Literal["fi-uap", "fi-uap+", "centre", "affine", "convex", "reduced"]
SUBSPACE_LOSSES: tuple[SubspaceLoss, ...] = ("fi-uap", "fi-uap+", "centre", "affine", "convex", "reduced")
BETA = 9.0
"""Where the clipped cross-entropy of SGA ends (Liu et al., ICCV 2023)."""


class Objective(Protocol):
    """What ``optimise`` maximises. ``outputs`` are a network's, one row a picture; ``index`` says which pictures."""

    def reference(self, outputs: Tensor) -> Tensor:
        """What is kept of the clean pictures' outputs (N, D): one row a picture."""

    def needs(self, index: Tensor, count: int) -> Tensor:
        """The pictures, of all ``count``, whose reference ``loss`` reads for the pictures ``index`` (B,) and that a
        network which answers differently each time must be asked about anew. Sorted; may be empty."""

    def loss(self, outputs: Tensor, reference: Tensor, index: Tensor, step: int) -> Tensor:
        """(B,) losses of the masked pictures ``index``, to be maximised. ``step``: committed steps so far."""


def subspace_loss(
    name: SubspaceLoss, masked: Tensor, clean: Tensor, own: Tensor, lower: float = 0.0, upper: float | None = None
) -> Tensor:
    """(B,) losses of unit features ``masked`` (B, D), differentiable by them. ``clean`` (N, D): unit features of all
    the person's pictures; ``own`` (B,): which of them is the masked one's own.

    Raises UserFault for an unknown name or impossible bounds.
    """
    if name == "fi-uap":
        return (masked - clean[own].detach()).square().sum(-1)
    if name == "fi-uap+":
        return -(masked @ clean.detach().mT).mean(-1)
    if name in ("centre", "affine", "convex", "reduced"):
        return hulls.distance(name, masked, clean, lower=lower, upper=upper)
    raise UserFault(f"no loss is called {name!r}", fix=f"one of {', '.join(SUBSPACE_LOSSES)}")


@dataclass(frozen=True, slots=True)
class Subspace:
    """A feature-subspace loss over the pictures of one person, or of the people ``people`` (N,) tells apart.

    ``warm_up``: so many first steps of a hull use the class centre (the paper's script: 5 with the convex hull).
    ``lower`` and ``upper``: the reduced hull's weights (default upper: 2 / pictures of the person).
    """

    name: SubspaceLoss = "convex"
    people: Tensor | None = None
    warm_up: int = 0
    lower: float = 0.0
    upper: float | None = None

    def __post_init__(self) -> None:
        if self.name not in SUBSPACE_LOSSES:
            raise UserFault(f"no loss is called {self.name!r}", fix=f"one of {', '.join(SUBSPACE_LOSSES)}")

    def reference(self, outputs: Tensor) -> Tensor:
        return normalize(outputs.detach(), dim=-1)

    def needs(self, index: Tensor, count: int) -> Tensor:
        if self.name == "fi-uap":
            return index.sort().values
        if self.people is None:
            return torch.arange(count, device=index.device)
        people = self.people.to(index.device)
        return torch.isin(people, people[index]).nonzero().flatten()

    def loss(self, outputs: Tensor, reference: Tensor, index: Tensor, step: int) -> Tensor:
        masked = normalize(outputs, dim=-1)
        name = self.name
        if step < self.warm_up and name in ("affine", "convex", "reduced"):
            name = "centre"
        if self.people is None or name == "fi-uap":
            return subspace_loss(name, masked, reference, index, self.lower, self.upper)
        people = self.people.to(index.device)
        mine = people[index]
        found = masked.new_empty(len(index))
        for person in sorted(set(mine.tolist())):
            rows = (mine == person).nonzero().flatten()
            clean = reference[people == person]
            # own is read by fi-uap alone, which is above
            found = found.index_put((rows,), subspace_loss(name, masked[rows], clean, rows, self.lower, self.upper))
        return found


@dataclass(frozen=True, slots=True)
class Labels:
    """Moves a classifier's outputs (logits) from its own answer on the clean picture, never from the data's label.

    ``clipped``: min(cross-entropy, ``beta``), as SGA; else minus the logit of that answer, as SPGD's script.
    """

    clipped: bool = True
    beta: float = BETA

    def reference(self, outputs: Tensor) -> Tensor:
        return outputs.detach().argmax(-1)

    def needs(self, index: Tensor, count: int) -> Tensor:
        return index[:0]

    def loss(self, outputs: Tensor, reference: Tensor, index: Tensor, step: int) -> Tensor:
        answer = reference[index]
        if self.clipped:
            return cross_entropy(outputs, answer, reduction="none").clamp_max(self.beta)
        return -outputs.gather(-1, answer.unsqueeze(-1)).squeeze(-1)
