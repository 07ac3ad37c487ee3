"""VIoT Agent: ask your cameras in plain language, get an answer with evidence.

This package is the agent: everything a request passes through. It holds no vision code; tools reach it
through the entry-point group ``viot_agent.tools``, exactly as a stranger's tool would.
"""

__version__ = "0.1.0"
