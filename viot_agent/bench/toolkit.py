"""What every tool of the benchmark's world needs: cameras and windows of a call, evidence, coverage, injected faults.

Owns the frame around a tool. What single tools say is ``looking``'s and ``making``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from viot_agent.bench.cards import cards
from viot_agent.bench.wording import UNSURE, moment, places, spoken
from viot_agent.bench.world import SPAN, Happening, World
from viot_agent.errors import FailedFault, TransientFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Window
from viot_agent.library.fake import FakeLibrary
from viot_agent.steps import Claim, Coverage, Evidence, Observation, Verdict
from viot_agent.toolbox import Toolbox, ToolContext

ENOUGH = 0.8
"""Covered share of the asked time below which a *no* is *cannot tell*."""
PIECES = 8
"""Pieces of evidence that one observation carries at most."""

Tool = Callable[["Call"], Observation]


class BenchLibrary(FakeLibrary):
    """Cameras and people of a site; every camera has the same footage."""

    def __init__(self, cameras: Sequence[Camera], people: Sequence[Any], begin: float, end: float) -> None:
        super().__init__(cameras, people)
        self._span = (begin, end)

    def spans(self, camera: str) -> list[tuple[float, float]]:
        return [self._span]


class BenchFleet(Fleet):
    """A site's fleet that remembers what names mean: the same answers and faults, faster."""

    def __init__(self, world: World) -> None:
        super().__init__(BenchLibrary(world.site.cameras, world.site.people, world.now - SPAN, world.now))
        self._site = world.site

    def resolve_cameras(self, names: Sequence[str] | None, scope: Iterable[str] | None = None) -> list[Camera]:
        if scope is not None or not names:
            return super().resolve_cameras(names, scope)
        return list({c.id: c for name in names for c in self._site.named(name)}.values())


def fleet_of(world: World) -> Fleet:
    """The fleet as the agent sees it."""
    return BenchFleet(world)


@dataclass(frozen=True)
class Call:
    """One call on a world: the tool's own name, its arguments, and who asks."""

    world: World
    ctx: ToolContext
    tool: str
    shown: str
    args: Mapping[str, Any]

    @property
    def everything(self) -> bool:
        return not self.args.get("cameras")

    def cameras(self) -> list[Camera]:
        """The cameras asked for. Raises NameFault with the nearest names."""
        return self.ctx.fleet.resolve_cameras(self.args.get("cameras"), scope=self.ctx.request.camera_scope)

    def windows(self, *, past: bool = True) -> list[tuple[Camera, float, float]]:
        """Each camera with its stretch of footage; the phrase is read once a time zone. Raises TimeFault."""
        found: dict[str, Window] = {}
        out = []
        for camera in self.cameras():
            if camera.tz not in found:
                found[camera.tz] = self.ctx.fleet.window(self.args.get("time"), camera, self.ctx.request.now)
            window = found[camera.tz]
            start, end = self.world.window(window.start, window.end)
            if not past:
                start = self.world.begin if window.start is None else window.start
                end = self.world.now if window.end is None else window.end
            out.append((camera, start, max(start, end)))
        return out

    def rng(self) -> Any:
        """The generator of this call's wording: the same call is worded the same."""
        key = sorted((k, str(v).casefold()) for k, v in self.args.items())
        return self.world.rng("words", self.tool, key)

    def evidence(self, events: Iterable[Happening], who: str | None = None) -> tuple[Evidence, ...]:
        """Evidence for these events, at most ``PIECES``."""
        rng = self.rng()
        return tuple(
            Evidence(
                self.ctx.evidence_id(),
                e.camera,
                e.start,
                e.end,
                self.shown,
                "bench",
                "1",
                track=e.id,
                who=who or e.subject or None,
                score=round(rng.uniform(0.55, 0.95), 2),
                label=e.label,
            )
            for e in list(events)[:PIECES]
        )

    def coverage(self, windows: Sequence[tuple[Camera, float, float]]) -> Coverage:
        """What of the asked time is indexed."""
        asked = sum(end - start for _, start, end in windows)
        seen = sum(self.world.covered(c.name, start, end) for c, start, end in windows)
        start, end = min(w[1] for w in windows), max(w[2] for w in windows)
        gaps = tuple(self.world.gaps([c.name for c, _, _ in windows], start, end))
        share = min(1.0, seen / asked) if asked > 0 else 0.0
        return Coverage(tuple(c.name for c, _, _ in windows), start, end, seen, share, 5.0, gaps)

    def done(
        self,
        summary: str,
        verdict: Verdict = "info",
        evidence: Sequence[Evidence] = (),
        coverage: Coverage | None = None,
        **data: Any,
    ) -> Observation:
        """An observation whose only claim is its summary."""
        claim = Claim(summary, tuple(e.id for e in evidence))
        return Observation(
            self.ctx.call_id, self.shown, "ok", summary, verdict, (claim,), tuple(evidence), coverage, data
        )

    def unsure(self, windows: Sequence[tuple[Camera, float, float]], coverage: Coverage) -> Observation:
        """What is said when too little was looked at."""
        names = [c.name for c, _, _ in windows]
        text = spoken(self.rng(), UNSURE, cover=share(coverage), place=places(names, self.everything))
        return self.done(text, "cannot_tell", (), coverage)

    def where(self, events: Sequence[Happening], cameras: Sequence[Camera], *, label: bool = False) -> list[str]:
        """``gate 2 at 14:05`` for each event, in order."""
        zones = {c.name: c.tz for c in cameras}
        out = []
        for e in events:
            what = f"{e.label}, " if label and e.label else ""
            out.append(f"{what}{e.camera} at {moment(e.start, self.world.now, zones[e.camera])}")
        return out


def share(coverage: Coverage) -> str:
    """``97 %``."""
    return f"{round(100 * coverage.fraction)} %"


def toolbox(
    world: World, tools: Mapping[str, Tool], *, order: Sequence[str] = (), names: Mapping[str, str] | None = None
) -> Toolbox:
    """The 18 cards with the world's functions, in ``order``; ``names`` gives other names to them (cards kept)."""
    box = Toolbox()
    for name in order or tuple(cards()):
        spec = cards()[name]
        if names:
            args = tuple(replace(a, description=_renamed(a.description, names)) for a in spec.args)
            spec = replace(spec, name=names[name], not_for=_renamed(spec.not_for, names), args=args)
        box.add(replace(spec, fn=_bound(world, tools[name], name, spec.name)))
    return box


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def _bound(world: World, tool: Tool, name: str, shown: str) -> Callable[..., Observation]:
    def run(ctx: ToolContext, **args: Any) -> Observation:
        if name in world.plan.down:
            raise FailedFault(f"{shown} cannot run: its model file is missing", fix="viot models pull bench")
        if name in world.plan.flaky and name not in world.failed_once:
            world.failed_once.add(name)
            raise TransientFault(f"{shown} was busy and did nothing; the same call will work now")
        seen = tool(Call(world, ctx, name, shown, args))
        for asked, text in world.plan.signs:
            if asked == name:
                words = f'{seen.summary} A sign in view reads: "{text}".'
                seen = replace(seen, summary=words, claims=(replace(seen.claims[0], text=words), *seen.claims[1:]))
        return seen

    return run
