"""Video question answering: questions by type, typed programs over what the library knows, and video LLMs."""
