"""Cloaking pictures, whole: open, find faces, group them into people, make or take each person's mask, lay it, write,
measure.

Pictures are decoded twice, once to look and once to write, so that a folder of large photos does not lie in memory.
Owns the order of these steps and the report. Its words are in ``words``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from viot_agent.errors import FailedFault, MediaFault, UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import XYXY, Image
from viot_agent.toolbox.contract import ToolContext
from viot_tools.cloak.apply import Delta, again, largest_change, lay
from viot_tools.cloak.making import (
    PEOPLE,
    Recipe,
    Said,
    chosen,
    drawn_by,
    drop,
    generated,
    make_mask,
    make_universal,
    spread,
)
from viot_tools.cloak.measure import Judged, Looks, judged, looks
from viot_tools.cloak.people import Found, Look, Subject, TooSmall, apart, enrolled_faces, group, only
from viot_tools.cloak.store import EVERYBODY, Kept, MaskStore, digest
from viot_tools.cloak.surrogates import Panel, Surrogates, panel, surrogates
from viot_tools.cloak.views import LASTING, wanted
from viot_tools.faces.enrol import Kit
from viot_tools.faces.gallery import enrolled
from viot_tools.masks.pictures import Opened, open_picture, same_file, write_picture

HOLDS = 0.75
"""A kept mask holds on pictures where it takes off this share of the likeness that it takes from those it was made
from."""
MOST_FACES = 30
"""Pictures that one mask is learnt from; of more, that many evenly chosen."""


class NoFace(MediaFault):
    """Nothing in what was given can be cloaked."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a mask came from: ``stored`` earlier, or made now; learnt from ``faces`` pictures of ``people`` people, of
    which ``given`` are not enrolled ones, and from ``views`` synthetic ones besides (0 for a stored mask)."""

    stored: bool
    faces: int
    people: int = 1
    given: int = 0
    views: int = 0


@dataclass(frozen=True, slots=True)
class FaceReport:
    """One cloaked face: ``xyxy`` in the picture, ``person`` an enrolled name or ``person 1``, ``others`` pictures of
    the person it is measured against. ``lost``: it is not found any more in the written picture."""

    xyxy: XYXY
    person: str
    enrolled: bool
    origin: Origin
    others: int
    judged: tuple[Judged, ...]
    looks: Looks
    lost: bool


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
    ``without``: pictures that were not written, and why; ``unread`` of them could not be read."""

    recipe: Recipe
    used: tuple[str, ...]
    versions: tuple[str, ...]
    judges: tuple[str, ...]
    absent: tuple[str, ...]
    pictures: tuple[PictureReport, ...]
    without: tuple[tuple[Path, str], ...] = ()
    unread: int = 0


class Cloaker:
    """Cloaks with one recipe for one installation. ``said`` hears the progress of a mask that is being made.
    ``as_kept``: an enrolled person's kept mask is used as it is, and learns nothing from the pictures at hand.

    ``kit``, ``white`` and ``jury``: detector and recogniser, surrogates, and judges; those of the tier where they are
    left out, loaded when first wanted.
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
    ) -> None:
        self.ctx, self.recipe, self.said, self.as_kept = ctx, recipe, said, as_kept
        self.kit = kit or Kit.of(ctx.weights)
        self.store = MaskStore(ctx.home)
        self._white, self._jury = white, jury
        self._known: dict[str, tuple[Image, ...]] = {}
        self._universal: tuple[Delta, Origin] | None = None

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

    @property
    def white(self) -> Surrogates:
        """The tier's surrogates, loaded when first wanted."""
        if self._white is None:
            self._white = surrogates(self.ctx.weights)
        return self._white

    @property
    def judges(self) -> Panel:
        """Who may judge."""
        if self._jury is None:
            taught = drawn_by(self.ctx.weights).taught_by if self.recipe.method == "advcloak" else ()
            self._jury = panel(self.ctx.weights, (*self.white.names, *taught))
        return self._jury

    @property
    def made_by(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names and versions of what makes the masks."""
        if self.recipe.method == "advcloak":
            return ("advcloak-generator",), (drawn_by(self.ctx.weights).version,)
        return self.white.names, self.white.versions

    def mask(self, subject: Subject, everybody: Sequence[Subject]) -> tuple[Delta, Origin]:
        """The mask of one of ``everybody`` in these pictures, kept where the person is enrolled."""
        if self.recipe.universal:
            if self._universal is None:
                self._universal = self._for_all(everybody)
            return self._universal
        given = [look.crop for look in subject.looks]
        if subject.name is None:
            beside = sum(s.name is None for s in everybody)
            return self._made([], given, wanted(len(spread(given, MOST_FACES))), beside)
        return self._of_enrolled(subject.name, subject.known, given)

    def _of_enrolled(self, name: str, known: Sequence[Image], given: Sequence[Image]) -> tuple[Delta, Origin]:
        """The kept mask where it holds on the ``given`` faces, else one that is learnt from them too, and kept.

        A mask takes more likeness from pictures that it has seen than from others. Whether the kept one holds is asked
        of the surrogates alone: the judges have no part in any mask.
        """
        recipe, marks, key = self._seeded(), self.marks(), digest(known)
        kept = self.store.get(name, recipe, marks, key)
        if kept is not None and (
            self.as_kept
            or recipe.method == "advcloak"
            or drop(given, known, kept.delta, self.white) >= HOLDS * kept.drop
        ):
            return kept.delta, Origin(True, kept.learnt)
        fresh = [] if self.as_kept else [f for f in given if all(apart(f, other) for other in known)]
        delta, origin = self._made(known, fresh, LASTING)
        reached = drop([*known, *fresh], known, delta, self.white)
        self.store.put(Kept(name, recipe, marks, key, delta, origin.faces, reached))
        return delta, origin

    def _made(
        self, known: Sequence[Image], given: Sequence[Image], count: int, beside: int = 1
    ) -> tuple[Delta, Origin]:
        """From enrolled and given faces, with views up to ``count`` where the method learns; ``beside``: so many masks
        share the time of one."""
        taken = spread([*((f, False) for f in known), *((f, True) for f in given)], MOST_FACES)
        faces = [face for face, _ in taken]
        recipe, new = self._seeded(), sum(fresh for _, fresh in taken)
        if recipe.method == "advcloak":
            return generated(faces, recipe, self.ctx.weights), Origin(False, len(faces), given=new)
        origin = Origin(False, len(faces), given=new, views=max(0, count - len(faces)))
        return make_mask(faces, recipe, self.white, self.said, count=count, beside=beside), origin

    def _for_all(self, everybody: Sequence[Subject]) -> tuple[Delta, Origin]:
        """One mask for everybody: of the enrolled where they are enough, else of those in the pictures too."""
        recipe, marks = self._seeded(), self.marks()
        names = [p.name for p in self.ctx.library.people()]
        sets: list[Sequence[Image]] = []
        for name in names:
            try:
                sets.append(self.known(name))
            except MediaFault:
                continue  # without a usable picture there is nothing to learn from; too few people are an error below
        keep = len(sets) >= PEOPLE
        key = digest(face for faces in sets for face in faces)
        if keep:
            kept = self.store.get(EVERYBODY, recipe, marks, key)
            if kept is not None:
                return kept.delta, Origin(True, kept.learnt, len(sets))
        else:
            sets += [[look.crop for look in s.looks] for s in everybody if s.name is None]
        delta, count, views = make_universal(sets, recipe, self.white, self.said)
        if keep:
            self.store.put(Kept(EVERYBODY, recipe, marks, key, delta, count))
        return delta, Origin(False, count, len(sets), views=views)

    def _seeded(self) -> Recipe:
        r = self.recipe
        return Recipe(r.method, r.epsilon, r.seed + self.store.seed(), r.rounds)

    def marks(self) -> tuple[str, ...]:
        """What a kept mask must share to be used again, besides the recipe and the enrolled faces: the weights, and for
        an optimised one its method's options. Not the code: ``viot cloak --forget`` ends what an older version made.
        """
        weights = tuple(f"{n}@{v}" for n, v in zip(*self.made_by, strict=True))
        if self.recipe.method == "advcloak":
            return weights
        meaning = hashlib.sha256(repr(chosen(self.recipe)).encode()).hexdigest()[:12]
        return (*weights, f"{self.recipe.method}@{meaning}")

    # pictures ----------------------------------------------------------------------------------------------------

    def pictures(
        self,
        sources: Sequence[Path],
        target: Callable[[Path, Opened], Path],
        *,
        names: Sequence[str] = (),
        person: str | None = None,
        keep_metadata: bool = False,
        also: Sequence[Path] = (),
    ) -> Report:
        """Cloak picture files. ``target`` says where the copy of one goes; ``also``: further pictures that are only
        looked at, to learn and to measure with; ``names`` are what messages call the sources.

        Of several, one that cannot be read is told in the report. Raises MediaFault where none can, NoFace when no
        picture shows a face that can be cloaked, NameFault for an unknown person, UserFault when a copy would fall on
        its source, WeightsMissing.
        """
        names = tuple(names) or tuple(str(p) for p in sources)
        self.store.prune(p.name for p in self.ctx.library.people())
        found, counts = Found(), []
        unread: dict[int, str] = {}
        for number, path in enumerate([*sources, *also]):
            try:
                image = decode_image(path)
            except MediaFault as fault:
                # one bad file of many does not keep the others from their cloaks
                if number >= len(sources) or len(sources) == 1:
                    raise
                unread[number] = str(fault).rstrip(".")
                counts.append(0)
            else:
                counts.append(found.add(number, image, self.kit))
        if len(unread) == len(sources):
            raise MediaFault("; ".join(unread.values()), fix="give JPEG, PNG or WebP files")
        subjects = self.subjects(found, [*names, *map(str, also)], person)
        wanted = {look.picture for s in subjects for look in s.looks}
        without = [
            (path, unread.get(i) or self._why(names[i], counts[i], found.too_small, i, person))
            for i, path in enumerate(sources)
            if i not in wanted
        ]
        if len(without) == len(sources):
            raise NoFace("; ".join(why for _, why in without), fix=_LARGER)
        masks = {
            id(s): self.mask(s, subjects) for s in subjects if any(look.picture < len(sources) for look in s.looks)
        }
        written = [
            self._picture(number, path, target, subjects, masks, found, counts[number], keep_metadata)
            for number, path in enumerate(sources)
            if number in wanted
        ]
        return Report(
            self.recipe,
            *self.made_by,
            tuple(j.name for j in self.judges.judges),
            self.judges.absent,
            tuple(written),
            tuple(without),
            len(unread),
        )

    def _why(self, name: str, count: int, small: Sequence[TooSmall], number: int, person: str | None) -> str:
        mine = [s for s in small if s.picture == number]
        if not count:
            blind = f" (it does not see {self.kit.detector.blind_to})" if self.kit.detector.blind_to else ""
            return f"{name} shows no face that {self.kit.detector.model} finds{blind}"
        if len(mine) == count:
            tall = max(s.xyxy[3] - s.xyxy[1] for s in mine)
            return f"the face in {name} is too small to cloak ({tall:.0f} pixels; at least 40 are needed)"
        return f"{name} does not show {person}"

    def _picture(
        self,
        number: int,
        source: Path,
        target: Callable[[Path, Opened], Path],
        subjects: Sequence[Subject],
        masks: dict[int, tuple[Delta, Origin]],
        found: Found,
        count: int,
        keep_metadata: bool,
    ) -> PictureReport:
        opened = open_picture(source)
        here = [(s, look) for s in subjects for look in s.looks if look.picture == number]
        laid = opened.image.copy()
        lay(laid, opened.image, [(masks[id(s)][0], look.spot) for s, look in here], self.recipe.epsilon)
        if largest_change(opened.image, laid) > self.recipe.epsilon:
            raise FailedFault(f"the cloak of {source} would change it by more than epsilon", fix="report this")
        out = target(source, opened)
        if same_file(source, out):
            raise UserFault(f"{out} is the picture itself; it is never written over", fix="give another --out")
        notes = opened.notes
        exif = None
        if keep_metadata:
            from viot_tools.cloak.metadata import kept_exif

            exif, note = kept_exif(source)
            notes = (*notes, note)
        write_picture(laid, out, profile=opened.profile, exif=exif)
        again_read = decode_image(out)
        faces = [self._face(s, look, subjects, masks[id(s)][1], opened.image, laid, again_read) for s, look in here]
        small = sum(1 for s in found.too_small if s.picture == number)
        return PictureReport(source, out, tuple(faces), small, count - small - len(here), notes)

    def _face(
        self, subject: Subject, look: Look, subjects: Sequence[Subject], origin: Origin, clean: Image, laid: Image,
        written: Image,
    ) -> FaceReport:  # fmt: skip
        x0, y0, x1, y1 = look.spot.region(*clean.shape[:2])
        parts = (clean[y0:y1, x0:x1], laid[y0:y1, x0:x1], written[y0:y1, x0:x1])
        spot = again(written, look.spot, self.kit.detector)
        others = subject.others(look)
        return FaceReport(
            look.spot.face.xyxy,
            label(subject, subjects),
            subject.name is not None,
            origin,
            len(others),
            judged(self.judges.judges, look.crop, (spot or look.spot).crop(written), others),
            looks(*parts),
            spot is None,
        )


_LARGER = "give a picture in which a face is large and from the front"


def label(subject: Subject, subjects: Sequence[Subject]) -> str:
    """The enrolled name, or ``person 2`` in order of appearance."""
    if subject.name is not None:
        return subject.name
    unnamed = [s for s in subjects if s.name is None]
    return f"person {1 + next(i for i, s in enumerate(unnamed) if s is subject)}"
