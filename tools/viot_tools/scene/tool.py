"""The tool ``scene_recognition``: what kind of place each camera shows.

Reads the rows of the analyzer ``scene``; nothing here looks at pixels. Every camera gets its own sentence,
``gate 2: car park (0.88) [e1].``: the word is a plain one of the vocabulary, a broader one where no scene is sure
enough, or the likeliest guess with "cannot tell". ``data["scenes"]`` holds the words for the step that follows.

Owns the words. The vote is in ``votes``, the levels at which a word is said in ``classify``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from viot_agent.library.rows import Event
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, TimeArg, ToolContext, tool
from viot_tools.covered import Covered, covered, together
from viot_tools.recent import latest
from viot_tools.scene.classify import MODEL_OF_TIER
from viot_tools.scene.vocabulary import Named, best
from viot_tools.scene.votes import dark, vote

NAME = "scene_recognition"
ANALYZER = "scene"
LATEST = 24 * 3600.0
"""Seconds of footage that vote where no time is asked for: by day and by night it is the same place."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One camera's sentence. ``word`` None where nothing can be told."""

    covered: Covered
    sentence: str
    word: str | None = None
    evidence: tuple[Evidence, ...] = ()


@tool(needs=("scene",))
def scene_recognition(ctx: ToolContext, cameras: CamerasArg | None = None, time: TimeArg | None = None) -> Observation:
    """Say what kind of place each camera shows: car park, corridor, shop, street, kitchen.

    Not for: what happens there (anomaly_detection, action_recognition), which cameras exist (list_cameras).

    Args:
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    seen = []
    for camera in ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope):
        window = ctx.fleet.window(time, camera, ctx.request.now)
        preferred = MODEL_OF_TIER[ctx.weights.tier]
        seen.append(_look(ctx, covered(ctx, camera, window, ANALYZER, "what kind of place it is", preferred)))
    words = [s.word for s in seen if s.word is not None]
    return Observation(
        call_id=ctx.call_id,
        tool=NAME,
        status="ok",
        summary=" ".join(s.sentence for s in seen),
        verdict=_verdict(seen),
        claims=tuple(Claim(s.sentence, tuple(e.id for e in s.evidence)) for s in seen),
        evidence=tuple(e for s in seen for e in s.evidence),
        coverage=together([s.covered for s in seen]),
        data={
            "scenes": list(dict.fromkeys(words)),
            "cameras": {s.covered.camera.name: s.word for s in seen if s.word is not None},
        },
    )


def _verdict(seen: Sequence[_Seen]) -> Verdict:
    return "info" if any(s.word is not None for s in seen) else "cannot_tell"


def _look(ctx: ToolContext, looked: Covered) -> _Seen:
    """One camera."""
    cut = ""
    if looked.looked and looked.window.start is None:
        looked, cut = latest(ctx, looked, ANALYZER, LATEST)
    seen = _told(ctx, looked)
    return replace(seen, sentence=f"{seen.sentence} {cut}") if cut else seen


def _told(ctx: ToolContext, looked: Covered) -> _Seen:
    """The sentence on what of a camera was looked at."""
    name = looked.camera.name
    if not looked.looked or looked.model is None:
        return _Seen(looked, f"Cannot tell: {looked.problem}.")
    events = ctx.library.events(ANALYZER, [name], looked.window.start, looked.window.end)
    found = vote(events, looked.model)
    if found is None:
        why = "it is too dark to see the place" if dark(events, looked.model) else "no frame of it was sampled then"
        return _Seen(looked, f"Cannot tell what kind of place {name} shows: {why}.")
    named = found.named
    if named is None:
        guess = best(found.p, "side") if found.rough else found.guess
        piece = _evidence(ctx, found.clearest, guess, "a place that cannot be told")
        better = " The built-in model only tells indoors from outdoors; viot models pull gets a better one."
        sentence = f"{name}: {guess.word} ({guess.probability:.2f}) at best; cannot tell [{piece.id}]."
        sentence += better if found.rough else ""
        return _Seen(looked, sentence, None, (piece,))
    piece = _evidence(ctx, found.clearest, named)
    rough = " Rough: the built-in model only tells indoors from outdoors." if found.rough else ""
    broad = "" if named.level == "scene" or found.rough else " More exactly cannot be told."
    sentence = f"{name}: {named.word} ({named.probability:.2f}) [{piece.id}].{broad}{rough}"
    return _Seen(looked, sentence, named.word, (piece,))


def _evidence(ctx: ToolContext, event: Event, named: Named, label: str = "") -> Evidence:
    frames = event.data.get("frames") or ()
    return Evidence(
        id=ctx.evidence_id(),
        camera=event.camera,
        start=event.start,
        end=event.end,
        tool=NAME,
        model=event.model,
        model_version=event.model_version,
        score=named.probability,
        at=(event.start + event.end) / 2 if frames else None,
        label=label or named.word,
    )
