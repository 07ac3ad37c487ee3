"""``viot library info|migrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from viot_agent.cli.gate import opened
from viot_agent.errors import PolicyRefusal

app = typer.Typer(help="Where the library lies, and moving it.", no_args_is_help=True)

ADDRESS = "sqlite:FOLDER or postgresql://USER:PASSWORD@HOST/DATABASE"


@app.command()
def info() -> None:
    """Which database this house uses, its schema, and what it holds."""
    from viot_agent.library.transfer import holdings

    with opened() as viot:
        held = holdings(viot.library)
    out = Console(highlight=False, soft_wrap=True)
    for name, words in (
        ("library", held.where),
        ("database", held.server),
        ("schema", f"{held.schema}, made by {held.made_by}"),
        ("size", f"{held.size / 1e6:.1f} MB"),
    ):
        out.print(f"{name:<9} {words}", markup=False)
    out.print(_counts({**held.rows, **{f"vectors of {m} ({d})": n for (m, d), n in held.vectors.items()}}))


@app.command()
def migrate(
    source: Annotated[str, typer.Argument(help=f"The library that is copied: {ADDRESS}.")],
    target: Annotated[str, typer.Argument(help=f"Where to; nothing may be there yet: {ADDRESS}.")],
) -> None:
    """Copy a whole library to another database. The source keeps all it has; stop viot watch and viot index first."""
    from viot_agent.library import address
    from viot_agent.library.store import Library
    from viot_agent.library.transfer import move
    from viot_agent.policy.access import Access
    from viot_agent.policy.audit import Audit
    from viot_agent.policy.roles import may

    at, to = address.read(source), address.read(target)
    if at.folder is not None and not Path(str(at.url.database)).is_file():
        from viot_agent.errors import UserFault

        raise UserFault(
            f"there is no library at {at.where}", fix="viot library info prints where this house has its own"
        )
    with Library.open(at.folder or Path(), at) as library:
        who = Access(library.db).here()
        if not may(who, "access"):
            raise PolicyRefusal(f"the role {who.role} may not move the library", fix="ask an admin")
        audit, told = Audit(library), {"data": {"key": who.key}, "words": {"to": to.where}}
        audit.note("library_copy_begun", by=who, **told)  # before the first row leaves
        console = Console(stderr=True)
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        ) as bar:
            tasks: dict[str, TaskID] = {}

            def say(what: str, done: int, of: int) -> None:
                if of and what not in tasks:
                    tasks[what] = bar.add_task(what, total=of)
                if of:
                    bar.update(tasks[what], completed=done)

            moved = move(library, to, say=say)
        audit.note("library_copied", by=who, **told)
    out = Console(highlight=False, soft_wrap=True)
    out.print(_counts({**moved.rows, **{f"vectors of {m} ({d})": n for (m, d), n in moved.vectors.items()}}))
    total = sum(moved.rows.values()) + sum(moved.vectors.values())
    out.print(f"{total} rows and vectors copied in {moved.seconds:.1f} s, counted on both sides.", markup=False)
    word = target if to.folder is not None else f"{to.where} (with its password)"
    out.print(f"To use it, beside the same VIOT_HOME: VIOT_DB={word}", markup=False)


def _counts(numbers: dict[str, int]) -> Table:
    table = Table("what", "rows")
    table.columns[1].justify = "right"
    for name, n in numbers.items():
        if n:
            table.add_row(name, str(n))
    return table
