"""What this package offers to the agent: its tools, its analyzers and enrolment, named once; models load late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from viot_agent.toolbox.contract import ToolSpec
from viot_tools.alerts.tool import create_alert
from viot_tools.anomaly.tool import anomaly_detection
from viot_tools.cloak.tool import privacy_cloak
from viot_tools.faces.tool import face_recognition
from viot_tools.fire.tool import fire_smoke_detection
from viot_tools.gait.tool import gait_recognition
from viot_tools.masks.tool import masked_face_generation
from viot_tools.media_tools import export_clip, list_cameras
from viot_tools.objects.crowd_tool import crowd_counting
from viot_tools.plates.tool import plate_recognition
from viot_tools.pose.action_tool import action_recognition
from viot_tools.pose.tool import pose_estimation
from viot_tools.qa.tool import video_qa
from viot_tools.redact.tool import face_redaction
from viot_tools.reid.person_tool import person_reid
from viot_tools.reid.vehicle_tool import vehicle_reid
from viot_tools.scene.tool import scene_recognition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viot_agent.library.rows import Analyzer
    from viot_agent.weights import Weights

TOOLS: list[ToolSpec] = [
    face_recognition,
    gait_recognition,
    crowd_counting,
    fire_smoke_detection,
    plate_recognition,
    list_cameras,
    export_clip,
    create_alert,
    pose_estimation,
    action_recognition,
    person_reid,
    vehicle_reid,
    scene_recognition,
    anomaly_detection,
    video_qa,
    masked_face_generation,
    privacy_cloak,
    face_redaction,
]


def analyzers(weights: Weights) -> list[Analyzer]:
    """All analyzers of this package for the tier that ``weights`` stands for."""
    from viot_tools.anomaly.analyzer import ActivityAnalyzer
    from viot_tools.attributes.analyzer import AttributesAnalyzer
    from viot_tools.faces.analyzer import FacesAnalyzer
    from viot_tools.fire.analyzer import FireAnalyzer
    from viot_tools.gait.analyzer import GaitAnalyzer
    from viot_tools.objects.analyzer import ObjectsAnalyzer
    from viot_tools.objects.things import ThingsAnalyzer
    from viot_tools.plates.analyzer import PlatesAnalyzer
    from viot_tools.pose.analyzer import PosesAnalyzer
    from viot_tools.reid.analyzer import PeopleLooksAnalyzer, VehicleLooksAnalyzer
    from viot_tools.scene.analyzer import SceneAnalyzer

    # no pose model is small enough for the builtin tier: there the tool says which command gets one
    poses = [PosesAnalyzer(weights)] if weights.tier == "hub" else []
    # nothing in the builtin tier finds vehicles or things
    things = [ThingsAnalyzer(weights)] if weights.tier == "hub" else []
    vehicle_looks = [VehicleLooksAnalyzer(weights)] if weights.tier == "hub" else []
    return [
        ObjectsAnalyzer(weights),
        FacesAnalyzer(weights),
        GaitAnalyzer(weights),
        PlatesAnalyzer(weights),
        FireAnalyzer(weights),
        *poses,
        PeopleLooksAnalyzer(weights),
        *vehicle_looks,
        AttributesAnalyzer(weights),
        *things,
        SceneAnalyzer(weights),
        ActivityAnalyzer(weights),
    ]


def enrol(
    pictures: Sequence[bytes],
    names: Sequence[str],
    weights: Weights,
    others: Callable[[str], Mapping[str, NDArray[np.float32]]],
) -> dict[str, NDArray[np.float32]]:
    """Embeddings of one person's pictures by model name; see :func:`viot_tools.faces.enrol.enrol_vectors`."""
    from viot_tools.faces.enrol import enrol_vectors

    return enrol_vectors(pictures, names, weights, others)
