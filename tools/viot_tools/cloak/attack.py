"""The other side, for audits: one picture of each pair is changed so that a recogniser calls one person two (dodging),
or two people one (impersonation). The feature-iterative method with DFANet, the way TALFW was made (Zhong and Deng,
"Towards Transferable Adversarial Attack against Deep Face Recognition", IEEE TIFS 2020):

    x <- clip(x + alpha sign grad |u(x) - u(other)|^2)  for a pair of one person, minus for a pair of two,

``u`` the unit feature, within ``epsilon`` of the clean picture in every value. Which picture of a pair TALFW changed
is not known; here it is the left one.

No tool of the agent makes such pictures. A caller shows a policy and a request that says ``purpose="audit"``, and
nothing is computed before the policy has allowed it. Owns the builder and that gate. Knows no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from viot_agent.errors import FailedFault, PolicyRefusal, UserFault
from viot_agent.steps import Observation, Request
from viot_agent.toolbox.contract import ToolSpec
from viot_tools.cloak.dfanet import DFANet, tuned
from viot_tools.cloak.optimise import Network

PURPOSE = "audit"


class Gate(Protocol):
    """What of a policy (``viot_agent.policy.Policy``) is asked here."""

    def check_request(self, request: Request) -> None: ...
    def check_call(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None: ...


def _no_tool() -> Observation:
    raise FailedFault("attacked pairs are made by audits only", fix="viot bench faces --suite talfw-like")


SPEC = ToolSpec(
    "adversarial_pairs", "Attacked picture pairs that test face recognisers.", "pictures of people outside an audit.",
    (), _no_tool, biometric=True, cost="footage",
)  # fmt: skip
"""What the policy is asked about. It is registered nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """The class's defaults of the published code. ``dropout``: DFANet's; None for what each surrogate bears, 0 for
    none. Raises UserFault for values without meaning."""

    epsilon: float = 10.0
    alpha: float = 1.0
    rounds: int = 10
    dropout: float | None = None
    seed: int = 0
    batch: int = 16

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and self.alpha > 0 and self.rounds >= 1 and self.batch >= 1):
            raise UserFault("an attack needs epsilon and alpha above 0, and rounds and batch from 1", fix="set them so")


def allow(gate: Gate, request: Request) -> None:
    """Raises PolicyRefusal when the request says no audit or the policy refuses."""
    if request.purpose != PURPOSE:
        raise PolicyRefusal(f"attacked pairs are made for audits only; this request's purpose is {request.purpose!r}")
    gate.check_request(request)
    gate.check_call(request, SPEC, {})


def attacked(
    left: Tensor,
    right: Tensor,
    same: Tensor,
    networks: Sequence[Network],
    attack: Attack,
    *,
    gate: Gate,
    request: Request,
) -> Tensor:
    """(N, 3, H, W) float 0..255: the pictures ``left`` attacked, each towards or away from its ``right`` (N, 3, H, W);
    ``same`` (N,) bool. Whole numbers, as a file would hold them.

    Raises PolicyRefusal, UserFault when shapes do not fit or DFANet is wanted of a surrogate that is no ``nn.Module``.
    """
    allow(gate, request)
    if left.shape != right.shape or left.ndim != 4 or same.shape != (len(left),) or not networks:
        raise UserFault(
            f"pairs of {tuple(left.shape)} and {tuple(right.shape)} with {len(same)} labels",
            fix="give two (N, 3, H, W) and (N,), and a surrogate",
        )
    nets: list[Network] = []
    wrapped: list[DFANet] = []
    try:
        for i, network in enumerate(networks):
            if attack.dropout == 0:
                nets.append(network)
                continue
            if not isinstance(network, nn.Module):
                raise UserFault("DFANet needs the layers of a surrogate, and this one is a function", fix="dropout=0")
            p = tuned(network, right[:5]) if attack.dropout is None else attack.dropout
            wrapped.append(DFANet(network, p, seed=1_000_003 * attack.seed + i))
            nets.append(wrapped[-1])
        parts = [
            _batch(left[i : i + attack.batch], right[i : i + attack.batch], same[i : i + attack.batch], nets, attack)
            for i in range(0, len(left), attack.batch)
        ]
    finally:
        for net in wrapped:
            net.detach()
    return torch.cat(parts)


def _batch(left: Tensor, right: Tensor, same: Tensor, nets: Sequence[Network], attack: Attack) -> Tensor:
    away = torch.where(same, 1.0, -1.0)
    x = left.clone()
    if bool((left == right).flatten(1).all(1).any()):
        raise UserFault("a pair holds one picture twice, from which no direction leads away", fix="leave it out")
    for _ in range(attack.rounds):
        at = x.detach().requires_grad_()
        loss = torch.zeros(())
        for net in nets:
            with torch.no_grad():
                other = normalize(net(right), dim=1)
            loss = loss + (away * (normalize(net(at), dim=1) - other).square().sum(1)).sum()
        (gradient,) = torch.autograd.grad(loss, at)
        x = x + attack.alpha * gradient.sign()
        x = (left + (x - left).clamp(-attack.epsilon, attack.epsilon)).clamp(0, 255)
    return x.round()
