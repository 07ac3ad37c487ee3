"""What training does to a picture before the net sees it: a mirror image half of the time, and a hook for masks.

All chance comes from ``(seed, epoch, index)``: a picture looks the same in a run that was cut off and resumed, with any
number of loading workers, and on any number of processes. Owns the drawing of chances; what a mask is, the hook knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault

if TYPE_CHECKING:
    from viot_tools.masks.landmarks import Landmarks

Picture = NDArray[np.uint8]
"""(112, 112, 3) RGB, aligned to the usual template."""

Hook = Callable[[Picture, int], Picture]
"""``(picture, seed)`` to a picture of the same shape, e.g. with a mask rendered over the mouth."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """``flip``: share of mirrored pictures; ``hook`` is called for the share ``hooked`` of the pictures."""

    flip: float = 0.5
    hook: Hook | None = None
    hooked: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "hooked"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserFault(f"{name} is a share, from 0 to 1, not {getattr(self, name)}")
        if self.hooked and self.hook is None:
            raise UserFault("a share of pictures is to be changed, but nothing says how", fix="give hook=CALLABLE")

    def __call__(self, picture: Picture, seed: int, epoch: int, index: int) -> Picture:
        """The picture as epoch ``epoch`` sees it. Raises UserFault when the hook gives back another shape or type."""
        rng = np.random.default_rng([seed, epoch, index])
        mirrored, hooked, chance = rng.random() < self.flip, rng.random() < self.hooked, int(rng.integers(2**31))
        if hooked and self.hook is not None:
            changed = self.hook(picture, chance)
            if changed.shape != picture.shape or changed.dtype != np.uint8:
                raise UserFault(
                    f"the augmentation hook gave {changed.shape} {changed.dtype} for {picture.shape} uint8",
                    fix="it must give a picture of the same shape",
                )
            picture = changed
        return np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture


class Masks:
    """A hook: a mask of any of the product's designs, laid on an aligned face where its 68 landmarks say.

    Raises WeightsMissing on the first call when the landmark model is not on this machine.
    """

    def __init__(self) -> None:
        self._landmarks: Landmarks | None = None

    def __call__(self, picture: Picture, seed: int) -> Picture:
        from viot_agent.weights import Weights
        from viot_tools.faces.detect import Face
        from viot_tools.faces.recognise import TEMPLATE
        from viot_tools.masks.landmarks import Landmarks
        from viot_tools.masks.render import mask_face
        from viot_tools.masks.templates import TEMPLATES

        if self._landmarks is None:
            self._landmarks = Landmarks(Weights.from_env())
        # aligned: the five points lie where the template has them, and no detector is asked
        x0, y0, x1, y1 = (float(v) for v in (*TEMPLATE.min(0) - 20, *TEMPLATE.max(0) + 20))
        points = self._landmarks.points(picture, Face((x0, y0, x1, y1), 1.0, TEMPLATE))
        names = sorted(TEMPLATES)
        return np.asarray(mask_face(picture, points, names[seed % len(names)], seed).image, np.uint8)

    def __getstate__(self) -> dict[str, None]:
        # each loading process reads the model for itself
        return {"_landmarks": None}
