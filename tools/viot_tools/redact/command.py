"""``viot redact``: copies of picture and video files without recognisable faces. Registered at every start; imports
late."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from viot_tools.redact.find import Finder
    from viot_tools.redact.hide import Style
    from viot_tools.redact.plates import PlateFinder
    from viot_tools.redact.report import Report
    from viot_tools.redact.who import Keeper


def register(app: typer.Typer) -> None:
    """Add ``viot redact``."""
    app.command("redact")(redact)


def redact(
    files: Annotated[list[Path], typer.Argument(help="Pictures and videos; they are never written over.")],
    keep: Annotated[
        str, typer.Option("--keep", help="Who stays visible: an enrolled name, or a picture of one face.")
    ] = "",
    plates: Annotated[bool, typer.Option("--plates", help="Hide number plates too.")] = False,
    solid: Annotated[
        bool, typer.Option("--solid", help="Cover faces in one grey instead of blurring them: nothing of them is left.")
    ] = False,
    mute: Annotated[
        bool, typer.Option("--mute", help="Leave the sound of videos out: voices tell people too.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder; left out: beside each file, as NAME-redacted.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Hide the faces of pictures (PNG; JPEG stays JPEG) and videos (MP4): all of them, or all but one person's."""
    from rich.console import Console

    from viot_agent.cli.gate import check_named, opened
    from viot_agent.errors import MediaFault, UserFault
    from viot_agent.steps import Attachment, Request
    from viot_agent.toolbox.contract import ToolContext
    from viot_tools.redact.find import make_finder
    from viot_tools.redact.plates import plate_finder
    from viot_tools.redact.report import to_json
    from viot_tools.redact.who import keeper
    from viot_tools.redact.words import LIMITS

    console = Console(highlight=False, soft_wrap=True)
    if out is not None and (out.suffix or out.is_file()) and not out.is_dir():
        raise UserFault(f"--out is a folder, and {out} is a file's name", fix="give a folder")
    reports: list[Report] = []
    faults: list[MediaFault] = []
    with opened("redaction") as viot:
        if keep and not Path(keep).is_file():
            check_named(viot, keep)
        picture = (Attachment(keep, "image", Path(keep)),) if keep and Path(keep).is_file() else ()
        ctx = ToolContext(Request("", attachments=picture), viot.fleet, viot.library, viot.weights, viot.home)
        finder, places = make_finder(viot.weights), plate_finder(viot.weights) if plates else None
        for file in files:
            try:
                if file.is_dir():
                    raise MediaFault(f"{file} is a folder", fix=f"name its files: viot redact {file}/*")
                # a keeper remembers the faces of one file
                kept = keeper(ctx, keep) if keep else None
                reports.append(_redact(file, out, finder, kept, places, "solid" if solid else "blocks", not mute,
                                       as_json, console))  # fmt: skip
            except MediaFault as fault:  # one bad file of many does not keep the others from being redacted
                if len(files) == 1:
                    raise
                faults.append(fault)
                console.print(f"left out: {fault}", style="yellow", markup=False)
    if as_json:
        typer.echo(json.dumps([to_json(r) for r in reports], ensure_ascii=False, indent=2))
    elif any(r.written for r in reports):
        console.print(LIMITS, markup=False)
    if faults:
        raise MediaFault(f"{len(faults)} of {len(files)} files could not be read", fix="see the lines above")
    if not any(r.written for r in reports):
        raise typer.Exit(2)


def _redact(
    file: Path, out: Path | None, finder: Finder, keeper: Keeper | None, plates: PlateFinder | None, style: Style,
    sound: bool, quiet: bool, console: Console,
) -> Report:  # fmt: skip
    """One file, and its words unless ``quiet``."""
    from rich.progress import Progress

    from viot_agent.media.sniff import SUFFIXES
    from viot_tools.masks.pictures import free_name
    from viot_tools.redact.pictures import redact_picture
    from viot_tools.redact.video import redact_video
    from viot_tools.redact.words import hidden_words, keep_words, nothing_words, sound_words

    folder, video = out or file.parent, file.suffix.lower() in SUFFIXES
    if video:
        with Progress(console=console, transient=True, disable=quiet) as progress:
            task = progress.add_task(file.name, total=1.0)
            report = redact_video(
                file, free_name(folder, file.stem, ".mp4", "redacted"), finder, keeper=keeper, plates=plates,
                style=style, sound=sound, said=lambda share: progress.update(task, completed=share),
            )  # fmt: skip
    else:
        report = redact_picture(
            file, lambda o: free_name(folder, file.stem, ".jpg" if o.jpeg else ".png", "redacted"), finder,
            keeper=keeper, plates=plates, style=style,
        )  # fmt: skip
    if quiet:
        return report
    if report.written is None:
        console.print(nothing_words(report, str(file)), markup=False)
        return report
    console.print(str(report.written), style="bold", markup=False)
    console.print(f"  {hidden_words(report)}", markup=False)
    kept = keep_words(report)
    if kept:
        console.print(f"  {kept}", markup=False)
    dim = (*((sound_words(report),) if video else ("EXIF and comments are not carried over",)), *report.notes)
    for line in dim:
        console.print(f"  {line}", style="dim", markup=False)
    return report
