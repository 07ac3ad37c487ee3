"""From a ``--llm`` word to a chat model.

=====================================  ==================================================================
``mini[:FILE]``                        the embedded model, offline, CPU; with the weights in FILE instead of its own
``hf:NAME[+adapter=PATH][@REVISION]``  any transformers causal language model, with an optional LoRA adapter
``openai:URL#MODEL``                   any OpenAI-compatible server (vLLM, llama.cpp, Ollama), native tool calls
=====================================  ==================================================================

Heavy libraries are imported only for the model that needs them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from viot_agent.errors import UserFault
from viot_agent.toolbox import Toolbox

HELP = "use mini[:FILE], hf:NAME[+adapter=PATH], or openai:URL#MODEL"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A chat model, its name for the run record, and whether it reads and writes the ReAct text."""

    model: BaseChatModel
    name: str
    react: bool


def load_llm(spec: str, toolbox: Toolbox) -> LoadedModel:
    """Load. Raises UserFault for a spec that cannot be read, FailedFault with the command when a part is missing."""
    if spec == "mini":
        from viot_agent.llm.mini.model import MiniChat

        return LoadedModel(MiniChat(toolbox=toolbox), "mini", True)
    if spec.startswith("mini:"):
        from viot_agent.llm.mini.model import MiniChat

        return LoadedModel(MiniChat(toolbox=toolbox, weights=_weights(Path(spec[len("mini:") :]))), spec, True)
    match = re.fullmatch(r"hf:(?P<name>[^+@]+)(?:@(?P<revision>[\w.-]+))?(?:\+adapter=(?P<adapter>.+))?", spec)
    if match:
        from viot_agent.llm.hf import load_hf

        return LoadedModel(load_hf(match["name"], toolbox, match["adapter"], match["revision"]), spec, True)
    match = re.fullmatch(r"openai:(?P<url>https?://[^#\s]+)#(?P<model>\S+)", spec)
    if match:
        from viot_agent.llm.openai import load_openai

        return LoadedModel(load_openai(match["url"], match["model"]), spec, False)
    raise UserFault(f"--llm {spec!r} cannot be read", fix=HELP)


def _weights(path: Path) -> Path:
    """A file that mini can be made of. Raises UserFault."""
    if not path.is_file():
        raise UserFault(f"there are no weights at {path}", fix="name a mini.safetensors (python -m viot_finetune.mini)")
    return path
