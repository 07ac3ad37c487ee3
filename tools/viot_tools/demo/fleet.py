"""The demo's fleet in a home of the person's own: the same footage as ``viot demo``, added beside what is there.

Registered under ``viot_agent.demo_fleets``, so that the chat can offer it with one click. Nothing that exists is
replaced. Knows no page; indexing is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from viot_agent.errors import NameFault
from viot_tools.demo import footage
from viot_tools.demo.asking import questions
from viot_tools.demo.figures import COLLINS

if TYPE_CHECKING:
    from viot_agent.system import Viot

CONSENT = "public-domain portrait, demo"


def add_fleet(viot: Viot, now: float, say: Callable[[str], None]) -> Sequence[str]:
    """Make the footage below ``home/demo-footage``, add its cameras, enrol its person; the requests that work on it.

    Called again it adds what is missing. Raises NameFault when a camera of the person's own has one of the names.
    """
    folder = viot.home / "demo-footage"
    clips = footage.script(now)
    there = {c.name: c for c in viot.library.cameras()}
    for number, clip in enumerate(clips, 1):
        if clip.camera in there:
            if not there[clip.camera].source.startswith(str(folder.resolve())):
                raise NameFault(
                    f"there is a camera {clip.camera!r} already, and the demo brings one of that name",
                    name=clip.camera,
                    fix="rename or remove it, or try the demo with another VIOT_HOME",
                )
            continue
        say(f"Making the footage of {clip.camera} ({number} of {len(clips)})")
        file = folder / clip.file_name()
        footage.make(clip, folder)
        viot.add_camera(clip.camera, str(file), groups=clip.groups, tz="UTC", start=clip.start)
    if COLLINS.name not in {p.name for p in viot.library.people()}:
        say(f"Enrolling {COLLINS.name} ({COLLINS.credit})")
        viot.enrol(COLLINS.name, [COLLINS.path], CONSENT)
    return [q.text for q in questions()]
