"""Whose face is whose: the faces of the pictures at hand, grouped into people, and who of them is enrolled.

Grouping is needed because one person has one mask, and because protection is measured against *other* pictures of the
same person. It rests on the product's own recogniser and its calibrated thresholds. Owns that. Makes no mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import XYXY, Image
from viot_agent.toolbox.contract import ToolContext
from viot_tools.cloak.apply import SMALLEST, Spot, spots
from viot_tools.faces import identity
from viot_tools.faces.detect import refine
from viot_tools.faces.enrol import Kit, only_face
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import TEMPLATE, similarity

Faces = NDArray[np.uint8]
SAME_PICTURE = 4.0
"""Mean difference of two aligned faces (0..255) under which they are taken for copies of one picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One face of picture number ``picture``: its place, its aligned ``crop`` (112, 112, 3), the product's own
    ``vector`` (D,) and quality 0..1."""

    picture: int
    spot: Spot
    crop: Image
    vector: NDArray[np.float32]
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One person: ``name`` when enrolled, ``known`` (N, 112, 112, 3) the enrolled faces (none otherwise)."""

    name: str | None
    looks: tuple[Look, ...]
    known: tuple[Image, ...] = ()

    def others(self, look: Look) -> list[Image]:
        """Faces of the person in other pictures than that of ``look``: of these pictures and the enrolled ones."""
        here = [o.crop for o in self.looks if o.picture != look.picture]
        kept: list[Image] = []
        for face in [*here, *self.known]:
            if all(apart(face, other) for other in (look.crop, *kept)):
                kept.append(face)
        return kept


@dataclass(frozen=True, slots=True)
class TooSmall:
    """A face that is left as it is."""

    picture: int
    xyxy: XYXY


@dataclass(slots=True)
class Found:
    """All faces of some pictures."""

    looks: list[Look] = field(default_factory=list)
    too_small: list[TooSmall] = field(default_factory=list)

    def add(self, picture: int, image: Image, kit: Kit) -> int:
        """The faces of one more picture; returns how many were found, small ones among them."""
        found = spots(image, kit.detector)
        large = [s for s in found if s.height >= SMALLEST]
        self.too_small += [TooSmall(picture, s.face.xyxy) for s in found if s.height < SMALLEST]
        chips = [kit.recogniser.align(image, s.face) for s in large]
        vectors = kit.recogniser.embed_chips(chips)
        for spot, chip, vector in zip(large, chips, vectors, strict=True):
            quality = measure(spot.face, chip).value
            self.looks.append(Look(picture, spot, spot.crop(image), vector, quality))
        return len(found)


def group(looks: Sequence[Look], kit: Kit, enrolled: Mapping[str, NDArray[np.float32]]) -> list[Subject]:
    """People in order of appearance. ``enrolled``: templates by name; a group that matches one carries the name."""
    if not looks:
        return []
    vectors = np.stack([look.vector for look in looks])
    not_one = [
        (i, j) for i in range(len(looks)) for j in range(i + 1, len(looks)) if looks[i].picture == looks[j].picture
    ]
    labels = identity.cluster(vectors, kit.calibration.same, not_one)
    groups = [[look for look, label in zip(looks, labels, strict=True) if label == n] for n in dict.fromkeys(labels)]
    named: dict[str, list[Look]] = {}
    unnamed: list[list[Look]] = []
    for some in groups:
        name = who(some, kit, enrolled)
        taken = {look.picture for look in named.get(name or "", [])}
        if name is None or taken & {look.picture for look in some}:
            unnamed.append(some)  # one person is not twice in a picture
        else:
            named.setdefault(name, []).extend(some)
    people = [Subject(name, tuple(some)) for name, some in named.items()] + [Subject(None, tuple(s)) for s in unnamed]
    order = {id(look): i for i, look in enumerate(looks)}
    return sorted(people, key=lambda p: min(order[id(look)] for look in p.looks))


def who(looks: Sequence[Look], kit: Kit, enrolled: Mapping[str, NDArray[np.float32]]) -> str | None:
    """The enrolled person whom these looks of one person match, or None."""
    if not enrolled:
        return None
    verdict = identity.vote(_as_track(looks), enrolled, kit.calibration)
    return verdict.who if verdict.answer == "match" else None


def only(looks: Sequence[Look], name: str, pictures: Sequence[str], kit: Kit, own: NDArray[np.float32]) -> list[Look]:
    """The looks of the person ``name`` (template ``own``), whom somebody said the pictures show: in each the face
    nearest to the enrolled ones, unless it is clearly another's.

    Raises UserFault for a picture that shows a face, but not that person's.
    """
    chosen = []
    for number, picture in enumerate(pictures):
        here = [look for look in looks if look.picture == number]
        if not here:
            continue
        best = max(here, key=lambda look: float(look.vector @ own))
        verdict = identity.vote(_as_track([best]), {name: own}, kit.calibration)
        if verdict.answer == "no" or (verdict.answer == "unsure" and len(here) > 1):
            raise UserFault(
                f"no face in {picture} is recognised as {name}'s (cosine {verdict.score:.2f})",
                fix=f"leave out --person, or enrol this look too: viot person enroll {name!r}",
            )
        chosen.append(best)
    return chosen


def _as_track(looks: Sequence[Look]) -> list[identity.Look]:
    return [identity.Look(float(look.picture), look.quality, look.vector) for look in looks]


def enrolled_faces(ctx: ToolContext, name: str, kit: Kit) -> tuple[Image, ...]:
    """The aligned faces of a person's enrolment pictures. Pictures in which this tier's detector finds no single face
    are left out; raises MediaFault when none remains."""
    faces: list[Image] = []
    problem: MediaFault | None = None
    for number, data in enumerate(ctx.library.person_pictures(name), 1):
        image = decode_image(data)
        try:
            face = refine(kit.detector, image, only_face(image, f"picture {number} of {name}", kit.detector))
        except MediaFault as error:
            problem = error
            continue
        faces.append(Spot(face, similarity(face.landmarks, TEMPLATE)).crop(image))
    if not faces:
        raise problem or MediaFault(f"no enrolment picture of {name} is kept", fix=f"viot person enroll {name!r}")
    return tuple(faces)


def apart(a: Image, b: Image) -> bool:
    """Whether two aligned faces come from two pictures."""
    return float(np.abs(a.astype(np.int16) - b).mean()) >= SAME_PICTURE
