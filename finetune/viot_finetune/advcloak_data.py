"""Faces to train AdvCloak's generator on.

``loaded``: a folder of people, or a RecordIO pair. ``supplied``: the sets of named people that ``viot bench cloak``
measures with, without anybody it may report on (every second one of those with ten pictures, however many are asked
for). Owns that choice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viot_agent.errors import UserFault
from viot_tools.bench.cloak_cast import gathered, rich
from viot_tools.faces.detect import FaceDetector


def loaded(path: Path, most: int | None = None) -> tuple[Tensor, Tensor]:
    """(N, 3, 112, 112) uint8 faces and (N,) labels of a folder of people or a RecordIO pair: at most ``most`` pictures
    of each person. Raises UserFault as ``viot_finetune.faces.data``."""
    from viot_finetune.faces.data import face_set

    whole = face_set(path)
    seen: dict[int, int] = {}
    rows = []
    for i, label in enumerate(whole.labels.tolist()):
        seen[label] = seen.get(label, 0) + 1
        if most is None or seen[label] <= most:
            rows.append(i)
    pictures: NDArray[np.uint8] = np.stack([whole.picture(i) for i in rows])
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()), torch.from_numpy(whole.labels[rows])


def supplied(data: Path, detector: FaceDetector, most: int | None = None) -> tuple[Tensor, Tensor]:
    """The same of the people under ``data``/faces with two pictures or more, but for those of the reporting half.

    Raises UserFault when nobody is left.
    """
    faces, _ = gathered(data, detector)
    kept = [
        mine[:most]
        for _, people in sorted(faces.items())
        for who, mine in sorted(people.items())
        if who not in rich(people)[1::2] and len(mine) >= 2
    ]
    if not kept:
        raise UserFault(f"nobody is left to train on under {data / 'faces'}", fix="give more people, or --data")
    labels = torch.from_numpy(np.repeat(np.arange(len(kept)), [len(k) for k in kept]))
    return torch.from_numpy(np.concatenate(kept).transpose(0, 3, 1, 2).copy()), labels
