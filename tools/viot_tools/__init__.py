"""The vision tools of VIoT Agent: everything that looks at pixels, and no agent code.

Tools and analyzers are found by entry points (``viot_agent.tools``, ``viot_agent.analyzers``); importing this
package loads no model.
"""
