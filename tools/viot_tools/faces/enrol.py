"""From enrolment pictures to vectors: one face a picture, or a plain word about why not.

Owns the checks of enrolment pictures. Knows no library: the caller stores what it gets (``viot person enroll``), or
asks again when another tier's vectors are missing (``tool``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face, FaceDetector, make_detector
from viot_tools.faces.identity import Calibration, doubles, load, template
from viot_tools.faces.joint import JointRecogniser, make_joint
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import FaceRecogniser, embed, make_recogniser
from viot_tools.faces.worn import WornRecogniser, make_worn

log = logging.getLogger("viot.faces")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """``vectors`` (N, D) of ``model``, a row a picture; ``warnings`` are sentences for the person who enrols."""

    model: str
    vectors: NDArray[np.float32]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kit:
    """Detector, recogniser and thresholds that belong together; of small faces (``joint``, ``small``) and of masked
    ones (``worn``, ``masked``) too, in a tier that has vectors of them."""

    detector: FaceDetector
    recogniser: FaceRecogniser
    calibration: Calibration
    joint: JointRecogniser | None = None
    small: Calibration | None = None
    worn: WornRecogniser | None = None
    masked: Calibration | None = None

    @classmethod
    def of(cls, weights: Weights) -> Kit:
        """Those of the tier in force; models load on first use."""
        detector, recogniser = make_detector(weights), make_recogniser(weights)
        joint = make_joint(weights)
        small = load(joint.model, detector.model) if joint is not None else None
        worn = make_worn(weights)
        masked = load(worn.model, detector.model) if worn is not None else None
        return cls(detector, recogniser, load(recogniser.model, detector.model), joint, small, worn, masked)


def enrol_vectors(
    pictures: Sequence[bytes],
    names: Sequence[str],
    weights: Weights,
    others: Callable[[str], Mapping[str, NDArray[np.float32]]] = lambda model: {},
) -> dict[str, NDArray[np.float32]]:
    """For ``viot person enroll``: the vectors of the tier in force (those for small and for masked faces among them)
    and, in the hub tier, of the builtin one where its detector finds the faces too. ``names`` of the pictures stand in
    messages; warnings are logged, also of a face that is enrolled under another name (``others``: name to vectors, of a
    model).

    Raises MediaFault for a picture with no face or with several, WeightsMissing when the tier's files are absent.
    """
    images = [decode_image(data) for data in pictures]
    kit = Kit.of(weights)
    first = enrol(images, names, kit)
    for sentence in first.warnings:
        log.warning(sentence)
    known = {name: template(vectors) for name, vectors in others(first.model).items() if len(vectors)}
    for name in doubles("", {**known, "": template(first.vectors)}, kit.calibration):
        log.warning(
            "this is the face enrolled as %s: with one face under two names no camera can tell which it saw; remove "
            "one of them (viot person remove NAME)",
            name,
        )
    found = {first.model: first.vectors}
    if kit.joint is not None:
        found[kit.joint.model] = enrol_joint(images, names, kit.joint, kit)
    if kit.worn is not None:
        try:
            found[kit.worn.model] = enrol_worn(images, names, kit.worn, kit)
        except MediaFault as error:
            # the pictures serve all other faces: it is said again when somebody asks about a masked one
            log.warning("masked faces cannot be compared: %s", error)
    if weights.tier == "hub":
        other = Weights(weights.home, None, "builtin", weights.manifest)
        try:
            second = enrol(images, names, Kit.of(other))
        except MediaFault as error:
            # only the other tier is poorer for it: it says so when somebody asks there
            log.info("no builtin vectors: %s", error)
        else:
            found[second.model] = second.vectors
    return found


def enrol(images: Sequence[Image], names: Sequence[str], kit: Kit) -> Enrolled:
    """Vectors of one person's pictures. Raises MediaFault for a picture with no face or with several."""
    faces = [only_face(image, name, kit.detector) for image, name in zip(images, names, strict=True)]
    chips = [kit.recogniser.align(image, face) for image, face in zip(images, faces, strict=True)]
    vectors = kit.recogniser.embed_chips(chips)
    warnings = []
    for face, chip, name in zip(faces, chips, names, strict=True):
        quality = measure(face, chip)
        if quality.value < kit.calibration.gate:
            why = ", ".join(quality.reasons(kit.calibration.gate))
            warnings.append(f"the face in {name} is {why}: recognition will be poor; add a better picture")
        elif kit.worn is not None and kit.worn.wears([chip])[0]:
            warnings.append(
                f"the lower half of the face in {name} is not seen: recognition behind a mask will be poor; add a "
                "picture that shows it"
            )
    for i, name in enumerate(names):
        others = [j for j in range(len(names)) if j != i]
        if others and float((vectors[others] @ vectors[i]).max()) < kit.calibration.lower:
            warnings.append(f"{name} does not look like the person in the other pictures")
    return Enrolled(kit.recogniser.model, vectors, tuple(warnings))


def enrol_joint(images: Sequence[Image], names: Sequence[str], joint: JointRecogniser, kit: Kit) -> NDArray[np.float32]:
    """(N, D) joint vectors of one person's pictures, to compare small faces with. Raises as :func:`enrol`."""
    rows = []
    for image, name in zip(images, names, strict=True):
        face = only_face(image, name, kit.detector)
        rows.append(joint.join(image, [face], embed(kit.recogniser, image, [face])))
    return np.concatenate(rows)


def enrol_worn(images: Sequence[Image], names: Sequence[str], worn: WornRecogniser, kit: Kit) -> NDArray[np.float32]:
    """(N, D) vectors of one person's pictures, to compare masked faces with: of those whose face is told to wear no
    mask, because one that does, or is cut off at the mouth, resembles whoever wears one.

    Raises MediaFault as :func:`enrol`, and when no such picture is there."""
    faces = [only_face(image, name, kit.detector) for image, name in zip(images, names, strict=True)]
    chips = [kit.recogniser.align(image, face) for image, face in zip(images, faces, strict=True)]
    bare = [chip for chip, is_worn in zip(chips, worn.wears(chips), strict=True) if not is_worn]
    if not bare:
        raise MediaFault(
            f"the lower half of the face is not seen in {', '.join(names)}", fix="add a picture without a mask"
        )
    return worn.embed(bare, kit.recogniser.embed_chips(bare))


def only_face(image: Image, name: str, detector: FaceDetector) -> Face:
    """The one face of a portrait. A face under a third of the largest one's height is background and does not count.

    Raises MediaFault when there is none, or more than one.
    """
    faces = detector.detect(image)
    if not faces:
        raise MediaFault(
            f"no face was found in {name}", fix="give a picture in which the face is large and from the front"
        )
    heights = [f.xyxy[3] - f.xyxy[1] for f in faces]
    large = [f for f, h in zip(faces, heights, strict=True) if h >= max(heights) / 3]
    if len(large) > 1:
        raise MediaFault(f"there are {_number(len(large))} faces in {name}", fix="crop it to one")
    return large[0]


def _number(n: int) -> str:
    return {2: "two", 3: "three", 4: "four", 5: "five"}.get(n, str(n))
