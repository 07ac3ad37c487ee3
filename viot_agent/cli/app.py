"""The command tree. Rooms add their own commands by entry points (``viot_agent.commands``: ``register(app)``).

Exit codes: 0 answered, cannot tell or needs input; 2 the person's input; 3 a backend, or a run that is incomplete or
was stopped; 4 policy.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import typer
from rich.console import Console

from viot_agent import __version__
from viot_agent.cli import (
    access,
    alerts,
    ask,
    audit,
    bench,
    cameras,
    chat,
    doctor,
    index,
    library,
    models,
    people,
    purge,
    serve,
    tools,
    watch,
)
from viot_agent.errors import ViotError

# Typer carries a click of its own: its base error is reached through the public one
UsageProblem: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="viot",
    help="Ask your cameras in plain language; get an answer with evidence, or an honest 'cannot tell'.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cameras.app, name="camera")
app.add_typer(people.app, name="person")
app.add_typer(models.app, name="models")
app.add_typer(library.app, name="library")
app.add_typer(alerts.app, name="alert")
app.add_typer(access.app, name="access")
app.add_typer(audit.app, name="audit")
app.add_typer(purge.app, name="purge")
app.add_typer(serve.app, name="serve")
app.add_typer(tools.app, name="tools")
app.command("index")(index.index)
app.command("watch")(watch.watch)
app.command("ask")(ask.ask)
app.command("chat")(chat.chat)
app.command("doctor")(doctor.doctor)
app.command("bench", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bench.bench)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"viot {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Common options."""


@cache
def tree() -> Callable[..., object]:
    """The commands of all installed rooms; built once, for reading every signature takes half a second."""
    for point in sorted(entry_points(group="viot_agent.commands"), key=lambda p: p.name):
        point.load()(app)
    return typer.main.get_command(app)


def main(argv: list[str] | None = None) -> None:
    """Run ``viot``; ends the process with the exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: list[str]) -> int:
    """Run and give the exit code; every error on purpose becomes one sentence on stderr."""
    logging.basicConfig(level=logging.WARNING, format="viot: %(message)s", stream=sys.stderr)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        code = tree()(args=argv, prog_name="viot", standalone_mode=False)
    except ViotError as error:
        console.print(f"viot: {error}", style="bold red", markup=False)
        return error.exit_code
    except typer.Exit as stop:
        return int(stop.exit_code)
    except UsageProblem as error:
        show = getattr(error, "format_message", None)
        words = show() if show is not None else str(error)
        if words:
            console.print(f"viot: {words}", style="bold red", markup=False)
        dashed = next((a for a in argv if a.startswith("-") and a != "--" and Path(a).exists()), None)
        hint = f"for the file {dashed} write ./{dashed}, or put -- before it" if dashed else "viot --help"
        console.print(f"viot: {hint}", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("viot: stopped; what was finished is kept", markup=False)
        return 130
    except typer.Abort:
        return 130
    return int(code) if isinstance(code, int) else 0
