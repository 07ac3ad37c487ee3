"""What tools report, in many wordings: short logs and whole sentences, found and not found, with numbers and handles.

A phrasing's own hand-written observations come first; these fill in where it has none. Owns the wordings. Knows no
request.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

SCENES = (
    "street", "corridor", "cell", "car park", "parking lot", "shopping mall", "supermarket", "office", "bank lobby",
    "school yard", "railway platform", "subway station", "airport terminal", "warehouse", "loading dock", "restaurant",
    "bar", "hotel lobby", "hospital ward", "gym", "stadium", "beach", "park", "highway", "crossroads", "petrol station",
    "construction site", "factory floor", "kitchen", "stairwell", "lift", "classroom", "jewellery shop", "bus stop",
    "residential area", "playground", "alley", "bridge", "harbour", "toll booth", "server room", "living room",
    "atm lobby",
)  # fmt: skip

_FOUND = {
    "face_recognition": (
        "{who} was seen on {cam} from {t} to {t2}.",
        "match: {who}, {cam}, {t}, score 0.8{d}",
        "{who} appears {k} times on {cam}, first at {t}.",
        "{k} enrolled people seen, {u} unknown faces.",
        "Seen: {who} at {t} ({cam}).",
    ),
    "person_reid": (
        "The person appears on {cam} at {t} and {t2}.",
        "{k} appearances, best score 0.7{d}, {cam}",
        "match on {cam}, track {u}, {t}",
        "Seen by clothing on {cam} from {t} to {t2}.",
    ),
    "gait_recognition": (
        "The same walk was seen on {cam} at {t}.",
        "match, distance 0.{d}, {cam} {t}",
        "{k} walkers match, best on {cam}.",
    ),
    "plate_recognition": (
        "{plate} was read on {cam} at {t}.",
        "{k} plates read: {plate}, {plate2}.",
        "plate {plate}: {cam} {t}, confidence 0.9{d}",
        "{k} sightings of {plate} between {t} and {t2}.",
    ),
    "vehicle_reid": (
        "The vehicle appears on {cam} at {t}.",
        "match: white van, {cam}, {t}, 0.8{d}",
        "{k} appearances between {t} and {t2}.",
    ),
    "crowd_counting": (
        "between {k} and {u} people",
        "{cam}: min {k}, max {u} at {t}.",
        "At most {u} people at once on {cam}, at {t}.",
        "{u} people",
        "count={u}",
        "{u} different people passed; {k} in view on average.",
    ),
    "fire_smoke_detection": (
        "Smoke on {cam} from {t} to {t2}.",
        "fire detected at {t}, {cam}, 0.9{d}",
        "1 event: flames, {k} s",
        "ALARM smoke {cam} {t}",
    ),
    "anomaly_detection": (
        "Unusual: a person running against the flow at {t} on {cam}.",
        "anomaly score 0.9{d} at {t}: stationary object",
        "{k} anomalous intervals, longest from {t} to {t2}.",
        "Something unusual on {cam} at {t}: a crowd scattering.",
    ),
    "action_recognition": (
        "One person is lying on the floor from {t} to {t2}.",
        "walking ({k}), standing ({u})",
        "fighting, 0.8{d}, {t}",
        "{k} people walking, 1 running.",
        "two people sitting; one waving at {t}",
    ),
    "video_qa": (
        "It was red.",
        "A blue suitcase.",
        "The van came first, at {t}.",
        "Because a delivery blocked the lane.",
        "two ladders and a bucket",
        "a man in a dark jacket, at {t}",
    ),
    "list_cameras": (
        "{cam}: indexed from {t} to {t2}. lobby: not indexed yet.",
        "{u} cameras, {k} groups",
        "{cam} ok; gate 9 offline",
    ),
    "create_alert": ("alert-{k} is set.", "Alert set: you will be told.", "standing alert alert-{u} created"),
    "privacy_cloak": (
        "cloak-{k}: similarity fell from 0.81 to 0.2{d}.",
        "Done: cloak-{k}",
        "cloaked copy cloak-{k}; protected against 3 of 3 recognisers",
    ),
    "masked_face_generation": ("mask-{k}: {u} faces masked.", "Saved as mask-{k}.", "mask-{k}"),
    "face_redaction": ("redacted-{k}: {u} faces blurred.", "Saved as redacted-{k}.", "redacted-{k} ({u} faces)"),
    "export_clip": (
        "clip-{k}",
        "Saved as clip-{k} ({u} s).",
        "clip-{k}: {cam}, from {t} to {t2}",
        "The clip is clip-{k}.",
    ),
    "pose_estimation": (
        "poses-{k}",
        "poses-{k}: {u} people",
        "{u} people; the poses are kept as poses-{k}.",
        "handle poses-{k}, {u} tracks on {cam}",
    ),
    "scene_recognition": (
        "{scene}",
        "{scene}",
        "{cam}: {scene}",
        "The scene is a {scene}.",
        "{scene} (0.8{d})",
        "{cam} shows a {scene}.",
        "scene: {scene}, 0.9{d}",
    ),
}
_NONE = {
    "face_recognition": (
        "{who} was not seen on {cam}; 100 % covered.",
        "no match",
        "Nobody enrolled was seen.",
        "Cannot tell: the faces are too small.",
        "0 appearances",
    ),
    "person_reid": ("Not seen.", "no appearance above the threshold", "Cannot tell: nothing is indexed for that time."),
    "gait_recognition": ("No walker matches.", "cannot tell, too few steps in view"),
    "plate_recognition": ("{plate} was not read anywhere.", "no plate read", "0 plates on {cam}"),
    "vehicle_reid": ("The vehicle was not seen.", "no match on {cam}"),
    "crowd_counting": ("0 people", "Nobody was there.", "{cam}: empty all the time"),
    "fire_smoke_detection": ("No fire and no smoke on {cam}.", "nothing burning was seen", "0 events"),
    "anomaly_detection": ("Nothing unusual.", "no anomaly on {cam}; highest score 0.1{d}", "all normal"),
    "action_recognition": ("standing and walking only", "No fall, no fight: {k} people walking.", "unknown"),
    "video_qa": ("Cannot tell.", "That cannot be seen.", "not visible"),
}


def observe(
    tool: str, rng: random.Random, values: dict[str, str], cameras: Sequence[str], *, found: bool | None = None
) -> tuple[str, str]:
    """``(text, status)`` of one observation: status ``found``, ``none`` or ``info``."""
    if found is None:
        found = rng.random() < 0.75
    wordings = _FOUND[tool] if found or tool not in _NONE else _NONE[tool]
    positive = found or tool not in _NONE
    low = rng.randint(1, 9)
    cam = rng.choice(cameras) if cameras else rng.choice(("gate 2", "lobby", "car park", "cam-11"))
    text = rng.choice(wordings).format(
        who=values.get("person", "Ana Silva"),
        cam=cam,
        t=f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
        t2=f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
        k=low,
        u=low + rng.randint(1, 40),
        d=rng.randint(0, 9),
        plate=values.get("plate", "KX-4821"),
        plate2=values.get("plate2", "MW 11 ZZ"),
        scene=rng.choice(SCENES),
    )
    info = tool in (
        "crowd_counting",
        "list_cameras",
        "export_clip",
        "pose_estimation",
        "scene_recognition",
        "create_alert",
    )
    if info or tool in ("privacy_cloak", "masked_face_generation", "face_redaction"):
        return text, "info"
    return text, "found" if positive else "none"
