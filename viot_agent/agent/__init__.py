"""The agent: the LangChain graph, its middleware, grounding, and the writing of answers and evidence."""

from viot_agent.agent.limits import Limits
from viot_agent.agent.runner import Agent

__all__ = ["Agent", "Limits"]
