"""``viot cloak``: cloaked copies of picture and video files. Registered at every start; imports late."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from viot_agent.system import Viot
    from viot_agent.toolbox.contract import ToolContext
    from viot_tools.cloak.hands import Crew, Hands
    from viot_tools.cloak.making import Recipe
    from viot_tools.cloak.protect import Report
    from viot_tools.cloak.video import VideoReport


def register(app: typer.Typer) -> None:
    """Add ``viot cloak``."""
    app.command("cloak")(cloak)


def cloak(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Pictures and videos; they are never written over.")
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="opom or ga: one mask a person; sga: one for everybody; advcloak.")
    ] = "opom",
    epsilon: Annotated[float, typer.Option("--epsilon", help="Largest change of a value, of 255.")] = 8.0,
    person: Annotated[str, typer.Option("--person", help="Cloak this enrolled person's face alone.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder; left out: beside each file, as NAME-cloaked.")
    ] = None,
    as_kept: Annotated[
        bool,
        typer.Option(
            "--as-kept", help="Use an enrolled person's kept mask as it is: quick, and weaker on new pictures."
        ),
    ] = False,
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep EXIF (camera, time, place) in the copies of pictures.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Cloak pictures with the workers of a Ray cluster: HOST:PORT of its head, auto (this machine's), or "
            "local (started for this run).",
        ),
    ] = None,
    forget: Annotated[str, typer.Option("--forget", help="Delete the kept masks of this person, and end.")] = "",
) -> None:
    """Cloak faces in pictures and videos against face recognition, and measure what it brings."""
    from rich.console import Console

    from viot_agent.cli.gate import opened
    from viot_agent.errors import FailedFault, MediaFault, UserFault
    from viot_agent.media.sniff import SUFFIXES
    from viot_tools.cloak.making import Recipe
    from viot_tools.cloak.protect import Report as Pictures

    console = Console(highlight=False, soft_wrap=True)
    if forget:
        if files:
            raise UserFault("--forget takes no files", fix="call it alone: viot cloak --forget NAME")
        _forget(forget, console)
        return
    if not files:
        raise UserFault("no picture or video was given", fix="viot cloak FILE...")
    recipe = Recipe(method, epsilon)
    if out is not None and (out.suffix or out.is_file()) and not out.is_dir():
        raise UserFault(f"--out is a folder, and {out} is a file's name", fix="give a folder")
    folder = next((f for f in files if f.is_dir()), None)
    if folder is not None:
        raise MediaFault(f"{folder} is a folder", fix=f"name its pictures: viot cloak {folder}/*.jpg")
    videos = [f for f in files if f.suffix.lower() in SUFFIXES]
    pictures = [f for f in files if f.suffix.lower() not in SUFFIXES]
    for option, given in (("--keep-metadata", keep_metadata), ("--ray", ray is not None)):
        if videos and given:
            raise UserFault(f"{option} is for pictures", fix="leave it out for videos")
    reports: list[Report | VideoReport] = []
    with opened("redaction") as viot:
        if pictures:
            reports.append(
                _pictures(viot, pictures, recipe, as_kept, person or None, out, keep_metadata, ray, as_json, console)
            )
        for video in videos:
            reports.append(_video(viot, video, recipe, as_kept, person or None, out, as_json, console))
    if as_json:
        from viot_tools.cloak.words import to_json

        typer.echo(json.dumps([to_json(r) for r in reports], ensure_ascii=False, indent=2))
    unread = sum(r.unread for r in reports if isinstance(r, Pictures))
    failed = sum(r.failed for r in reports if isinstance(r, Pictures))
    if failed:
        raise FailedFault(f"{failed} of {len(files)} files could not be cloaked", fix="see the lines above")
    if unread:
        raise MediaFault(f"{unread} of {len(files)} files could not be read", fix="see the lines above")


def _context(viot: Viot) -> ToolContext:
    from viot_agent.steps import Request
    from viot_agent.toolbox.contract import ToolContext

    return ToolContext(Request(""), viot.fleet, viot.library, viot.weights, viot.home)


def _forget(name: str, console: Console) -> None:
    from viot_agent.cli.gate import opened
    from viot_tools.cloak.store import MaskStore

    with opened("redaction") as viot:
        count = MaskStore(viot.home).forget(name)
    masks = "1 mask" if count == 1 else f"{count} masks"
    console.print(
        f"forgot {masks} of {name}; the next one will be another. What was published with the old one stays as it is.",
        markup=False,
    )


def _pictures(
    viot: Viot, files: list[Path], recipe: Recipe, as_kept: bool, person: str | None, out: Path | None,
    keep_metadata: bool, ray: str | None, quiet: bool, console: Console,
) -> Report:  # fmt: skip
    from rich.progress import Progress

    from viot_tools.cloak.protect import Cloaker
    from viot_tools.cloak.words import LIMITS, face_words, left_words, made_with
    from viot_tools.masks.pictures import free_name

    def target(file: Path, ending: str) -> Path:
        return free_name(out or file.parent, file.stem, ending, "cloaked")

    with ExitStack() as held:
        crew = None if ray is None else held.enter_context(_workers(ray))
        progress = held.enter_context(Progress(console=console, transient=True, disable=quiet))
        task = progress.add_task("making the mask" if ray is None else "joining the workers", total=1.0)

        def counted(step: str, number: int, count: int) -> None:
            if ray is not None:
                progress.update(task, description=f"{step}: {number} of {count}", completed=number / count)

        cloaker = Cloaker(
            _context(viot),
            recipe,
            lambda share: progress.update(task, completed=share),
            as_kept=as_kept,
            crew=crew,
            counted=counted,
        )
        report = cloaker.pictures(files, target, person=person, keep_metadata=keep_metadata)
    if quiet:
        return report
    for made in report.pictures:
        console.print(str(made.written), style="bold", markup=False)
        for face in made.faces:
            console.print(f"  {face_words(face, report)}", markup=False)
        left = left_words(made)
        kept = () if keep_metadata else ("EXIF and comments are not carried over",)
        for note in (*((left,) if left else ()), *made.notes, *kept):
            console.print(f"  {note}", style="dim", markup=False)
    for _, why in report.without:
        console.print(f"not written: {why}", style="yellow", markup=False)
    console.print(f"{made_with(report)} {LIMITS}", markup=False)
    return report


@contextmanager
def _workers(ray: str) -> Iterator[Callable[[Hands], Crew]]:
    """Those of a cluster, for hands that are to be like theirs; raises as ``cluster.joined``."""
    from rich.console import Console

    from viot_agent.cluster import in_order, joined
    from viot_tools.cloak.workers import Afar, do_here, named, wide

    with joined(ray, do_here, named, wide=wide, stays="what was written stays") as pool:
        Console(stderr=True).print(f"Ray: {pool.size} core(s)", highlight=False, markup=False)
        yield lambda hands: Afar(hands, lambda errands: in_order(pool, errands))


def _video(
    viot: Viot, file: Path, recipe: Recipe, as_kept: bool, person: str | None, out: Path | None, quiet: bool,
    console: Console,
) -> VideoReport:  # fmt: skip
    from rich.progress import Progress

    from viot_tools.cloak.protect import Cloaker
    from viot_tools.cloak.video import cloak_video
    from viot_tools.cloak.words import LIMITS, made_with, track_words
    from viot_tools.masks.pictures import free_name

    path = free_name(out or file.parent, file.stem, ".mp4", "cloaked")
    with Progress(console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task(file.name, total=1.0)
        mask = progress.add_task("making the masks", total=1.0)
        cloaker = Cloaker(_context(viot), recipe, lambda share: progress.update(mask, completed=share), as_kept=as_kept)
        report = cloak_video(
            cloaker, file, path, person=person, said=lambda share: progress.update(task, completed=share)
        )
    if quiet:
        return report
    sound = f"sound kept ({report.sound})" if report.sound else report.lost or "no sound"
    console.print(f"{path} ({report.clip.duration:.1f} s, {sound})", style="bold", markup=False)
    for track in report.tracks:
        console.print(f"  {track_words(track, report)}", markup=False)
    if report.too_small:
        console.print(f"  left without: {report.too_small} tracks of faces under 40 pixels", style="dim", markup=False)
    console.print(f"{made_with(report)} {LIMITS}", markup=False)
    return report
