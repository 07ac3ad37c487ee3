"""``viot person enroll|list|consent|remove``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from viot_agent.cli.gate import opened

app = typer.Typer(help="Enrol, list and remove people; record consents.", no_args_is_help=True)


@app.command()
def enroll(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures with exactly one face each.")],
    consent: Annotated[str, typer.Option("--consent", help="The recorded consent or legal basis.")] = "",
) -> None:
    """Enrol a person so that cameras can be asked about them."""
    with opened("people") as viot:
        person = viot.enrol(name, pictures, consent)
    typer.echo(f"enrolled {person.name} with {person.pictures} picture(s); consent: {person.consent}")


@app.command("list")
def list_() -> None:
    """Everybody enrolled."""
    from viot_agent.policy.consent import Consents

    with opened("people", "biometric") as viot:
        grounds = Consents(viot.library.db)
        held, now = {c.person: c for c in grounds.all()}, grounds.clock()
        table = Table("name", "pictures", "consent", "basis", "until", "state")
        for person in viot.library.people():
            one = held[person.name]
            until = "no end" if one.until is None else datetime.fromtimestamp(one.until).strftime("%Y-%m-%d")
            cells = (person.name, str(person.pictures), one.note, one.basis, until, one.ended(now) or "good")
            table.add_row(*(escape(c) for c in cells))
    Console().print(table)


@app.command()
def consent(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    basis: Annotated[
        str,
        typer.Option(
            "--basis",
            help="consent, contract, legal-obligation, vital-interests, public-task or legitimate-interests.",
        ),
    ] = "consent",
    note: Annotated[str, typer.Option("--note", help="Where it stands: 'signed form of 3 March'.")] = "",
    until: Annotated[str, typer.Option("--until", help="The day it ends: 2027-03-31; no end when left out.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It ends now: nobody may look for the person.")] = False,
) -> None:
    """Record on what ground a person may be looked for; what was recorded last counts."""
    from viot_agent.policy.consent import Consents

    end = _day(until) if until else None
    with opened("people") as viot:
        grounds = Consents(viot.library.db)
        if withdraw:
            done = grounds.withdraw(name, note, by=viot.principal)
            typer.echo(f"withdrawn: nobody may look for {done.person} now; viot purge person removes what is kept")
        else:
            done = grounds.record(name, basis, note, until=end, by=viot.principal)
            ends = f"until {until}" if until else "no end"
            typer.echo(f"recorded for {done.person}: {done.basis}, {done.note}, {ends}")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The person's name.")]) -> None:
    """Remove a person with pictures and embeddings (viot purge person also removes what was found of them)."""
    with opened("people") as viot:
        viot.library.remove_person(name)
        viot.audit.note("person_removed", by=viot.principal, words={"person": name})
    typer.echo(f"removed {name}, the pictures and the embeddings")


def _day(word: str) -> float:
    """The end of a day by the local clock, POSIX seconds. Raises UserFault."""
    from datetime import timedelta

    from viot_agent.errors import UserFault

    try:
        return (datetime.fromisoformat(word) + timedelta(days=1)).astimezone().timestamp()
    except (ValueError, OverflowError) as error:
        raise UserFault(f"{word[:40]!r} is no day", fix="for example --until 2027-03-31") from error
