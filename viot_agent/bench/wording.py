"""How the benchmark's tools word what they saw: plain sentences and terse lines, chosen by the world's seed.

Owns the wordings of the looking tools' summaries. Decides nothing: what is said is given.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

from viot_agent.fleet.clock import MONTHS, local, zone

SHOWN = 4
"""Findings named in a summary; the rest is counted."""


def moment(ts: float, now: float, tz: str) -> str:
    """``14:05`` today, ``14:05 on 3 March`` else, on the camera's clock."""
    there, present = local(ts, zone(tz)), local(now, zone(tz))
    clock = f"{there:%H:%M}"
    return clock if there.date() == present.date() else f"{clock} on {day(there)}"


def day(there: datetime) -> str:
    """``3 March``."""
    return f"{there.day} {MONTHS[there.month - 1]}"


def places(names: Sequence[str], everything: bool) -> str:
    """The cameras that were looked at, in words."""
    if everything:
        return "any camera"
    if len(names) <= 3:
        return " and ".join(names) if len(names) < 3 else f"{names[0]}, {names[1]} and {names[2]}"
    return f"{names[0]}, {names[1]} and {len(names) - 2} more cameras"


def listed(parts: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = len(parts) - SHOWN
    return "; ".join(parts[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def spoken(rng: random.Random, forms: Sequence[str], **words: object) -> str:
    """One of ``forms``, filled."""
    return rng.choice(list(forms)).format(**words)


SEEN = {
    "face_recognition": (
        "{who} was seen {k}: {where}.",
        "Face match for {who} ({score}): {where}.",
        "{who} appears on {where}.",
        "yes, {who}: {where}",
    ),
    "person_reid": (
        "The same clothes and build appear on {where}.",
        "{k} by body, best similarity {score}: {where}.",
        "Likely the same person: {where}.",
    ),
    "gait_recognition": (
        "The same way of walking was found: {where}.",
        "Gait match ({score}): {where}.",
        "{k} of this walk: {where}.",
    ),
    "plate_recognition": (
        "{who} was read {k}: {where}.",
        "Plate {who}: {where}.",
        "{who} passed {where}.",
        "read: {who}, {where}",
    ),
    "vehicle_reid": (
        "The vehicle was found: {where}.",
        "Same look ({score}): {where}.",
        "{k} of this vehicle: {where}.",
    ),
    "fire_smoke_detection": (
        "{what} on {where}.",
        "{k} of fire or smoke: {where}.",
        "ALARM: {where}.",
        "Something burned: {where}.",
    ),
    "anomaly_detection": (
        "Unusual: {where}.",
        "{k} out of the ordinary: {where}.",
        "Anomaly (score {score}): {where}.",
    ),
}

UNSEEN = {
    "face_recognition": (
        "{who} was not seen on {place}; {cover} of the time is indexed.",
        "No face of {who} on {place} ({cover} covered).",
        "no match for {who}, {cover} watched",
    ),
    "person_reid": (
        "Nobody like that was seen on {place}; {cover} covered.",
        "No appearance above the threshold; {cover} indexed.",
    ),
    "gait_recognition": ("No walker on {place} matches; {cover} covered.", "No gait match, {cover} watched."),
    "plate_recognition": (
        "{who} was not read on {place}; {cover} covered.",
        "No sighting of {who}; {cover} of the time is indexed.",
    ),
    "vehicle_reid": (
        "That vehicle was not seen on {place}; {cover} covered.",
        "No vehicle looks like it; {cover} watched.",
    ),
    "fire_smoke_detection": (
        "No fire and no smoke on {place}; {cover} covered.",
        "Nothing burned; {cover} of the time is indexed.",
        "0 events, {cover} watched",
    ),
    "anomaly_detection": (
        "Nothing unusual on {place}; {cover} covered.",
        "All normal for this kind of place; {cover} watched.",
    ),
}

UNSURE = (
    "Cannot tell: only {cover} of that time is indexed on {place}.",
    "Cannot tell, {place} was not indexed then ({cover}).",
)


def times(n: int) -> str:
    """``once``, ``twice``, ``5 times``."""
    return {1: "once", 2: "twice"}.get(n, f"{n} times")
