"""Whom a question compares faces with: the people enrolled, or the face in an attached picture, as vectors.

Vectors that the model in force lacks are made from the enrolment pictures, and kept. Owns fetching and making them.
Knows neither tracks nor the words of the answer (but for why somebody cannot be compared).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, RetryFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.toolbox.contract import ToolContext
from viot_tools.faces.enrol import Kit, enrol, enrol_joint, enrol_worn
from viot_tools.faces.identity import Calibration, template
from viot_tools.faces.sightings import Judge

Vectors = NDArray[np.float32]


def uploaded(ctx: ToolContext, handle: str, kit: Kit) -> Vectors:
    """(D,) the vector of an attached picture's one face. Raises RetryFault when it shows none or several."""
    path = ctx.attachment(handle)
    assert path is not None
    try:
        [vector] = enrol([decode_image(path)], [handle], kit).vectors
    except MediaFault as error:
        raise RetryFault(error.message, fix=error.fix or "attach a picture of one face") from error
    return np.asarray(vector)


def enrolled(ctx: ToolContext, kit: Kit) -> tuple[dict[str, Vectors], dict[str, str]]:
    """Templates (D,) of everybody enrolled, and why the rest has none."""
    people: dict[str, Vectors] = {}
    unusable: dict[str, str] = {}
    for person in ctx.library.people():
        vectors = ctx.library.person_vectors(person.name, kit.recogniser.model)
        if not len(vectors):
            try:
                vectors = enrol(*_pictures(ctx, person.name), kit).vectors
            except MediaFault as error:
                unusable[person.name] = error.message
                continue
            ctx.library.set_person_vectors(person.name, kit.recogniser.model, vectors)
        people[person.name] = template(vectors)
    return people, unusable


def small_judge(ctx: ToolContext, kit: Kit, people: Iterable[str]) -> tuple[Judge | None, str]:
    """The same people (names, or an attached picture's handle) by joint vectors, for small faces. When one of them
    cannot be had, small faces are judged without, for everybody, because a search must see its whole gallery: the
    sentence then says so."""
    assert kit.joint is not None and kit.small is not None
    joint = kit.joint
    made = partial(enrol_joint, joint=joint, kit=kit)
    return _other_judge(
        ctx, people, joint.model, made, kit.small, f"small faces were compared by {kit.recogniser.model}"
    )


def worn_judge(ctx: ToolContext, kit: Kit, people: Iterable[str]) -> tuple[Judge | None, str]:
    """The same people by what is seen of a face behind a mask; as :func:`small_judge`."""
    assert kit.worn is not None and kit.masked is not None
    worn = kit.worn
    made = partial(enrol_worn, worn=worn, kit=kit)
    return _other_judge(
        ctx, people, worn.model, made, kit.masked, f"masked faces were compared by {kit.recogniser.model}"
    )


def _other_judge(
    ctx: ToolContext,
    people: Iterable[str],
    model: str,
    made: Callable[[Sequence[Image], Sequence[str]], Vectors],
    calibration: Calibration,
    without: str,
) -> tuple[Judge | None, str]:
    found: dict[str, Vectors] = {}
    for name in people:
        attached = ctx.attachment(name)
        try:
            if attached is not None:
                vectors = made([decode_image(attached)], [name])
            else:
                vectors = ctx.library.person_vectors(name, model)
                if not len(vectors):
                    vectors = made(*_pictures(ctx, name))
                    ctx.library.set_person_vectors(name, model, vectors)
        except MediaFault as error:
            return None, f"{without} alone: {name}: {error.message}"
        found[name] = template(vectors)
    return Judge(found, calibration), ""


def _pictures(ctx: ToolContext, name: str) -> tuple[Sequence[Image], Sequence[str]]:
    """The enrolment pictures and what to call them. Raises MediaFault when none is kept."""
    pictures = [decode_image(data) for data in ctx.library.person_pictures(name)]
    if not pictures:
        raise MediaFault("no enrolment picture is kept")
    return pictures, [f"picture {i} of {name}" for i in range(1, len(pictures) + 1)]
