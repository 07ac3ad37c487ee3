"""What people did, from stored poses (``viot_tools.pose``): the source behind ``stored.ActionSource``.

Runs the small network that reads skeletons, once a question, on the latest ``LATEST`` seconds of footage. Owns this
reading. What a person did is judged in ``pose.actions``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from viot_agent.fleet.types import Window
from viot_agent.toolbox.contract import ToolContext
from viot_tools.pose.actions import Classifier, actions
from viot_tools.pose.looked import ANALYZER, look
from viot_tools.pose.network import MODEL, ActionNetwork
from viot_tools.pose.people import people
from viot_tools.qa.facts import Doing
from viot_tools.qa.stored import Place
from viot_tools.recent import latest

AROUND = 10.0
"""Seconds around the window whose poses are read too."""
LATEST = 2 * 3600.0
"""Seconds of footage whose poses are read, the latest of the window; of people before that, actions are not known."""


class StoredActions:
    """Actions of the people of a library. ``classifier``: the network, by default the product's."""

    def __init__(self, ctx: ToolContext, classifier: Classifier | None = None) -> None:
        self._ctx, self._classifier = ctx, classifier

    def problem(self, place: Place) -> str:
        looked = look(self._ctx, place.camera, place.window)
        if looked.looked:
            return ""
        if self._ctx.weights.tier == "builtin":
            return "body poses are not made in this tier: viot models pull, then viot index"
        return looked.problem

    def doing(self, place: Place) -> Mapping[int, Sequence[Doing]]:
        """Raises WeightsMissing when the network that reads skeletons is not there."""
        looked, _ = latest(self._ctx, look(self._ctx, place.camera, place.window), ANALYZER, LATEST)
        window: Window = looked.window
        if looked.model is None:
            return {}
        # what somebody does at the window's border is told by what they did just outside of it
        low = None if window.start is None else window.start - AROUND
        high = None if window.end is None else window.end + AROUND
        found: dict[int, list[Doing]] = {}
        for person in people(self._ctx.library, place.camera.name, low, high, looked.model):
            if self._classifier is None:
                self._classifier = ActionNetwork.load(self._ctx.weights.path(MODEL))
            done = [Doing(d.action, d.start, d.end, d.score) for d in actions(person, self._classifier)]
            for track in person.tracks:
                found[track] = done
        return found
