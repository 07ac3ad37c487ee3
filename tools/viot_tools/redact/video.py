"""Redacting a video: follow faces and plates through it, then draw, with the sound kept or left out.

The file is read once for faces, once more for plates where they are wanted, and once to draw. Frames are drawn in
order, because the colours of a hidden face follow the picture slowly. Nothing of the source but pictures and sound goes
into the copy: no tags, no subtitles, no second track. Owns the order. Knows no tool and no command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from viot_agent.errors import BackendFault, MediaFault, UserFault
from viot_agent.media.clips import ClipInfo, cut_clip
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame, Image, Reader
from viot_tools.masks.pictures import same_file
from viot_tools.masks.sound import add_sound
from viot_tools.redact.find import Finder
from viot_tools.redact.follow import BRIDGE, Track, follow, pieces
from viot_tools.redact.hide import Colours, Region, Style, colours, eased, head, hide, noise, plate
from viot_tools.redact.plates import PlateFinder
from viot_tools.redact.report import Hidden, Report, Shown, looked_with
from viot_tools.redact.uncovered import covered
from viot_tools.redact.who import Keeper, Kept

CRF = 20
PLATE_RATE = 5.0
"""Frames a second at which plates are looked for."""

Said = Callable[[float], None]


@dataclass(slots=True)
class Cover:
    """One track with the seconds in which it is *not* hidden, and the state of its colours."""

    track: Track
    what: str
    visible: tuple[tuple[float, float], ...] = ()
    dim: Colours = field(default_factory=noise)
    before: Colours | None = None
    at: float = 0.0

    def region(self, t: float) -> Region | None:
        """What is hidden at ``t`` seconds."""
        box = None if any(a <= t <= b for a, b in self.visible) else self.track.at(t)
        if box is None:
            return None
        return head(box) if self.what == "face" else plate(box)


def redact_video(
    source: Path,
    out: Path,
    finder: Finder,
    *,
    keeper: Keeper | None = None,
    plates: PlateFinder | None = None,
    style: Style = "blocks",
    sound: bool = True,
    said: Said | None = None,
) -> Report:
    """Write the video ``source`` redacted to the MP4 file ``out``; nothing where nothing has to be hidden. ``said``
    hears how far it is, 0..1.

    Raises MediaFault for what is no readable video, UserFault when ``out`` is the source or no .mp4, BackendFault when
    it cannot be written, WeightsMissing.
    """
    if same_file(source, out):
        raise UserFault(f"{out} is the video itself; it is never written over", fix="give another --out")
    if out.suffix.lower() != ".mp4":
        raise UserFault(f"videos are written as .mp4, not {out.name!r}", fix="change the ending of --out")
    timeline = examine(source).timeline
    reader = open_media(source)
    times = [timeline.t(i) for i in range(len(timeline))]
    passes = 3 if plates is not None else 2

    def part(number: int) -> Said | None:
        return None if said is None else lambda share: said((number + share) / passes)

    plan = planned(reader, times, finder, keeper=keeper, plates=plates, said=[part(n) for n in range(passes - 1)])
    hidden = [h for cover in plan.covers for h in _hidden(cover, plan.maybe, reader.info.duration)]
    length = reader.info.duration
    heard = lost = ""
    if hidden:
        length = drawn(reader, plan.covers, out, style, len(times), part(passes - 1)).duration
        heard, lost = _sound(out, source) if sound else ("", "its sound is left out")
    return Report(
        source=source,
        written=out if hidden else None,
        style=style,
        hidden=tuple(sorted(hidden, key=lambda h: h.first)),
        keep="" if keeper is None else keeper.name,
        shown=_shown(plan, times),
        sound=heard,
        lost=lost,
        length=length,
        **looked_with(finder, plates, keeper),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a video is hidden when, and where the person to keep surely is and may be."""

    covers: tuple[Cover, ...]
    kept: tuple[Kept, ...] = ()
    maybe: tuple[Kept, ...] = ()


def planned(
    reader: Reader,
    times: Sequence[float],
    finder: Finder,
    *,
    keeper: Keeper | None = None,
    plates: PlateFinder | None = None,
    said: Sequence[Said | None] = (None, None),
) -> Plan:
    """Follow faces, and plates where ``plates`` finds them, through a video whose frames are at ``times`` seconds; one
    of ``said`` for each pass. Raises what the reader and the finders raise."""
    tracks = follow(
        reader, times, finder.look, sure=finder.sure, seen=None if keeper is None else keeper.see, said=said[0]
    )
    kept, maybe = ([], []) if keeper is None else keeper.of_tracks(tracks)
    covers = [Cover(track, "face", visible(track, kept)) for track in tracks]
    if plates is not None:
        found = follow(reader, times, plates.look, sure=plates.sure, rate=PLATE_RATE, said=said[1])
        covers += [Cover(track, "plate") for track in found]
    return Plan(tuple(covers), tuple(kept), tuple(maybe))


def drawn(
    reader: Reader, covers: Sequence[Cover], out: Path, style: Style, frames: int, said: Said | None = None
) -> ClipInfo:
    """Write the whole video of ``reader``, of so many ``frames``, with the covers drawn, without sound. Raises what
    ``cut_clip`` raises."""
    return cut_clip(reader, 0.0, reader.info.duration, out, draw=_painter(covers, style, frames, said), crf=CRF)


def visible(track: Track, kept: Sequence[Kept]) -> tuple[tuple[float, float], ...]:
    """The seconds in which a track need not be hidden: its pieces that surely show the person to keep, with what lies
    between two such, and before the first or after the last piece of all where that is such a one."""
    sure = {k.first for k in kept if k.track is track}
    spans: list[tuple[float, float]] = []
    ranges = list(pieces(track))
    for n, (a, b) in enumerate(ranges):
        if track.ts[a] not in sure:
            continue
        first = float("-inf") if n == 0 else track.ts[a]
        last = float("inf") if n == len(ranges) - 1 else track.ts[b - 1] + track.step / 2
        if n > 0 and track.ts[ranges[n - 1][0]] in sure:
            first = spans.pop()[0]
        spans.append((first, last))
    return tuple(spans)


def _hidden(cover: Cover, maybe: Sequence[Kept], length: float) -> list[Hidden]:
    """The stretches of a cover that are hidden, cut to the video."""
    track = cover.track
    low, high = max(0.0, track.first), min(length, track.last)
    stretches: list[tuple[float, float]] = []
    for a, b in sorted(cover.visible):
        if a > low:
            stretches.append((low, a))
        low = max(low, b)
    if low < high:
        stretches.append((low, high))
    big = max(track.raw, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]))
    mine = [k for k in maybe if k.track is track]
    return [
        Hidden(
            cover.what, big, max(track.scores), a, b, any(k.first <= b and a <= k.last for k in mine)
        )
        for a, b in stretches
    ]  # fmt: skip


def _shown(plan: Plan, times: Sequence[float]) -> tuple[Shown, ...]:
    """Pieces of one track that follow one another are told as one, with the stretches in which others' covers lie on
    the face."""
    out: list[tuple[Kept, Shown]] = []
    for k in plan.kept:
        if out and out[-1][0].track is k.track and k.first - out[-1][1].last <= BRIDGE:
            before = out.pop()[1]
            out.append((k, Shown(max(before.score, k.verdict.score), before.first, k.last)))
        else:
            out.append((k, Shown(k.verdict.score, k.first, k.last)))
    told = []
    for k, shown in out:
        near = [c for c in plan.covers if c.track is not k.track]
        near = [c for c in near if c.track.first <= shown.last and shown.first <= c.track.last]

        def hidden(t: float, near: Sequence[Cover] = near) -> list[Region]:
            return [region for region in (cover.region(t) for cover in near) if region is not None]

        told.append(replace(shown, covered=covered(k.track, shown.first, shown.last, hidden, times)))
    return tuple(told)


def _painter(covers: Sequence[Cover], style: Style, frames: int, said: Said | None) -> Callable[[Frame], Image]:
    def paint(frame: Frame) -> Image:
        if said is not None:
            said((frame.index + 1) / frames)
        image = frame.image.copy()
        for cover in covers:
            region = cover.region(frame.t)
            if region is None:
                continue
            under = None
            if style == "blocks":
                now = colours(frame.image, region)
                if now is None:
                    continue
                under = cover.before = eased(cover.before, now, frame.t - cover.at)
                cover.at = frame.t
            hide(image, region, None if under is None else under + cover.dim)
        return image

    return paint


def _sound(out: Path, source: Path) -> tuple[str, str]:
    """The codec of the sound put under ``out``, or why a sound there was could not be kept."""
    try:
        return add_sound(out, source), ""
    except MediaFault as fault:  # the pictures are whole; the answer says what they lack
        return "", fault.message
    except OSError as error:
        raise BackendFault(f"the sound cannot be written to {out}: {error.strerror}", fix="free the disk") from error
