"""Redacted exports: for whom, who stays visible, and that nothing leaves in which faces could not be hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from viot_agent.errors import MediaFault, UserFault
from viot_agent.library.store import Library
from viot_agent.policy.consent import Consents
from viot_agent.policy.exports import SETTING, Exports, wanted
from viot_agent.policy.keys import Keys
from viot_agent.steps import (
    Answer,
    Attachment,
    Claim,
    Evidence,
    Observation,
    Principal,
    Request,
    Run,
    Step,
    Thought,
    ToolCall,
)
from viot_agent.web.media import media_routes
from viot_agent.weights import Weights

pytestmark = pytest.mark.trust
OPERATOR, ADMIN = Principal("Olga", "operator"), Principal("Ada", "admin")


def marks(weights: Weights, library: Any, fleet: Any, home: Path, path: Path, keep: Sequence[str], whole: bool) -> None:
    """A hider that writes down what it was asked; it cannot do what is called broken."""
    if path.read_bytes() == b"broken":
        raise MediaFault("this is no picture")
    path.write_bytes(f"hidden but {','.join(keep)}; {whole}".encode())


def fails(*_: Any) -> None:
    raise MediaFault("this is no film")


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    with Library.open(tmp_path / "home") as library:
        for name in ("Ben", "Cleo", "Ben Berg"):
            library.add_person(name, [b"x"], "form")
            Consents(library.db).record(name, "consent", "form", by=Principal())
        yield Exports(library, Weights(tmp_path / "home"), tmp_path / "home", scope="redact", hider=marks)


def run(exports: Exports, who: Principal, purpose: str = "", *, data: bytes = b"clear", seen: str | None = None) -> Run:
    folder = exports.home / "evidence" / "run-1"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("e1.jpg", "e1.mp4"):
        (folder / name).write_bytes(data)
    piece = Evidence("e1", "gate", 1.0, 2.0, "look", "m", "1", who=seen, crop_jpeg=b"clear",
                     crop=str(folder / "e1.jpg"), clip=str(folder / "e1.mp4"))  # fmt: skip
    found = Observation("c1", "look", "ok", "Seen.", "found", (Claim("Seen.", ("e1",)),), (piece,))
    request = Request("x", principal=who, purpose=purpose)
    return Run(
        "run-1",
        request,
        (Step(Thought("x"), ToolCall("c1", "look", {}), found),),
        Answer("Seen.", "answered"),
        "m",
        0.1,
    )


def held(done: Run) -> list[str | None]:
    (piece,) = done.evidence
    return [None if p is None else Path(p).read_text() for p in (piece.crop, piece.clip)]


@pytest.mark.parametrize(
    ("who", "redacted"),
    [
        (OPERATOR, True), (Principal("Vera", "viewer"), True), (Principal("local"), True),
        (Principal("Paul", "privacy-officer"), False), (ADMIN, False),
        (Principal("Ada", "admin", frozenset({"yard"})), True),  # a key that is cut to groups has no such right
    ],
)  # fmt: skip
def test_for_whom(exports: Exports, who: Principal, redacted: bool) -> None:
    done = exports.redact(run(exports, who))
    assert held(done) == (["hidden but ; True", "hidden but ; False"] if redacted else ["clear", "clear"])
    assert done.evidence[0].crop_jpeg == (None if redacted else b"clear")
    assert ("Faces are hidden in what is shown." in done.answer.text) is redacted


@pytest.mark.parametrize(
    ("purpose", "kept"),
    [
        ("", ""), ("somebody stole a bike", ""), ("did ben come home?", "Ben"),
        ("Ben and Cleo are missing", "Ben,Cleo"),
        ("Ben Berg is missing", "Ben Berg"), ("the benches", ""),
    ],
)  # fmt: skip
def test_whom_the_purpose_names_stays_visible(exports: Exports, purpose: str, kept: str) -> None:
    done = exports.redact(run(exports, OPERATOR, purpose))
    assert held(done)[1] == f"hidden but {kept}; False"
    assert (f"except of {kept.replace(',', ', ')} where they are told apart." in done.answer.text) is bool(kept)


def test_whose_ground_has_ended_does_not(exports: Exports) -> None:
    exports.consents.withdraw("Ben", by=Principal())
    assert exports.visible("Ben and Cleo") == ("Cleo",)


def test_a_crop_of_whom_the_purpose_names_is_left_as_it_is(exports: Exports) -> None:
    assert held(exports.redact(run(exports, OPERATOR, "find Ben", seen="Ben"))) == ["clear", "hidden but Ben; False"]
    assert held(exports.redact(run(exports, OPERATOR, "find Ben", seen="Cleo")))[0] == "hidden but Ben; True"


def test_a_file_in_which_faces_cannot_be_hidden_is_not_kept(exports: Exports) -> None:
    done = exports.redact(run(exports, OPERATOR, data=b"broken"))
    assert held(done) == [None, None]
    assert list((exports.home / "evidence" / "run-1").iterdir()) == []
    assert "2 file(s) were not kept" in done.answer.text


def test_who_cannot_be_told_apart_is_hidden_with_the_others(exports: Exports) -> None:
    def unsure(weights: Weights, library: Any, fleet: Any, home: Path, path: Path, keep: Any, whole: bool) -> None:
        if keep:
            raise UserFault("Ben is enrolled under two names")
        marks(weights, library, fleet, home, path, keep, whole)

    exports._hider = unsure
    done = exports.redact(run(exports, OPERATOR, "find Ben"))
    assert held(done) == ["hidden but ; True", "hidden but ; False"]
    assert "not kept" not in done.answer.text


def test_a_copy_of_what_was_attached_is_who_asked_s(exports: Exports) -> None:
    one = run(exports, OPERATOR)
    request = replace(one.request, attachments=(Attachment("image-1", "image", Path("me.jpg")),))
    copy = one.with_evidence({"e1": replace(one.evidence[0], camera="image-1", label="cloak-1")})
    assert held(exports.redact(replace(copy, request=request))) == ["clear", "clear"]


@pytest.mark.parametrize(("event", "kept"), [("face:Ben", "Ben"), ("person", ""), ("plate:BEN", ""), ("face:Zoe", "")])
def test_alerts(exports: Exports, event: str, kept: str) -> None:
    one = run(exports, ADMIN)
    paths = [Path(str(one.evidence[0].crop)), Path(str(one.evidence[0].clip))]
    assert [p.read_text() for p in exports.told(event, paths)] == [
        f"hidden but {kept}; True",
        f"hidden but {kept}; False",
    ]
    paths[0].write_bytes(b"broken")
    assert exports.told(event, paths) == paths[1:]
    exports._asked = "clear"
    paths[1].write_bytes(b"clear")
    assert [p.read_text() for p in exports.told(event, paths[1:])] == ["clear"]


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("", "clear", " Redact ", "EXPORTS")
    assert [wanted({SETTING: word}) for word in words] == [None, "clear", "redact", "exports"]
    assert wanted({}) is None
    with pytest.raises(UserFault, match="set it to exports, redact or clear"):
        wanted({SETTING: "yes"})


def exported(exports: Exports, who: Principal) -> Run:
    """A run with an exported clip, whose picture is evidence."""
    one = run(exports, who)
    folder = exports.home / "exports" / "run-1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clip-1.mp4").write_bytes(b"clear")
    return one.with_evidence({"e1": replace(one.evidence[0], clip=str(folder / "clip-1.mp4"))})


def test_without_the_setting_exports_and_alerts_show_no_faces_as_soon_as_access_is_set_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Library.open(home) as library:
        exports = Exports(library, Weights(home), home, hider=marks)
        single = Principal("local")
        assert exports.scope == "clear"
        assert held(exports.redact(exported(exports, single))) == ["clear", "clear"]
        assert [p.read_text() for p in exports.told("person", [home / "exports" / "run-1" / "clip-1.mp4"])] == ["clear"]
        Keys(library.db).add("Ada", "admin", by=single)
        assert exports.scope == "exports"
        done = exports.redact(exported(exports, OPERATOR))
        assert held(done) == ["clear", "hidden but ; False"]  # the evidence is looked at, the clip leaves
        assert "Faces are hidden in what is exported." in done.answer.text
        assert not exports.redacts(OPERATOR)  # recordings may be looked at
        assert held(exports.redact(exported(exports, ADMIN))) == ["clear", "clear"]
        assert held(exports.redact(run(exports, OPERATOR))) == ["clear", "clear"]
        clip = Path(str(run(exports, ADMIN).evidence[0].clip))
        assert [p.read_text() for p in exports.told("person", [clip])] == ["hidden but ; False"]


def test_the_servers_give_no_whole_recordings_stills_or_frames(serving: Any, tmp_path: Path) -> None:
    with serving.make_house(tmp_path) as house:
        site = serving.serve(house, keys=True)
        asked = site.client("olga").post("/v1/ask", json={"text": "look", "llm": "look"}).json()
        (piece,) = asked["evidence"]
        page = FastAPI()  # the routes of the page, behind its guard
        page.include_router(media_routes(house))
        whole = (f"/media/recording/1/{house.library.media_rows('yard')[0].id}", "/media/still/1.jpg")
        frame = f"/media/frame/{asked['run']}/{piece['id']}.jpg"

        def codes(who: str, *paths: str) -> list[int]:
            client = TestClient(page)
            return [client.get(path, headers={"x-viot-user": who}).status_code for path in paths]

        assert codes("olga", *whole, frame) == [200, 200, 200]
        house.exports._asked, house.exports._hider = "redact", marks
        assert codes("olga", *whole, frame) == [404, 404, 404]
        assert codes("ada", *whole) == [200, 200]
        again = site.client("olga").post("/v1/ask", json={"text": "look", "llm": "look"}).json()
        assert "Faces are hidden in what is shown." in again["answer"]
        picture = site.client().get(again["evidence"][0]["picture"])
        assert picture.text == "hidden but ; True"
        # a clip that is cut when somebody asks for it is put in its place without faces, or not at all
        clip = house.home / "evidence" / again["run"] / f"{again['evidence'][0]['id']}.mp4"
        clip.unlink()
        address = f"/media/evidence/{again['run']}/{clip.name}"
        assert TestClient(page).get(address, headers={"x-viot-user": "olga"}).text == "hidden but ; False"
        assert clip.read_text() == "hidden but ; False"
        clip.unlink()
        house.exports._hider = fails
        assert codes("olga", address) == [404]
        assert not clip.exists() and list((house.home / "cache" / "leaving").rglob("*.mp4")) == []
        bare = site.client("olga").post("/v1/ask", json={"text": "look", "llm": "look"}).json()
        assert "were not kept" in bare["answer"]
        (piece,) = bare["evidence"]  # its picture would be a whole frame, and no address is given that opens nothing
        assert piece["picture"] == piece["picture_uri"] == ""
        site.served.close()
