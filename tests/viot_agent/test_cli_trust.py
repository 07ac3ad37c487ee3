"""``viot access``, ``audit``, ``person consent``, ``purge``, ``ask --purpose`` from outside: words and exit codes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import viot_agent.cli
from viot_agent.cli.app import run
from viot_agent.library.store import Library
from viot_agent.policy.audit import Audit
from viot_agent.policy.consent import Consents
from viot_agent.steps import Principal

Out = pytest.CaptureFixture[str]


def secret(out: Out) -> str:
    """The key that was printed: alone on its line, on stdout."""
    said = out.readouterr()
    assert re.fullmatch(r"viot_[0-9a-f]{12}_[\w-]{43}\n", said.out), said
    return said.out.strip()


@pytest.fixture
def admin(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> str:
    """A home with two cameras and access set up; the admin's key, which stands in VIOT_KEY."""
    with Library.open(home) as library:
        library.add_camera("gate", "a", groups=["yard"])
        library.add_camera("hall", "b", groups=["house"])
        library.add_person("Ben", [b"picture"], "signed form")
    monkeypatch.delenv("VIOT_KEY", raising=False)
    assert run(["access", "init", "Ada"]) == 0
    key = secret(capsys)
    monkeypatch.setenv("VIOT_KEY", key)
    return key


def test_single_user_mode_says_so(home: Path, capsys: Out) -> None:
    assert run(["access", "whoami"]) == 0
    assert "single-user mode" in capsys.readouterr().out
    assert run(["camera", "list"]) == 0
    assert run(["access", "add", "Ben", "--role", "viewer"]) == 2
    assert "viot access init" in capsys.readouterr().err


@pytest.mark.parametrize(("setting", "said"), [("", True), ("exports", True), ("redact", True), ("clear", False)])
def test_setting_up_access_says_that_faces_are_hidden_from_then_on(
    setting: str, said: bool, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setenv("VIOT_EXPORTS", setting)
    assert run(["access", "init", "Ada"]) == 0
    assert ("hide faces" in capsys.readouterr().err) == said


def test_keys(admin: str, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    assert run(["access", "init", "Eve"]) == 2
    assert "is an admin already" in capsys.readouterr().err
    assert run(["access", "add", "Cy", "--role", "operator", "--groups", "yard", "--expires", "90d"]) == 0
    cy = secret(capsys)
    monkeypatch.setenv("VIOT_KEY", cy)
    assert run(["access", "whoami"]) == 0
    assert "Cy, operator" in (said := capsys.readouterr().out)
    assert "cameras: gate; rights: index" in said
    assert run(["camera", "list"]) == 0
    assert "gate" in (said := capsys.readouterr().out)
    assert "hall" not in said
    assert run(["access", "list"]) == 4
    assert "may not give and take access" in capsys.readouterr().err
    monkeypatch.setenv("VIOT_KEY", admin)
    assert run(["access", "list"]) == 0
    assert cy.split("_", 2)[2][:20] not in capsys.readouterr().out
    assert run(["access", "revoke", "cy"]) == 0
    monkeypatch.setenv("VIOT_KEY", cy)
    assert run(["camera", "list"]) == 4
    monkeypatch.delenv("VIOT_KEY")
    assert run(["camera", "list"]) == 4
    assert "put your key in VIOT_KEY" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    "argv",
    [
        ["access", "add", "x", "--role", "root"],
        ["access", "add", "x", "--role", "viewer", "--expires", "soon"],
        ["access", "add", "x", "--role", "viewer", "--tools", "all"],
        ["access", "revoke", "nobody"],
        ["audit", "verify", "--head", "7"],
        ["audit", "search", "--since", "yesterday"],
        ["person", "consent", "Ben", "--basis", "because", "--note", "x"],
        ["person", "consent", "Ben"],
        ["person", "consent", "Ben", "--note", "x", "--until", "2001-01-01"],
        ["person", "consent", "Dora", "--note", "x"],
        ["purge", "person", "Dora"],
        ["person", "consent", "Ben", "--note", "x", "--until", "9999-12-31"],
        ["purge", "window", "yesterday", "today"],
        ["purge", "window", "99999y", "30d"],
        ["purge", "window", "2026-01-02", "2026-01-01", "--yes"],
        ["alert", "review", "alert-1"],
    ],
)
def test_what_cannot_be_read(argv: list[str], admin: str, capsys: Out) -> None:
    assert run(argv) == 2
    assert capsys.readouterr().err.startswith("viot: ")


COMMANDS = {
    ("camera", "remove", "hall"): {"admin"},
    ("person", "consent", "Ben", "--note", "form"): {"admin", "privacy-officer"},
    ("person", "remove", "Dora"): {"admin", "privacy-officer"},
    ("audit", "verify"): {"admin", "privacy-officer"},
    ("audit", "head"): {"admin", "privacy-officer"},
    ("purge", "window", "2026-01-01", "2026-01-02", "--dry-run"): {"admin", "privacy-officer"},
    ("access", "list"): {"admin"},
    ("index", "nowhere"): {"admin", "operator"},
    ("alert", "add", "person", "--camera", "nowhere"): {"admin", "operator"},
    ("alert", "history"): {"admin", "operator"},
    ("alert", "list"): {"admin", "operator", "privacy-officer"},
    ("person", "list"): {"admin", "operator", "privacy-officer"},
}


def test_commands_by_role(admin: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """Exit code 4 for who may not; anything else (a name that is not there too) for who may."""
    keys = {"admin": admin}
    for role in ("operator", "privacy-officer", "viewer"):
        assert run(["access", "add", role, "--role", role]) == 0
        keys[role] = secret(capsys)
    refused = 0
    for role, key in keys.items():
        monkeypatch.setenv("VIOT_KEY", key)
        for argv, allowed in COMMANDS.items():
            code = run(list(argv))
            assert (code == 4) == (role not in allowed), (role, argv, capsys.readouterr().err)
            refused += code == 4
    with Library.open(home) as library:
        assert len(Audit(library).search(kind="refused", limit=1000)) == refused


def test_every_command_opens_the_house_by_the_gate() -> None:
    """But servers, which ask whoever comes in; the doctor, which must work where nobody can sign in; and the first
    key."""
    free = {"gate.py", "access.py", "doctor.py"}
    for path in sorted(Path(viot_agent.cli.__file__).parent.glob("*.py")):
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        opens = [c for c in calls if ast.unparse(c.func) == "Viot.open"]
        assert not opens or path.name in free, path.name
    access = (Path(viot_agent.cli.__file__).parent / "access.py").read_text("utf-8")
    assert access.count("Viot.open(") == 1


def test_a_lost_admin_key_is_replaced_and_nobody_elses(
    admin: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.delenv("VIOT_KEY")
    assert run(["access", "init", "Eve"]) == 2
    assert "viot access init 'Ada' --lost" in capsys.readouterr().err.replace("\n", " ")
    assert run(["access", "init", "Eve", "--lost"]) == 2
    capsys.readouterr()
    assert run(["access", "init", "ada", "--lost"]) == 0
    new = secret(capsys)
    for key, code in ((admin, 4), (new, 0)):
        monkeypatch.setenv("VIOT_KEY", key)
        assert run(["access", "list"]) == code
    capsys.readouterr()
    assert run(["audit", "search", "--kind", "key_revoked"]) == 0
    assert "key_revoked  local" in capsys.readouterr().out


def test_no_group_is_not_every_camera(admin: str, capsys: Out) -> None:
    """As when a script's variable is empty."""
    for groups in ("", ", ,"):
        assert run(["access", "add", "Eve", "--role", "operator", "--groups", groups]) == 2
        assert "names no group" in capsys.readouterr().err


def test_alerts_of_others(admin: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """An operator of the yard neither sees nor ends what watches the hall; what is done is on record, by the key."""
    assert run(["access", "add", "Cy", "--role", "operator", "--groups", "yard"]) == 0
    cy = secret(capsys)
    assert run(["alert", "add", "person", "--camera", "hall"]) == 0
    assert run(["alert", "add", "person", "--camera", "gate"]) == 0
    assert run(["alert", "add", "face:Ben", "--camera", "gate", "--purpose", "a theft"]) == 0
    monkeypatch.setenv("VIOT_KEY", cy)
    for argv in (["test", "1"], ["remove", "1"], ["snooze", "1"], ["review", "1"], ["ack", "7"]):
        assert run(["alert", *argv]) == 2, argv
        assert "hall" not in capsys.readouterr().err
    for argv in (["remove", "2"], ["snooze", "2"], ["review", "3"], ["test", "3"]):
        assert run(["alert", *argv]) == 4, argv
    assert "needs a stated purpose" in capsys.readouterr().err.replace("\n", " ")
    assert run(["alert", "test", "3", "--purpose", "a theft"]) == 0
    assert run(["alert", "add", "person"]) == 0
    for argv in (["test", "4"], ["snooze", "4"], ["remove", "alert-4"]):
        assert run(["alert", *argv]) == 0, argv
    with Library.open(home) as library:
        audit = Audit(library)
        noted = {k: [r.who for r in audit.search(kind=k)] for k in ("alert_tested", "alert_snoozed", "alert_removed")}
        assert noted == {"alert_tested": ["Cy", "Cy"], "alert_snoozed": ["Cy"], "alert_removed": ["Cy"]}
        Consents(library.db).withdraw("Ben", by=Principal())
    monkeypatch.setenv("VIOT_KEY", admin)
    assert run(["alert", "test", "3", "--purpose", "a theft"]) == 4


def test_a_key_that_is_cut_looks_at_its_own_cameras_only(
    admin: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    assert run(["access", "add", "Cy", "--role", "operator", "--groups", "yard"]) == 0
    monkeypatch.setenv("VIOT_KEY", secret(capsys))
    for argv in (["index", "hall"], ["watch", "--camera", "hall"]):
        assert run(argv) == 4
        assert "may not look at 'hall'" in capsys.readouterr().err.replace("\n", " ")
    assert run(["watch"]) == 2
    assert "no camera of this key is live" in capsys.readouterr().err.replace("\n", " ")
    run(["index"])
    said = capsys.readouterr()
    assert "hall" not in said.out + said.err


def test_a_server_of_tools_is_removed_by_the_library_in_force(
    admin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    """Keys lie in the library that VIOT_DB names, not in a file beside it."""
    monkeypatch.setenv("VIOT_DB", f"sqlite:{tmp_path / 'elsewhere'}")
    monkeypatch.delenv("VIOT_KEY")
    assert run(["access", "init", "Eve"]) == 0
    assert run(["tools", "remove", "clock"]) == 4
    assert "no key was shown" in capsys.readouterr().err.replace("\n", " ")


def test_consent(admin: str, capsys: Out) -> None:
    assert (
        run(["person", "consent", "ben", "--basis", "contract", "--note", "employment", "--until", "2099-12-31"]) == 0
    )
    assert "recorded for Ben: contract, employment, until 2099-12-31" in capsys.readouterr().out
    assert run(["person", "consent", "Ben", "--withdraw", "--note", "letter of 3 March"]) == 0
    capsys.readouterr()
    assert run(["person", "list"]) == 0
    assert "withdrawn" in capsys.readouterr().out
    for argv in (["alert", "add", "face:Ben", "--purpose", "a theft"], ["redact", "his.jpg", "--keep", "ben"]):
        assert run(argv) == 4
        assert "no consent or legal basis to look for Ben" in capsys.readouterr().err.replace("\n", " ")


def test_an_alert_on_somebody_needs_a_purpose(admin: str, capsys: Out) -> None:
    assert run(["alert", "add", "plate:KX-4821"]) == 4
    assert "needs a stated purpose" in capsys.readouterr().err.replace("\n", " ")
    assert run(["alert", "add", "plate:KX-4821", "--purpose", "a theft"]) == 0
    assert run(["alert", "review", "alert-1", "--for", "30d"]) == 0
    capsys.readouterr()
    assert run(["alert", "list"]) == 0
    assert "review by" in capsys.readouterr().out.replace("\n", " ")


def test_the_log(admin: str, home: Path, tmp_path: Path, capsys: Out) -> None:
    assert run(["audit", "head"]) == 0
    head = capsys.readouterr().out.strip()
    assert run(["person", "consent", "Ben", "--note", "a form of glass"]) == 0
    assert run(["audit", "search", "glass"]) == 0
    assert "consent  Ada admin" in capsys.readouterr().out
    file = tmp_path / "log.jsonl"
    assert run(["audit", "export", str(file)]) == 0
    assert run(["audit", "export", str(file)]) == 2  # it is not written over
    assert run(["audit", "verify", "--file", str(file), "--head", head]) == 0
    assert run(["audit", "verify", "--head", head]) == 0
    assert "whole" in capsys.readouterr().out
    with Library.open(home) as library, library.db.write() as connection:
        connection.exec_driver_sql("UPDATE audit_log SET who='Eve' WHERE seq=1")
    assert run(["audit", "verify"]) == 4
    assert "WRONG: row 1 was changed" in capsys.readouterr().out


def test_purging(admin: str, home: Path, capsys: Out) -> None:
    assert run(["purge", "person", "Ben", "--dry-run"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert run(["purge", "person", "Ben", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "people: 1 before, 0 after" in said
    assert "proved" in said
    assert run(["purge", "camera", "hall", "--yes"]) == 0
    with Library.open(home) as library:
        assert library.people() == []
        assert [c.name for c in library.cameras()] == ["gate"]
        assert Audit(library).verify().wrong == ()


@pytest.mark.slow
def test_asking_by_role_and_purpose(admin: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """The words of a person through the embedded model: roles, cameras and purpose hold there too."""
    keys = {"admin": admin}
    for role in ("viewer", "operator"):
        assert run(["access", "add", role, "--role", role, "--groups", "yard"]) == 0
        keys[role] = secret(capsys)
    cases = [
        ("viewer", ["Which cameras are there?"], 0, "gate"),
        (
            "viewer",
            ["When was Ben seen?", "--purpose", "a theft"],
            4,
            "the role viewer is not for looking for a person",
        ),
        ("viewer", ["How many people were on the hall?"], 4, "may not look at 'hall'"),
        ("operator", ["When was Ben seen?"], 4, "needs a stated purpose"),
        ("operator", ["When was Ben seen on hall?", "--purpose", "a theft"], 4, "may not look at 'hall'"),
        ("admin", ["When was Ben seen?"], 4, "needs a stated purpose"),
    ]
    for role, argv, code, words in cases:
        monkeypatch.setenv("VIOT_KEY", keys[role])
        assert run(["ask", *argv]) == code, (role, argv, capsys.readouterr().out)
        said = capsys.readouterr().out
        assert words in said, (role, argv, said)
        assert "house" not in said
    monkeypatch.setenv("VIOT_KEY", keys["operator"])
    assert run(["ask", "When was Ben seen?", "--purpose", "a theft"]) != 4
    monkeypatch.delenv("VIOT_KEY")
    assert run(["ask", "Which cameras are there?"]) == 4


@pytest.mark.parametrize(
    "words", [["mask", "face.png"], ["cloak", "face.png"], ["redact", "face.png"], ["cloak", "--forget", "Ben"]]
)
def test_altered_copies_need_a_key_that_is_for_them(
    words: list[str], admin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "face.png").write_bytes(b"no picture")
    assert run(["access", "add", "Vera", "--role", "viewer"]) == 0
    vera = secret(capsys)
    monkeypatch.delenv("VIOT_KEY")
    assert run(words) == 4
    assert "put your key in VIOT_KEY" in capsys.readouterr().err.replace("\n", " ")
    monkeypatch.setenv("VIOT_KEY", vera)
    assert run(words) == 4
    assert "the role viewer may not use this key for making altered copies" in capsys.readouterr().err.replace(
        "\n", " "
    )
    monkeypatch.setenv("VIOT_KEY", admin)
    assert run(words) == 2  # let in, and told what is wrong with the file or the name
    assert [p.name for p in tmp_path.glob("face*")] == ["face.png"]
