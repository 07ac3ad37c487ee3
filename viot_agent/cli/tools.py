"""``viot tools list|add-mcp|remove``: the tools of this house, and those of other MCP servers."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

app = typer.Typer(help="Tools, also of other MCP servers.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """Every tool that requests can use, and where it comes from."""
    from viot_agent.toolbox import Toolbox
    from viot_agent.toolbox.outside import Servers, looked_at
    from viot_agent.weights import default_home

    table = Table("tool", "from", "what it does")
    for spec in Toolbox.from_entry_points():
        table.add_row(spec.name, escape(spec.origin.partition(".")[0]), escape(spec.description))
    for server in Servers(default_home()).all():
        for spec in looked_at(server, server.cards)[0]:
            table.add_row(spec.name, escape(f"MCP server {server.name}: {server.shown}"), escape(spec.description))
    Console().print(table)


@app.command("add-mcp")
def add_mcp(
    name: Annotated[str, typer.Argument(help="A short name; its tools are called NAME_TOOL.")],
    command: Annotated[str, typer.Option("--command", help="What starts it, e.g. 'uvx mcp-server-time'.")] = "",
    url: Annotated[str, typer.Option("--url", help="Where it is served: https://HOST/mcp.")] = "",
    env: Annotated[list[str] | None, typer.Option("--env", help="NAME=VALUE for the command; may be repeated.")] = None,
    header: Annotated[list[str] | None, typer.Option("--header", help="'Name: value' sent to the address.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether its tools are wanted.")] = False,
) -> None:
    """Use the tools of another MCP server. They are shown first: what they say of themselves is read by the language
    model, and what is asked of them leaves this house."""
    from viot_agent.cli.gate import opened
    from viot_agent.errors import FailedFault, NameFault, UserFault
    from viot_agent.toolbox.mcp_client import cards_of
    from viot_agent.toolbox.outside import Server, Servers, looked_at, server_name

    if bool(command) == bool(url):
        raise UserFault("give --command or --url, one of them", fix="viot tools add-mcp time --command 'uvx NAME'")
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UserFault(f"--command cannot be read: {error}", fix="close the quotation marks") from error
    server = Server(server_name(name), words, url, _pairs(env, "=", "--env"), _pairs(header, ":", "--header"))
    with opened("fleet") as viot:
        servers = Servers(viot.home)
        if any(s.name == name for s in servers.all()):
            raise NameFault(f"there is a server {name!r} already", name=name, fix=f"viot tools remove {name}")
        cards = cards_of(server)
        good, left = looked_at(server, cards)
        taken = [s for s in good if s.name in viot.toolbox]
        left += [f"{s.name}: there is a tool of that name" for s in taken]
        good = [s for s in good if s not in taken]
        for spec in good:
            typer.echo(f"  {spec.card()}")
        for sentence in left:
            typer.echo(f"  not used: {sentence}", err=True)
        if not good:
            raise FailedFault(f"the server {name} has no tool that can be used here")
        if not yes and not typer.confirm(f"Use these {len(good)} tool(s)?"):
            raise typer.Exit(1)
        names = {s.name for s in good}
        kept = tuple(c for c in cards if {s.name for s in looked_at(server, [c])[0]} & names)
        servers.add(replace(server, cards=kept))
        viot.audit.note("mcp_server_added", by=viot.principal, data={"server": name, "tools": sorted(names)})
    typer.echo(f"added {name} with {len(good)} tool(s)")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The server's name.")]) -> None:
    """Do not use the tools of an MCP server any longer."""
    from viot_agent.errors import PolicyRefusal
    from viot_agent.library import address
    from viot_agent.library.store import Library
    from viot_agent.policy.access import Access
    from viot_agent.policy.audit import Audit
    from viot_agent.policy.roles import RIGHT_WORDS, may
    from viot_agent.toolbox.outside import Servers
    from viot_agent.weights import default_home

    # not through the whole house: a tool of that server may be what keeps it from opening
    home = default_home()
    library = Library.open(home, address.from_env())
    try:
        who = Access(library.db).here()
        if not may(who, "fleet"):
            raise PolicyRefusal(f"the role {who.role} may not {RIGHT_WORDS['fleet']} and servers", fix="ask an admin")
        removed = Servers(home).remove(name)
        Audit(library).note("mcp_server_removed", by=who, data={"server": removed.name})
    finally:
        library.close()
    typer.echo(f"removed {removed.name} and its {len(removed.cards)} tool(s)")


def _pairs(words: list[str] | None, sign: str, option: str) -> dict[str, str]:
    from viot_agent.errors import UserFault

    made = {}
    for word in words or ():
        key, found, value = word.partition(sign)
        if not found or not key.strip():
            raise UserFault(f"{option} {key[:30]!r} cannot be read", fix=f"write NAME{sign}VALUE")
        made[key.strip()] = value.strip()
    return made
