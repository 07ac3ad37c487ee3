"""``viot audit verify|search|export|head``."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from viot_agent.cli.gate import opened

app = typer.Typer(help="The audit log: who asked what, what was looked at, what left.", no_args_is_help=True)

ANCHOR = Annotated[str, typer.Option("--head", help="A head that you kept elsewhere: ROWS:HASH.")]


@app.command()
def verify(
    head: ANCHOR = "",
    file: Annotated[Path | None, typer.Option("--file", help="An exported log instead of the library's.")] = None,
) -> None:
    """Look at every row: was one edited, removed, moved, or the end cut off? Exit code 4 when something is wrong."""
    from viot_agent.policy.audit import verify_file
    from viot_agent.policy.chain import Anchor

    anchor = Anchor.read(head) if head else None
    if file is not None:
        found = verify_file(file, anchor)
    else:
        with opened("audit") as viot:
            found = viot.audit.verify(anchor)
    for words in found.wrong:
        typer.echo(f"WRONG: {words}")
    if found.wrong:
        raise typer.Exit(4)
    kept = "" if anchor else "; keep the head elsewhere to find out when all of it is exchanged"
    typer.echo(f"{found.rows} rows, whole; head {found.head or 'none yet'}{kept}")


@app.command("head")
def head_() -> None:
    """The number of rows and the hash of the last: keep it where nobody of this machine can change it."""
    with opened("audit") as viot:
        typer.echo(str(viot.audit.head() or "there is no row yet"))


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words that a row must hold.")] = "",
    who: Annotated[str, typer.Option("--who", help="Who asked.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="run, refused, purge, key_added, consent, ...")] = "",
    camera: Annotated[str, typer.Option("--camera")] = "",
    since: Annotated[str, typer.Option("--since", help="Local time: '2026-11-23 08:00' or a day.")] = "",
    until: Annotated[str, typer.Option("--until")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One row a line, as JSON.")] = False,
) -> None:
    """Rows of the log, the oldest first."""
    from dataclasses import asdict

    limits = {"since": _moment(since), "until": _moment(until)}
    with opened("audit") as viot:
        rows = viot.audit.search(text, who=who, kind=kind, camera=camera, limit=limit, **limits)
    out = Console(highlight=False, soft_wrap=True)
    for row in rows:
        if as_json:
            typer.echo(json.dumps(asdict(row), ensure_ascii=False))
            continue
        when = datetime.fromtimestamp(row.at).strftime("%Y-%m-%d %H:%M:%S")
        out.print(Text(f"{row.seq}  {when}  {row.kind}  {row.who or '-'} {row.role}  {row.run}", "bold"))
        out.print(Text(f"    {row.data}", "dim"))
        if row.words is not None or row.digest:
            out.print(Text(f"    {row.words if row.words is not None else '(words purged)'}"))
    if not rows and not as_json:
        typer.echo("no such row")


@app.command()
def export(out: Annotated[Path, typer.Argument(help="A file for the whole log, one row a line.")]) -> None:
    """Write the log to a file that can be verified without this machine: viot audit verify --file FILE."""
    from viot_agent.errors import BackendFault, UserFault

    if out.exists():
        raise UserFault(f"{out} is there already", fix="choose another file")
    with opened("audit") as viot:
        try:
            with out.open("x", encoding="utf-8") as file:
                head = viot.audit.export(file)
        except OSError as error:
            raise BackendFault(f"{out} cannot be written: {error.strerror}", fix="choose another file") from error
        # after the file is written: its head is the one printed
        viot.audit.note("audit_exported", by=viot.principal, data={"head": str(head)})
    typer.echo(f"wrote {out}; head {head or 'none yet'}")


def _moment(word: str) -> float | None:
    """POSIX seconds of a local time. Raises UserFault."""
    from viot_agent.errors import UserFault

    if not word:
        return None
    try:
        return datetime.fromisoformat(word).astimezone().timestamp()
    except ValueError as error:
        raise UserFault(f"{word[:40]!r} is no time", fix="for example '2026-11-23 08:00'") from error
