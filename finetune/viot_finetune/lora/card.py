"""The card beside an adapter or a tuned model: data and its hashes, recipe, command, metrics, versions.

Written by the run that made the weights; ``card.json`` for programs, ``README.md`` for people. Owns the form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers", "peft", "accelerate", "tokenizers")}


def weights_of(folder: Path) -> dict[str, str]:
    """sha256 of every safetensors file in a folder."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.safetensors"))}


def write_card(folder: Path, title: str, card: Mapping[str, Any], serve: str) -> None:
    """Write ``card.json`` and ``README.md`` into the folder. ``serve`` is the word for ``--llm``."""
    record = {**card, "weights_sha256": weights_of(folder), "versions": versions()}
    (folder / "card.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
    lines = [f"# {title}", "", f"Use it: `viot ask --llm {serve} ...`", ""]
    for name, value in record.items():
        if isinstance(value, Mapping):
            lines += [f"- {name}:", *(f"  - {k}: {_cell(v)}" for k, v in value.items())]
        else:
            lines.append(f"- {name}: {_cell(value)}")
    lines += [
        "",
        "Limits: English; tuned on this project's tools and on phrasings written by language-model authors.",
        "The licence of the base model holds for what is made from it; the phrasings are Apache-2.0.",
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), "utf-8")


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else f"`{json.dumps(value, ensure_ascii=False)}`"
