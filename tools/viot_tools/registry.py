"""What this package offers to the agent: its tools, its analyzers and enrolment, named once; models load late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from viot_agent.toolbox.contract import ToolSpec
from viot_tools.faces.tool import face_recognition
from viot_tools.media_tools import export_clip, list_cameras
from viot_tools.objects.crowd_tool import crowd_counting
from viot_tools.plates.tool import plate_recognition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viot_agent.library.rows import Analyzer
    from viot_agent.weights import Weights

TOOLS: list[ToolSpec] = [face_recognition, crowd_counting, plate_recognition, list_cameras, export_clip]


def analyzers(weights: Weights) -> list[Analyzer]:
    """All analyzers of this package for the tier that ``weights`` stands for."""
    from viot_tools.faces.analyzer import FacesAnalyzer
    from viot_tools.objects.analyzer import ObjectsAnalyzer
    from viot_tools.plates.analyzer import PlatesAnalyzer

    return [ObjectsAnalyzer(weights), FacesAnalyzer(weights), PlatesAnalyzer(weights)]


def enrol(pictures: Sequence[bytes], names: Sequence[str], weights: Weights) -> dict[str, NDArray[np.float32]]:
    """Embeddings of one person's pictures by model name; see :func:`viot_tools.faces.enrol.enrol_vectors`."""
    from viot_tools.faces.enrol import enrol_vectors

    return enrol_vectors(pictures, names, weights)
