"""Cloaking pictures, whole: open, find faces, group them into people, make or take each person's mask, lay it, write,
measure.

Pictures are decoded twice, once to look and once to write, so that a folder of large photos does not lie in memory.
Owns the order of these steps, what is kept and written, and the report. A step on one picture or mask is done by
``hands``, here or elsewhere. Its words are in ``words``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from viot_agent.errors import MediaFault, UserFault, ViotError
from viot_agent.media.files import write_whole
from viot_agent.media.types import Image
from viot_agent.toolbox.contract import ToolContext
from viot_tools.cloak.apply import Delta
from viot_tools.cloak.hands import (
    Cover,
    Crew,
    Drawing,
    Drawn,
    FaceReport,
    Hands,
    Making,
    Mask,
    Origin,
    Seek,
    Shared,
    Work,
    of_one,
)
from viot_tools.cloak.making import PEOPLE, Recipe, Said, chosen
from viot_tools.cloak.people import Found, Look, Subject, TooSmall, enrolled_faces, group, only
from viot_tools.cloak.store import EVERYBODY, Kept, MaskStore, digest
from viot_tools.cloak.surrogates import Panel, Surrogates
from viot_tools.faces.enrol import Kit
from viot_tools.faces.gallery import enrolled
from viot_tools.masks.pictures import same_file

Counted = Callable[[str, int, int], None]
"""Hears a step's name, and how many of how many are done."""


class NoFace(MediaFault):
    """Nothing in what was given can be cloaked."""


@dataclass(frozen=True, slots=True)
class PictureReport:
    """One written picture. ``notes``: what of the file was not carried over."""

    source: Path
    written: Path
    faces: tuple[FaceReport, ...]
    too_small: int
    untouched: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """``used``: what made the masks, and ``versions`` of its weights: the recognisers whose networks were attacked, or
    AdvCloak's generator; neither they nor others of their makers judge. ``absent``: judges whose files are not here.
    ``without``: pictures that were not written, and why; ``unread`` of them could not be read, ``failed`` could not be
    cloaked."""

    recipe: Recipe
    used: tuple[str, ...]
    versions: tuple[str, ...]
    judges: tuple[str, ...]
    absent: tuple[str, ...]
    pictures: tuple[PictureReport, ...]
    without: tuple[tuple[Path, str], ...] = ()
    unread: int = 0
    failed: int = 0


class Cloaker:
    """Cloaks with one recipe for one installation. ``said`` hears the progress of a mask that is being made.
    ``as_kept``: an enrolled person's kept mask is used as it is, and learns nothing from the pictures at hand.

    ``kit``, ``white`` and ``jury`` as of :class:`~viot_tools.cloak.hands.Hands`. ``crew`` does the work on pictures,
    these hands where it is left out; ``counted`` hears which step they are at, and with how many of how many.
    """

    def __init__(
        self,
        ctx: ToolContext,
        recipe: Recipe,
        said: Said | None = None,
        *,
        as_kept: bool = False,
        kit: Kit | None = None,
        white: Surrogates | None = None,
        jury: Panel | None = None,
        crew: Callable[[Hands], Crew] | None = None,
        counted: Counted | None = None,
    ) -> None:
        self.ctx, self.recipe, self.as_kept, self.counted = ctx, recipe, as_kept, counted
        self.hands = Hands(ctx.weights, recipe.method, said, kit=kit, white=white, jury=jury)
        self.kit = self.hands.kit
        self.crew: Crew = self.hands if crew is None else crew(self.hands)
        self.store = MaskStore(ctx.home)
        self._known: dict[str, tuple[Image, ...]] = {}
        self._universal: Mask | None = None

    # who ---------------------------------------------------------------------------------------------------------

    def subjects(self, found: Found, pictures: Sequence[str], person: str | None) -> list[Subject]:
        """The people to cloak: everybody, or the enrolled ``person`` alone. Raises NameFault, UserFault."""
        templates, unusable = enrolled(self.ctx, self.kit)
        if person is None:
            groups = group(found.looks, self.kit, templates)
            return [s if s.name is None else Subject(s.name, s.looks, self.known(s.name)) for s in groups]
        name = self.ctx.fleet.resolve_person(person).name
        if name in unusable:
            raise UserFault(
                f"{name} cannot be compared: {unusable[name]}", fix="viot person enroll, with more pictures"
            )
        mine = only(found.looks, name, pictures, self.kit, templates[name])
        return [Subject(name, tuple(mine), self.known(name))] if mine else []

    def known(self, name: str) -> tuple[Image, ...]:
        """The aligned enrolled faces of a person."""
        if name not in self._known:
            self._known[name] = enrolled_faces(self.ctx, name, self.kit)
        return self._known[name]

    # masks -------------------------------------------------------------------------------------------------------

    def mask(self, subject: Subject, everybody: Sequence[Subject]) -> tuple[Delta, Origin]:
        """The mask of one of ``everybody`` in these pictures, kept where the person is enrolled. Raises as
        ``Hands.do``."""
        [made] = self._masks([subject], everybody, self.hands)
        if isinstance(made, ViotError):
            raise made
        return made.delta, made.origin

    def _masks(self, some: Sequence[Subject], everybody: Sequence[Subject], crew: Crew) -> Iterator[Mask | ViotError]:
        """The masks of some of ``everybody``, or why there is none; new ones of enrolled people are kept."""
        if self.recipe.universal:
            if self._universal is None:
                self._universal = self._for_all(everybody, crew)
            yield from (self._universal for _ in some)
            return
        works = [self._making(s, everybody) for s in some]
        for work, made in zip(works, self._each("masks", works, crew), strict=True):
            if isinstance(made, Mask) and made.drop is not None:
                self._keep(work.person, digest(work.known), made)
            yield made

    def _making(self, subject: Subject, everybody: Sequence[Subject]) -> Making:
        recipe, given = self._seeded(), tuple(look.crop for look in subject.looks)
        name = label(subject, everybody)
        if subject.name is None:
            return Making(name, recipe, (), given, beside=sum(s.name is None for s in everybody))
        kept = self.store.get(name, recipe, self.marks(), digest(subject.known))
        return Making(name, recipe, subject.known, given, kept, self.as_kept)

    def _keep(self, person: str, key: str, made: Mask) -> None:
        self.store.put(Kept(person, self._seeded(), self.marks(), key, made.delta, made.origin.faces, made.drop or 0.0))

    def _for_all(self, everybody: Sequence[Subject], crew: Crew) -> Mask:
        """One mask for everybody: of the enrolled where they are enough, else of those in the pictures too."""
        recipe = self._seeded()
        names = [p.name for p in self.ctx.library.people()]
        sets: list[tuple[Image, ...]] = []
        for name in names:
            try:
                sets.append(self.known(name))
            except MediaFault:
                continue  # without a usable picture there is nothing to learn from; too few people are an error below
        keep = len(sets) >= PEOPLE
        key = digest(face for faces in sets for face in faces)
        if keep:
            kept = self.store.get(EVERYBODY, recipe, self.marks(), key)
            if kept is not None:
                return Mask(kept.delta, Origin(True, kept.learnt, len(sets)))
        else:
            sets += [tuple(look.crop for look in s.looks) for s in everybody if s.name is None]
        [made] = self._each("masks", [Shared(recipe, tuple(sets))], crew)
        if isinstance(made, ViotError):
            raise made
        if keep:
            self._keep(EVERYBODY, key, made)
        return cast(Mask, made)

    def _seeded(self) -> Recipe:
        r = self.recipe
        return Recipe(r.method, r.epsilon, r.seed + self.store.seed(), r.rounds)

    def marks(self) -> tuple[str, ...]:
        """What a kept mask must share to be used again, besides the recipe and the enrolled faces: the weights, and for
        an optimised one its method's options. Not the code: ``viot cloak --forget`` ends what an older version made.
        """
        weights = tuple(f"{n}@{v}" for n, v in zip(*self.hands.made_by, strict=True))
        if self.recipe.method == "advcloak":
            return weights
        meaning = hashlib.sha256(repr(chosen(self.recipe)).encode()).hexdigest()[:12]
        return (*weights, f"{self.recipe.method}@{meaning}")

    # pictures ----------------------------------------------------------------------------------------------------

    def pictures(
        self,
        sources: Sequence[Path],
        target: Callable[[Path, str], Path],
        *,
        names: Sequence[str] = (),
        person: str | None = None,
        keep_metadata: bool = False,
        also: Sequence[Path] = (),
        ending: str = "",
    ) -> Report:
        """Cloak picture files. ``target`` says where the copy of one goes, which is of the kind that its second
        argument names (``.png``, ``.jpg``): ``ending``, or what its source is; ``also``: further pictures that are only
        looked at, to learn and to measure with; ``names`` are what messages call the sources.

        Of several, one that cannot be read or cloaked is told in the report. Raises MediaFault where none can, NoFace
        when no picture shows a face that can be cloaked, NameFault for an unknown person, UserFault when a copy would
        fall on its source, WeightsMissing, LostFault where the crew is gone.
        """
        names = tuple(names) or tuple(str(p) for p in sources)
        self.store.prune(p.name for p in self.ctx.library.people())
        found, counts = Found(), []
        unread: dict[int, str] = {}
        failed: dict[int, ViotError] = {}
        everything = [*sources, *also]
        seeking = self._each("pictures looked at", [Seek(path, i) for i, path in enumerate(everything)], self.crew)
        for number, came in enumerate(seeking):
            if not isinstance(came, ViotError):
                found.looks += came.found.looks
                found.too_small += came.found.too_small
                counts.append(came.count)
                continue
            # one bad file of many does not keep the others from their cloaks
            if number >= len(sources) or len(sources) == 1:
                raise came
            counts.append(0)
            if isinstance(came, MediaFault):
                unread[number] = str(came).rstrip(".")
            else:
                failed[number] = came
        if len(unread) == len(sources):
            raise MediaFault("; ".join(unread.values()), fix="give JPEG, PNG or WebP files")
        subjects = self.subjects(found, [*names, *map(str, also)], person)
        here: dict[int, list[tuple[Subject, Look]]] = {}
        for s in subjects:
            for look in s.looks:
                here.setdefault(look.picture, []).append((s, look))
        without = {
            i: unread.get(i) or self._why(names[i], counts[i], found.too_small, i, person)
            for i in range(len(sources))
            if i not in here and i not in failed
        }
        if len(without) == len(sources):
            raise NoFace("; ".join(without.values()), fix=_LARGER)
        shown = [s for s in subjects if any(look.picture < len(sources) for look in s.looks)]
        masks = {id(s): made for s, made in zip(shown, self._masks(shown, subjects, self.crew), strict=True)}
        drawings: dict[int, Drawing] = {}
        for i in (i for i in range(len(sources)) if i in here):
            covers, fault = self._covers(here[i], subjects, masks)
            if fault is not None:
                failed[i] = fault  # half a picture's faces are no cloak
            else:
                drawings[i] = Drawing(sources[i], covers, self.recipe.epsilon, keep_metadata, ending)
        written = []
        drawn = self._each("pictures written", list(drawings.values()), self.crew)
        for (i, drawing), came in zip(drawings.items(), drawn, strict=True):
            if isinstance(came, ViotError):
                failed[i] = came
                continue
            out = self._write(drawing, came, target)
            small = sum(1 for t in found.too_small if t.picture == i)
            rest = counts[i] - small - len(drawing.covers)
            written.append(PictureReport(sources[i], out, came.faces, small, rest, came.notes))
        if not written:
            raise next(iter(failed.values()))
        without |= {i: f"{names[i]} was not cloaked: {fault}" for i, fault in failed.items()}
        return Report(
            self.recipe,
            *self.hands.made_by,
            tuple(j.name for j in self.hands.judges.judges),
            self.hands.judges.absent,
            tuple(written),
            tuple((sources[i], without[i]) for i in sorted(without)),
            len(unread),
            len(failed),
        )

    def _each(self, step: str, works: Sequence[Work], crew: Crew) -> Iterator[Any]:
        """What comes of each; a fault that is no picture's own is raised."""
        for number, came in enumerate(crew.each(works), 1):
            if isinstance(came, ViotError) and not of_one(came):
                raise came
            yield came
            if self.counted is not None:
                self.counted(step, number, len(works))

    def _covers(
        self, here: Sequence[tuple[Subject, Look]], subjects: Sequence[Subject], masks: dict[int, Mask | ViotError]
    ) -> tuple[tuple[Cover, ...], ViotError | None]:
        """What goes on a picture, or why one of its faces has no mask."""
        covers = []
        for s, look in here:
            made = masks[id(s)]
            if isinstance(made, ViotError):
                return (), made
            person, others = label(s, subjects), tuple(s.others(look))
            covers.append(Cover(made, look.spot, look.crop, others, person, s.name is not None))
        return tuple(covers), None

    def _write(self, drawing: Drawing, drawn: Drawn, target: Callable[[Path, str], Path]) -> Path:
        out = target(drawing.path, drawn.ending)
        if same_file(drawing.path, out):
            raise UserFault(f"{out} is the picture itself; it is never written over", fix="give another --out")
        if out.suffix.lower() != drawn.ending:
            raise UserFault(f"{out} is to be a {drawn.ending} file", fix="change its ending")
        write_whole(out, drawn.data, fix="free the disk or choose another --out")
        return out

    def _why(self, name: str, count: int, small: Sequence[TooSmall], number: int, person: str | None) -> str:
        mine = [s for s in small if s.picture == number]
        if not count:
            blind = f" (it does not see {self.kit.detector.blind_to})" if self.kit.detector.blind_to else ""
            return f"{name} shows no face that {self.kit.detector.model} finds{blind}"
        if len(mine) == count:
            tall = max(s.xyxy[3] - s.xyxy[1] for s in mine)
            return f"the face in {name} is too small to cloak ({tall:.0f} pixels; at least 40 are needed)"
        return f"{name} does not show {person}"


_LARGER = "give a picture in which a face is large and from the front"


def label(subject: Subject, subjects: Sequence[Subject]) -> str:
    """The enrolled name, or ``person 2`` in order of appearance."""
    if subject.name is not None:
        return subject.name
    unnamed = [s for s in subjects if s.name is None]
    return f"person {1 + next(i for i, s in enumerate(unnamed) if s is subject)}"
