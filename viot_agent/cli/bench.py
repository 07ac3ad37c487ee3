"""``viot bench NAME``: benches of all rooms (entry points ``viot_agent.benches``), one shape of output.

A bench is a function ``bench(data, *, quick, seed, ...) -> Report``. Whatever keywords it takes besides become its own
options (``llm: Annotated[str, "help"] = "mini"`` is ``--llm``), so that benches can have options without knowing each
other; one whose ``data`` may be None runs without ``--data``.
"""

from __future__ import annotations

import argparse
import inspect
import shlex
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from viot_agent.errors import UserFault

DATA = Path("../shared/data")
_COMMON = ("data", "quick", "seed")


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which bench; an unknown name lists them. Its own options follow it.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="A folder laid out like ../shared/data, where the bench needs one.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small part, to see that it runs.")] = False,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here too.")] = None,
    readme: Annotated[Path | None, typer.Option("--readme", help="Write the table between its marks there.")] = None,
) -> None:
    """Measure and print a table with floors and 95 % intervals.

    Options of single benches stand behind its name: ``viot bench tools --suite viot-tool --llm mini``.
    ``viot bench NAME --options`` lists them.
    """
    from dataclasses import replace

    points = {p.name: p for p in entry_points(group="viot_agent.benches")}
    if name not in points:
        fix = f"the benches are {', '.join(sorted(points))}"
        raise UserFault(f"there is no bench {name!r}", fix=fix + ("; name it first" if name.startswith("-") else ""))
    run = points[name].load()
    if "--options" in context.args:
        typer.echo(describe(name, run))
        return
    options = parse(name, run, context.args)
    folder = _folder(run, data)
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise UserFault(f"there is no folder {json_file.absolute().parent}", fix="name another file with --json")
    command = shlex.join(["viot", *sys.argv[1:]])
    report = replace(run(folder, quick=quick, seed=seed, **options), command=command)
    report.print(Console(width=160 if not sys.stdout.isatty() else None))
    if json_file is not None:
        report.write_json(json_file)
    if readme is not None:
        report.write_readme(readme, name)


def _folder(run: Callable[..., Any], data: Path | None) -> Path | None:
    """The folder of data; the usual one where the bench cannot do without. Raises UserFault when it is not there."""
    optional = inspect.signature(run).parameters["data"].default is None
    if data is None and optional:
        return None
    folder = DATA if data is None else data
    if not folder.is_dir():
        raise UserFault(f"there is no folder {folder}", fix="name one with --data; its layout is in the README")
    return folder


class _Parser(argparse.ArgumentParser):
    """argparse whose complaints are ours."""

    def error(self, message: str) -> NoReturn:
        raise UserFault(f"{self.prog}: {message}", fix=f"{self.prog} --options lists what it takes")


def parse(name: str, run: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    """A bench's own options out of what stands behind its name. Raises UserFault for what it does not take."""
    parser = _Parser(prog=f"viot bench {name}", add_help=False, allow_abbrev=False)
    for key, (kind, default, _) in options_of(run).items():
        flag = f"--{key.replace('_', '-')}"
        if kind is bool:
            parser.add_argument(flag, dest=key, action="store_true", default=default)
        else:
            parser.add_argument(flag, dest=key, type=kind, default=default)
    return vars(parser.parse_args(list(words)))


def options_of(run: Callable[..., Any]) -> Mapping[str, tuple[type, Any, str]]:
    """``(type, default, help)`` of each keyword that is a bench's own."""
    hints = typing.get_type_hints(run, include_extras=True)
    out: dict[str, tuple[type, Any, str]] = {}
    for key, parameter in inspect.signature(run).parameters.items():
        if key in _COMMON:
            continue
        hint, words = hints[key], ""
        if typing.get_origin(hint) is Annotated:
            hint, *more = typing.get_args(hint)
            words = next((m for m in more if isinstance(m, str)), "")
        if isinstance(hint, types.UnionType):
            hint = next(a for a in typing.get_args(hint) if a is not type(None))
        out[key] = (hint, parameter.default, words)
    return out


def describe(name: str, run: Callable[..., Any]) -> str:
    """The bench's own options, a line each."""
    lines = [f"viot bench {name}: {(inspect.getdoc(run) or '').splitlines()[0]}"]
    for key, (_, default, words) in options_of(run).items():
        shown = f" (default {default})" if default not in (None, "", False) else ""
        lines.append(f"  --{key.replace('_', '-')}  {words}{shown}")
    return "\n".join(lines)
