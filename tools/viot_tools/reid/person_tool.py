"""The tool ``person_reid``: when was somebody seen who looks like the person in a picture, by body and clothing.

Reads the rows of the analyzer ``people_looks``; the only pictures it looks at are the attached one and enrolment
pictures. Nobody is named by clothes: an appearance is of "the person in image-1" or of "somebody who looks like Anna in
the enrolment picture", and the sentence says that others may look the same. An enrolment picture's clothes deny nobody.

Owns the way from the question to a vector. Who is who: ``identity``; the words: ``report``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viot_agent.errors import NameFault
from viot_agent.steps import Observation
from viot_agent.toolbox.contract import CamerasArg, PersonArg, TimeArg, ToolContext, tool

if TYPE_CHECKING:
    from viot_tools.objects.detections import ObjectDetector
    from viot_tools.reid.embed import Embedder

NAME = "person_reid"
ANALYZER = "people_looks"
BLIND = "people who sit, are cut off or far away"
"""What the built-in detector does not find: with it nobody is denied."""


@tool(needs=("objects", "people_looks"), biometric=True, cost="index")
def person_reid(
    ctx: ToolContext, person: PersonArg, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Find a person by body and clothing: appearances of the person in an attached picture whose face cannot be used.

    Not for: a person given by name or by a clear face (face_recognition), the way somebody walks (gait_recognition).

    Args:
        person: the handle of an attached picture of the whole person, or an enrolled name.
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    from viot_tools.objects.detect import object_detector
    from viot_tools.reid.embed import people_embedder

    return find(ctx, person, cameras, time, object_detector(ctx.weights), people_embedder(ctx.weights))


def find(
    ctx: ToolContext,
    person: str,
    cameras: list[str] | None,
    time: str | None,
    detector: ObjectDetector,
    embedder: Embedder,
) -> Observation:
    """The tool with its models given. Raises RetryFault, NameFault, TimeFault, PolicyRefusal, WeightsMissing."""
    from viot_agent.media.pictures import decode_image
    from viot_tools.objects.detections import MODEL_OF_TIER, PERSON
    from viot_tools.reid.identity import load
    from viot_tools.reid.query import WHOLE, attached, whole_body
    from viot_tools.reid.report import Report, Search

    chosen = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    blind = BLIND if detector.model == MODEL_OF_TIER["builtin"] else ""
    search = Search(
        NAME, ANALYZER, PERSON, embedder.model, detector.model, "people", "person", "people", "body and clothing", blind
    )
    calibration = load(embedder.model)
    report = Report(ctx, search, f"the person in {person}", embedder.model_version, calibration)
    asked = attached(ctx, person, "person", detector)
    notes = []
    if asked is None:
        try:
            name = ctx.fleet.resolve_person(person).name
        except NameFault as error:
            nearest = f"; nearest: {', '.join(error.nearest)}" if error.nearest else ""
            return report.cannot(
                f"{error.message}{nearest}. Attach a picture of the whole person", fix="attach a picture of the person"
            )
        asked = whole_body((decode_image(p) for p in ctx.library.person_pictures(name)), name, detector)
        if asked is None:
            return report.cannot(
                f"{name} is enrolled by face only: attach a picture of the whole person, or ask for the face",
                fix="attach a picture of the whole person",
            )
        report.label = f"somebody who looks like {name} in the enrolment picture"
        notes.append(f"{name} is looked for by the clothes of the enrolment picture, and may wear others")
        asked = replace(asked, sure=False)
    elif asked.upright < WHOLE:
        return report.cannot(
            f"{person} shows only a part of the person: attach a picture of the whole person",
            fix="attach a picture of the whole person",
        )
    if asked.note:
        notes.append(asked.note)
    query = embedder.embed([asked.picture])[0]
    for camera in chosen:
        report.look(camera, ctx.fleet.window(time, camera, ctx.request.now), query)
    return report.about(notes, sure=asked.sure)
