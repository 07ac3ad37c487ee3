"""The tool ``vehicle_reid``: when was a vehicle seen that looks like the one in a picture.

Reads the rows of the analyzer ``vehicle_looks``; the only picture it looks at is the attached one. The answer says
which colour and type were read of it, and that many vehicles look the same: a plate tells more.

Owns the way from the question to a vector. Which one is which: ``identity``; the words: ``report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from viot_agent.errors import RetryFault, WeightsMissing
from viot_agent.steps import Observation
from viot_agent.toolbox.contract import Arg, CamerasArg, TimeArg, ToolContext, tool

if TYPE_CHECKING:
    from viot_tools.objects.detections import ObjectDetector
    from viot_tools.reid.vehicle import VehicleLook

NAME = "vehicle_reid"
ANALYZER = "vehicle_looks"
FIX = "viot models pull, then viot index; or set VIOT_MODELS to a directory that holds the files, and VIOT_TIER=hub"

VehicleArg = Annotated[str, Arg("vehicle")]
"""The handle of an attached picture (``image-1``)."""


@tool(needs=("objects", "vehicle_looks"), cost="index")
def vehicle_reid(
    ctx: ToolContext, vehicle: VehicleArg, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Find a vehicle by its look: appearances of the car, van, lorry or bike in an attached picture.

    Not for: a vehicle whose number plate is given (plate_recognition), counting vehicles.

    Args:
        vehicle: the handle of an attached picture of the vehicle.
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    from viot_tools.objects.detect import object_detector
    from viot_tools.reid.vehicle import VehicleLook

    if ctx.weights.tier != "hub":
        raise WeightsMissing("nothing in the builtin tier finds vehicles", fix=FIX)
    return find(ctx, vehicle, cameras, time, object_detector(ctx.weights), VehicleLook(ctx.weights))


def find(
    ctx: ToolContext,
    vehicle: str,
    cameras: list[str] | None,
    time: str | None,
    detector: ObjectDetector,
    look: VehicleLook,
) -> Observation:
    """The tool with its models given. Raises RetryFault, NameFault, TimeFault, PolicyRefusal, WeightsMissing."""
    from viot_tools.reid.identity import load
    from viot_tools.reid.query import attached
    from viot_tools.reid.report import Report, Search
    from viot_tools.reid.vehicle import words

    chosen = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    asked = attached(ctx, vehicle, "vehicle", detector)
    if asked is None:
        raise RetryFault(
            f"{vehicle!r} is no attached picture",
            nearest=[a.handle for a in ctx.request.attachments if a.kind == "image"],
            fix="attach a picture of the vehicle; for a number plate use plate_recognition",
        )
    search = Search(
        NAME, ANALYZER, "vehicle", look.model, detector.model, "vehicles", "vehicle", "vehicles", "its look"
    )
    report = Report(ctx, search, f"the vehicle in {vehicle}", look.model_version, load(look.model))
    [vector], [read] = look.look([asked.picture])
    colour, kind = words([read])
    # a colour of what may be no vehicle would only mislead
    notes = [f"the vehicle in {vehicle} reads as {colour}{f', {kind}' if kind else ''}"] if asked.sure else []
    if asked.note:
        notes.append(asked.note)
    for camera in chosen:
        report.look(camera, ctx.fleet.window(time, camera, ctx.request.now), vector)
    return report.about(notes, sure=asked.sure)
