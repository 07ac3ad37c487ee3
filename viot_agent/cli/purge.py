"""``viot purge person|camera|window``."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from viot_agent.cli.gate import opened

if TYPE_CHECKING:
    from viot_agent.policy.purge import Purge
    from viot_agent.policy.purge_plan import Plan

app = typer.Typer(help="Remove for good what is kept of a person, a camera or a time.", no_args_is_help=True)

DRY = Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")]
YES = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def person(
    name: Annotated[str, typer.Argument(help="Somebody enrolled.")], dry_run: DRY = False, yes: YES = False
) -> None:
    """An enrolled person: pictures, embeddings, masks, the tracks that show them, answers and evidence about them."""
    from viot_agent.policy.purge import Purge

    with opened("purge") as viot:
        purge = Purge(viot, viot.principal)
        _do(purge, purge.person(name), dry_run=dry_run, yes=yes)


@app.command()
def camera(name: Annotated[str, typer.Argument(help="A camera.")], dry_run: DRY = False, yes: YES = False) -> None:
    """A camera: its rows, embeddings, what was recorded from it here, answers and evidence about it."""
    from viot_agent.policy.purge import Purge

    with opened("purge") as viot:
        purge = Purge(viot, viot.principal)
        _do(purge, purge.camera(name), dry_run=dry_run, yes=yes)


@app.command()
def window(
    start: Annotated[str, typer.Argument(help="From: '2026-11-23 08:00' by this machine's clock; or 'always'.")],
    end: Annotated[str, typer.Argument(help="To: a time, or how old: '30d' for all that is older than 30 days.")],
    camera: Annotated[list[str] | None, typer.Option("--camera", help="Camera or group; all when left out.")] = None,
    asked: Annotated[bool, typer.Option("--asked", help="Also the requests that were asked in that time.")] = False,
    dry_run: DRY = False,
    yes: YES = False,
) -> None:
    """A time. For retention, on a timer: viot purge window always 30d --yes."""
    from viot_agent.policy.purge import Purge

    with opened("purge") as viot:
        purge = Purge(viot, viot.principal)
        plan = purge.window(_moment(start), _moment(end), camera or None, asked_then=asked)
        _do(purge, plan, dry_run=dry_run, yes=yes)


def _do(purge: Purge, plan: Plan, *, dry_run: bool, yes: bool) -> None:
    """Show, ask, carry out, prove. Exit code 3 when something is left."""
    for line in plan.lines():
        typer.echo(line)
    if dry_run:
        typer.echo("nothing was changed (--dry-run)")
        return
    if not yes:
        typer.confirm("Remove this for good?", abort=True)
    proof = purge.carry_out(plan)
    for table, n in sorted(proof.rows.items()):
        typer.echo(f"  {table}: {proof.before[table]} before, {proof.after.get(table, 0)} after ({n} fewer)")
    typer.echo(f"purged: {sum(proof.rows.values())} rows, {proof.files} files, {proof.size / 1e6:.1f} MB")
    for words in proof.left:
        typer.echo(f"LEFT: {words}", err=True)
    if proof.left:
        raise typer.Exit(3)
    typer.echo("proved: a search finds nothing of it, and nothing is left without its parent; the audit log holds this")


def _moment(word: str) -> float:
    """POSIX seconds of a local time, of an age, or of ``always``. Raises UserFault."""
    from viot_agent.errors import UserFault
    from viot_agent.policy.keys import span_seconds

    if word.strip().casefold() == "always":
        return 0.0
    try:
        return datetime.fromisoformat(word).astimezone().timestamp()
    except ValueError:
        pass
    try:
        return time.time() - span_seconds(word)
    except UserFault as fault:
        raise UserFault(f"{word[:40]!r} is no time", fix="'2026-11-23 08:00', 'always', or an age: 30d") from fault
