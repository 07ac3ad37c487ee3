"""Chat models behind LangChain's ``BaseChatModel``: embedded, transformers (+ LoRA adapter), OpenAI-compatible servers."""
