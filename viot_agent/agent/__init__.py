"""The agent: the LangChain graph (``runner``), its middleware, grounding, and the writing of evidence.

Nothing is imported here: LangChain costs two seconds, and grounding alone needs none of it.
"""
