"""Any OpenAI-compatible server (vLLM, llama.cpp, Ollama, ...) with native tool calls.

The client is LangChain's. What is ours: the pseudo-tool ``ask_user`` that lets such a model ask back, and errors in
words. The key comes from ``OPENAI_API_KEY`` (local servers take any).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

from viot_agent.errors import BackendFault, FailedFault
from viot_agent.llm.messages import to_message
from viot_agent.react import AskBack

ASK_USER = {
    "type": "function",
    "function": {
        "name": "ask_user",
        "description": "Ask the person for something the tools need and the request does not say.",
        "parameters": {
            "type": "object",
            "properties": {
                "missing": {"type": "array", "items": {"enum": ["person", "cameras", "time", "plate"]}},
                "question": {"type": "string"},
            },
            "required": ["missing", "question"],
        },
    },
}


class ServedChat(BaseChatModel):
    """A served model; ``client`` is any LangChain chat model with native tool calls."""

    client: Any
    url: str
    tools: tuple[dict[str, Any], ...] = ()

    @property
    def _llm_type(self) -> str:
        return "openai"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> ServedChat:  # type: ignore[override]
        """The same model with these tools and ``ask_user``."""
        return self.model_copy(update={"tools": (*(convert_to_openai_tool(t) for t in tools), ASK_USER)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """One turn. Raises BackendFault when the server does not answer."""
        import openai

        client = self.client.bind_tools(list(self.tools)) if self.tools else self.client
        try:
            message = client.invoke(messages)
        except openai.OpenAIError as error:
            raise BackendFault(
                f"the language model server at {self.url} did not answer: {error}",
                fix="start the server, or choose another --llm",
            ) from error
        ask = next((c for c in message.tool_calls if c["name"] == "ask_user"), None)
        if ask is not None:
            missing = tuple(str(m) for m in ask["args"].get("missing", ()))
            message = to_message(AskBack(str(message.content), missing, str(ask["args"].get("question", ""))))
        elif not isinstance(message, AIMessage):
            raise BackendFault(f"the language model server at {self.url} gave no assistant message")
        return ChatResult(generations=[ChatGeneration(message=message)])


def load_openai(url: str, model: str) -> ServedChat:
    """A client for the server. Raises FailedFault with the command when the client library is missing."""
    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise FailedFault(
            "the client for served models is not installed", fix="pip install 'viot-agent[openai]'"
        ) from error
    key: Any = os.environ.get("OPENAI_API_KEY", "none")
    return ServedChat(client=ChatOpenAI(base_url=url, model=model, api_key=key, temperature=0, max_retries=2), url=url)
