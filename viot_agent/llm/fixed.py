"""``FixedCall``: a chat model that makes one call, decided by a person at a form, and then finishes.

With it a tool that is chosen by hand runs through the same agent as one that a language model chose: policy, limits,
typed faults, evidence and audit are the same, and the record has the same form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from viot_agent.llm.messages import to_message
from viot_agent.react import Act, Finish


class FixedCall(BaseChatModel):
    """Calls ``tool`` with ``args`` once; the answer is what was observed, in the tool's own words."""

    tool: str
    args: Mapping[str, Any]

    @property
    def _llm_type(self) -> str:
        return "form"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> FixedCall:  # type: ignore[override]
        """The same: the call is given."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        done = any(isinstance(m, ToolMessage) for m in messages)
        step = Finish("It is done.", "") if done else Act("Chosen by hand.", self.tool, dict(self.args))
        return ChatResult(generations=[ChatGeneration(message=to_message(step))])
