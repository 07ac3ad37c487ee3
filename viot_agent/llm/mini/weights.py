"""What training ships of ``mini``, as it is read from its file. Owns the file's format; runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from viot_agent.errors import FailedFault, WeightsMissing
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.storage import unpacked

Array = npt.NDArray[np.float32]
FORMAT = "mini-5"
"""Of the file, in its metadata."""
JUDGE = "judge/"
"""Where the judge of conditions lies in it."""
PARTS_OF_JUDGE = {"inner.weight", "inner.bias", "outer.weight", "outer.bias"}
"""Of its head; its adapter lies beside them."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The nets that decide together, each with the decoder's arrays and the adapter's (``lora.*``); the adapters'
    scale, and the words of the training requests, most frequent first (what misspelt words are read as). ``thought``:
    whether steps begin with the tools that remain; weights without are trained for comparison only."""

    nets: tuple[dict[str, Array], ...]
    scale: float
    words: tuple[str, ...] = ()
    thought: bool = True
    judge: dict[str, Array] | None = None
    """Of conditions: its adapter (``lora.*``) and head; None in weights for comparison, where it was not fitted."""
    without: tuple[str, ...] = ()
    """Tools with a card that they have not met: those kept from weights for comparison."""

    @classmethod
    def load(cls, path: Path = assets.DECODER) -> Weights:
        """Read ``mini.safetensors``. Raises WeightsMissing when it is not there, FailedFault for a file of another
        kind."""
        if not path.is_file():
            raise WeightsMissing(
                f"the decoder of the embedded model is not at {path}",
                fix="reinstall viot-agent, or: python -m viot_finetune.mini --data datasets/viot_instruct",
            )
        try:
            with safe_open(path, "np") as file:
                meta = file.metadata() or {}
        except SafetensorError as error:
            raise FailedFault(f"{path} cannot be read: {error}", fix="name a mini.safetensors") from error
        if meta.get("format") != FORMAT:
            raise FailedFault(f"{path} holds no weights of mini ({FORMAT})", fix="name a mini.safetensors")
        words = tuple(meta.get("words", "").split())
        scale, thought = float(meta.get("lora_scale", "1")), meta.get("thought", "yes") == "yes"
        arrays = load_file(path)
        judge = {f"0/{k.removeprefix(JUDGE)}": arrays.pop(k) for k in [k for k in arrays if k.startswith(JUDGE)]}
        try:
            nets, fitted = unpacked(arrays), unpacked(judge)
        except (KeyError, ValueError) as error:
            raise FailedFault(f"{path} is damaged: {error}", fix="name a whole mini.safetensors") from error
        if not nets:
            raise FailedFault(f"{path} holds no net", fix="name a whole mini.safetensors")
        lost = ", ".join(sorted(PARTS_OF_JUDGE - fitted[0].keys())) if fitted else ""
        if fitted and not lost and not any(name.startswith("lora.") for name in fitted[0]):
            lost = "an adapter"
        if lost:
            raise FailedFault(f"{path} is damaged: its judge lacks {lost}", fix="name a whole mini.safetensors")
        without = tuple(meta.get("without", "").split())
        return cls(nets, scale, words, thought, fitted[0] if fitted else None, without)
