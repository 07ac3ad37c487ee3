"""Chat models behind LangChain's ``BaseChatModel``: embedded, transformers (+ adapter), OpenAI-compatible servers."""

from viot_agent.llm.load import LoadedModel, load_llm

__all__ = ["LoadedModel", "load_llm"]
