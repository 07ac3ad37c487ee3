"""Known vulnerabilities of what the parts list names; and where no advisories can be read, that it was not checked.

    python .ci/advisories.py sbom.json                      # asks for a source, and says where there is none
    VIOT_ADVISORIES=DIR python .ci/advisories.py sbom.json  # a folder or zip of OSV records (JSON) for PyPI, offline

Three ends: 0 *none known*, 1 *vulnerable* (or an exemption that ran out), and *NOT CHECKED*: 0 too, so that a machine
without network can build, or 3 with ``--strict``. It is never told as passed. Over the network the work is pip-audit's;
offline the records are matched here, by the listed versions and the ranges of https://ossf.github.io/osv-schema/.

Owns the match and the words. Knows no licence.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

VARIABLE = "VIOT_ADVISORIES"
RULES = Path(__file__).with_name("licences.toml")
SOURCE = "https://pypi.org/pypi/jinja2/2.10/json"
"""Where pip-audit asks by default, for a version that is known to be vulnerable (CVE-2019-10906). A mirror that serves
packages and no advisories says nothing of it; pip-audit would call every package clean by such a one."""
PROBE, WHOLE = 3.0, 120.0
"""Seconds for the first answer, and for pip-audit's whole work."""


def records(place: Path) -> Iterator[Mapping[str, Any]]:
    """The OSV records of a folder or zip. Raises OSError, ValueError for one that is none."""
    if place.is_dir():
        for path in sorted(place.rglob("*.json")):
            yield json.loads(path.read_bytes())
        return
    with zipfile.ZipFile(place) as held:
        for name in sorted(held.namelist()):
            if name.endswith(".json"):
                yield json.loads(held.read(name))


def hits(record: Mapping[str, Any], name: str, version: str) -> bool:
    """Whether a record says that this version of the package is vulnerable."""
    if record.get("withdrawn"):
        return False
    for affected in record.get("affected", ()):
        package = affected.get("package", {})
        if package.get("ecosystem") != "PyPI" or canonicalize_name(str(package.get("name", ""))) != name:
            continue
        if version in affected.get("versions", ()):
            return True
        if any(
            _within(r.get("events", ()), version) for r in affected.get("ranges", ()) if r.get("type") == "ECOSYSTEM"
        ):
            return True
    return False


def _within(events: Iterable[Mapping[str, str]], version: str) -> bool:
    """Whether a version lies in a range. One that nobody can compare does: better one false alarm."""
    try:
        at = Version(version)
        rows = sorted(
            ((Version("0" if word == "0" else word), kind) for e in events for kind, word in e.items()),
            key=lambda row: row[0],
        )
    except InvalidVersion:
        return True
    inside = False
    for bound, kind in rows:
        if kind == "introduced" and at >= bound:
            inside = True
        elif (kind == "fixed" and at >= bound) or (kind == "last_affected" and at > bound):
            inside = False
    return inside


def judged(found: Mapping[str, list[str]], exempt: Mapping[str, Mapping[str, str]], today: date) -> list[str]:
    """What is wrong, in sentences. ``found``: advisory -> parts; an exemption holds until its day."""
    wrong = []
    for name, where in sorted(found.items()):
        own = exempt.get(name)
        if own is None:
            wrong.append(f"{name}: {', '.join(where)}")
        elif date.fromisoformat(own["until"]) < today:
            wrong.append(f"{name}: {', '.join(where)} (exempted until {own['until']}: look again)")
    return wrong


def offline(place: Path, components: Iterable[Mapping[str, Any]]) -> tuple[dict[str, list[str]], int]:
    """(advisory -> parts it concerns, records read)."""
    listed = {canonicalize_name(c["name"]): c["version"] for c in components}
    found: dict[str, list[str]] = {}
    count = 0
    for record in records(place):
        count += 1
        named = {canonicalize_name(str(a.get("package", {}).get("name", ""))) for a in record.get("affected", ())}
        for name in named & listed.keys():
            if hits(record, name, listed[name]):
                found.setdefault(str(record.get("id", "?")), []).append(f"{name} {listed[name]}")
    return found, count


def reachable(source: str = SOURCE) -> str:
    """ "" where the source answers, else why not."""
    try:
        with urllib.request.urlopen(source, timeout=PROBE) as answer:
            told = json.loads(answer.read()).get("vulnerabilities")
        return "" if told else "what answers in the place of the advisory database knows none of a version that has one"
    except (OSError, ValueError, AttributeError, urllib.error.URLError) as error:
        return f"the advisory database does not answer ({getattr(error, 'reason', error)})"


def by_pip_audit(components: Iterable[Mapping[str, Any]], folder: Path) -> tuple[dict[str, list[str]], str]:
    """(advisory -> parts, why it was not checked or "")."""
    if importlib.util.find_spec("pip_audit") is None:
        return {}, "pip-audit is not installed: pip install pip-audit"
    listed = folder / "pinned.txt"
    listed.write_text("".join(f"{c['name']}=={c['version']}\n" for c in components), "utf-8")
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", str(listed), "-f", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WHOLE, check=False)
        rows = json.loads(done.stdout)["dependencies"]
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired) as error:
        return {}, f"pip-audit broke off ({type(error).__name__})"
    found: dict[str, list[str]] = {}
    skipped = []
    for row in rows:
        if "skip_reason" in row:
            skipped.append(row["name"])
        for flaw in row.get("vulns", ()):
            found.setdefault(flaw["id"], []).append(f"{row['name']} {row['version']}")
    return found, f"pip-audit skipped {', '.join(skipped[:10])}" if skipped else ""


def main(arguments: list[str]) -> int:
    """Check, and say what came of it; exit status."""
    ask = argparse.ArgumentParser(description="known vulnerabilities of a parts list")
    ask.add_argument("sbom", type=Path, nargs="?", help="what sbom.py wrote; left out: say whether a source answers")
    ask.add_argument("--rules", type=Path, default=RULES)
    ask.add_argument("--strict", action="store_true", help="end with 3 where nothing could be checked")
    given = ask.parse_args(arguments)
    if given.sbom is None:
        why = reachable()
        print(f"advisories: {why or 'the database answers'}")
        return 1 if why else 0
    components = json.loads(given.sbom.read_text("utf-8"))["components"]
    exempt = tomllib.loads(given.rules.read_text("utf-8")).get("advisories", {})
    place, why = os.environ.get(VARIABLE, ""), ""
    found: dict[str, list[str]] = {}
    source = "the advisory database"
    if place:
        try:
            found, count = offline(Path(place), components)
            source, why = f"{count} records of {place}", "" if count else f"{place} holds no record"
        except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
            why = f"{VARIABLE} {place} cannot be read ({error})"
    else:
        why = reachable()
        if not why:
            found, why = by_pip_audit(components, given.sbom.resolve().parent)
    wrong = judged(found, exempt, date.today())
    for words in wrong:
        print(f"vulnerable: {words}")
    if wrong:
        return 1
    if why:
        print(f"vulnerabilities: NOT CHECKED, {why}. A folder of OSV records in {VARIABLE} is read offline.")
        return 3 if given.strict else 0
    print(f"vulnerabilities: none known in {len(components)} packages, by {source}; {len(found)} exempted")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
