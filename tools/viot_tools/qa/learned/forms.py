"""The forms of questions that the network tells apart, and the slots that each of them has.

They are those of VIoT-QA's sentences (``datasets/viot_qa``), which name each form's slots in their own way; ``KINDS``
says which slot of the network that is. Owns the vocabulary.
"""

from __future__ import annotations

from typing import Final

SLOTS: Final = ("thing", "a", "b", "n", "colour", "action", "option")
"""What the network marks in a sentence. Cameras, times and names are found by rule."""
KINDS: Final[dict[str, str]] = {
    **dict.fromkeys(("thing", "things", "person", "people", "vehicle", "vehicles"), "thing"),
    **dict.fromkeys(("a", "as"), "a"),
    **dict.fromkeys(("b", "bs"), "b"),
    "n": "n",
    "colour": "colour",
    "action_ing": "action",
    **dict.fromkeys(("o1", "o2", "o3", "o4"), "option"),
}
"""Slot of a sentence -> slot of the network; ``camera``, ``camera2``, ``time`` and ``name`` have none."""
_THING, _PAIR = ("thing",), ("a", "b")
FORMS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        (
            "exists", "exists_not", "colour_upper", "colour_lower", "colour_vehicle", "carried", "where", "direction",
            "when_first", "when_last", "duration", "action", "approaches", "second_vehicle_colour", "busiest",
            "compare_cameras", "count", "at_once", "enters", "leaves", "change", "still_there",
        ),
        _THING,
    ),
    **dict.fromkeys(("kind_first", "kind_last", "last_person_upper", "who_first", "name_seen"), ()),
    "waits": ("thing", "n"),
    "colour_claim": ("thing", "colour"),
    "mc_colour": ("thing", "option"),
    "did_action": ("action", "thing"),
    "count_claim": ("thing", "n"),
    "mc_count": ("thing", "option"),
    **dict.fromkeys(("compare", "order", "left_first", "before", "count_after", "count_before", "during"), _PAIR),
    "mc_order": ("option",),
    "next_after": ("b",),
    **dict.fromkeys(("why", "thoughts", "predict", "hidden"), _THING),
}  # fmt: skip
"""Form -> its slots. ``did_action`` may be without a thing: it is then about anybody."""
SYMMETRIC: Final = ("compare", "order", "left_first")
"""Forms whose ``a`` and ``b`` may be exchanged: which of them is which is not asked of the network."""
UNTOLD: Final = ("why", "thoughts", "predict", "hidden")
"""Forms that no footage answers."""
