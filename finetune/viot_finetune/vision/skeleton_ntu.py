"""NTU RGB+D skeletons (``.skeleton`` text files, 25 Kinect joints) as this project's 17 key points.

The layout (Shahroudy et al., "NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis", CVPR 2016): the number
of frames; for each frame the number of bodies; for each body a line of ten values (its id first), the number of joints,
and a line a joint whose columns are x, y, z (metres, camera), depth x, y, colour x, y (pixels, 1920 x 1080), four of
orientation, and the tracking state 0 to 2. The data set is for research; no file of it is in this project.

Owns reading. Whoever has the files can test or train on them: ``read`` gives what a window is cut from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault

FPS = 30.0
KINECT = (3, 3, 3, 3, 3, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18)
"""For each of the 17 key points the Kinect joint it is taken from; Kinect has a head, and neither eyes nor ears."""
STATES = (0.05, 0.3, 0.8)
"""The score that a tracking state (lost, inferred, tracked) stands for."""
ACTIONS = {8: "sitting", 23: "waving", 43: "falling", 50: "fighting", 51: "fighting", 59: "walking", 60: "walking"}
"""NTU's action numbers that show one of our ten actions: sit down, hand waving, falling, punch/slap, kicking, walking
towards and apart from each other."""


@dataclass(frozen=True, slots=True)
class Body:
    """One body of a recording: ``ts`` (N,) seconds, ``keypoints`` (N, 17, 3) float32 pixels of the colour picture."""

    id: str
    ts: NDArray[np.float64]
    keypoints: NDArray[np.float32]


def action_of(name: str) -> str:
    """The action that a file name (``S001C001P001R001A043``) says, '' where it is none of ours."""
    mark = name.upper().rpartition("A")[2][:3]
    return ACTIONS.get(int(mark), "") if mark.isdigit() else ""


def read(path: Path) -> list[Body]:
    """The bodies of a file, by first appearance. Raises MediaFault, naming the line, for another layout."""
    lines = _Lines(path)
    frames = lines.number()
    found: dict[str, tuple[list[float], list[NDArray[np.float32]]]] = {}
    for frame in range(frames):
        for _ in range(lines.number()):
            body = lines.next().split()
            if len(body) != 10:
                raise lines.fault("a body has ten values")
            joints = np.array([lines.floats(12) for _ in range(lines.number())])
            if len(joints) != 25:
                raise lines.fault("a body has 25 joints")
            ts, points = found.setdefault(body[0], ([], []))
            ts.append(frame / FPS)
            points.append(_keypoints(joints))
    return [Body(name, np.array(ts), np.stack(points)) for name, (ts, points) in found.items()]


def _keypoints(joints: NDArray[np.float64]) -> NDArray[np.float32]:
    """(25, 12) rows of the file to (17, 3). Eyes and ears stand at the head, and are unsure."""
    state = np.clip(joints[:, 11].astype(int), 0, 2)
    score = np.array(STATES)[state]
    made = np.concatenate([joints[:, 5:7], score[:, None]], 1)[list(KINECT)]
    made[1:5, 2] = STATES[0]
    return np.asarray(np.nan_to_num(made), np.float32)


class _Lines:
    """The lines of a file with their numbers, for faults that say where."""

    def __init__(self, path: Path) -> None:
        self.path, self.at = path, 0
        try:
            self._lines: Iterator[str] = iter(path.read_text("utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise MediaFault(f"{path} cannot be read as text", fix="give an NTU RGB+D .skeleton file") from error

    def next(self) -> str:
        self.at += 1
        line = next(self._lines, None)
        if line is None:
            raise self.fault("the file ends too early")
        return line

    def number(self) -> int:
        line = self.next().strip()
        if not line.isdigit():
            raise self.fault("a whole number belongs here")
        return int(line)

    def floats(self, n: int) -> list[float]:
        parts = self.next().split()
        try:
            made = [float(p) for p in parts]
        except ValueError as error:
            raise self.fault("numbers belong here") from error
        if len(made) != n:
            raise self.fault(f"a joint has {n} values")
        return made

    def fault(self, why: str) -> MediaFault:
        return MediaFault(f"{self.path}, line {self.at}: {why}", fix="give an NTU RGB+D .skeleton file")
