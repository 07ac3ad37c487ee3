"""Attacked pairs: nothing without a permission, nothing beyond epsilon, and the pairs move the way they should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from viot_agent.errors import FailedFault, PolicyRefusal, UserFault
from viot_agent.policy import SingleUserPolicy
from viot_agent.steps import Principal, Request
from viot_agent.toolbox.contract import ToolSpec
from viot_tools.cloak.attack import PURPOSE, SPEC, Attack, attacked
from viot_tools.cloak.fake import ToyNet, faces

AUDIT = Request("test the recogniser", purpose=PURPOSE)
PLAIN = Attack(dropout=0.0)


def pairs() -> tuple[Tensor, Tensor, Tensor]:
    return faces(4, 0), faces(4, 1), torch.tensor([True, True, False, False])


def run(attack: Attack = PLAIN, request: Request = AUDIT, gate: Any = None, nets: Any = None) -> Tensor:
    left, right, same = pairs()
    return attacked(
        left, right, same, nets or [ToyNet()], attack, gate=gate or SingleUserPolicy(), request=request
    )  # fmt: skip


def test_one_person_becomes_two_and_two_become_one() -> None:
    left, right, same = pairs()
    net = ToyNet()
    made = run()
    with torch.no_grad():
        before, after = (cosine_similarity(net(x), net(right)) for x in (left, made))
    assert bool((after[same] < before[same]).all()) and bool((after[~same] > before[~same]).all())


@pytest.mark.parametrize("attack", [PLAIN, Attack(epsilon=3.0, dropout=0.05), Attack(rounds=3, dropout=0.0)])
def test_no_value_changes_by_more_than_is_allowed(attack: Attack) -> None:
    left = pairs()[0]
    made = run(attack)
    assert float((made - left).abs().max()) == min(attack.epsilon, attack.rounds * attack.alpha)
    assert float(made.min()) >= 0 and float(made.max()) <= 255 and torch.equal(made, made.round())


def test_the_seed_and_not_the_size_of_a_batch_decides() -> None:
    assert torch.equal(run(), run(Attack(dropout=0.0, batch=1)))
    thinned = Attack(dropout=0.05)
    assert torch.equal(run(thinned), run(thinned))
    assert not torch.equal(run(thinned), run(Attack(dropout=0.05, seed=1)))


def test_the_network_is_left_as_it_was() -> None:
    net = ToyNet()
    run(Attack(dropout=0.05), nets=[net])
    assert not any(module._forward_hooks for module in net.modules())


class Refusing:
    """A policy that refuses this call, and remembers what it was asked."""

    asked: list[str]

    def __init__(self) -> None:
        self.asked = []

    def check_request(self, request: Request) -> None:
        self.asked.append(request.principal.name)

    def check_call(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None:
        self.asked.append(spec.name)
        raise PolicyRefusal("no attacks here")


def never(x: Tensor) -> Tensor:
    raise AssertionError("computed before it was allowed")


def test_a_policy_that_refuses_is_obeyed_before_anything_is_computed() -> None:
    gate = Refusing()
    with pytest.raises(PolicyRefusal, match="no attacks here"):
        run(gate=gate, nets=[never])
    assert gate.asked == ["local", "adversarial_pairs"] and SPEC.biometric


@pytest.mark.parametrize("purpose", ["", "fun"])
def test_another_purpose_than_an_audit_is_refused(purpose: str) -> None:
    gate = Refusing()
    with pytest.raises(PolicyRefusal, match="for audits only"):
        run(request=Request("attack", purpose=purpose), gate=gate, nets=[never])
    assert gate.asked == []


def test_somebody_must_be_named() -> None:
    with pytest.raises(PolicyRefusal, match="who asks"):
        run(request=Request("attack", purpose=PURPOSE, principal=Principal("")), nets=[never])


def test_what_does_not_fit_is_told() -> None:
    left, right, same = pairs()
    gate = SingleUserPolicy()
    with pytest.raises(UserFault, match="pairs of"):
        attacked(left, right[:2], same, [ToyNet()], PLAIN, gate=gate, request=AUDIT)
    with pytest.raises(UserFault, match="one picture twice"):
        attacked(left, left, same, [ToyNet()], PLAIN, gate=gate, request=AUDIT)
    with pytest.raises(UserFault, match="needs the layers"):
        attacked(left, right, same, [lambda x: ToyNet()(x)], Attack(), gate=gate, request=AUDIT)
    with pytest.raises(UserFault, match="epsilon and alpha above 0"):
        Attack(epsilon=0.0)
    with pytest.raises(FailedFault, match="audits only"):
        SPEC.fn()
