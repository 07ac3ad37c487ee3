"""Files that a caller may name: what they uploaded, and what their own runs wrote.

A name is an upload's id (``up-...``) or ``viot://evidence/RUN/FILE`` (also ``exports`` and ``frame``). Of anybody
else's, and of anything else, there is nothing: the answer is the same as for a name that was never given out. Owns the
taking of uploads (size, kind by their first bytes) and this look-up. Knows no route.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from viot_agent.errors import DiskFault, MediaFault, NameFault, UserFault
from viot_agent.media.sniff import HEAD, SUFFIXES, picture_kind
from viot_agent.serve.problems import TooLarge
from viot_agent.serve.shown import parts_of
from viot_agent.system import Viot, attachments
from viot_agent.web.media import MadeFiles
from viot_agent.web.sessions import unplaced
from viot_agent.web.uploads import Uploads

UPLOAD_SECONDS = 600.0
_ID = re.compile(r"up-[\w-]{16}")
_PICTURE_ENDINGS = {"JPEG picture": ".jpg", "PNG picture": ".png", "WebP picture": ".webp", "BMP picture": ".bmp"}
Kind = Literal["image", "video"]


class Files:
    """``take`` is called from the server's event loop, ``found`` from any thread."""

    def __init__(self, viot: Viot, uploads: Uploads) -> None:
        self.made, self.uploads = MadeFiles(viot), uploads

    async def take(
        self, principal: str, name: str, size: int | None, body: AsyncIterator[bytes]
    ) -> tuple[str, Kind, int]:
        """Keep an upload; gives back its id, its kind and its bytes. ``name`` is the caller's, of which only the ending
        counts; ``size`` what the body says it has.

        Raises TooLarge, and MediaFault for what is neither a picture nor a video that can be read: nothing is kept
        then.
        """
        told = self.uploads.largest if size is None else size
        full = self.uploads.refusal(principal, told)
        if full:
            raise TooLarge(full, fix="wait, or send less")
        id = f"up-{secrets.token_urlsafe(12)}"
        folder = self.uploads.folder / id
        part = folder / "part"
        self.uploads.begin(principal, told)
        kept = False
        try:
            folder.mkdir()
            async with asyncio.timeout(UPLOAD_SECONDS):
                arrived = await self._written(part, body)
            if arrived == 0:
                raise MediaFault("the upload is empty", fix="send the file's bytes as the body")
            path, kind = await asyncio.to_thread(_known, part, name)
            self.uploads.add(principal, [str(path)])
            kept = True
        except TimeoutError as error:  # before OSError, of which it is one
            words = f"the upload did not come within {UPLOAD_SECONDS / 60:g} minutes"
            raise UserFault(words, fix="send a smaller file") from error
        except OSError as error:
            raise DiskFault(f"the upload cannot be kept: {error.strerror}", fix="try again later") from error
        finally:
            self.uploads.end(principal, told)
            if not kept:
                await asyncio.to_thread(_removed, folder)
        return id, kind, arrived

    async def _written(self, part: Path, body: AsyncIterator[bytes]) -> int:
        arrived = 0
        with part.open("wb") as file:
            async for piece in body:
                arrived += len(piece)
                if arrived > self.uploads.largest:
                    words = f"an upload has {self.uploads.largest / 1e6:g} MB at most"
                    raise TooLarge(words, fix="long footage is added on the server: viot camera add")
                await asyncio.to_thread(file.write, piece)
        return arrived

    def found(self, principal: str, reference: str) -> Path:
        """The file of that name. Raises NameFault; the words are the same for what is not there and for what is
        somebody else's."""
        if _ID.fullmatch(reference):
            folder = self.uploads.folder / reference
            held = [p for p in folder.iterdir() if principal in self.uploads.owners(p)] if folder.is_dir() else []
            if held:
                return held[0]
        else:
            parts = parts_of(reference)
            path = self.made.path(*parts, principal) if parts is not None else None
            if path is not None:
                return path
        raise NameFault(f"you have no file {reference[:80]!r} here", name=reference, fix="upload it first")


def _known(part: Path, name: str) -> tuple[Path, Kind]:
    """The upload under a name with the right ending, and its kind. Raises MediaFault."""
    with part.open("rb") as file:
        head = file.read(HEAD)
    picture = picture_kind(part, head)
    if picture is not None and picture not in _PICTURE_ENDINGS:
        raise MediaFault(f"a {picture} cannot be used here", fix="send a JPEG, PNG or WebP picture, or a video")
    # a picture is told by its bytes; a video's own ending says how a raw stream is read
    own = Path(name).suffix.lower()
    ending = _PICTURE_ENDINGS[picture] if picture is not None else own if own in SUFFIXES else ".mp4"
    path = part.with_name(f"upload{ending}")
    part.rename(path)
    try:
        found = attachments([path])[0]
    except (MediaFault, UserFault) as fault:
        raise unplaced(fault, [path]) from fault
    return path, found.kind


def _removed(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()
