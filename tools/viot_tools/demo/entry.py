"""``viot demo`` on the command line: registered at every start of ``viot``, so the demo is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add ``viot demo``."""
    app.command("demo")(demo)


def demo(
    home: Annotated[Path, typer.Option("--home", help="The demo's own folder; made, and remade, by the demo.")] = Path(
        "viot-demo"
    ),
    out: Annotated[Path | None, typer.Option("--out", help="For answers; left out: HOME/answers.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="A folder of your own videos instead.")] = None,
    llm: Annotated[
        str, typer.Option("--llm", help="mini[:FILE], hf:NAME[+adapter=PATH], or openai:URL#MODEL.")
    ] = "mini",
    keep: Annotated[bool, typer.Option("--keep", help="Ask the library that the last run left; make nothing.")] = False,
) -> None:
    """Make a small fleet of cameras, index it, ask it in words and check the answers; no network needed."""
    from rich.console import Console

    from viot_tools.demo.command import Demo

    console = Console(highlight=False, soft_wrap=True)
    started = Demo(home, out, llm, keep, console)
    code = started.on_folder(data) if data is not None else started.on_made_footage()
    raise typer.Exit(code)
