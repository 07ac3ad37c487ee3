"""Any transformers causal language model as an agent model, with an optional LoRA adapter, under a grammar.

The grammar is built from the tools bound to the model: a step that names no tool, or breaks its argument schema, cannot
be produced (llguidance, NumPy masks). The weights come from the model hub at a pinned revision or from a local folder
(a path, or ``VIOT_MODELS/NAME``); nothing is downloaded when ``HF_HUB_OFFLINE`` is set.

Owns generation, and how a chat becomes one text (:func:`prompt_text`, shared with training, so that what a model was
tuned on is what it is asked). The step text is ``viot_agent.react``'s; prompts are ``viot_agent.agent.prompt``'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict

from viot_agent.cancel import cancelled
from viot_agent.errors import FailedFault, UserFault
from viot_agent.llm.messages import to_chat, to_message
from viot_agent.react import parse
from viot_agent.toolbox import Toolbox
from viot_agent.toolbox.contract import Kind

# what react.render writes: the grammar must not force another spacing than the text a model was tuned on
_JSON = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_ASK = {
    "type": "object",
    "properties": {
        "missing": {"type": "array", "items": {"enum": [k for k in get_args(Kind) if k != "scene"]}, "maxItems": 4},
        "question": {"type": "string", "maxLength": 400},
    },
    "required": ["missing", "question"],
    "additionalProperties": False,
}
# a role and its text on lines of their own: no token can reach over the place where the model begins to write
_PLAIN_TEMPLATE = (
    "{% if bos_token %}{{ bos_token }}{% endif %}"
    "{% for m in messages %}{{ m['role'] }}:\n{{ m['content'] }}"
    "{% if m['role'] == 'assistant' and eos_token %}{{ eos_token }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:\n{% endif %}"
)


def prompt_text(tokenizer: Any, chat: Sequence[dict[str, str]]) -> str:
    """What the model reads before it writes the next step: its own chat template, else the plain ReAct one.

    Signs by which the template opens and closes turns are broken where they stand in a message: a name or a plate that
    spells one opens no turn. Raises FailedFault when the model's template does not take such a chat (for instance
    without a system role).
    """
    from jinja2.exceptions import TemplateError

    template = None if getattr(tokenizer, "chat_template", None) else _PLAIN_TEMPLATE
    try:
        text: str = tokenizer.apply_chat_template(
            [{**m, "content": _broken(m["content"], _signs(tokenizer))} for m in chat],
            tokenize=False,
            add_generation_prompt=True,
            chat_template=template,
        )
    except TemplateError as error:
        raise FailedFault(
            f"the model's chat template does not take this chat: {error}", fix="choose a model with a system role"
        ) from error
    return text


def _signs(tokenizer: Any) -> tuple[str, ...]:
    """The tokens that mean something to the model and are no words, the longest first."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    found = {*getattr(tokenizer, "all_special_tokens", ()), *(str(t) for t in added if t.special)}
    return tuple(sorted(filter(None, found), key=len, reverse=True))


def _broken(text: str, signs: Sequence[str]) -> str:
    for sign in signs:
        text = text.replace(sign, f"{sign[0]} {sign[1:]}".rstrip())
    return text


def model_folder(name: str) -> str:
    """The local folder ``VIOT_MODELS/NAME`` where there is one, else the name itself."""
    local = os.environ.get("VIOT_MODELS")
    return str(Path(local) / name) if local and (Path(local) / name).is_dir() else name


def step_grammar(toolbox: Toolbox) -> str:
    """The Lark grammar of one ReAct step over these tools, for llguidance."""
    acts, rules = [], []
    for number, spec in enumerate(toolbox):
        schema = {**_bounded(spec.schema()), "x-guidance": _JSON}
        acts.append(f'"{spec.name}\\nAction Input: " args_{number}')
        rules.append(f"args_{number}: %json {json.dumps(schema, ensure_ascii=False)}")
    ask = json.dumps({**_ASK, "x-guidance": _JSON})
    lines = [
        'start: "Thought: " LINE "\\n" (act | finish | ask)',
        f'act: "Action: " ({" | ".join(acts)})' if acts else 'act: "Action: none"',
        'finish: "Final Answer: " ANSWER',
        'ask: "Ask Back: " askargs',
        f"askargs: %json {ask}",
        *rules,
        "LINE: /[^\\n]{1,400}/",
        "ANSWER: /[^\\n]{1,600}/",
    ]
    return "\n".join(lines)


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without descriptions (the grammar needs only the shape; lengths are already bounded)."""
    if isinstance(schema, dict):
        return {k: _bounded(v) for k, v in schema.items() if k != "description" or isinstance(v, dict)}
    return schema


class HFChat(BaseChatModel):
    """A causal language model that writes one ReAct step a call. Greedy by default: the same request, the same step."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Any
    tokenizer: Any
    toolbox: Toolbox
    max_new_tokens: int = 512
    grammar: bool = True

    @property
    def _llm_type(self) -> str:
        return "hf"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> HFChat:  # type: ignore[override]
        """The same model over the bound tools only."""
        names = {getattr(t, "name", None) for t in tools}
        return self.model_copy(update={"toolbox": Toolbox(s for s in self.toolbox if s.name in names)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """One step. Raises ParseFault when the text is no step (only without a grammar)."""
        import torch

        prompt = prompt_text(self.tokenizer, to_chat(messages))
        ids = self.tokenizer(prompt, return_tensors="pt", add_special_tokens=False).to(self.model.device)
        length = ids["input_ids"].shape[1]
        limit = getattr(self.model.config, "max_position_embeddings", None)
        if limit is not None and length + 64 > limit:
            raise UserFault(
                f"the prompt has {length} tokens; this model reads {limit}",
                fix="choose a model with a longer context, or fewer tools",
            )
        budget = self.max_new_tokens if limit is None else min(self.max_new_tokens, limit - length)
        processors = [_Mask(self.tokenizer, self.model.config.vocab_size, self.toolbox)] if self.grammar else []
        with torch.inference_mode():
            out = self.model.generate(
                **ids,
                max_new_tokens=budget,
                do_sample=False,
                logits_processor=processors,
                stopping_criteria=[_stop],
                pad_token_id=self.tokenizer.pad_token_id or self.tokenizer.eos_token_id,
            )
        text = self.tokenizer.decode(out[0, length:], skip_special_tokens=True)
        return ChatResult(generations=[ChatGeneration(message=to_message(parse(text)))])


def _stop(ids: Any, scores: Any, **_: Any) -> Any:
    """Transformers' stopping criterion: end at the next token once the run is stopped."""
    import torch

    return torch.full((ids.shape[0],), cancelled(), device=ids.device, dtype=torch.bool)


class _Mask:
    """A logits processor for one ``generate`` call of batch size one."""

    def __init__(self, tokenizer: Any, vocabulary: int, toolbox: Toolbox) -> None:
        import llguidance
        import llguidance.hf
        import llguidance.numpy as masks

        self._masks = masks
        table = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary)
        self._matcher = llguidance.LLMatcher(table, llguidance.LLMatcher.grammar_from_lark(step_grammar(toolbox)))
        if self._matcher.is_error():
            raise FailedFault(f"the step grammar is broken: {self._matcher.get_error()}")
        self._bits = masks.allocate_token_bitmask(1, table.vocab_size)
        self._first = True

    def __call__(self, ids: Any, scores: Any) -> Any:
        import torch

        if not self._first:
            self._matcher.consume_token(int(ids[0, -1]))
        self._first = False
        self._masks.fill_next_token_bitmask(self._matcher, self._bits, 0)
        allowed = np.unpackbits(self._bits.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[1]]
        return scores.masked_fill(torch.from_numpy(allowed == 0).to(scores.device), float("-inf"))


def load_hf(name: str, toolbox: Toolbox, adapter: str | None = None, revision: str | None = None) -> HFChat:
    """Load model, tokenizer and adapter (safetensors only). Raises FailedFault naming what is missing, UserFault for an
    adapter that is damaged or of another base."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = model_folder(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
        model = AutoModelForCausalLM.from_pretrained(name, revision=revision, use_safetensors=True, dtype="auto")
    except (OSError, ValueError) as error:
        raise FailedFault(
            f"the language model {name} cannot be loaded: {str(error).splitlines()[0]}",
            fix=f"check the name and the network, or put the model's folder at VIOT_MODELS/{name}",
        ) from error
    if adapter is not None:
        from peft import PeftModel
        from safetensors import SafetensorError

        if not (Path(adapter) / "adapter_config.json").is_file():
            raise UserFault(f"{adapter} holds no adapter", fix="name the folder with adapter_config.json in it")
        try:
            model = PeftModel.from_pretrained(model, adapter)
        except (OSError, ValueError, TypeError, LookupError, RuntimeError, SafetensorError) as error:
            # what is wrong with an adapter's files shows as whichever of these their reader met first
            why = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise UserFault(
                f"the adapter {adapter} cannot be loaded: {why}",
                fix="name a whole adapter that was trained on this base",
            ) from error
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    return HFChat(model=model, tokenizer=tokenizer, toolbox=toolbox)
