"""What the analyzer ``poses`` has looked at, and the fault of an installation that can make no poses.

Owns those two words of this package; the judgement "covered or not" is ``viot_tools.covered``'s. Knows no pose.
"""

from __future__ import annotations

from collections.abc import Sequence

from viot_agent.errors import WeightsMissing
from viot_agent.fleet.types import Camera, Window
from viot_agent.toolbox.contract import ToolContext
from viot_tools.covered import Covered, covered
from viot_tools.pose.skeleton import MODEL

ANALYZER = "poses"


def look(ctx: ToolContext, camera: Camera, window: Window) -> Covered:
    """Judge one camera."""
    return covered(ctx, camera, window, ANALYZER, "body poses", MODEL)


def demand_weights(ctx: ToolContext, looked: Sequence[Covered]) -> None:
    """Raises WeightsMissing, with the command that gets them, when no camera has poses and none can be made here."""
    if any(one.looked for one in looked) or ctx.library.models(ANALYZER, None):
        return
    if ctx.weights.tier == "builtin" or ctx.weights.locate(MODEL) is None:
        raise WeightsMissing(
            "no body poses are stored, and the pose model (movenet) is not in use on this machine",
            fix="viot models pull (or set VIOT_MODELS and VIOT_TIER=hub), then viot index",
        )
