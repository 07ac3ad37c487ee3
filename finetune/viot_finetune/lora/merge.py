"""An adapter merged into its base and exported as safetensors; the merged model must compute what the pair computed.

Owns the merge and its check.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from viot_agent.errors import FailedFault, UserFault
from viot_agent.foreign import read_json
from viot_agent.llm.hf import model_folder
from viot_finetune.lora.card import write_card

TOLERANCE = 1e-3
_PROBE = "Thought: A tool is needed: face_recognition.\nAction: face_recognition\nAction Input: {}\n"


def merge(adapter: Path, out: Path, base: str | None = None, probe: str = _PROBE) -> float:
    """Merge and export; returns the largest difference of logits before and after, read back from the files.

    ``base`` is the one that the adapter names, unless given. Raises UserFault for a folder without adapter, FailedFault
    when the exported model computes something else (more than TOLERANCE); the export is then not left behind.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = adapter / "adapter_config.json"
    if not config.is_file():
        raise UserFault(f"{adapter} holds no adapter", fix="name the folder with adapter_config.json in it")
    try:
        named = base or read_json(config.read_bytes())["base_model_name_or_path"]
        if not isinstance(named, str):
            raise TypeError(f"the base is {named!r:.80}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserFault(f"{config} is damaged: {error}", fix="name the base with --base") from error
    name = model_folder(named)
    try:
        # float32: rounding to bfloat16 after the addition would change what the model computes
        model = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise FailedFault(
            f"the base {name} cannot be loaded: {str(error).splitlines()[0]}", fix="name its folder with --base"
        ) from error
    pair = PeftModel.from_pretrained(model, str(adapter)).eval()
    ids = tokenizer(probe, return_tensors="pt", add_special_tokens=False)["input_ids"]
    before = _logits(pair, ids)
    merged = pair.merge_and_unload()
    merged.save_pretrained(out, safe_serialization=True)
    tokenizer.save_pretrained(out)
    after = _logits(AutoModelForCausalLM.from_pretrained(out, use_safetensors=True, dtype=torch.float32).eval(), ids)
    worst = float((before - after).abs().max())
    if not worst <= TOLERANCE:
        for file in out.glob("*.safetensors"):
            file.unlink()
        raise FailedFault(
            f"the merged model's logits differ by {worst:.2g} (at most {TOLERANCE:g}); the weights were taken away",
            fix="serve the adapter instead: hf:BASE+adapter=PATH",
        )
    card = json.loads((adapter / "card.json").read_text("utf-8")) if (adapter / "card.json").is_file() else {}
    facts = {"base": name, "adapter": str(adapter), "largest_logit_difference": worst, "adapter_card": card}
    write_card(out, f"{adapter.name} merged into {name}", facts, f"hf:{out}")
    return worst


def _logits(model: Any, ids: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=ids).logits.float()
