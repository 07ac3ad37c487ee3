"""``viot models list|pull|verify``."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from viot_agent.errors import UserFault, ViotError, WeightsMissing

app = typer.Typer(
    help="Model files: what serves what, under which licence, and whether it is here.", no_args_is_help=True
)


@app.command("list")
def list_() -> None:
    """Every model file of the manifest, and which of them look at footage in the tier in force."""
    from viot_agent.weights import Weights
    from viot_agent.weights.hub import Repositories

    weights = Weights.from_env()
    repositories = Repositories(weights)
    table = Table("model", "tier", "serves", "licence", "MB", "sha256", "here")
    for entry in weights.manifest.values():
        here = weights.locate(entry.name)
        table.add_row(
            entry.name,
            entry.tier,
            escape(entry.serves + (f" ({entry.note})" if entry.note else "")),
            entry.licence,
            f"{entry.bytes / 1e6:.1f}",
            entry.model_version,
            "yes" if here else "no",
        )
    for repository in repositories.known.values():
        table.add_row(
            repository.name,
            "hub",
            f"{repository.serves} (never a default; its hash is recorded at the first download)",
            repository.licence,
            f"{repository.bytes / 1e6:.0f}",
            "",
            "yes" if repositories.locate(repository.name) else "no",
        )
    console = Console()
    console.print(table)
    console.print(f"tier in force: {weights.tier}", highlight=False)
    for point in entry_points(group="viot_agent.analyzers"):
        try:
            analyzers = point.load()(weights)
        except WeightsMissing as missing:  # the table above says what is not here
            console.print(f"{point.name}: {missing}", highlight=False, markup=False, soft_wrap=True)
            continue
        for analyzer in analyzers:
            console.print(analyzer.summary, highlight=False, markup=False, soft_wrap=True)


@app.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Model names; all default hub ones when left out.")] = None,
    allow_noncommercial: Annotated[bool, typer.Option("--allow-noncommercial")] = False,
) -> None:
    """Fetch hub models once (pinned revision, sha256 checked, licence shown)."""
    from viot_agent.weights import Weights
    from viot_agent.weights.hub import Repositories

    weights = Weights.from_env()
    repositories = Repositories(weights)
    chosen = dict.fromkeys(names or [e.name for e in weights.manifest.values() if e.tier == "hub" and e.default])
    whole = [repositories.known[name] for name in chosen if name in repositories.known]
    for entry in [weights.entry(name) for name in chosen if name not in repositories.known]:  # all names first
        name = entry.name
        typer.echo(f"{name}: {entry.bytes / 1e6:.1f} MB, {entry.licence}, {entry.repository}@{entry.revision[:12]}")
        typer.echo(f"  {weights.pull(name, allow_noncommercial=allow_noncommercial)}")
    for repository in whole:
        at = f"{repository.repository}@{repository.revision[:12]}"
        typer.echo(f"{repository.name}: about {repository.bytes / 1e9:.1f} GB, {repository.licence}, {at}")
        typer.echo(f"  {repositories.pull(repository.name, allow_noncommercial=allow_noncommercial)}")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Model names; all that are here when left out.")] = None,
) -> None:
    """Hash model files again and compare with the manifest."""
    from viot_agent.weights import Weights
    from viot_agent.weights.hub import Repositories

    weights = Weights.from_env()
    repositories = Repositories(weights)
    whole = repositories.known
    chosen = [n if n in whole else weights.entry(n).name for n in names or [*weights.manifest, *whole]]
    bad = 0
    for name in chosen:
        try:
            here = repositories.verify(name) if name in whole else weights.verify(name)
        except UserFault as fault:
            bad += 1
            typer.echo(f"{name}: WRONG: {fault}")
            continue
        bad += bool(names) and not here
        typer.echo(f"{name}: ok" if here else f"{name}: not here")
    if bad:
        raise ViotError(f"{bad} model file(s) are missing or wrong", fix="viot models pull, or as said beside each")
