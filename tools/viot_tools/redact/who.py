"""Who may stay visible: the one person to keep, found among the faces with the thresholds of ``face_recognition``.

Three answers for each face: it is that person, it may be, it is not. Only the first stays visible, and only where an
unbroken chain of finds carries it: between two chains of one track somebody else may have taken the place. One person
is not twice in a picture, so of two sure faces at one time the better one stays. Owns that decision. Hides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import NameFault, RetryFault
from viot_agent.media.types import Image
from viot_agent.toolbox.contract import ToolContext
from viot_tools.faces import identity
from viot_tools.faces.detect import Face, refine
from viot_tools.faces.enrol import Kit
from viot_tools.faces.gallery import enrolled, uploaded
from viot_tools.faces.quality import measure
from viot_tools.redact.follow import Track, pieces
from viot_tools.saying import names_words

EVERY = 0.2
"""Seconds between two looks at a face that are compared."""

Answer = Literal["sure", "maybe", "no"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one face. ``score``: the cosine to the person to keep (-1 where nothing could be compared)."""

    answer: Answer
    score: float


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the person to keep is seen: a piece of ``track`` from ``first`` to ``last`` seconds."""

    track: Track
    first: float
    last: float
    verdict: Verdict


@dataclass(slots=True)
class Keeper:
    """Compares faces with everybody enrolled, or with one attached picture alone. ``name``: who is kept, as the answer
    calls them."""

    name: str
    key: str
    people: Mapping[str, NDArray[np.float32]]
    kit: Kit
    _looks: dict[int, list[identity.Look]] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The recogniser's name."""
        return self.kit.recogniser.model

    def of_picture(self, image: Image, faces: Sequence[Face]) -> list[Verdict]:
        """A verdict for each face of a picture; at most one of them is sure."""
        found = [self._verdict([look] if (look := self._look(0.0, image, face)) else []) for face in faces]
        best = max((v.score for v in found if v.answer == "sure"), default=0.0)
        return [Verdict("maybe", v.score) if v.answer == "sure" and v.score < best else v for v in found]

    def see(self, track: Track, t: float, face: Face, image: Image) -> None:
        """Hear of one find of a track; see :data:`~viot_tools.redact.follow.Seen`."""
        looks = self._looks.setdefault(id(track), [])
        if looks and t - looks[-1].ts < EVERY - 1e-6 and track.pieces[-1] != len(track.ts) - 1:
            return
        look = self._look(t, image, face)
        if look is not None:
            looks.append(look)

    def of_tracks(self, tracks: Sequence[Track]) -> tuple[list[Kept], list[Kept]]:
        """Where the person surely is, and where they may be, in order of time."""
        sure: list[Kept] = []
        maybe: list[Kept] = []
        for track in tracks:
            looks = self._looks.get(id(track), [])
            for a, b in pieces(track):
                first, last = track.ts[a], track.ts[b - 1]
                verdict = self._verdict([x for x in looks if first <= x.ts <= last])
                if verdict.answer != "no":
                    (sure if verdict.answer == "sure" else maybe).append(Kept(track, first, last, verdict))
        kept: list[Kept] = []
        for one in sorted(sure, key=lambda k: (-k.verdict.score, k.first)):
            beside = any(one.track is not k.track and one.first < k.last and k.first < one.last for k in kept)
            (maybe if beside else kept).append(one)
        return sorted(kept, key=lambda k: k.first), sorted(maybe, key=lambda k: k.first)

    def _look(self, t: float, image: Image, face: Face) -> identity.Look | None:
        """One face as a vector; None where its eyes were not found, so that it cannot be cut out as others were."""
        if not np.isfinite(face.landmarks[:3]).all():
            return None
        face = refine(self.kit.detector, image, face)
        chip = self.kit.recogniser.align(image, face)
        [vector] = self.kit.recogniser.embed_chips([chip])
        return identity.Look(t, measure(face, chip).value, vector)

    def _verdict(self, looks: Sequence[identity.Look]) -> Verdict:
        if not looks:
            return Verdict("maybe", -1.0)
        calibration = self.kit.calibration
        vote = identity.vote(looks, self.people, calibration)
        score = vote.scores[self.key]
        if vote.answer == "match" and vote.who == self.key:
            # a chain that shows somebody else twice running is two people's, whatever its mean says
            good = [float(x.vector @ self.people[self.key]) for x in looks if x.quality >= calibration.gate]
            strange = [s < calibration.lower for s in good]
            two = any(a and b for a, b in pairwise(strange))
            return Verdict("maybe" if two else "sure", score)
        if vote.answer == "match":
            return Verdict("no", score)
        return Verdict("maybe" if identity.could_be(score, vote.poor, calibration) else "no", score)


def keeper(ctx: ToolContext, keep: str) -> Keeper:
    """For an enrolled name or an attached picture of one face.

    Raises RetryFault with what there is when nobody enrolled carries the name, the person has no usable picture or is
    enrolled under two names, or the picture shows no single face; WeightsMissing.
    """
    kit = Kit.of(ctx.weights)
    if ctx.attachment(keep) is not None:
        return Keeper(f"the person in {keep}", keep, {keep: uploaded(ctx, keep, kit)}, kit)
    try:
        name = ctx.fleet.resolve_person(keep).name
    except NameFault as fault:
        everyone = [p.name for p in ctx.library.people()]
        known = f"enrolled are {', '.join(everyone[:12])}" if everyone else "nobody is enrolled"
        raise RetryFault(
            f"{fault.message.rstrip('.')} to keep visible; {known}, and nothing was made",
            nearest=fault.nearest,
            fix=f"viot person enroll {keep!r} PICTURE --consent TEXT, or attach a picture of the face to keep",
        ) from fault
    people, unusable = enrolled(ctx, kit)
    if name in unusable:
        raise RetryFault(
            f"{name} cannot be told from others with the model {kit.recogniser.model}, so nothing was made: "
            f"{unusable[name]}",
            fix="viot person enroll with another picture",
        )
    twins = identity.doubles(name, people, kit.calibration)
    if twins:
        raise RetryFault(
            f"{name} and {names_words(twins)} are enrolled with the same face, so nobody can surely be kept, and "
            "nothing was made",
            nearest=twins,
            fix="remove one of them: viot person remove NAME",
        )
    return Keeper(name, name, people, kit)
