"""``viot person enroll|list|remove``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

app = typer.Typer(help="Enrol, list and remove people.", no_args_is_help=True)


@app.command()
def enroll(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures with exactly one face each.")],
    consent: Annotated[str, typer.Option("--consent", help="The recorded consent or legal basis.")] = "",
) -> None:
    """Enrol a person so that cameras can be asked about them."""
    from viot_agent.system import Viot

    with Viot.open() as viot:
        person = viot.enrol(name, pictures, consent)
    typer.echo(f"enrolled {person.name} with {person.pictures} picture(s); consent: {person.consent}")


@app.command("list")
def list_() -> None:
    """Everybody enrolled."""
    from viot_agent.system import Viot

    with Viot.open() as viot:
        table = Table("name", "pictures", "consent")
        for person in viot.library.people():
            table.add_row(escape(person.name), str(person.pictures), escape(person.consent))
    Console().print(table)


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The person's name.")]) -> None:
    """Remove a person with pictures and embeddings."""
    from viot_agent.system import Viot

    with Viot.open() as viot:
        viot.library.remove_person(name)
    typer.echo(f"removed {name}, the pictures and the embeddings")
