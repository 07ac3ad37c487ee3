"""``viot doctor``: a real end-to-end probe that names each fix."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from viot_agent.errors import FailedFault, ViotError


def doctor() -> None:
    """Check this machine part by part, then index and ask about a clip made on the spot."""
    out = Console(highlight=False, soft_wrap=True)
    bad = 0
    for title, check in CHECKS:
        try:
            words, style = check(), "green"
        except (ViotError, ImportError, OSError) as error:
            words, style = str(error), "bold red"
            bad += 1
        out.print(Text(f"{'ok ' if style == 'green' else 'BAD'} {title}: {words}", style))
    if bad:
        raise FailedFault(f"{bad} part(s) do not work here", fix="see the lines marked BAD")


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        raise FailedFault(f"Python {sys.version.split()[0]}", fix="use Python 3.11 or 3.12")
    return sys.version.split()[0]


def _opencv() -> str:
    try:
        import cv2
    except ImportError as error:
        raise FailedFault(f"OpenCV cannot be imported: {error}", fix="apt-get install libgl1 libglib2.0-0") from error
    return str(cv2.__version__)


def _home() -> str:
    from viot_agent.weights import default_home

    home = default_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free / 1e9
        with tempfile.NamedTemporaryFile(dir=home):
            pass
    except OSError as error:
        raise FailedFault(
            f"{home} cannot be written to: {error.strerror}",
            fix="make it a folder of yours, or set VIOT_HOME elsewhere",
        ) from error
    if free < 1:
        raise FailedFault(f"{home} has {free:.1f} GB left", fix="free some disk, or set VIOT_HOME elsewhere")
    return f"{home}, {free:.0f} GB free"


def _weights() -> str:
    from viot_agent.weights import Weights

    weights = Weights.from_env()
    names = [e.name for e in weights.manifest.values() if e.default and e.tier in ("builtin", weights.tier)]
    wrong = []
    for name in names:
        try:
            weights.path(name)
        except ViotError as fault:
            wrong.append(fault)
    if wrong:
        raise FailedFault("; ".join(f.message for f in wrong), fix="; ".join(dict.fromkeys(f.fix for f in wrong)))
    return f"tier {weights.tier}, {len(names)} files with the right sha256"


def _library() -> str:
    from viot_agent.system import Viot

    with Viot.open() as viot:
        return f"{len(viot.library.cameras())} camera(s), {len(viot.library.people())} enrolled"


def _tools() -> str:
    from viot_agent.toolbox import Toolbox

    return ", ".join(Toolbox.from_entry_points().names)


def _end_to_end() -> str:
    import numpy as np

    from viot_agent.media.clips import write_clip
    from viot_agent.system import Viot

    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "probe.mp4"
        grey = np.full((240, 320, 3), 127, np.uint8)
        write_clip((grey for _ in range(20)), clip, 10.0)
        with Viot.open(Path(folder) / "home") as viot:
            viot.add_camera("probe", str(clip), tz="UTC", start=0.0)
            viot.index()
            run = viot.ask("How many people are on probe?")
        if run.answer.status != "answered" or not any(s.call.tool == "crowd_counting" for s in run.steps):
            raise FailedFault(f"asked for the people on an empty clip, got: {run.answer.text}", fix="report this")
    return f"made, indexed and asked about a clip; {run.answer.text}"


CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("Python", _python),
    ("OpenCV", _opencv),
    ("home", _home),
    ("weights", _weights),
    ("library", _library),
    ("tools", _tools),
    ("end to end", _end_to_end),
)
