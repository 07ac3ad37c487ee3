"""``viot index``: look at what was not looked at yet; returns when done."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from viot_agent.cli.alerts import line
from viot_agent.cli.gate import cut, opened, seen

if TYPE_CHECKING:
    from viot_agent.alerts.types import Firing
    from viot_agent.cluster import Pool
    from viot_agent.library.ingest import IngestReport


def index(
    cameras: Annotated[list[str] | None, typer.Argument(help="Camera or group names; all when left out.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait while another viot index runs.")] = False,
    analyzer: Annotated[list[str] | None, typer.Option("--analyzer", help="Only these analyzers.")] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Look with the workers of a Ray cluster: HOST:PORT of its head, auto (this machine's), or local "
            "(started for this run).",
        ),
    ] = None,
) -> None:
    """Index the footage: detect, track, recognise, read; rows go to the library."""
    console = Console(stderr=True)
    with ExitStack() as held:
        viot = held.enter_context(opened("index"))
        wanted, mine = cut(viot, cameras or (), live=False), seen(viot)
        pool: Pool | None = None
        if ray is not None:
            from viot_agent.library.ray_pool import ray_pool

            pool = held.enter_context(ray_pool(ray))
            console.print(f"Ray: {pool.size} core(s)", highlight=False, markup=False)
        names = ", ".join(f"{a.name} ({a.model})" for a in viot.analyzers())
        console.print(f"tier {viot.weights.tier}; analyzers: {names}", highlight=False, markup=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}% {task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=False) as bar:
            tasks: dict[str, Any] = {}

            def show(state: Any) -> None:
                if state.camera not in tasks:
                    tasks[state.camera] = bar.add_task(state.camera, total=1.0, speed="")
                speed = f"{state.fps:.0f} fps, {state.times_real_time:.1f}x real time"
                done = (state.file - 1 + state.at / max(state.duration, 1e-6)) / max(state.files, 1)
                bar.update(tasks[state.camera], completed=done, speed=speed)

            def tell(firing: Firing) -> None:
                if firing.sighting.camera not in mine:
                    return
                bar.console.print(
                    f"alert-{firing.alert}: {line(firing.sighting, viot.fleet)}", highlight=False, markup=False
                )

            reports = viot.index(wanted, progress=show, wait=wait, only=analyzer or (), fired=tell, pool=pool)
    failed = False
    for report in reports:
        typer.echo(sentence(report))
        for message in report.messages:
            typer.echo(f"  {message}")
        for problem in report.problems:
            failed = True
            typer.echo(f"  {problem.media}, at {problem.t:.1f} s: {problem.message}", err=True)
    if failed:
        raise typer.Exit(2)


def sentence(report: IngestReport) -> str:
    """One line for a person: what was looked at, and how fast."""
    if report.segments == 0:
        return f"{report.camera}: nothing new; {report.done_before} segment(s) were indexed before"
    shares = sorted(report.seconds.items(), key=lambda kv: -kv[1])
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in shares if seconds >= 0.05)
    return (
        f"{report.camera}: {report.footage:.1f} s of footage in {report.wall:.1f} s "
        f"({report.fps:.0f} fps, {report.times_real_time:.1f}x real time; side by side: {parts})"
    )
