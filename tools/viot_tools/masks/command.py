"""``viot mask``: masks on the faces of picture and video files. Registered at every start; imports late."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from viot_tools.masks.landmarks import Landmarks

# written out, because templates bring NumPy, which no start of viot should wait for; a test compares
TEMPLATE_HELP = (
    "One template: surgical-blue, surgical-green, surgical-white, surgical-pink, n95-white, n95-valve, n95-teal, "
    "kn95-white, kn95-grey, kn95-black, cloth-navy, cloth-beige, cloth-red, cloth-pleated-grey, black-cloth, "
    "black-sport, black-surgical, patterned-dots, patterned-plaid, patterned-flowers, patterned-camouflage, "
    "patterned-stripes or patterned-checks."
)


def register(app: typer.Typer) -> None:
    """Add ``viot mask``."""
    app.command("mask")(mask_files)


def mask_files(
    files: Annotated[list[Path], typer.Argument(help="Pictures and videos; they are never written over.")],
    mask: Annotated[
        str | None, typer.Option("--mask", help="surgical, n95, kn95, cloth, black or patterned; surgical if left out.")
    ] = None,
    template: Annotated[str | None, typer.Option("--template", help=TEMPLATE_HELP)] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="How the masks sit, and which come first.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="A file (.png, .jpg, .mp4), or a folder; left out: beside each file, as NAME-masked."
        ),
    ] = None,
    all_templates: Annotated[
        bool, typer.Option("--all-templates", help="A copy of each picture for every template (of --mask).")
    ] = False,
) -> None:
    """Put rendered masks on the faces of pictures (PNG; JPEG stays JPEG) and videos (MP4, sound kept)."""
    from rich.console import Console

    from viot_agent.cli.gate import opened
    from viot_agent.errors import MediaFault, UserFault
    from viot_tools.masks.landmarks import Landmarks
    from viot_tools.masks.pictures import choose

    console = Console(highlight=False, soft_wrap=True)
    choose(mask, template, 0, seed)
    if all_templates and template is not None:
        raise UserFault("--all-templates and --template exclude each other", fix="give one of them")
    many = len(files) > 1 or all_templates
    if many and out is not None and out.suffix and not out.is_dir():
        raise UserFault(f"several copies do not fit in the one file {out}", fix="give a folder as --out")
    nobody, faults = 0, list[MediaFault]()
    with opened("redaction") as viot:
        landmarks = Landmarks(viot.weights)
        for file in files:
            try:
                if file.is_dir():
                    raise MediaFault(f"{file} is a folder", fix=f"name its pictures: viot mask {file}/*.jpg")
                nobody += 0 if _mask_one(file, mask, template, seed, out, all_templates, landmarks, console) else 1
            except MediaFault as fault:  # one bad file of many does not keep the others from their masks
                if len(files) == 1:
                    raise
                faults.append(fault)
                console.print(f"left out: {fault}", markup=False)
    if faults:
        raise MediaFault(f"{len(faults)} of {len(files)} files could not be read", fix="see the lines above")
    if nobody == len(files):
        raise typer.Exit(2)


def _mask_one(
    file: Path, mask: str | None, template: str | None, seed: int, out: Path | None, every: bool, landmarks: Landmarks,
    console: Console,
) -> bool:  # fmt: skip
    """Mask one file; says what was made; False when there was no face."""
    from viot_agent.media.sniff import SUFFIXES

    if file.suffix.lower() in SUFFIXES:
        return _mask_video(file, mask, template, seed, out, every, landmarks, console)
    return _mask_picture(file, mask, template, seed, out, every, landmarks, console)


def _mask_picture(
    file: Path, mask: str | None, template: str | None, seed: int, out: Path | None, every: bool, landmarks: Landmarks,
    console: Console,
) -> bool:  # fmt: skip
    from viot_tools.masks.pictures import counted, mask_picture, open_picture, write_picture
    from viot_tools.masks.templates import TEMPLATES, of_kind

    opened = open_picture(file)
    names: list[str | None] = [template]
    if every:
        names = [t.name for t in (of_kind(mask) if mask else TEMPLATES.values())]
    found = landmarks.find(opened.image)
    for name in names:
        made = mask_picture(opened.image, landmarks, mask=mask, name=name, seed=seed, found=found)
        if not made.worn:
            blind = landmarks.detector.blind_to
            console.print(f"{file}: no face to mask was found{f' (not seen: {blind})' if blind else ''}", markup=False)
            return False
        ending = ".jpg" if opened.jpeg else ".png"
        target = _target(file, out, ending, f"{file.stem}-{name}" if every and name else file.stem)
        write_picture(made.image, target, profile=opened.profile)
        words = f"{len(made.worn)} face{'s' if len(made.worn) != 1 else ''}: {counted(made.worn)}; seed {seed}"
        left = f"; {made.too_small} too small or turned too far" if made.too_small else ""
        console.print(f"{target}: {words}{left}", markup=False)
    kept = "colour profile kept; " if opened.profile else ""
    console.print(f"  {kept}EXIF and comments are not carried over", style="dim", markup=False)
    for note in opened.notes:
        console.print(f"  {note}", style="dim", markup=False)
    return True


def _mask_video(
    file: Path, mask: str | None, template: str | None, seed: int, out: Path | None, every: bool, landmarks: Landmarks,
    console: Console,
) -> bool:  # fmt: skip
    from rich.progress import Progress

    from viot_agent.errors import UserFault
    from viot_tools.masks.video import mask_video

    if every:
        raise UserFault(f"{file} is a video; --all-templates is for pictures", fix="give --template")
    target = _target(file, out, ".mp4", file.stem)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(file.name, total=1.0)
        made = mask_video(
            file, target, landmarks, mask=mask, name=template, seed=seed,
            said=lambda share: progress.update(task, completed=share),
        )  # fmt: skip
    if made.clip is None:
        console.print(f"{file}: no face to mask was found", markup=False)
        return False
    people = f"{len(made.templates)} face{'s' if len(made.templates) != 1 else ''}"
    sound = f"sound kept ({made.sound})" if made.sound else made.lost or "no sound"
    words = f"{people}: {', '.join(dict.fromkeys(made.templates))}; seed {seed}; {sound}"
    console.print(f"{target}: {words}", markup=False)
    return True


def _target(file: Path, out: Path | None, ending: str, stem: str) -> Path:
    """Where the copy of ``file`` goes. Raises UserFault when that is the file itself."""
    from viot_agent.errors import UserFault
    from viot_tools.masks.pictures import free_name, same_file

    if out is None:
        return free_name(file.parent, stem, ending)
    if out.is_dir() or not out.suffix:
        return free_name(out, stem, ending)
    if same_file(file, out):
        raise UserFault(f"{out} is the file itself; it is never written over", fix="give another --out")
    return out
