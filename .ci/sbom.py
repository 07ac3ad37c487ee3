"""The parts list of the installed environment (CycloneDX 1.6, JSON), and whether every licence in it is allowed.

    python .ci/sbom.py --out sbom.json        # writes it; ends with 1 where a licence is not in .ci/licences.toml

Everything comes from the metadata of what is installed: nothing is fetched. A component's hash is one over the sha256
of every file of its wheel, as its RECORD lists them (what pip adds at the place of installation left out): two machines
with the same wheels write the same. ``scope`` is *required* for what ``pip install viot-agent`` brings, *optional* for
what only an extra does.

Owns the list and the judgement of licences. Reads no licence text, and knows no vulnerability (``advisories.py`` does).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = "viot-agent"
RULES = Path(__file__).with_name("licences.toml")
_ADDED = re.compile(r"\.dist-info/(?:INSTALLER|REQUESTED|RECORD|direct_url\.json)$|__pycache__/|^(?:\.\./|/)")
_WORD = re.compile(r"\s*(\(|\)|[^\s()]+)")


@dataclass(frozen=True)
class Part:
    """One installed distribution. ``licence``: an SPDX expression, "" where its metadata states none that we know;
    ``stated``: its own words. ``needs``: by extra ("" = always) what it needs of what is installed, with the extras it
    wants of that."""

    name: str
    version: str
    licence: str
    stated: str
    digest: str
    files: int
    needs: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]


def parts(found: Iterable[metadata.Distribution], names: Mapping[str, str]) -> dict[str, Part]:
    """The distributions by normalised name; of one that is found twice, the first, which is the one imported."""
    every: dict[str, metadata.Distribution] = {}
    for one in found:
        if one.metadata["Name"]:
            every.setdefault(canonicalize_name(one.metadata["Name"]), one)
    made = {}
    for name, one in sorted(every.items()):
        stated = stated_of(one)
        digest, files = _digest(one)
        made[name] = Part(
            one.metadata["Name"],
            one.version,
            expression_of(stated, names),
            " | ".join(stated),
            digest,
            files,
            _needs(one, every),
        )
    return made


def stated_of(one: metadata.Distribution) -> list[str]:
    """The licence in the package's own words: its SPDX expression, else its classifiers, else its old field's line."""
    said = one.metadata.json.get("license_expression")
    if said:
        return [f"spdx:{said}"]
    trove = [
        c.rpartition("::")[2].strip() for c in one.metadata.get_all("Classifier") or [] if c.startswith("License ::")
    ]
    if trove:
        return trove
    lines = str(one.metadata.json.get("license") or "").strip().splitlines()
    return [lines[0].strip()] if lines else []


def expression_of(stated: list[str], names: Mapping[str, str]) -> str:
    """An SPDX expression: as it was given, or by ``names``; all of several hold. "" for words that nobody knows."""
    made: list[str] = []
    for words in stated:
        if words.startswith("spdx:"):
            return words[5:]
        known = names.get(
            words, words if re.fullmatch(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*", words) else None
        )
        if known is None:
            return ""
        if known:
            made.append(known)
    return " AND ".join(dict.fromkeys(made))


def satisfied(expression: str, allowed: Iterable[str]) -> bool:
    """Whether the identifiers ``allowed`` let the expression pass: every side of AND and WITH, one side of OR. Raises
    ValueError for what is no SPDX expression."""
    known = set(allowed)
    words = _WORD.findall(expression)
    at = 0

    def either() -> bool:
        nonlocal at
        good = both()
        while at < len(words) and words[at].upper() == "OR":
            at += 1
            good = both() or good
        return good

    def both() -> bool:
        nonlocal at
        good = one()
        while at < len(words) and words[at].upper() in ("AND", "WITH"):
            at += 1
            good = one() and good
        return good

    def one() -> bool:
        nonlocal at
        if at >= len(words):
            raise ValueError(f"{expression!r} is no SPDX expression")
        word, at = words[at], at + 1
        if word != "(":
            return word in known
        good = either()
        if at >= len(words) or words[at] != ")":
            raise ValueError(f"{expression!r} is no SPDX expression")
        at += 1
        return good

    good = either()
    if at != len(words):
        raise ValueError(f"{expression!r} is no SPDX expression")
    return good


def refused(found: Mapping[str, Part], rules: Mapping[str, Any]) -> list[str]:
    """Why parts may not stand here, in sentences; and what the rules name that changed under them."""
    wrong = []
    for name, part in found.items():
        if name == ROOT:
            continue
        own = rules.get("packages", {}).get(name)
        if own is not None:
            if part.licence != own["licence"]:
                wrong.append(
                    f"{name} {part.version}: was let pass as {own['licence']}, and states {part.stated or 'none'}"
                )
        elif not part.licence:
            wrong.append(f"{name} {part.version}: states no licence that is known ({part.stated or 'none at all'})")
        elif not _lets(part.licence, rules):
            wrong.append(f"{name} {part.version}: {part.licence} is not allowed")
    return wrong


def _lets(licence: str, rules: Mapping[str, Any]) -> bool:
    try:
        return satisfied(licence, rules["allowed"])
    except ValueError:
        return False


def reached(found: Mapping[str, Part], root: str = ROOT) -> set[str]:
    """What ``root`` needs without any extra, itself among it."""
    todo, seen = [(root, "")], set[tuple[str, str]]()
    while todo:
        name, extra = todo.pop()
        if name in found and (name, extra) not in seen:
            seen.add((name, extra))
            for other, extras in found[name].needs.get(extra, ()):
                todo += [(other, e) for e in ("", *extras)]
    return {name for name, _ in seen}


def document(found: Mapping[str, Part], at: datetime) -> dict[str, Any]:
    """The CycloneDX document. Its serial number follows from what it lists."""
    core = reached(found)
    said = json.dumps([[n, p.version, p.digest] for n, p in found.items()])
    serial = uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(said.encode()).hexdigest())
    own = found.get(ROOT)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [{"type": "application", "name": ".ci/sbom.py"}]},
            "component": {
                "type": "application",
                "bom-ref": _ref(ROOT, own.version if own else ""),
                "name": ROOT,
                "version": own.version if own else "",
                "licenses": [{"expression": "Apache-2.0"}],
            },
            "properties": [
                {"name": "viot:python", "value": sys.version.split()[0]},
                {"name": "viot:platform", "value": sys.platform},
            ],
        },
        "components": [_component(n, p, n in core) for n, p in found.items() if n != ROOT],
        "dependencies": [
            {
                "ref": _ref(n, p.version),
                "dependsOn": [_ref(d, found[d].version) for d in sorted(_named(p, every=n == ROOT))],
            }
            for n, p in found.items()
        ],
    }


def _component(name: str, part: Part, core: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(name, part.version),
        "name": name,
        "version": part.version,
        "scope": "required" if core else "optional",
        "purl": _ref(name, part.version),
        "licenses": [{"expression": part.licence}]
        if part.licence
        else [{"license": {"name": part.stated or "none stated"}}],
        "properties": [{"name": "viot:files", "value": str(part.files)}],
    }
    if part.digest:
        made["hashes"] = [{"alg": "SHA-256", "content": part.digest}]
    return made


def _named(part: Part, *, every: bool) -> set[str]:
    """What a part needs: always, or with ``every`` for any extra of it, too."""
    return {name for extra, rows in part.needs.items() if every or not extra for name, _ in rows}


def _ref(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _digest(one: metadata.Distribution) -> tuple[str, int]:
    """(sha256 over the sha256s of the wheel's files, how many); ("", 0) where it has no RECORD."""
    rows = sorted(
        f"{f.as_posix()} {f.hash.value}"
        for f in one.files or ()
        if f.hash is not None and f.hash.mode == "sha256" and not _ADDED.search(f.as_posix())
    )
    return (hashlib.sha256("\n".join(rows).encode()).hexdigest(), len(rows)) if rows else ("", 0)


def _needs(one: metadata.Distribution, every: Mapping[str, Any]) -> dict[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    rows: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for line in one.requires or ():
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue  # written by a tool older than the rule; pip does not follow it either
        name = canonicalize_name(wanted.name)
        if name not in every:
            continue
        offered = ["", *(one.metadata.get_all("Provides-Extra") or [])]
        for extra in [e for e in offered if wanted.marker is None or wanted.marker.evaluate({"extra": e})]:
            rows.setdefault(extra, []).append((name, tuple(sorted(wanted.extras))))
            if not extra:
                break
    return {extra: tuple(named) for extra, named in rows.items()}


def main(arguments: list[str]) -> int:
    """Write the list, judge the licences; exit status."""
    ask = argparse.ArgumentParser(description="parts list (CycloneDX) and licences of the installed environment")
    ask.add_argument("--out", type=Path, help="where the list goes; left out: it is not written")
    ask.add_argument("--rules", type=Path, default=RULES)
    given = ask.parse_args(arguments)
    rules = tomllib.loads(given.rules.read_text("utf-8"))
    found = parts(metadata.distributions(), rules["names"])
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    at = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    if given.out is not None:
        given.out.write_text(json.dumps(document(found, at), indent=1) + "\n", "utf-8")
    core, wrong = reached(found), refused(found, rules)
    print(f"licences: {len(found)} packages ({len(core)} without extras); {len(wrong)} refused")
    for words in wrong:
        print(f"  {words}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
