"""``viot bench NAME``: benches of all rooms (entry points ``viot_agent.benches``), one shape of output."""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from viot_agent.errors import UserFault


def bench(
    name: Annotated[str, typer.Argument(help="Which bench; an unknown name lists them.")],
    data: Annotated[Path, typer.Option("--data", help="A folder laid out like ../shared/data.")] = Path(
        "../shared/data"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="A small part, to see that it runs.")] = False,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here too.")] = None,
    readme: Annotated[Path | None, typer.Option("--readme", help="Write the table between its marks there.")] = None,
) -> None:
    """Measure and print a table with floors and 95 % intervals."""
    from dataclasses import replace

    points = {p.name: p for p in entry_points(group="viot_agent.benches")}
    if name not in points:
        raise UserFault(f"there is no bench {name!r}", fix=f"the benches are {', '.join(sorted(points))}")
    if not data.is_dir():
        raise UserFault(f"there is no folder {data}", fix="name one with --data; its layout is in the README")
    command = shlex.join(["viot", *sys.argv[1:]])
    report = replace(points[name].load()(data, quick=quick, seed=seed), command=command)
    report.print(Console(width=160 if not sys.stdout.isatty() else None))
    if json_file is not None:
        report.write_json(json_file)
    if readme is not None:
        report.write_readme(readme, name)
