"""What is done to one picture or for one person's mask: look for faces, make the mask, draw and measure.

Each piece of work brings all it needs and can travel to another machine; nothing is read but the picture itself, and
nothing is written. Owns these three, and the models that do them. Knows no library, no kept masks and no order:
``protect`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from viot_agent.errors import BackendFault, DiskFault, FailedFault, LostFault, MediaFault, ViotError, WeightsMissing
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights
from viot_tools.cloak.apply import Delta, Spot, again, largest_change, lay
from viot_tools.cloak.making import Recipe, Said, drawn_by, drop, generated, make_mask, make_universal, spread
from viot_tools.cloak.measure import Judged, Looks, judged, looks
from viot_tools.cloak.people import Found, apart
from viot_tools.cloak.store import Kept
from viot_tools.cloak.surrogates import Panel, Surrogates, panel, surrogates
from viot_tools.cloak.views import LASTING, wanted
from viot_tools.faces.enrol import Kit
from viot_tools.masks.pictures import coded, open_picture

HOLDS = 0.75
"""A kept mask holds on pictures where it takes off this share of the likeness that it takes from those it was made
from."""
MOST_FACES = 30
"""Pictures that one mask is learnt from; of more, that many evenly chosen."""


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
class Seek:
    """A picture whose faces are looked for; ``number`` is its own among those of the request. Comes back as
    :class:`Sought`."""

    path: Path
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Sought:
    """Its faces, and how many there are, small ones among them."""

    found: Found
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Making:
    """One person's mask. ``known`` enrolled faces (none: not enrolled) and ``given`` ones of these pictures; ``kept``:
    the mask that may hold, used unasked when ``as_kept``; ``beside``: masks that share the time of one. ``person`` is
    for messages. Comes back as :class:`Mask`."""

    person: str
    recipe: Recipe
    known: tuple[Image, ...]
    given: tuple[Image, ...]
    kept: Kept | None = None
    as_kept: bool = False
    beside: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """One mask for everybody, of the faces of each. Comes back as :class:`Mask`."""

    recipe: Recipe
    people: tuple[tuple[Image, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """``drop``: the likeness that it takes off the faces it was learnt from, where it is new and shall be kept."""

    delta: Delta
    origin: Origin
    drop: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """A face of a picture, the mask that goes on it, and the ``others`` that it is measured against."""

    mask: Mask
    spot: Spot
    crop: Image
    others: tuple[Image, ...]
    person: str
    enrolled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A picture to be cloaked and coded as ``ending`` says (``.png``, ``.jpg``; '' for what it was). Comes back as
    :class:`Drawn`."""

    path: Path
    covers: tuple[Cover, ...]
    epsilon: float
    keep_metadata: bool = False
    ending: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The file's bytes and the ending that they ask for, what of the source is not carried over, and its faces."""

    data: bytes
    ending: str
    notes: tuple[str, ...]
    faces: tuple[FaceReport, ...]


Work = Seek | Making | Shared | Drawing


class Crew(Protocol):
    """Who does the work."""

    def each(self, works: Iterable[Work]) -> Iterator[Any]:
        """What came of each in their order: what it says it comes back as, or the fault that kept it from that."""


def of_one(fault: ViotError) -> bool:
    """Whether a fault is of one picture or mask, and no reason to give up the others."""
    ends = isinstance(fault, (WeightsMissing, LostFault, DiskFault))
    return isinstance(fault, (MediaFault, FailedFault, BackendFault)) and not ends


class Hands:
    """Does the work in this process, by ``method``. ``said`` hears the progress of a mask that is being made.

    ``kit``, ``white`` and ``jury``: detector and recogniser, surrogates, and judges; those of the tier where they are
    left out, loaded when first wanted.
    """

    def __init__(
        self,
        weights: Weights,
        method: str,
        said: Said | None = None,
        *,
        kit: Kit | None = None,
        white: Surrogates | None = None,
        jury: Panel | None = None,
    ) -> None:
        self.weights, self.method, self.said = weights, method, said
        self.kit = kit or Kit.of(weights)
        self._white, self._jury = white, jury

    @property
    def white(self) -> Surrogates:
        """The tier's surrogates, loaded when first wanted."""
        if self._white is None:
            self._white = surrogates(self.weights)
        return self._white

    @property
    def judges(self) -> Panel:
        """Who may judge."""
        if self._jury is None:
            taught = drawn_by(self.weights).taught_by if self.method == "advcloak" else ()
            self._jury = panel(self.weights, (*self.white.names, *taught))
        return self._jury

    @property
    def made_by(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names and versions of what makes the masks."""
        if self.method == "advcloak":
            return ("advcloak-generator",), (drawn_by(self.weights).version,)
        return self.white.names, self.white.versions

    def stamp(self) -> tuple[str, ...]:
        """Every model that has a part in a result, with its version, and who judges, by name."""
        detector, recogniser = self.kit.detector, self.kit.recogniser
        return (
            f"{detector.model}@{detector.model_version}",
            f"{recogniser.model}@{recogniser.model_version}",
            *(f"{n}@{v}" for n, v in zip(*self.made_by, strict=True)),
            *(j.name for j in self.judges.judges),
        )

    def each(self, works: Iterable[Work]) -> Iterator[Any]:
        """One after the other; only what a picture is to blame for comes back as a fault."""
        for work in works:
            try:
                came = self.do(work)
            except ViotError as fault:
                if not of_one(fault):
                    raise
                came = fault
            yield came

    def do(self, work: Work) -> Any:
        """One piece. Raises MediaFault for a picture that cannot be read, FailedFault when a cloak would be larger
        than allowed, WeightsMissing, and what ``making`` raises."""
        if isinstance(work, Seek):
            found = Found()
            return Sought(found, found.add(work.number, decode_image(work.path), self.kit))
        if isinstance(work, Drawing):
            return self._drawn(work)
        if isinstance(work, Shared):
            delta, faces, views = make_universal(work.people, work.recipe, self.white, self.said)
            return Mask(delta, Origin(False, faces, len(work.people), views=views), 0.0)
        return self._mask(work)

    def _mask(self, m: Making) -> Mask:
        """The kept mask where it holds on the given faces, else one that is learnt from them too.

        A mask takes more likeness from pictures that it has seen than from others. Whether the kept one holds is asked
        of the surrogates alone: the judges have no part in any mask.
        """
        if not m.known:
            return Mask(*self._made(m, m.given, wanted(len(spread(m.given, MOST_FACES)))))
        if m.kept is not None and (
            m.as_kept
            or m.recipe.method == "advcloak"
            or drop(m.given, m.known, m.kept.delta, self.white) >= HOLDS * m.kept.drop
        ):
            return Mask(m.kept.delta, Origin(True, m.kept.learnt))
        fresh = [] if m.as_kept else [f for f in m.given if all(apart(f, other) for other in m.known)]
        delta, origin = self._made(m, fresh, LASTING)
        return Mask(delta, origin, drop([*m.known, *fresh], m.known, delta, self.white))

    def _made(self, m: Making, given: Sequence[Image], count: int) -> tuple[Delta, Origin]:
        """From enrolled and given faces, with views up to ``count`` where the method learns."""
        taken = spread([*((f, False) for f in m.known), *((f, True) for f in given)], MOST_FACES)
        faces = [face for face, _ in taken]
        new = sum(fresh for _, fresh in taken)
        if m.recipe.method == "advcloak":
            return generated(faces, m.recipe, self.weights), Origin(False, len(faces), given=new)
        origin = Origin(False, len(faces), given=new, views=max(0, count - len(faces)))
        return make_mask(faces, m.recipe, self.white, self.said, count=count, beside=m.beside), origin

    def _drawn(self, d: Drawing) -> Drawn:
        opened = open_picture(d.path)
        laid = opened.image.copy()
        lay(laid, opened.image, [(c.mask.delta, c.spot) for c in d.covers], d.epsilon)
        if largest_change(opened.image, laid) > d.epsilon:
            raise FailedFault(f"the cloak of {d.path} would change it by more than epsilon", fix="report this")
        notes = opened.notes
        exif = None
        if d.keep_metadata:
            from viot_tools.cloak.metadata import kept_exif

            exif, note = kept_exif(d.path)
            notes = (*notes, note)
        ending = d.ending or (".jpg" if opened.jpeg else ".png")
        data = coded(laid, ending, profile=opened.profile, exif=exif)
        written = decode_image(data)
        faces = tuple(self._face(c, opened.image, laid, written) for c in d.covers)
        return Drawn(data, ending, notes, faces)

    def _face(self, c: Cover, clean: Image, laid: Image, written: Image) -> FaceReport:
        x0, y0, x1, y1 = c.spot.region(*clean.shape[:2])
        parts = (clean[y0:y1, x0:x1], laid[y0:y1, x0:x1], written[y0:y1, x0:x1])
        spot = again(written, c.spot, self.kit.detector)
        return FaceReport(
            c.spot.face.xyxy,
            c.person,
            c.enrolled,
            c.mask.origin,
            len(c.others),
            judged(self.judges.judges, c.crop, (spot or c.spot).crop(written), c.others),
            looks(*parts),
            spot is None,
        )
