"""What ``deploy/`` names is there: commands, options, variables, files. No container runtime, no service manager."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from viot_agent.cli.app import UsageProblem, tree

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
FILES = sorted(p for p in DEPLOY.rglob("*") if p.is_file() and "secrets" not in p.parent.name)
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## As services")[2]
OURS = {name: s for name, s in COMPOSE["services"].items() if s["image"] == "viot-agent"}
VIOT = "/opt/viot/bin/viot"


def unit(path: Path) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"))
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(path, "utf-8")
    return read


def understood(args: list[str]) -> None:
    """Parsed by the command tree as ``viot ARGS`` would be; nothing is run. Raises UsageProblem."""
    command: Any = tree()
    context = command.make_context("viot", list(args), resilient_parsing=False)
    while hasattr(command, "resolve_command"):
        left = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, left)
        context = command.make_context(name, rest, parent=context)


def words(instruction: str) -> list[str]:
    found = re.search(rf"^{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    return list(json.loads(found[1]))


def documented() -> list[list[str]]:
    """The ``viot`` command lines of the page, as they reach ``viot``."""
    lines = [line.split("  #")[0] for block in OPERATIONS.split("```")[1::2] for line in block.splitlines()]
    found = []
    for line in lines:
        match = re.search(rf"(?:{VIOT}|docker compose run --rm (?:-e VIOT_KEY )?(?:watch|serve)) (.*)", line)
        if match:
            found.append(shlex.split(match[1].split(" >")[0]))
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.stem)
def test_a_unit_starts_a_command_that_exists(path: Path) -> None:
    first, *args = shlex.split(unit(path)["Service"]["ExecStart"])
    assert first == VIOT
    understood(args)


@pytest.mark.parametrize("name", OURS)
def test_a_container_starts_a_command_that_exists(name: str) -> None:
    assert words("ENTRYPOINT") == ["with-secrets", "viot"]
    understood(OURS[name]["command"])


def test_every_documented_command_exists() -> None:
    assert len(documented()) == 7
    for args in documented():
        understood(args)


@pytest.mark.parametrize(
    "args", [["watch", "--metric", "1"], ["page"], ["serve", "rest"], ["serve", "http", "--port", "x"]]
)
def test_a_wrong_line_is_found(args: list[str]) -> None:
    with pytest.raises(UsageProblem):
        understood(args)


def test_every_variable_is_read_by_the_code() -> None:
    code = "\n".join(p.read_text("utf-8") for p in (ROOT / "viot_agent").rglob("*.py"))
    named = {v for p in FILES for v in re.findall(r"VIOT_[A-Z_]*[A-Z]", p.read_text("utf-8"))}
    assert {"VIOT_HOME", "VIOT_DB", "VIOT_KEY"} <= named
    assert {v for v in named if f'"{v}"' not in code} == set()


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.stem)
def test_a_unit_is_shut_in(path: Path) -> None:
    service = unit(path)["Service"]
    wanted = {
        "User": "viot", "ProtectSystem": "strict", "NoNewPrivileges": "true", "PrivateTmp": "true",
        "Restart": "on-failure", "ProtectHome": "true", "CapabilityBoundingSet": "",
    }  # fmt: skip
    assert {name: service[name] for name in wanted} == wanted
    assert re.fullmatch(r"\d+G", service["MemoryMax"])
    home = re.search(r"^Environment=VIOT_HOME=(.+)$", path.read_text("utf-8"), re.MULTILINE)
    assert home is not None
    assert service["ReadWritePaths"] == home[1] == f"/var/lib/{service['StateDirectory']}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_units_as_systemd_reads_them(tmp_path: Path) -> None:
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text("utf-8").replace(VIOT, str(shutil.which("true"))), "utf-8")
    placed = [str(tmp_path / path.name) for path in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *placed], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, []), (
        done.stderr
    )
    for path in placed:  # 0 is shut, 10 is open
        secure = ["systemd-analyze", "security", "--offline=true", "--threshold=25", path]
        done = subprocess.run(secure, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-500:]


def test_what_compose_names_is_there() -> None:
    secrets = {name: s["file"] for name, s in COMPOSE["secrets"].items()}
    for service in COMPOSE["services"].values():
        assert set(service.get("secrets", ())) <= secrets.keys()
        assert set(service.get("depends_on", ())) <= COMPOSE["services"].keys()
        assert {"test", "interval", "timeout", "retries"} <= service["healthcheck"].keys()
        for volume in service["volumes"]:
            source = volume.get("source", "") if isinstance(volume, dict) else volume.split(":")[0]
            assert not source or source in COMPOSE["volumes"] or (DEPLOY / source).is_file()
    assert all((DEPLOY / s["build"]["context"] / s["build"]["dockerfile"]).is_file() for s in OURS.values())
    assert all(f"secrets/{Path(file).name}" in OPERATIONS for file in secrets.values())
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_a_container_is_shut_in_and_asked_where_it_listens() -> None:
    for service in OURS.values():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert "home:/var/lib/viot" in service["volumes"]
        probe = service["healthcheck"]["test"]
        compile(probe[-1], "healthcheck", "exec")
        port = re.search(r"127\.0\.0\.1:(\d+)/", probe[-1])
        assert port is not None and port[1] in service["command"]
    assert OURS["serve"]["ports"] == ["127.0.0.1:8765:8765"]
    assert "ports" not in COMPOSE["services"]["db"]


def test_the_image_is_made_of_what_is_here_and_runs_as_nobody_special() -> None:
    assert re.search(r"^FROM python:3\.11-slim$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    sources = [s for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) for s in line.split()[:-1]]
    assert all((ROOT / s).exists() for s in sources if not s.startswith("--"))
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert all(any(Path(s).is_relative_to(k) for k in kept) for s in sources if not s.startswith("--"))
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (extras,) = re.findall(r"'\.\[(.+)\]'", DOCKERFILE)
    assert all(f"\n{extra} = [" in project for extra in extras.split(","))


def test_secrets_reach_the_command_and_only_those_that_hold_something(tmp_path: Path) -> None:
    (tmp_path / "db_password").write_text("p w'\"$x\n", "utf-8")
    (tmp_path / "viot_key").write_text("", "utf-8")
    (tmp_path / "alerts").write_text("mailtos://me:word@mail.example", "utf-8")
    show = ["sh", "-c", 'printf "%s|%s|%s" "$PGPASSWORD" "${VIOT_KEY-unset}" "$VIOT_ALERTS"']
    done = subprocess.run(
        [str(DEPLOY / "with-secrets"), *show], capture_output=True, text=True, check=True,
        env={"SECRETS": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout == "p w'\"$x|unset|mailtos://me:word@mail.example"
