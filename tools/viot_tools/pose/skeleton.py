"""The 17 joints that every module of this package speaks of: names, bones, mirror; and the names that rows carry.

Owns COCO's order of key points. Knows no picture and no motion; loads nothing, so that a question may import it.
"""

from __future__ import annotations

from typing import Final

MODEL: Final = "movenet"
"""The pose model of the hub tier; here, because a question needs the name and not the model."""
LEFT_OUT: Final = "poses-left-out"
"""The kind of the event that names how many people no pose was made of: ``{"small": n, "crowded": n}``."""

JOINTS: Final = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
NOSE, L_SHOULDER, R_SHOULDER, L_ELBOW, R_ELBOW, L_WRIST, R_WRIST = 0, 5, 6, 7, 8, 9, 10
L_HIP, R_HIP, L_KNEE, R_KNEE, L_ANKLE, R_ANKLE = 11, 12, 13, 14, 15, 16

BONES: Final = (
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 4),
    (0, 5),
    (0, 6),
    (5, 6),
    (5, 7),
    (7, 9),
    (6, 8),
    (8, 10),
    (5, 11),
    (6, 12),
    (11, 12),
    (11, 13),
    (13, 15),
    (12, 14),
    (14, 16),
)
"""Pairs of joints that a line connects."""

MIRROR: Final = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Where each joint goes when left and right change places."""

SEEN: Final = 0.2
"""A key point with a lower score is a guess: it is neither drawn nor measured with. MoveNet's own examples use 0.2 to
0.3; on the reference picture of the supplied model its sure points lie at 0.30 to 0.85."""
