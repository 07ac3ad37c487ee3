"""Role x tool x camera, purpose and consent: over the policy seam, and over whole runs with their audit rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from viot_agent.errors import PolicyRefusal, SignInRefusal
from viot_agent.fleet import Fleet
from viot_agent.library.store import Library
from viot_agent.policy.access import Access, Proxies
from viot_agent.policy.audit import Audit
from viot_agent.policy.consent import Consents
from viot_agent.policy.role_policy import HousePolicy, RolePolicy
from viot_agent.policy.roles import call_class, scope_of, tool_class
from viot_agent.steps import Claim, Evidence, Observation, Principal, Request, Run
from viot_agent.system import Viot
from viot_agent.toolbox import CamerasArg, Toolbox, ToolContext, ToolSpec, tool
from viot_agent.toolbox.contract import EVENTS, Arg, PersonArg, PlateArg
from viot_agent.weights import Weights

OWNER = Principal()
VehicleArg = Annotated[str, Arg("vehicle")]
MediaArg = Annotated[str, Arg("media")]
QuestionArg = Annotated[str, Arg("text")]
EventArg = Annotated[str, Arg("event", EVENTS)]


def done(ctx: ToolContext, name: str, cameras: list[str] | None = None) -> Observation:
    """What every tool here says: which cameras it looked at."""
    looked = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    text = f"{name} looked at {', '.join(c.name for c in looked)}."
    return Observation(ctx.call_id, name, "ok", text, "info", (Claim(text),))


@tool()
def count(ctx: ToolContext, cameras: CamerasArg | None = None) -> Observation:
    """Count what is on the cameras.

    Not for: names.

    Args:
        cameras: camera names.
    """
    return done(ctx, "count", cameras)


@tool(biometric=True)
def face(ctx: ToolContext, person: PersonArg | None = None, cameras: CamerasArg | None = None) -> Observation:
    """Find people by face.

    Not for: counting.

    Args:
        person: who.
        cameras: camera names.
    """
    return done(ctx, "face", cameras)


@tool()
def plates(ctx: ToolContext, plate: PlateArg | None = None, cameras: CamerasArg | None = None) -> Observation:
    """Read the plates that were seen.

    Not for: counting.

    Args:
        plate: one plate.
        cameras: camera names.
    """
    return done(ctx, "plates", cameras)


@tool()
def vehicle(ctx: ToolContext, vehicle: VehicleArg, cameras: CamerasArg | None = None) -> Observation:
    """Find a vehicle by its look.

    Not for: counting.

    Args:
        vehicle: a picture.
        cameras: camera names.
    """
    return done(ctx, "vehicle", cameras)


@tool(biometric=True)
def question(ctx: ToolContext, question: QuestionArg, cameras: CamerasArg | None = None) -> Observation:
    """Answer an open question about footage.

    Not for: counting.

    Args:
        question: the question.
        cameras: camera names.
    """
    return done(ctx, "question", cameras)


@tool(biometric=True)
def who_was_there(ctx: ToolContext, question: QuestionArg) -> Observation:
    """Tell who was there.

    Not for: counting.

    Args:
        question: the question.
    """
    return Observation(ctx.call_id, "who_was_there", "ok", "It was Ben.", "found", (Claim("It was Ben."),))


@tool(cost="render")
def cut(ctx: ToolContext, cameras: CamerasArg) -> Observation:
    """Cut footage out and save it.

    Not for: counting.

    Args:
        cameras: camera names.
    """
    return done(ctx, "cut", cameras)


@tool(biometric=True, cost="render")
def redact(ctx: ToolContext, media: MediaArg, keep: PersonArg | None = None) -> Observation:
    """Make a copy in which faces are hidden.

    Not for: counting.

    Args:
        media: a picture.
        keep: who stays.
    """
    return done(ctx, "redact")


@tool()
def watch(ctx: ToolContext, event: EventArg, cameras: CamerasArg | None = None) -> Observation:
    """Set an alert on something.

    Not for: counting.

    Args:
        event: what.
        cameras: camera names.
    """
    return done(ctx, "watch", cameras)


TOOLS = (count, face, plates, vehicle, question, cut, redact, watch)
CALLS: dict[str, tuple[ToolSpec, dict[str, Any], str]] = {
    "count": (count, {}, "plain"),
    "all plates": (plates, {}, "plain"),
    "one plate": (plates, {"plate": "KX-4821"}, "biometric"),
    "vehicle": (vehicle, {"vehicle": "image-1"}, "biometric"),
    "face": (face, {"person": "Ben"}, "biometric"),
    "all faces": (face, {}, "biometric"),
    "question": (question, {"question": "what does he wear?"}, "biometric"),
    "cut": (cut, {"cameras": ["gate"]}, "export"),
    "redact": (redact, {"media": "image-1"}, "redaction"),
    "fire alert": (watch, {"event": "fire"}, "alert"),
    "face alert": (watch, {"event": "face:Ben"}, "alert"),
}
MAY = {
    "viewer": {"plain"},
    "operator": {"plain", "biometric", "export", "redaction", "alert"},
    "privacy-officer": {"plain", "biometric", "export", "redaction"},
    "admin": {"plain", "biometric", "export", "redaction", "alert"},
}
PURPOSEFUL = {"one plate", "vehicle", "face", "all faces", "question", "face alert"}


def filled(home: Path) -> Library:
    opened = Library.open(home)
    opened.add_camera("gate", "a", groups=["yard"])
    opened.add_camera("dock", "b", groups=["yard"])
    opened.add_camera("hall", "c", groups=["house"])
    opened.add_person("Ben", [], "signed form")
    opened.add_person("Cleo", [], "signed form")
    return opened


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with filled(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The same for tests that only read."""
    with filled(tmp_path_factory.mktemp("still")) as opened:
        yield opened


def ask(who: Principal, library: Library, purpose: str = "") -> Request:
    return Request("?", principal=who, purpose=purpose, camera_scope=scope_of(who, library.cameras()))


def refused(policy: RolePolicy | HousePolicy, request: Request, spec: ToolSpec, args: dict[str, Any]) -> str:
    """Why the policy refuses, "" when it does not."""
    try:
        policy.check_request(request)
        policy.check_call(request, spec, args)
    except PolicyRefusal as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("call", CALLS)
def test_classes_follow_from_the_contract(call: str) -> None:
    spec, args, kind = CALLS[call]
    assert call_class(spec, args) == kind


def test_classes_of_the_installed_tools() -> None:
    """All 18, so that a change of a contract that would open a tool to others is seen."""
    classes = {spec.name: tool_class(spec) for spec in Toolbox.from_entry_points()}
    assert classes == {
        "face_recognition": "biometric",
        "person_reid": "biometric",
        "gait_recognition": "biometric",
        "vehicle_reid": "biometric",
        "video_qa": "biometric",
        "plate_recognition": "plain",
        "crowd_counting": "plain",
        "fire_smoke_detection": "plain",
        "scene_recognition": "plain",
        "anomaly_detection": "plain",
        "pose_estimation": "plain",
        "action_recognition": "plain",
        "list_cameras": "plain",
        "privacy_cloak": "redaction",
        "masked_face_generation": "redaction",
        "face_redaction": "redaction",
        "export_clip": "export",
        "create_alert": "alert",
    }


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("call", CALLS)
def test_role_and_tool(role: str, call: str, still: Library) -> None:
    spec, args, kind = CALLS[call]
    policy = RolePolicy(Fleet(still))
    who = Principal("x", role)
    why = refused(policy, ask(who, still, "a theft"), spec, args)
    assert (why == "") == (kind in MAY[role]), why
    if kind not in MAY[role]:
        assert f"the role {role} is not for" in why
        return
    why = refused(policy, ask(who, still), spec, args)  # without a purpose
    assert ("needs a stated purpose" in why) == (call in PURPOSEFUL), why


@pytest.mark.parametrize(
    ("groups", "cameras", "words"),
    [
        (None, ["gate"], ""),
        (None, ["hall"], ""),
        (["yard"], ["gate"], ""),
        (["yard"], ["yard"], ""),
        (["yard"], ["gate", "dock"], ""),
        (["yard"], ["hall"], "may not look at 'hall'"),
        (["yard"], ["gate", "hall"], "may not look at 'hall'"),
        (["yard"], ["house"], "may not look at 'house'"),
        (["house"], ["gate"], "may not look at 'gate'"),
        (["nothing"], ["gate"], "may not look at any camera"),
    ],
)
@pytest.mark.parametrize("spec", [count, cut, face], ids=lambda s: s.name)
def test_camera_groups(
    groups: list[str] | None, cameras: list[str], words: str, spec: ToolSpec, still: Library
) -> None:
    who = Principal("x", "operator", None if groups is None else frozenset(groups))
    why = refused(RolePolicy(Fleet(still)), ask(who, still, "a theft"), spec, {"cameras": cameras})
    assert words in why
    assert (words == "") == (why == "")


@pytest.mark.parametrize("scope", [None, frozenset({"gate", "hall"}), frozenset({"hall"})])
def test_a_request_that_is_not_cut_to_the_groups(scope: frozenset[str] | None, still: Library) -> None:
    """The way in forgot it, or the caller wrote a scope of its own."""
    request = Request("?", principal=Principal("x", "operator", frozenset({"yard"})), camera_scope=scope)
    with pytest.raises(PolicyRefusal, match="not cut to the cameras"):
        RolePolicy(Fleet(still)).check_request(request)


@pytest.mark.parametrize("role", ["", "owner", "root", "Admin"])
def test_no_such_role(role: str, still: Library) -> None:
    with pytest.raises(SignInRefusal, match="has no role"):
        RolePolicy(Fleet(still)).check_request(Request("?", principal=Principal("x", role)))


# consent -------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["single-user", "roles"])
def house(request: pytest.FixtureRequest, library: Library) -> tuple[HousePolicy, Principal]:
    """The policy of the house in both modes, and somebody who may look for people."""
    access = Access(library.db, proxies=Proxies())
    who = OWNER
    if request.param == "roles":
        _, secret = access.init("Ada", by=OWNER)
        who = access.authenticate(secret)
    return HousePolicy(library, access), who


ABOUT_BEN: list[tuple[ToolSpec, dict[str, Any]]] = [
    (face, {"person": "Ben"}),
    (face, {"person": "ben"}),
    (face, {}),
    (redact, {"media": "image-1", "keep": "Ben"}),
    (question, {"question": "What does Ben wear?"}),
    (question, {"question": "what does ben wear?"}),
    (watch, {"event": "face:Ben"}),
]
NOT_ABOUT_BEN: list[tuple[ToolSpec, dict[str, Any]]] = [
    (face, {"person": "Cleo"}),
    (face, {"person": "image-1"}),
    (redact, {"media": "image-1"}),
    (question, {"question": "What does the man wear?"}),
    (watch, {"event": "face:Cleo"}),
    (watch, {"event": "fire"}),
    (count, {}),
    (plates, {"plate": "KX-4821"}),
]


def test_a_withdrawn_consent(house: tuple[HousePolicy, Principal], library: Library) -> None:
    policy, who = house
    request = ask(who, library, "a theft")
    for spec, args in [*ABOUT_BEN, *NOT_ABOUT_BEN]:
        assert refused(policy, request, spec, args) == ""
    Consents(library.db).withdraw("Ben", by=who)
    for spec, args in ABOUT_BEN:
        why = refused(policy, request, spec, args)
        assert "no consent or legal basis to look for Ben: it was withdrawn" in why, (spec.name, args)
        assert "viot person consent 'Ben'" in why
    for spec, args in NOT_ABOUT_BEN:
        assert refused(policy, request, spec, args) == "", (spec.name, args)
    Consents(library.db).record("ben", "legal-obligation", "order 7 of 3 March", by=who)
    for spec, args in ABOUT_BEN:
        assert refused(policy, request, spec, args) == ""


def test_what_a_call_brings_does_not_name_who_withdrew(house: tuple[HousePolicy, Principal], library: Library) -> None:
    """A question of who was there names nobody: what it finds does."""
    policy, who = house
    request = ask(who, library, "a theft")
    library.add_person("Ben Adam", [], "form")

    def seen(words: str, person: str | None = None) -> Observation:
        piece = Evidence("e1", "gate", 0.0, 1.0, "question", "m", "1", who=person)
        return Observation("c1", "question", "ok", words, "found", (Claim(words, ("e1",)),), (piece,))

    brought = [seen("It was ben."), seen("Somebody.", "Ben")]
    for one in brought:
        policy.check_seen(request, question, one)
    Consents(library.db).withdraw("Ben", by=who)
    for one in brought:
        with pytest.raises(PolicyRefusal, match="everybody would include Ben"):
            policy.check_seen(request, question, one)
    for spec, one in ((question, seen("It was Cleo.", "Cleo")), (question, seen("Ben Adam.")), (count, brought[0])):
        policy.check_seen(request, spec, one)


def test_an_answer_does_not_name_who_withdrew(library: Library, tmp_path: Path) -> None:
    viot = Viot(library, Weights(tmp_path), Toolbox([who_was_there]), tmp_path / "home")
    assert "It was Ben." in viot.call("who_was_there", {"question": "who was there?"}).answer.text
    Consents(library.db).withdraw("Ben", by=OWNER)
    run = viot.call("who_was_there", {"question": "who was there?"})
    assert (status(run), run.evidence) == ("refused", ())
    assert "It was Ben." not in str(run.to_json())


def test_a_consent_that_ran_out(library: Library) -> None:
    now = [1_800_000_000.0]
    grounds = Consents(library.db, clock=lambda: now[0])
    grounds.record("Ben", "consent", "form", until=now[0] + 10, by=OWNER)
    assert [c.ended(now[0]) for c in grounds.all()] == ["", ""]
    now[0] += 10
    assert {c.person: c.ended(now[0]) for c in grounds.all()} == {"Ben": "it ran out on 2027-01-15", "Cleo": ""}
    assert (
        refused(HousePolicy(library, Access(library.db, proxies=Proxies())), Request("?"), face, {"person": "Ben"})
        == ""
    )


def test_modes(library: Library) -> None:
    access = Access(library.db, proxies=Proxies())
    policy = HousePolicy(library, access)
    policy.check_call(Request("?"), face, {"person": "Ben"})  # nobody is asked for a purpose at one's own machine
    with pytest.raises(SignInRefusal):
        policy.check_request(Request("?", principal=Principal("x", "admin")))
    access.init("Ada", by=OWNER)
    with pytest.raises(SignInRefusal, match="has no role"):
        policy.check_request(Request("?"))


# whole runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def viot(library: Library, tmp_path: Path) -> Viot:
    return Viot(library, Weights(tmp_path), Toolbox(TOOLS), tmp_path / "home")


def status(run: Run) -> str:
    return run.answer.status


@pytest.mark.parametrize(
    "role", ["viewer", *(pytest.param(role, marks=pytest.mark.slow) for role in MAY if role != "viewer")]
)
def test_whole_runs(role: str, viot: Viot) -> None:
    """Every tool and camera by this role: the answer, and the row of the audit log that tells of it."""
    viot.access.init("Ada", by=OWNER)
    _, secret = viot.access.keys.add("Ben B", role, groups=["yard"], by=OWNER)  # type: ignore[arg-type]
    who = viot.access.authenticate(secret)
    audit = Audit(viot.library)
    for call, (spec, args, kind) in CALLS.items():
        for camera in ("gate", "hall"):
            given = args if spec is redact else {**args, "cameras": [camera]}
            run = viot.call(spec.name, given, principal=who, purpose="a theft")
            allowed = kind in MAY[role] and (camera == "gate" or spec is redact)
            assert (status(run) == "refused") != allowed, (call, camera, run.answer.text)
            assert "hall" not in run.answer.text or "may not look at 'hall'" in run.answer.text
            (row,) = audit.search(limit=1)
            assert (row.run, row.who, row.role) == (run.id, "Ben B", role)
            assert row.fields["status"] == run.answer.status
            assert row.said["purpose"] == "a theft"
            assert ("refused" in row.said) != allowed
        if "cameras" not in args and spec is not redact and kind in MAY[role]:
            # the whole fleet is the group's cameras
            run = viot.call(spec.name, args, principal=who, purpose="a theft")
            assert run.answer.text.endswith("looked at gate, dock.") or "gate, dock" in run.answer.text
    assert audit.verify().wrong == ()


def test_nobody_gets_in_by_the_name_of_the_machine(viot: Viot) -> None:
    viot.access.init("Ada", by=OWNER)
    run = viot.call("count", {})
    assert status(run) == "refused"
    assert "has no role here" in run.answer.text
    assert run.steps == ()


def test_a_refusal_is_an_answer_that_says_what_to_do(viot: Viot) -> None:
    _, secret = viot.access.init("Ada", by=OWNER)
    run = viot.call("face", {"person": "Ben"}, principal=viot.access.authenticate(secret))
    assert status(run) == "refused"
    assert "needs a stated purpose" in run.answer.text
    assert "--purpose" in run.answer.text
