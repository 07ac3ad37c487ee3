"""The ``viot`` command (Typer), thin: words in, one call on ``viot_agent.system``, words or JSON out."""

from viot_agent.cli.app import main

__all__ = ["main"]
