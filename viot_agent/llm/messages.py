"""Between LangChain messages and ReAct steps: the one place where either becomes the other."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from viot_agent.react import Act, AskBack, Finish, ReactStep, render, render_observation
from viot_agent.steps import new_id


def to_message(step: ReactStep) -> AIMessage:
    """A parsed step as the agent graph wants it; the canonical text rides along for logs and training."""
    text = render(step)
    if isinstance(step, Act):
        call = {"name": step.tool, "args": dict(step.args), "id": new_id("call"), "type": "tool_call"}
        return AIMessage(content=step.thought, tool_calls=[call], additional_kwargs={"react": text, "kind": "act"})
    if isinstance(step, AskBack):
        extra = {"react": text, "kind": "ask", "missing": list(step.missing), "thought": step.thought}
        return AIMessage(content=step.question, additional_kwargs=extra)
    return AIMessage(content=step.text, additional_kwargs={"react": text, "kind": "finish", "thought": step.thought})


def to_chat(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """Messages as roles and ReAct text: steps are the assistant's words, observations come back as the user's."""
    chat: list[dict[str, str]] = []
    for message in messages:
        if isinstance(message, SystemMessage):
            chat.append({"role": "system", "content": str(message.content)})
        elif isinstance(message, HumanMessage):
            chat.append({"role": "user", "content": str(message.content)})
        elif isinstance(message, AIMessage):
            chat.append({"role": "assistant", "content": _react_text(message)})
        elif isinstance(message, ToolMessage):
            chat.append({"role": "user", "content": render_observation(str(message.content))})
    return chat


def _react_text(message: AIMessage) -> str:
    text = message.additional_kwargs.get("react")
    if isinstance(text, str):
        return text
    if message.tool_calls:
        call = message.tool_calls[0]
        return render(Act(str(message.content), call["name"], call["args"]))
    return render(Finish("", str(message.content))) if str(message.content).strip() else str(message.content)
