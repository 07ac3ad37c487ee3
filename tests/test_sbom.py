"""The parts list, the judgement of licences, and what is said of known vulnerabilities."""

from __future__ import annotations

import importlib.util
import json
import sys
import tomllib
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.trust
CI = Path(__file__).resolve().parents[1] / ".ci"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"viot_ci_{name}", CI / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


sbom, advisories = script("sbom"), script("advisories")
RULES = tomllib.loads((CI / "licences.toml").read_text("utf-8"))


def install(site: Path, name: str, version: str, *lines: str, files: tuple[tuple[str, str], ...] = ()) -> None:
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    head = [f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}", *lines]
    (info / "METADATA").write_text("\n".join(head) + "\n\nwords", "utf-8")
    rows = [f"{path},sha256={digest},3" for path, digest in files or ((f"{name}.py", "abc"),)]
    (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,"]) + "\n", "utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    install(tmp_path, "viot-agent", "1", "License-Expression: Apache-2.0", "Requires-Dist: Good[more]>=1",
            "Provides-Extra: x", "Requires-Dist: lent; extra == 'x'",
            "Requires-Dist: other; python_version < '3'")  # fmt: skip
    install(tmp_path, "Good", "1.5", "License-Expression: MIT OR GPL-3.0-only", "Provides-Extra: more",
            "Requires-Dist: deep; extra == 'more'")  # fmt: skip
    install(tmp_path, "deep", "2", "Classifier: License :: OSI Approved :: BSD License")
    install(tmp_path, "lent", "3", "License: MIT")
    return tmp_path


def parts(site: Path) -> dict[str, Any]:
    found: dict[str, Any] = sbom.parts(metadata.distributions(path=[str(site)]), RULES["names"])
    return found


def test_the_list_says_what_is_there_by_whom_and_under_which_licence(site: Path) -> None:
    made = sbom.document(parts(site), datetime(2026, 3, 4, tzinfo=UTC))
    listed = {c["name"]: c for c in made["components"]}
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert made["metadata"]["timestamp"] == "2026-03-04T00:00:00Z"
    assert {n: (c["version"], c["scope"]) for n, c in listed.items()} == {
        "good": ("1.5", "required"), "deep": ("2", "required"), "lent": ("3", "optional"),
    }  # fmt: skip
    assert listed["good"]["licenses"] == [{"expression": "MIT OR GPL-3.0-only"}]
    assert listed["deep"]["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert all(len(c["hashes"][0]["content"]) == 64 and c["purl"] == c["bom-ref"] for c in listed.values())
    needs = {d["ref"]: d["dependsOn"] for d in made["dependencies"]}
    assert needs["pkg:pypi/viot-agent@1"] == ["pkg:pypi/good@1.5", "pkg:pypi/lent@3"]
    assert {d for ds in needs.values() for d in ds} <= needs.keys()
    assert made == sbom.document(parts(site), datetime(2026, 3, 4, tzinfo=UTC))


def test_the_hash_is_of_the_wheel_and_not_of_the_place(tmp_path: Path) -> None:
    wheel = (("a/b.py", "abc"), ("a-1.dist-info/METADATA", "def"))
    placed = (("a-1.dist-info/INSTALLER", "x"), ("../../bin/a", "y"), ("a/__pycache__/b.pyc", "z"))
    install(tmp_path / "1", "a", "1", files=wheel)
    install(tmp_path / "2", "a", "1", files=(*placed, *wheel))
    install(tmp_path / "3", "a", "1", files=(("a/b.py", "abd"), wheel[1]))
    here, there, changed = (parts(tmp_path / n)["a"] for n in "123")
    assert (here.digest, here.files) == (there.digest, 2)
    assert changed.digest != here.digest


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True), ("GPL-3.0-only", False), ("MIT OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT AND GPL-2.0-only", False), ("(GPL-3.0-only OR MIT) AND BSD-3-Clause", True),
        ("Apache-2.0 WITH LLVM-exception", True), ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT or (0BSD and ISC)", True),
    ],
)  # fmt: skip
def test_expressions(expression: str, good: bool) -> None:
    assert sbom.satisfied(expression, RULES["allowed"]) is good


@pytest.mark.parametrize("expression", ["", "MIT AND", "(MIT", "MIT)", "MIT BSD-3-Clause"])
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(ValueError, match="no SPDX expression"):
        sbom.satisfied(expression, RULES["allowed"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("License-Expression: AGPL-3.0-only", "AGPL-3.0-only is not allowed"),
        ("License-Expression: MPL-2.0", "MPL-2.0 is not allowed"),  # only the packages that are named
        ("License: Our own terms", "states no licence that is known (Our own terms)"),
        ("Classifier: License :: Other/Proprietary License", "states no licence"),
        ("Summary: nothing", "(none at all)"),
        ("License-Expression: MIT AND", "is not allowed"),
    ],
)
def test_licences_that_fail(site: Path, line: str, words: str) -> None:
    install(site, "bad", "9", line)
    (wrong,) = sbom.refused(parts(site), RULES)
    assert wrong.startswith("bad 9: ")
    assert words in wrong


def test_a_package_that_was_let_pass_may_not_change_its_licence(site: Path) -> None:
    install(site, "certifi", "1", "License-Expression: MPL-2.0")
    assert sbom.refused(parts(site), RULES) == []
    install(site, "tqdm", "5", "License-Expression: AGPL-3.0-only")
    (wrong,) = sbom.refused(parts(site), RULES)
    assert "was let pass as MPL-2.0 AND MIT, and states spdx:AGPL-3.0-only" in wrong


def test_every_reason_is_given() -> None:
    assert all(RULES["allowed"].values())
    assert all(set(row) == {"licence", "reason"} and row["reason"] for row in RULES["packages"].values())
    assert all(set(row) == {"until", "reason"} for row in RULES["advisories"].values())


def test_what_is_installed_here_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sbom.json"
    assert sbom.main(["--out", str(out)]) == 0, capsys.readouterr().out
    listed = {c["name"]: c["scope"] for c in json.loads(out.read_text("utf-8"))["components"]}
    assert (listed["torch"], listed["hypothesis"]) == ("required", "optional")


# vulnerabilities -----------------------------------------------------------------------------------------------------


def flaw(id_: str = "PYSEC-1", name: str = "Good_Lib", ecosystem: str = "PyPI", **more: Any) -> dict[str, Any]:
    return {"id": id_, "affected": [{"package": {"ecosystem": ecosystem, "name": name}, **more}]}


def ranged(*events: dict[str, str], kind: str = "ECOSYSTEM") -> dict[str, Any]:
    return flaw(ranges=[{"type": kind, "events": list(events)}])


@pytest.mark.parametrize(
    ("record", "hit"),
    [
        (flaw(versions=["1.4", "1.5"]), True),
        (flaw(versions=["1.4"]), False),
        (ranged({"introduced": "0"}), True),
        (ranged({"introduced": "0"}, {"fixed": "1.5"}), False),
        (ranged({"introduced": "0"}, {"fixed": "1.5.post1"}), True),
        (ranged({"introduced": "1.10"}), False),  # not as texts
        (ranged({"introduced": "0"}, {"last_affected": "1.5"}), True),
        (ranged({"introduced": "0"}, {"last_affected": "1.4"}), False),
        (ranged({"fixed": "1.2"}, {"introduced": "0"}, {"introduced": "1.4"}, {"fixed": "1.6"}), True),
        (ranged({"introduced": "0"}, {"fixed": "no version"}), True),
        (ranged({"introduced": "0"}, kind="GIT"), False),
        (flaw(ecosystem="npm", versions=["1.5"]), False),
        (flaw(name="good", versions=["1.5"]), False),
        ({**flaw(versions=["1.5"]), "withdrawn": "2025-01-01T00:00:00Z"}, False),
        ({"id": "x"}, False),
    ],
)
def test_records(record: dict[str, Any], hit: bool) -> None:
    assert advisories.hits(record, "good-lib", "1.5") is hit


def test_exemptions_end() -> None:
    found = {"PYSEC-1": ["a 1"], "PYSEC-2": ["b 2"]}
    exempt = {"PYSEC-1": {"until": "2026-06-01", "reason": "not reached"}}
    assert advisories.judged(found, exempt, date(2026, 6, 1)) == ["PYSEC-2: b 2"]
    assert len(advisories.judged(found, exempt, date(2026, 6, 2))) == 2


@pytest.mark.parametrize(
    ("held", "code", "words"),
    [
        ([flaw(versions=["2"])], 0, "none known in 1 packages, by 1 records"),
        ([flaw(versions=["1.5"]), flaw(id_="x", versions=["2"])], 1, "vulnerable: PYSEC-1: good-lib 1.5"),
        ([], 3, "NOT CHECKED"),
        (["no record"], 3, "NOT CHECKED"),
    ],
)
def test_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: list[Any], code: int,
    words: str,
) -> None:  # fmt: skip
    listed = tmp_path / "sbom.json"
    listed.write_text(json.dumps({"components": [{"name": "good-lib", "version": "1.5"}]}), "utf-8")
    place = tmp_path / "records"
    place.mkdir()
    for n, record in enumerate(held):
        (place / f"{n}.json").write_text(json.dumps(record), "utf-8")
    monkeypatch.setenv(advisories.VARIABLE, str(place))
    assert advisories.main([str(listed), "--strict"]) == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ('{"vulnerabilities": [{"id": "CVE-2019-10906"}]}', ""),
        ('{"vulnerabilities": []}', "knows none of a version that has one"),
        ("{}", "knows none"),
        ("<html>", "does not answer"),
        (None, "does not answer"),
    ],
)
def test_a_mirror_without_advisories_is_no_source(tmp_path: Path, page: str | None, words: str) -> None:
    path = tmp_path / "page.json"
    if page is not None:
        path.write_text(page, "utf-8")
    told = advisories.reachable(path.as_uri())
    assert (words in told) if words else told == ""
