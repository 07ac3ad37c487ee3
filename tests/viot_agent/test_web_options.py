"""The options of the page: what is taken, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from viot_agent.errors import UserFault
from viot_agent.web.options import Options, checked, parse
from viot_agent.web.serve import run


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({}, "llms", ("mini",)),
        ({"llm": ["openai:http://x#m", "mini", "mini"]}, "llms", ("openai:http://x#m", "mini")),
        ({"auth": ["ana:se:cret", "ben: b"]}, "auth", (("ana", "se:cret"), ("ben", " b"))),
        ({"root_path": "cameras/"}, "root_path", "/cameras"),
        ({"root_path": "/"}, "root_path", ""),
        ({"max_upload_mb": 5}, "max_upload_bytes", 5_000_000),
        ({"host": "127.0.0.1"}, "loopback", True),
        ({"host": "::1"}, "loopback", True),
        ({"host": "localhost"}, "loopback", True),
        ({"host": "0.0.0.0"}, "loopback", False),
        ({"host": "cameras.example"}, "loopback", False),
        ({"root_path": "/cameras"}, "loopback", False),  # a proxy may open it to others
        ({"root_path": "/"}, "loopback", False),
        ({"root_path": "/"}, "root_path", ""),
        ({}, "exposed", False),
        ({"host": "0.0.0.0"}, "exposed", True),
        ({"host": "0.0.0.0", "auth": ["a:b"]}, "exposed", False),
        ({"host": "0.0.0.0", "open_": True}, "exposed", False),
        ({"host": "0.0.0.0", "root_path": "/"}, "exposed", False),  # who comes in is the proxy's to say
    ],
)
def test_taken(given: dict[str, Any], field: str, value: object) -> None:
    assert getattr(checked(**given), field) == value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"auth": ["ana"]}, "NAME:PASSWORD"),
        ({"auth": [":x"]}, "NAME:PASSWORD"),
        ({"auth": ["ana:"]}, "NAME:PASSWORD"),
        ({"auth": ["ana:x", "ana:y"]}, "twice"),
        ({"root_path": "https://x/y"}, "no path"),
        ({"root_path": "/a/../b"}, "no path"),
        ({"root_path": '/a"b'}, "no path"),
        ({"port": 70000}, "no port"),
        ({"max_upload_mb": 0}, "cannot be"),
    ],
)
def test_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserFault, match=words):
        checked(**given)


def test_the_command_line_is_the_same() -> None:
    found = parse(["--host", "0.0.0.0", "--port", "1", "--auth", "a:b", "--root-path", "v", "--llm", "mini"])
    assert found == Options("0.0.0.0", 1, (("a", "b"),), "/v", 200, ("mini",), proxied=True)
    assert parse(["--open"]).open and not parse([]).open


def test_an_address_that_others_reach_is_not_served_without_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIOT_HOME", str(tmp_path))
    monkeypatch.delenv("VIOT_DB", raising=False)
    with pytest.raises(UserFault, match="no access is set up"):
        run(checked(host="0.0.0.0", port=0))


@pytest.mark.parametrize("argv", [["--auth", "ana"], ["--port", "70000"], ["--max-upload-mb", "0"]])
def test_viot_chat_takes_the_same_options(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from viot_agent.cli.app import run

    assert run(["chat", *argv]) == 2
    assert argv[0] in capsys.readouterr().err
