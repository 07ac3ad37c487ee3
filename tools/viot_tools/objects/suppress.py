"""Non-maximum suppression: one box a thing.

Beside the usual overlap, a box that lies mostly *inside* a better one of its group goes too: detectors like to see
half a person inside a person.
"""

from __future__ import annotations

import numpy as np

from viot_tools.objects.detections import PERSON, Detections


def suppress(found: Detections, iou: float, inside: float) -> Detections:
    """Best first, one box a thing.

    A box goes when it overlaps a better one of its group by more than ``iou`` (intersection over union) or by more than
    ``inside`` of its own area. Persons and vehicles do not suppress each other (a rider stays beside the bicycle); one
    vehicle class suppresses another (a van is seen as car and as truck).
    """
    order = np.argsort(-found.score, kind="stable")
    boxes = found.xyxy[order]
    group = np.array([found.label[i] == PERSON for i in order], bool)
    area = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if not alive[i]:
            continue
        low = np.maximum(boxes[i, :2], boxes[i + 1 :, :2])
        high = np.minimum(boxes[i, 2:], boxes[i + 1 :, 2:])
        inter = np.clip(high - low, 0, None).prod(1)
        rest = area[i + 1 :]
        over = (inter > iou * (area[i] + rest - inter)) | (inter > inside * rest)
        alive[i + 1 :] &= ~(over & (group[i + 1 :] == group[i]))
    kept = order[alive]
    return Detections(found.xyxy[kept], found.score[kept], tuple(found.label[i] for i in kept))
