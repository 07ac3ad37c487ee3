"""Whom a question compares faces with: the people enrolled, or the face in an attached picture, as vectors.

Vectors that the model in force lacks are made from the enrolment pictures, and kept. Owns fetching and making them.
Knows neither tracks nor the words of the answer (but for why somebody cannot be compared).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, RetryFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.toolbox.contract import ToolContext
from viot_tools.faces.enrol import Kit, enrol, enrol_joint
from viot_tools.faces.identity import template
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
    found: dict[str, Vectors] = {}
    for name in people:
        attached = ctx.attachment(name)
        try:
            if attached is not None:
                vectors = enrol_joint([decode_image(attached)], [name], kit.joint, kit)
            else:
                vectors = ctx.library.person_vectors(name, kit.joint.model)
                if not len(vectors):
                    vectors = enrol_joint(*_pictures(ctx, name), kit.joint, kit)
                    ctx.library.set_person_vectors(name, kit.joint.model, vectors)
        except MediaFault as error:
            return None, f"small faces were compared by {kit.recogniser.model} alone: {name}: {error.message}"
        found[name] = template(vectors)
    return Judge(found, kit.small), ""


def _pictures(ctx: ToolContext, name: str) -> tuple[Sequence[Image], Sequence[str]]:
    """The enrolment pictures and what to call them. Raises MediaFault when none is kept."""
    pictures = [decode_image(data) for data in ctx.library.person_pictures(name)]
    if not pictures:
        raise MediaFault("no enrolment picture is kept")
    return pictures, [f"picture {i} of {name}" for i in range(1, len(pictures) + 1)]
