"""Cloaking a video: followed faces, one mask for each person, laid steadily on every frame, the sound kept.

The file is read twice: to follow the faces, and to draw. Tracks are grouped into people by the product's own
recogniser. Protection is measured on the written file, track by track, against the person's enrolled pictures, or
against other moments of the same video where nobody is enrolled. Owns this order and its report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from viot_agent.errors import BackendFault, MediaFault, UserFault
from viot_agent.media.clips import ClipInfo, cut_clip
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame, Image
from viot_tools.cloak.apply import Delta, again, lay
from viot_tools.cloak.follow import Moment, Track, follow
from viot_tools.cloak.hands import Origin
from viot_tools.cloak.making import Recipe
from viot_tools.cloak.measure import Judged, judged, mean
from viot_tools.cloak.people import Look, Subject
from viot_tools.cloak.protect import Cloaker, NoFace, label
from viot_tools.faces import identity
from viot_tools.faces.gallery import enrolled
from viot_tools.masks.pictures import same_file
from viot_tools.masks.sound import add_sound

CRF = 16
"""Quality of the written video: at 23, the usual, the coder takes more of the mask away."""
LEARNT = 10
"""Moments of a person that a mask is made from."""
MEASURED = 5
"""Moments of a track that are measured in the written file."""
APART = 1.0
"""Seconds between two moments of a video that count as two pictures of a person."""

Said = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class TrackReport:
    """One face from ``first`` to ``last`` seconds. ``against``: ``enrolled pictures``, ``other moments`` or '' (nothing
    to measure against); ``judged`` are means over ``measured`` moments; in ``lost`` of them no face was found."""

    first: float
    last: float
    person: str
    enrolled: bool
    origin: Origin
    against: str
    judged: tuple[Judged, ...]
    measured: int
    lost: int


@dataclass(frozen=True, slots=True)
class VideoReport:
    """``sound``: the codec of the kept sound or ''; ``lost``: why a sound there was could not be kept; the rest as in
    :class:`~viot_tools.cloak.protect.Report`."""

    recipe: Recipe
    used: tuple[str, ...]
    versions: tuple[str, ...]
    judges: tuple[str, ...]
    absent: tuple[str, ...]
    source: Path
    clip: ClipInfo
    tracks: tuple[TrackReport, ...]
    too_small: int
    sound: str
    lost: str = ""


def cloak_video(
    cloaker: Cloaker,
    source: Path,
    out: Path,
    *,
    name: str = "",
    person: str | None = None,
    said: Said | None = None,
) -> VideoReport:
    """Write ``source`` cloaked to the MP4 file ``out``. ``person``: an enrolled name, to cloak that face alone;
    ``said`` hears how far it is, 0..1.

    Raises MediaFault for what is no readable video, NoFace, NameFault for an unknown person, UserFault when
    ``out`` is the source or no .mp4, WeightsMissing, BackendFault when it cannot be written.
    """
    name = name or str(source)
    if same_file(source, out):
        raise UserFault(f"{out} is the video itself; it is never written over", fix="give another --out")
    if out.suffix.lower() != ".mp4":
        raise UserFault(f"videos are written as .mp4, not {out.name!r}", fix="change the ending of --out")
    timeline = examine(source).timeline
    reader = open_media(source)
    times = [timeline.t(i) for i in range(len(timeline))]
    tracks, small = follow(reader, times, cloaker.kit, None if said is None else lambda share: said(share / 2))
    people = grouped(cloaker, tracks, name, person)
    if not people:
        blind = f" (it does not see {cloaker.kit.detector.blind_to})" if cloaker.kit.detector.blind_to else ""
        size = f"; {small} too small to cloak (under 40 pixels)" if small else ""
        raise NoFace(
            f"{name} shows no face that {cloaker.kit.detector.model} finds{blind}{size}",
            fix="give a video in which a face is larger",
        )
    subjects = [subject for subject, _ in people]
    masks = [cloaker.mask(subject, subjects) for subject in subjects]
    laid = [(track, masks[i][0]) for i, (_, mine) in enumerate(people) for track in mine]
    paint = _painter(laid, cloaker.recipe.epsilon, len(times), said)
    clip = cut_clip(reader, 0.0, reader.info.duration, out, draw=paint, crf=CRF)
    sound = lost = ""
    try:
        sound = add_sound(out, source)
    except MediaFault as fault:  # the pictures are whole; the answer says what they lack
        lost = fault.message
    except OSError as error:
        raise BackendFault(f"the sound cannot be written to {out}: {error.strerror}", fix="free the disk") from error
    reports = [
        _track(cloaker, out, track, mine, subject, label(subject, subjects), masks[i][1])
        for i, (subject, mine) in enumerate(people)
        for track in mine
    ]
    return VideoReport(
        cloaker.recipe,
        *cloaker.hands.made_by,
        tuple(j.name for j in cloaker.hands.judges.judges),
        cloaker.hands.judges.absent,
        source,
        clip,
        tuple(sorted(reports, key=lambda r: r.first)),
        small,
        sound,
        lost,
    )


def grouped(
    cloaker: Cloaker, tracks: Sequence[Track], name: str, person: str | None
) -> list[tuple[Subject, list[Track]]]:
    """The people of a video with their tracks, in order of appearance; the enrolled ``person`` alone where one is
    named. Raises NameFault, or UserFault when the video does not show that person."""
    if not tracks:
        return []
    kit = cloaker.kit
    looks: list[list[identity.Look]] = []
    for track in tracks:
        some = _spread(track.moments, 6)
        vectors = kit.recogniser.embed_chips([m.chip for m in some])
        looks.append([identity.Look(m.t, m.quality, v) for m, v in zip(some, vectors, strict=True)])
    summaries = np.stack([identity.summary(some, kit.calibration) for some in looks])
    apart = [
        (i, j)
        for i, a in enumerate(tracks)
        for j, b in enumerate(tracks)
        if i < j and a.first <= b.last and b.first <= a.last
    ]
    labels = identity.cluster(summaries, kit.calibration.same, apart)
    templates, unusable = enrolled(cloaker.ctx, kit)
    wanted = None if person is None else cloaker.ctx.fleet.resolve_person(person).name
    if wanted in unusable:
        raise UserFault(
            f"{wanted} cannot be compared: {unusable[wanted]}", fix="viot person enroll, with more pictures"
        )
    found: list[tuple[Subject, list[Track]]] = []
    for number in dict.fromkeys(labels):
        mine = [i for i, of in enumerate(labels) if of == number]
        verdict = identity.vote([x for i in mine for x in looks[i]], templates, kit.calibration)
        who = verdict.who if verdict.answer == "match" else None
        if wanted is not None and who != wanted:
            continue
        known = cloaker.known(who) if who is not None else ()
        moments = _spread(sorted((m for i in mine for m in tracks[i].moments), key=lambda m: m.t), LEARNT)
        faces = tuple(Look(k, m.spot, m.crop, np.zeros(0, np.float32), m.quality) for k, m in enumerate(moments))
        found.append((Subject(who, faces, known), [tracks[i] for i in mine]))
    if wanted is not None and not found:
        raise UserFault(f"no face in {name} is recognised as {wanted}'s", fix="leave out --person to cloak every face")
    return found


def _painter(
    laid: Sequence[tuple[Track, Delta]], epsilon: float, frames: int, said: Said | None
) -> Callable[[Frame], Image]:
    def paint(frame: Frame) -> Image:
        if said is not None:
            said(0.5 + (frame.index + 1) / frames / 2)
        here = [(delta, track.spot(frame.t)) for track, delta in laid if track.first <= frame.t <= track.last]
        if not here:
            return frame.image
        image = frame.image.copy()
        lay(image, frame.image, here, epsilon)
        return image

    return paint


def _track(
    cloaker: Cloaker, out: Path, track: Track, mine: Sequence[Track], subject: Subject, person: str, origin: Origin
) -> TrackReport:
    """The protection of one track in the written file."""
    moments = _spread(track.moments, MEASURED)
    rows: list[tuple[Judged, ...]] = []
    lost = 0
    elsewhere = [m for t in mine for m in t.moments]
    for moment, frame in zip(moments, open_media(out).read([m.t for m in moments]), strict=True):
        others: list[Image] = list(subject.known)
        if not others:
            others = [m.crop for m in _spread([m for m in elsewhere if abs(m.t - moment.t) >= APART], LEARNT)]
        spot = again(frame.image, moment.spot, cloaker.kit.detector)
        lost += spot is None
        found = judged(cloaker.hands.judges.judges, moment.crop, (spot or moment.spot).crop(frame.image), others)
        if found:
            rows.append(found)
    means = tuple(mean([row[k] for row in rows]) for k in range(len(rows[0]))) if rows else ()
    beside = any(abs(m.t - n.t) >= APART for m in moments for n in elsewhere)
    against = "enrolled pictures" if subject.known else "other moments" if beside else ""
    return TrackReport(
        track.first, track.last, person, subject.name is not None, origin, against, means, len(moments), lost
    )


def _spread(moments: Sequence[Moment], count: int) -> list[Moment]:
    """``count`` of them at even distances, or all."""
    if len(moments) <= count:
        return list(moments)
    return [moments[round(i)] for i in np.linspace(0, len(moments) - 1, count)]
