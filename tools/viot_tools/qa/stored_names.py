"""Who people are, from stored faces (``viot_tools.faces``): the source behind ``stored.NameSource``.

A face belongs to the person in whose box it lies, in the upper part, for most of the time that it is seen. Only a face
that was told for certain names somebody, and only one that is good enough and like nobody enrolled says "nobody". Owns
this joining. Who a face is, is decided in ``faces.sightings``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from viot_agent.library.rows import Track
from viot_agent.toolbox.contract import ToolContext
from viot_tools.qa.stored import Place

if TYPE_CHECKING:
    from viot_tools.faces.enrol import Kit
    from viot_tools.faces.sightings import Found

ANALYZER = "faces"
UPPER = 0.5
"""A face's middle lies in this upper share of its person's box."""
MOST = 0.6
"""Share of a face's sights that must lie in the person's box."""
CLOCK = 0.3
"""Seconds by which the two boxes may be apart in time."""


class StoredNames:
    """Names by the faces of a library."""

    def __init__(self, ctx: ToolContext) -> None:
        self._ctx = ctx
        self._kit: Kit | None = None

    def problem(self, place: Place) -> str:
        from viot_tools.faces.looked import look

        if not self._ctx.library.people():
            return "nobody is enrolled: viot person enroll NAME PICTURE --consent TEXT"
        ctx, model = self._ctx, self._of().recogniser.model
        looked = look(ctx.library, place.camera, place.window, ctx.request.now, ANALYZER, model, ctx.fleet)
        if looked.coverage.indexed_seconds > 0:
            return ""
        return f"{looked.problem} ({looked.fix})" if looked.fix else looked.problem

    def names(self, place: Place, people: Sequence[Track]) -> Mapping[int, str]:
        named: dict[int, set[str]] = {}
        for found in self._found(place):
            owner = owner_of(found.subject.tracks, people)
            if owner is None:
                continue
            if found.who is not None:
                named.setdefault(owner, set()).add(found.who)
            elif found.verdict.answer == "no" and not found.verdict.poor:
                named.setdefault(owner, set()).add("")
        return {track: who.pop() for track, who in named.items() if len(who) == 1}

    def _of(self) -> Kit:
        from viot_tools.faces.enrol import Kit

        if self._kit is None:
            self._kit = Kit.of(self._ctx.weights)
        return self._kit

    def _found(self, place: Place) -> list[Found]:
        """The faces of a place with what was decided, as ``face_recognition`` decides it."""
        from viot_tools.faces.gallery import enrolled, small_judge, worn_judge
        from viot_tools.faces.sightings import Judge, decide, subjects

        ctx, kit, window = self._ctx, self._of(), place.window
        people, _ = enrolled(ctx, kit)
        model, name = kit.recogniser.model, place.camera.name
        fps = ctx.library.coverage(ANALYZER, [name], window.start, window.end, model=model).sampled_fps
        seen = subjects(
            ctx.library,
            name,
            window.start,
            window.end,
            model,
            fps,
            joint=kit.joint.model if kit.joint is not None else "",
            worn=kit.worn.model if kit.worn is not None else "",
            gate=kit.calibration.gate,
        )
        small = small_judge(ctx, kit, people)[0] if any(s.small for s in seen) else None
        worn = worn_judge(ctx, kit, people)[0] if any(s.worn for s in seen) else None
        return decide(seen, Judge(people, kit.calibration), small, worn)


def owner_of(faces: Sequence[Track], people: Sequence[Track]) -> int | None:
    """The id of the person's track in whose box the face lies; None where none or several hold it equally well."""
    ts = np.concatenate([f.ts for f in faces])
    boxes = np.concatenate([f.boxes for f in faces])
    shares: list[tuple[float, int]] = []
    for track in people:
        if track.start > ts[-1] + CLOCK or track.end < ts[0] - CLOCK:
            continue
        at = np.abs(track.ts[None] - ts[:, None]).argmin(1)
        near = np.abs(track.ts[at] - ts) <= CLOCK
        if not near.any():
            continue
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        x0, y0, x1, y1 = (track.boxes[at, k] for k in range(4))
        inside = near & (x >= x0) & (x <= x1) & (y >= y0 - 0.05 * (y1 - y0)) & (y <= y0 + UPPER * (y1 - y0))
        shares.append((float(inside.sum()) / len(ts), track.id))
    shares.sort(reverse=True)
    if not shares or shares[0][0] < MOST:
        return None
    return None if len(shares) > 1 and shares[1][0] >= shares[0][0] - 0.1 else shares[0][1]
