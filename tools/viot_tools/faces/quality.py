"""How far a face can be trusted to be compared: five measurements, one number, and the reasons for a low one.

Owns the measurements. Where the gate lies (the number below which nobody is named) is calibrated: ``thresholds.json``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.faces.detect import Face


@dataclass(frozen=True, slots=True)
class Quality:
    """``value`` 0..1 is the least of its parts.

    ``size``: 6 pixels between the eyes are 0, 12 are one half, 18 or more 1. ``sharpness``: relative edge energy of
    the aligned crop. ``light``: its contrast. ``frontal``: 1 looks at the camera, about one half is a half profile.
    ``sure``: the detector.
    """

    size: float
    sharpness: float
    light: float
    frontal: float
    sure: float

    @property
    def value(self) -> float:
        return min(self.size, self.sharpness, self.light, self.frontal, self.sure)

    def reasons(self, gate: float) -> tuple[str, ...]:
        """Which parts lie below ``gate``, in words."""
        words = (
            ("turned away", self.frontal),
            ("too small", self.size),
            ("too blurred", self.sharpness),
            ("too dark", self.light),
            ("half hidden", self.sure),
        )
        return tuple(word for word, part in words if part < gate)


def measure(face: Face, chip: Image) -> Quality:
    """Quality of ``face`` with its aligned ``chip`` (any square size)."""
    return Quality(
        size=ramp(face_scale(face), 6, 18),
        sharpness=ramp(np.log10(edge_energy(chip) + 1e-6), -2.4, -1.6),
        light=ramp(contrast(chip), 4, 16),
        frontal=ramp(asymmetry(face), 0.9, 0.1),
        sure=ramp(face.score, 0.6, 0.85),
    )


def ramp(x: float, zero: float, one: float) -> float:
    """0 at ``zero``, 1 at ``one``, linear between, flat outside."""
    return float(np.clip((x - zero) / (one - zero), 0.0, 1.0))


def face_scale(face: Face) -> float:
    """Eye distance in pixels as it would be from the front: a turned head's eyes are near each other in the picture,
    so a third of the box's height stands in where it is larger."""
    return max(face.eye_distance, (face.xyxy[3] - face.xyxy[1]) / 3)


def asymmetry(face: Face) -> float:
    """How far the nose lies from the middle of the eyes along their line, in eye distances: 0 from the front, 0.5 below
    one eye, more in profile."""
    left, right, nose = face.landmarks[0], face.landmarks[1], face.landmarks[2]
    axis = right - left
    length = float(np.linalg.norm(axis))
    if length < 1e-3:
        return 9.0
    return abs(float((nose - (left + right) / 2) @ axis) / length**2)


def edge_energy(chip: Image) -> float:
    """Variance of the Laplacian over the variance of the grey values (so that a dark picture is not called blurred), in
    the middle of the chip at 112x112."""
    import cv2

    middle = _middle(chip)
    return float(cv2.Laplacian(middle, cv2.CV_32F).var() / (middle.var() + 25.0))


def contrast(chip: Image) -> float:
    """Standard deviation of the grey values (0..255) in the middle of the chip."""
    return float(_middle(chip).std())


def _middle(chip: Image) -> NDArray[np.float32]:
    import cv2

    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    if grey.shape[0] != 112:
        grey = cv2.resize(grey, (112, 112), interpolation=cv2.INTER_AREA)
    return np.asarray(grey[24:104, 24:88], np.float32)
