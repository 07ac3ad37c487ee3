"""The ways in for other software: REST (``viot serve http``) and MCP (``viot serve mcp``).

Everything a caller does ends as a Request of the agent, under the same policy and audit as ``viot ask``; what the two
servers add is who asks, how often, how large, and how evidence leaves. Knows no tool by name.
"""
