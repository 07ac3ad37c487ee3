"""What a run leaves: the net (safetensors, a short card inside), ``card.json`` for programs, ``README.md`` for people.

Owns the form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viot_tools.faces.nets.base import FaceNet

FILE = "net.safetensors"


def leave(net: FaceNet, out: Path, facts: Mapping[str, Any]) -> Path:
    """Write the three files into ``out``; the path of the net."""
    from viot_agent.weights.store import sha256
    from viot_tools.faces.nets.build import save_net

    path = out / FILE
    short = {
        "data": facts["data"]["source"],
        "people": str(facts["data"]["people"]),
        "updates": f"{facts['updates']} of {facts['updates_of_the_preset']}",
        "preset": facts["preset"]["name"],
        "loss": facts["preset"]["loss"],
        "wrong_labels": str(facts["wrong_labels"]),
        "seed": str(facts["seed"]),
        "command": facts.get("command", ""),
    }
    save_net(net, path, **short)
    card = {
        **facts,
        "net": {"backbone": net.name, "options": net.options, "dim": net.dim, "file": FILE, "sha256": sha256(path)},
        "versions": {name: version(name) for name in ("torch", "accelerate", "safetensors", "numpy")},
    }
    (out / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
    lines = [
        f"# {net.name} trained with {facts['preset']['loss']}",
        "",
        "Load it: `from viot_tools.faces.nets.build import load_net; net = load_net(Path('net.safetensors'))`.",
        "It takes aligned 112x112 RGB faces, 0..255; its vectors are compared by cosine after normalisation.",
        "",
    ]
    for name, value in card.items():
        lines.append(f"- {name}: {value if isinstance(value, str) else f'`{json.dumps(value, ensure_ascii=False)}`'}")
    lines += ["", "The terms of the training data hold for what is made from them.", ""]
    (out / "README.md").write_text("\n".join(lines), "utf-8")
    return path
