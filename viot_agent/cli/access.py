"""``viot access init|add|list|revoke|whoami``."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from viot_agent.cli.gate import opened

app = typer.Typer(help="Who may ask: keys, roles and groups of cameras.", no_args_is_help=True)

_KEEP = (
    "Keep it now: it is shown once, and only its hash is stored. Show it in VIOT_KEY, or as Authorization: Bearer KEY."
)


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="The admin's name; this account's when left out.")] = "",
    lost: Annotated[
        bool, typer.Option("--lost", help="This admin's key is lost: it is taken back, and a new one made.")
    ] = False,
) -> None:
    """Set up access: make the first admin's key. From then on everybody needs a key."""
    from viot_agent.policy.exports import wanted
    from viot_agent.system import Viot, operator

    with Viot.open() as viot:
        key, secret = viot.access.init(name or operator(), by=viot.principal, lost=lost)
    typer.echo(secret)
    typer.echo(f"{key.name} is an admin. {_KEEP}", err=True)
    if (wanted() or "exports") != "clear":
        typer.echo(
            "Exported clips hide faces, but for admins and privacy officers; what alerts send does (VIOT_EXPORTS).",
            err=True,
        )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    role: Annotated[str, typer.Option("--role", help="viewer, operator, privacy-officer or admin.")],
    groups: Annotated[
        str | None, typer.Option("--groups", help="Camera groups, by commas; every camera when left out.")
    ] = None,
    tools: Annotated[
        str, typer.Option("--tools", help="Only these classes: plain, redaction, export, alert, biometric.")
    ] = "",
    expires: Annotated[str, typer.Option("--expires", help="After 12h, 90d, 6m, 1y; never when left out.")] = "",
    proxy: Annotated[bool, typer.Option("--proxy", help="Without a key: a trusted proxy names this person.")] = False,
) -> None:
    """Give somebody access; the key is printed once."""
    from viot_agent.errors import UserFault
    from viot_agent.policy.keys import span_seconds
    from viot_agent.policy.roles import classes_named, role_named

    wanted = role_named(role)
    classes = classes_named(tools.split(",")) if tools.strip() else None
    until = time.time() + span_seconds(expires) if expires else None
    with opened("access") as viot:
        if not viot.access.configured:
            raise UserFault("access is not set up here yet", fix="viot access init makes the first admin's key")
        chosen = None if groups is None else [g.strip() for g in groups.split(",") if g.strip()]
        if chosen is not None and not chosen:
            raise UserFault("--groups names no group", fix="name one, or leave --groups out for every camera")
        known = sorted({g for c in viot.library.cameras() for g in c.groups})
        for group in chosen or ():
            if group.casefold() not in (k.casefold() for k in known):
                typer.echo(f"note: no camera is in the group {group!r} yet (there are: {', '.join(known)})", err=True)
        key, secret = viot.access.keys.add(
            name, wanted, groups=chosen, classes=classes, expires=until, proxied=proxy, by=viot.principal
        )
    if secret:
        typer.echo(secret)
    until_words = f" until {_day(key.expires)}" if key.expires is not None else ""
    how = _KEEP if secret else "The proxy names this person."
    typer.echo(f"{key.name} is {key.role}{until_words}. {how}", err=True)


@app.command("list")
def list_() -> None:
    """Everybody who has or had access, and when it was last used."""
    with opened("access") as viot:
        keys, now = viot.access.keys.all(), viot.access.keys.clock()
    table = Table("name", "key", "role", "groups", "tools", "expires", "last used", "state")
    for k in keys:
        cells = (
            k.name,
            "proxy" if k.proxied else k.key,
            k.role,
            "all" if k.groups is None else ", ".join(k.groups),
            "of the role" if k.classes is None else ", ".join(k.classes),
            "never" if k.expires is None else _day(k.expires),
            "never" if k.last_used is None else _day(k.last_used),
            k.state(now),
        )
        table.add_row(*(escape(c) for c in cells))
    Console().print(table)
    if not keys:
        from viot_agent.policy.access import SINGLE_USER

        typer.echo(SINGLE_USER)


@app.command()
def revoke(who: Annotated[str, typer.Argument(help="The name, or the id of one key.")]) -> None:
    """Take access back, at once."""
    with opened("access") as viot:
        for key in viot.access.keys.revoke(who, by=viot.principal):
            typer.echo(f"revoked the access of {key.name} ({'proxy' if key.proxied else key.key})")


@app.command()
def whoami() -> None:
    """Whose key stands in VIOT_KEY, and what it may do."""
    from viot_agent.policy.access import SINGLE_USER
    from viot_agent.policy.roles import RIGHTS, TOOL_CLASSES, may, may_use, scope_of

    with opened() as viot:
        who = viot.principal
        if not viot.access.configured:
            typer.echo(SINGLE_USER)
            return
        scope = scope_of(who, viot.library.cameras())
    tools = ", ".join(c for c in TOOL_CLASSES if may_use(who, c)) or "none"
    rights = ", ".join(r for r in RIGHTS if may(who, r)) or "none"
    cameras = "every camera" if scope is None else ", ".join(sorted(scope)) or "no camera"
    typer.echo(f"{who.name}, {who.role}; tools: {tools}; cameras: {cameras}; rights: {rights}")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")
