"""What an alert sees in footage that was just stored: a standing alert is a standing question, asked of the same tools.

Each kind of event runs the tool that answers it in words (``face_recognition``, ``plate_recognition`` ...) over the new
stretch of one camera, so that an alert is as careful as an answer: "may be Ana" fires nothing. Owns the way from
observations to sightings. Does not know alerts' schedules, storage or delivery.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

from viot_agent.alerts.events import Watched
from viot_agent.alerts.types import Looking, Matcher, Sighting
from viot_agent.errors import FailedFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Window
from viot_agent.library.rows import Track
from viot_agent.steps import Evidence, Observation, Request
from viot_agent.toolbox.contract import ToolContext, ToolSpec
from viot_tools.objects.counts import believed

NEW = "the new footage"
"""The time phrase that ``_Stretch`` understands."""


class _Stretch(Fleet):
    """The fleet as a tool sees it that is asked of one stretch of one camera."""

    def __init__(self, looking: Looking) -> None:
        super().__init__(looking.library)
        self._start, self._end = looking.start, looking.end

    def window(self, phrase: str | None, camera: Camera, now: float) -> Window:
        return Window(self._start, self._end, NEW)


def _ask(looking: Looking, spec: ToolSpec, **args: object) -> Observation:
    """The tool's answer about the stretch. What a tool cannot do at all is raised."""
    ctx = ToolContext(
        Request("a standing alert", now=looking.end),
        _Stretch(looking),
        looking.library,
        looking.weights,
        looking.weights.home,
        run_id="alert",
        call_id="call-1",
    )
    looking.check()
    seen = spec.fn(ctx, cameras=[looking.camera], time=NEW, **args)
    if seen.status == "failed":
        raise FailedFault(seen.summary, fix=seen.fix)
    return seen


def _sighting(looking: Looking, piece: Evidence, key: str, words: str) -> Sighting:
    return Sighting(
        key,
        piece.camera,
        piece.start,
        piece.end,
        words,
        piece.score,
        int(piece.track) if piece.track and piece.track.isdigit() else None,
        piece.at,
        piece.xyxy,
        piece.model,
        piece.model_version,
    )


def _chain(looking: Looking, piece: Evidence) -> str:
    """The thing of a piece of evidence, the same in every segment that it crosses."""
    track: Track | None = looking.library.track(int(piece.track)) if piece.track and piece.track.isdigit() else None
    return f"@{round(piece.start)}" if track is None else f"#{track.chain}"


def _face(watched: Watched, looking: Looking) -> list[Sighting]:
    from viot_tools.faces.tool import face_recognition

    name = looking.fleet.resolve_person(watched.what).name
    seen = _ask(looking, face_recognition, person=name)
    return [
        _sighting(looking, e, f"face{_chain(looking, e)}", f"{name} was seen") for e in seen.evidence if e.who == name
    ]


def _plate(watched: Watched, looking: Looking) -> list[Sighting]:
    from viot_tools.plates.tool import plate_recognition

    seen = _ask(looking, plate_recognition, plate=watched.what)
    if seen.verdict != "found":
        return []
    return [
        _sighting(looking, e, f"plate{_chain(looking, e)}", f"The plate {watched.what} was read")
        for e in seen.evidence
        if e.who == watched.what
    ]


def _fire(watched: Watched, looking: Looking) -> list[Sighting]:
    from viot_tools.fire.tool import fire_smoke_detection

    seen = _ask(looking, fire_smoke_detection)
    return [
        _sighting(looking, e, f"{e.label}@{round(e.start)}", f"{e.label.capitalize()} was seen")
        for e in seen.evidence
        if e.label in ("fire", "smoke")  # "fire?" cannot be told
    ]


def _crowd(watched: Watched, looking: Looking) -> list[Sighting]:
    from viot_tools.objects.crowd_tool import crowd_counting

    seen = _ask(looking, crowd_counting)
    most = seen.data.get("cameras", {}).get(looking.camera, {}).get("max", 0)
    if most <= int(watched.what):
        return []
    return [_sighting(looking, e, f"crowd@{round(e.at or e.start)}", f"{most} people at once") for e in seen.evidence]


def _anomaly(watched: Watched, looking: Looking) -> list[Sighting]:
    from viot_tools.anomaly.tool import anomaly_detection
    from viot_tools.scene.tool import scene_recognition

    scenes = _ask(looking, scene_recognition).data.get("scenes") or [""]
    seen = _ask(looking, anomaly_detection, scene=str(scenes[0]))
    found = []
    for piece, told in zip(seen.evidence, seen.data["anomalies"], strict=False):
        if told["camera"] == looking.camera:
            words = f"Unusual: {piece.label}" if piece.label else "Something unusual was seen"
            found.append(_sighting(looking, piece, f"{told['cause']}@{round(piece.start)}", words))
    return found


def _person(watched: Watched, looking: Looking) -> list[Sighting]:
    """Everybody followed, flickers left out; one sighting a chain of tracks."""
    chains: dict[int, list[Track]] = {}
    for track in looking.library.tracks("person", [looking.camera], looking.start, looking.end):
        chains.setdefault(track.chain, []).append(track)
    found = []
    for chain, tracks in chains.items():
        best = max(tracks, key=lambda t: float(t.scores.max()))
        if not believed(sum(len(t.ts) for t in tracks), float(best.scores.max())):
            continue
        i = int(best.scores.argmax())
        x0, y0, x1, y1 = (float(v) for v in best.boxes[i])
        found.append(
            Sighting(
                f"person#{chain}",
                looking.camera,
                min(t.start for t in tracks),
                max(t.end for t in tracks),
                "A person was seen",
                float(best.scores[i]),
                best.id,
                float(best.ts[i]),
                (x0, y0, x1, y1),
                best.model,
                best.model_version,
            )
        )
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Asking:
    """A matcher that asks."""

    kinds: tuple[str, ...]
    needs: tuple[str, ...]
    ask: partial[list[Sighting]]

    def look(self, watched: Watched, looking: Looking) -> Sequence[Sighting]:
        """See :class:`viot_agent.alerts.types.Matcher`."""
        return self.ask(watched, looking)


def matchers() -> list[Matcher]:
    """All of this package."""
    return [
        Asking(("face",), ("faces",), partial(_face)),
        Asking(("plate",), ("plates",), partial(_plate)),
        Asking(("fire",), ("fire",), partial(_fire)),
        Asking(("crowd",), ("objects",), partial(_crowd)),
        Asking(("anomaly",), ("activity",), partial(_anomaly)),
        Asking(("person",), ("objects",), partial(_person)),
    ]
