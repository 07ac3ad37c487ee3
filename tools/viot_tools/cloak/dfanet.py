"""DFANet: dropout after every layer of the main path, so that each pass attacks another thinned network (Zhong and
Deng, "Towards Transferable Adversarial Attack against Deep Face Recognition", IEEE TIFS 2020).

A wrapper for any network with convolutions: element-wise Bernoulli dropout with inverted scaling, p = 0.1 for a
ResNet-50. Batch norm stays in evaluation mode with its statistics, and the network's own dropouts stay off: putting the
network into training mode would be another method. Dropout of whole channels would be another one too.

How much a network bears depends on its depth and on who trained it: 0.1 leaves next to nothing of a MobileFaceNet's
features (a test measures it), so that every pass attacks noise. ``tuned`` finds the dropout that a network bears.

Owns where dropout goes, how much, and its random numbers. Does not change the network: outside the wrapper's own pass
the hooks do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from viot_agent.errors import UserFault

P = 0.1
"""The paper's dropout, for a ResNet-50."""
KEEP = 0.9
"""Mean cosine of thinned and plain features that ``tuned`` leaves. What it gains by recogniser, against no dropout:
``viot bench cloak --suite table``, the rows ``cloak.dfanet.gain``."""
_TRIED = (P, 0.07, 0.05, 0.035, 0.025, 0.02, 0.015, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001)
Where = Callable[[str, nn.Conv2d], bool]
_OFF_PATH = re.compile(r"short_?cut|down_?sample|identity|skip|squeeze|excit|(^|[._])se\d*([._]|$)", re.IGNORECASE)


@runtime_checkable
class KnowsItsPath(Protocol):
    """A network that says which layers are its main path (``viot_tools.faces.nets.FaceNet``)."""

    def main_path(self) -> Sequence[nn.Module]: ...


def main_path(name: str, conv: nn.Conv2d) -> bool:
    """The rule for networks that do not say it: whether dropout goes after the convolution ``name`` (dotted). Not after
    those of a residual net's shortcuts (``shortcut``, ``downsample``, ``skip``, ``identity``), nor after the gates of
    squeeze-and-excitation (``se``). 1 x 1 convolutions elsewhere are main path, as in bottlenecks."""
    return _OFF_PATH.search(name) is None


class DFANet(nn.Module):
    """``net`` with dropout of probability ``p`` after the layers of its main path: those that ``where`` chooses among
    the convolutions, else those that the network names itself, else by the rule ``main_path``. An IR-50 has 49: the
    stem and two a block.

    ``p = 0`` is the network itself. Two passes differ; after ``reseed`` they repeat. ``plain`` is the pass without
    dropout. ``layers`` holds the names of the layers. ``net`` is kept in evaluation mode, whatever is called on the
    wrapper.

    Raises UserFault when ``p`` is not in 0..1 (1 excluded) or no layer is chosen.
    """

    def __init__(self, net: nn.Module, p: float = P, where: Where | None = None, seed: int = 0) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise UserFault(f"a dropout probability of {p:g}", fix="at least 0 and under 1; DFANet's is 0.1")
        self.net, self.p = net, p
        self._seed, self._generators = seed, dict[torch.device, torch.Generator]()
        self._on = False
        if where is None and isinstance(net, KnowsItsPath):
            own = {id(module) for module in net.main_path()}
            chosen = [(name, module) for name, module in net.named_modules() if id(module) in own]
        else:
            rule = where or main_path
            chosen = [(n, m) for n, m in net.named_modules() if isinstance(m, nn.Conv2d) and rule(n, m)]
        if not chosen:
            raise UserFault(
                "DFANet found no convolution in this network", fix="take a convolutional surrogate, or another `where`"
            )
        self.layers = tuple(name for name, _ in chosen)
        self._hooks = [module.register_forward_hook(self._drop) for _, module in chosen]
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """The network's output under fresh dropout."""
        self.net.eval()
        self._on = self.p > 0
        try:
            found: Tensor = self.net(images)
        finally:
            self._on = False
        return found

    def plain(self, images: Tensor) -> Tensor:
        """The network's output without dropout."""
        self.net.eval()
        found: Tensor = self.net(images)
        return found

    def reseed(self, seed: int) -> None:
        """Starts the random numbers again, from ``seed``."""
        self._seed = seed
        self._generators.clear()

    def detach(self) -> nn.Module:
        """Takes the hooks from the network and returns it."""
        for hook in self._hooks:
            hook.remove()
        return self.net

    def train(self, mode: bool = True) -> DFANet:
        """Stays in evaluation mode: batch norm must not learn from attacked pictures."""
        super().train(False)
        return self

    def _drop(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        if not self._on:
            return None
        device = output.device
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        kept = torch.empty_like(output).bernoulli_(1 - self.p, generator=self._generators[device])
        return output * (kept / (1 - self.p))


def tuned(net: nn.Module, images: Tensor, keep: float = KEEP, where: Where | None = None, seed: int = 0) -> float:
    """The largest dropout up to ``P`` under which the network's features of ``images`` (N, 3, H, W) keep a mean cosine
    of ``keep`` to the plain ones.

    Raises UserFault when even the smallest tried does not, or the network has no layer to thin.
    """
    thinned = DFANet(net, 0.0, where)
    try:
        with torch.no_grad():
            plain = thinned.plain(images)
            for p in _TRIED:
                thinned.p = p
                thinned.reseed(seed)
                if float(torch.cosine_similarity(thinned(images), plain).mean()) >= keep:
                    return p
    finally:
        thinned.detach()
    raise UserFault(f"this surrogate bears no dropout of {_TRIED[-1]:g} or more", fix="use a method without DFANet")
