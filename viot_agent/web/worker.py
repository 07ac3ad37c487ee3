"""The child process of a background job: indexes (or makes the demo fleet and indexes it), telling how far it is.

``python -m viot_agent.web.worker index CAMERA...`` or ``... demo``. One JSON object a line on stdout: ``{"words",
"fraction"}`` while it runs, last ``{"done", "words"}`` or ``{"failed"}``. A process of its own, because indexing takes
whole cores and a gigabyte, and because a killed run resumes where it stood and loses nothing: stopping is ending it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from viot_agent.errors import UserFault, ViotError
from viot_agent.library.ingest import IngestReport, Progress
from viot_agent.system import Viot


def tell(**values: Any) -> None:
    """One line of progress."""
    print(json.dumps(values, ensure_ascii=False), flush=True)


def index(viot: Viot, cameras: Sequence[str]) -> str:
    """Index these cameras (all when empty); gives back a sentence for each."""
    names = [c.name for c in (viot.fleet.resolve_cameras(list(cameras)) if cameras else viot.library.cameras())]
    if not names:
        raise UserFault("there is no camera yet", fix="add one first")
    sentences = []
    for number, name in enumerate(names):
        tell(words=f"Looking at {name}", fraction=number / len(names))

        def show(state: Progress, number: int = number) -> None:
            share = (state.file - 1 + state.at / max(state.duration, 1e-6)) / max(state.files, 1)
            speed = f"{state.fps:.1f} pictures a second, {state.times_real_time:.1f} times real time"
            tell(words=f"Looking at {state.camera}: {speed}", fraction=(number + min(share, 1.0)) / len(names))

        for report in viot.index([name], progress=show):
            sentences.append(sentence(report))
    return " ".join(sentences)


def sentence(report: IngestReport) -> str:
    """What came of one camera, in words."""
    new = f"{report.footage:.0f} s of footage indexed" if report.segments else "nothing new"
    trouble = "".join(f" Not readable: {p.media.name}, at {p.t:.0f} s: {p.message}" for p in report.problems)
    return f"{report.camera}: {new}.{trouble}"


def main(argv: Sequence[str]) -> int:
    """Do the job; 0 when it is done, 2 when it failed in a way that was said."""
    if not argv or argv[0] not in ("index", "demo"):
        tell(failed="usage: python -m viot_agent.web.worker index [CAMERA ...] | demo")
        return 2
    try:
        with Viot.open() as viot:
            requests: tuple[str, ...] = ()
            if argv[0] == "demo":
                tell(words="Making the demo footage", fraction=None)
                requests = viot.add_demo(lambda words: tell(words=words, fraction=None))
            words = index(viot, argv[1:] if argv[0] == "index" else ())
            tell(done=True, words=words, requests=list(requests))
    except ViotError as error:
        tell(failed=str(error))
        return 2
    return 0


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)  # the person who asks goes first
    sys.exit(main(sys.argv[1:]))
