"""The model picker's words: which language models are offered, and what runs where with each.

Owns these words. Loads nothing.
"""

from __future__ import annotations

import html
import re

from viot_agent.web.bubbles import short_llm
from viot_agent.web.options import Options


def model_choices(options: Options) -> list[tuple[str, str]]:
    """(label, spec) of what the server offers."""
    return [(f"{short_llm(spec)} ({place(spec)})", spec) for spec in options.llms]


def place(spec: str) -> str:
    """Where a model of this spec runs, in a few words."""
    if spec == "mini":
        return "built in, this machine"
    if spec.startswith("mini:"):
        return "built in, weights of your own, this machine"
    if spec.startswith("hf:"):
        return "transformers, this machine"
    found = re.match(r"openai:https?://([^/#]+)", spec)
    return f"server {found[1]}" if found else "unknown"


def model_words(spec: str, tier: str) -> str:
    """What runs where with this model."""
    tools = f"Vision: tools of the tier <strong>{html.escape(tier)}</strong>, always on this machine."
    if spec == "mini" or spec.startswith("mini:"):
        model = "Language: <strong>mini</strong>, built in; offline, on the CPU. Your words do not leave this machine."
    elif spec.startswith("hf:"):
        name, _, adapter = spec.removeprefix("hf:").partition("+adapter=")
        with_adapter = f" with the adapter {html.escape(adapter)}" if adapter else ""
        model = (
            f"Language: <strong>{html.escape(name)}</strong>{with_adapter}, by transformers on this machine; fetched "
            "once from its hub unless its folder is here."
        )
    elif (found := re.match(r"openai:(https?://[^#]+)#(.+)", spec)) is not None:
        model = (
            f"Language: <strong>{html.escape(found[2])}</strong> on the server {html.escape(found[1])}. Your words and "
            "what the tools observed go there; pictures and videos do not."
        )
    else:
        model = "Write mini, hf:NAME[+adapter=PATH] or openai:URL#MODEL."
    return f'<p class="viot-small">{model}</p><p class="viot-small">{tools}</p>'
