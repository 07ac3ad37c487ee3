"""The named methods: which loss, which options of the one optimiser. Baselines stand beside them.

``fi-uap``, ``fi-uap+``, ``opom`` (convex hull; ``opom-centre``, ``opom-affine``, ``opom-reduced``) and ``ga`` make one
mask for one person; ``sga`` one for everybody, learnt over identities. ``noise`` and ``blur`` are the floor and the
ceiling that a table of methods is read against. AdvCloak's generator is in ``advnets``.

Values of OPOM are its script's (epsilon 8, alpha 1, 16 rounds, convex hull warmed up for 5; with momentum and DFANet
100 rounds, decay 1, sign per picture). Its dropout of 0.1 destroys the features of other networks, so each surrogate
gets what it bears. GA's inner batch and passes are not published: ``b = 2, K = 2`` here are a middle of the grid, no
measurement. SGA's are its code's, on the 0..255 scale of faces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from viot_agent.errors import NameFault, UserFault
from viot_tools.cloak.dfanet import DFANet, tuned
from viot_tools.cloak.losses import Subspace, SubspaceLoss
from viot_tools.cloak.optimise import Mask, Network, Options, Step, optimise

WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Method:
    """A loss, the options, and DFANet's dropout: None for what each surrogate bears, 0 for none. ``universal``: one
    mask for all people together."""

    loss: SubspaceLoss
    options: Options = field(default_factory=Options)
    warm_up: int = 0
    dropout: float | None = 0.0
    universal: bool = False

    def but(self, **options: object) -> Method:
        """The same with other options: ``METHODS["ga"].but(epsilon=4.0, seed=1)``. Raises as ``Options``."""
        return replace(self, options=replace(self.options, **options))  # type: ignore[arg-type]

    def equal_cost(self, pictures: int) -> int:
        """Rounds that plain OPOM may take for as many gradients as this method takes of ``pictures`` pictures."""
        o = self.options
        batch = min(o.batch or pictures, pictures)
        inner = -(-o.passes * pictures // batch)
        return max(1, round(o.rounds * inner * batch / pictures))


METHODS: Mapping[str, Method] = {
    "fi-uap": Method("fi-uap"),
    "fi-uap+": Method("fi-uap+"),
    "opom-centre": Method("centre"),
    "opom-affine": Method("affine"),
    "opom": Method("convex", warm_up=WARM_UP),
    "opom-reduced": Method("reduced", warm_up=WARM_UP),
    "opom-momentum": Method("convex", Options(momentum=1.0), warm_up=WARM_UP),
    "opom-diverse": Method("convex", Options(momentum=1.0, diversity=0.7), warm_up=WARM_UP),
    "opom-smooth": Method("convex", Options(momentum=1.0, diversity=0.7, smoothing=1.0), warm_up=WARM_UP),
    "opom-transfer": Method(
        "convex", Options(rounds=80, alpha=4.0, momentum=1.0, diversity=0.7, smoothing=1.0), warm_up=WARM_UP
    ),
    "opom-dfanet": Method("convex", Options(rounds=100, momentum=1.0, per_image=True), warm_up=WARM_UP, dropout=None),
    "ga": Method("convex", Options(batch=2, passes=2), warm_up=WARM_UP),
    "ga-transfer": Method(
        "convex",
        Options(rounds=80, alpha=4.0, batch=2, momentum=1.0, diversity=0.7, smoothing=1.0),
        warm_up=WARM_UP,
    ),
    "ga-momentum": Method("convex", Options(batch=2, passes=2, momentum=1.0), warm_up=WARM_UP),
    "ga-dfanet": Method("convex", Options(batch=2, passes=2, rounds=100, momentum=1.0), warm_up=WARM_UP, dropout=None),
    # from noise, not from 0 as the classifier's: every person's picture lies in the person's own hull
    "sga": Method("convex", Options(start="noise", large=250, batch=10, passes=4, rounds=20), universal=True),
    "spgd": Method("convex", Options(start="noise", large=250, rounds=20), universal=True),
}


def method(name: str) -> Method:
    """The method of that name. Raises NameFault with all names."""
    if name not in METHODS:
        raise NameFault(
            f"there is no cloak method {name!r}",
            name=name,
            nearest=tuple(METHODS),
            fix=f"one of {', '.join(METHODS)}",
        )
    return METHODS[name]


def make(
    images: Tensor,
    surrogates: Sequence[Network],
    chosen: Method,
    *,
    people: Tensor | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Mask:
    """The mask of ``chosen`` for ``images`` (N, 3, H, W) float RGB 0..255: of one person, or with ``people`` (N,) whole
    numbers of the several that a universal method learns over.

    Raises UserFault as ``optimise``; when a method for one person is given several; when DFANet's dropout is wanted of
    a surrogate that is no ``nn.Module``.
    """
    if people is not None and not chosen.universal and len(set(people.tolist())) > 1:
        raise UserFault("this method makes a mask for one person, and was given several", fix="use sga, or one person")
    if chosen.universal and people is None:
        raise UserFault("a mask for everybody is learnt over people", fix="say whose pictures they are")
    nets: list[Network] = []
    wrapped: list[DFANet] = []
    try:
        for surrogate in surrogates:
            if chosen.dropout == 0:
                nets.append(surrogate)
                continue
            if not isinstance(surrogate, nn.Module):
                raise UserFault(
                    "DFANet needs the layers of a surrogate, and this one is a function", fix="use a method without it"
                )
            p = tuned(surrogate, images) if chosen.dropout is None else chosen.dropout
            wrapped.append(DFANet(surrogate, p))
            nets.append(wrapped[-1])
        return optimise(images, nets, Subspace(chosen.loss, people, chosen.warm_up), chosen.options, progress=progress)
    finally:
        for net in wrapped:
            net.detach()


def noise(shape: tuple[int, ...], epsilon: float, seed: int) -> Tensor:
    """A mask of +-``epsilon`` in every value, signs at random: as large as any mask of that largest change can be."""
    drawn = torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(seed))
    return epsilon * (2.0 * drawn - 1.0)


def blur(faces: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """(N, H, W, 3) faces under a Gaussian of ``sigma`` pixels: no mask, but what hiding costs without one."""
    import cv2

    return np.stack([cv2.GaussianBlur(face, (0, 0), sigma) for face in faces])
