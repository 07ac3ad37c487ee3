"""What the tools that make a picture or video share: which file a handle is, where the copy goes, its evidence.

Owns names below ``VIOT_HOME/exports``. Does not know what is done to the pictures.
"""

from __future__ import annotations

import re
from pathlib import Path

from viot_agent.errors import RetryFault
from viot_agent.steps import Evidence
from viot_agent.toolbox.contract import ToolContext


def media_file(ctx: ToolContext, handle: str) -> Path:
    """The file behind the handle of an attached or made picture or video.

    Raises RetryFault with the handles there are.
    """
    path = ctx.attachment(handle) or ctx.handles.get(handle)
    shown = [h for h, p in ctx.handles.items() if p.suffix.lower() != ".json"]
    there = [*(a.handle for a in ctx.request.attachments), *shown]
    if path is None:
        words = f"there are {', '.join(there)}" if there else "nothing is attached and nothing was made"
        raise RetryFault(f"there is no {handle} ({words})", nearest=there, fix="attach a picture or video")
    if path.suffix.lower() == ".json":
        raise RetryFault(f"{handle} is no picture or video", nearest=there, fix="name a picture or video")
    return path


def place(ctx: ToolContext, source: Path, ending: str, word: str) -> Path:
    """A free name of this run for a copy of ``source``: ``exports/RUN/me-cloaked.png``."""
    from viot_tools.masks.pictures import free_name  # brings OpenCV, wanted only when something is made

    stem = re.sub(r"[^\w-]+", "-", source.stem).strip("-")[:60] or "media"
    return free_name(ctx.home / "exports" / (ctx.run_id or "run"), stem, ending, word)


def made_evidence(
    ctx: ToolContext, tool: str, handle: str, made: str, model: str, model_version: str, *, crop: str | None = None,
    clip: str | None = None, length: float = 0.0,
) -> Evidence:  # fmt: skip
    """The made file ``made`` as evidence, shown under the handle it was made of. ``length`` in seconds."""
    now = ctx.request.now
    return Evidence(
        id=ctx.evidence_id(),
        camera=handle,
        start=now,
        end=now + length,
        tool=tool,
        model=model,
        model_version=model_version,
        crop=crop,
        clip=clip,
        label=made,
    )


def faces_words(n: int) -> str:
    """``1 face``, ``3 faces``."""
    return "1 face" if n == 1 else f"{n} faces"
