"""Cameras, groups, clocks and enrolled people; resolving the names and time phrases people use."""

from viot_agent.fleet.fleet import CameraState, Fleet
from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.names import normalise_name, resolve_camera_names, resolve_person_name
from viot_agent.fleet.plates import looks_like_plate, normalise_plate
from viot_agent.fleet.times import resolve_time
from viot_agent.fleet.types import Camera, Mention, MentionKind, Person, Window

__all__ = [
    "Camera",
    "CameraState",
    "Fleet",
    "Mention",
    "MentionKind",
    "Person",
    "Window",
    "find_mentions",
    "looks_like_plate",
    "normalise_name",
    "normalise_plate",
    "resolve_camera_names",
    "resolve_person_name",
    "resolve_time",
]
