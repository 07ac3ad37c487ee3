"""What counts as a live source, how it is opened, and how it is shown without its password.

Owns the rules about addresses. Opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from viot_agent.errors import MediaFault, UserFault
from viot_agent.fleet.types import LIVE

SCHEMES = ("rtsp", "rtsps", "http", "https", "loop")
_SECRET = re.compile(r"((?:user|pass|pwd)[a-z]*=)[^/]*", re.IGNORECASE)
_DEVICE = re.compile(r"/dev/video\d+")
# no "file": a playlist that a server sends must not make the decoder read this machine's files
_PROTOCOLS = "rtp,rtsp,rtsps,tcp,udp,tls,http,https,httpproxy,crypto"


@dataclass(frozen=True, slots=True)
class Opening:
    """How FFmpeg opens a source: ``format`` None = by looking; ``options`` of the demuxer."""

    url: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def is_live(source: str) -> bool:
    """Whether a camera's source is a stream or a device, not a file or a folder."""
    return LIVE.fullmatch(source) is not None


def checked(source: str) -> str:
    """The source as it is kept. Raises UserFault for an address nobody here reads, MediaFault for a missing ``loop://``
    file or device. A camera that does not answer now may be added all the same: watching says what it does."""
    if _DEVICE.fullmatch(source):
        if not Path(source).exists():
            raise MediaFault(f"there is no device {source}", fix="ls /dev/video*")
        return source
    scheme, _, rest = source.partition("://")
    if scheme.lower() not in SCHEMES or not rest.strip("/") or (re.search(r"\s", source) and scheme != "loop"):
        raise UserFault(
            f"{shown(source)} is no address that can be watched",
            fix="give rtsp://, rtsps://, http:// or https:// with a host, /dev/video0, or loop:///path/of/a/file.mp4",
        )
    if scheme.lower() == "loop":
        from viot_agent.media.probe import probe

        path = Path(rest).expanduser()
        probe(path)
        return f"loop://{path.resolve()}"
    try:
        parts = urlsplit(source)
        if "@" in source.partition("://")[2][len(parts.netloc) :]:
            raise UserFault(
                f"{shown(source)} has an @ behind its host",
                fix="in user, password and path write / as %2F, ? as %3F, # as %23, @ as %40",
            )
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        usable = False
    if not usable:
        raise UserFault(f"{shown(source)} names no host", fix="write it like rtsp://192.168.1.20:554/stream1")
    return source


def shown(source: str) -> str:
    """The source for people: without user, password and query, any of which may be a secret; nor those that some
    cameras want in their path (``/user=ana&password=...``)."""
    scheme, found, rest = source.partition("://")
    if not found or scheme.lower() == "loop":
        return source
    try:
        parts = urlsplit(source)
        if "@" in rest[len(parts.netloc) :]:  # a password with a / in it looks like a path
            return f"{scheme}://..."
        host, path = parts.netloc.rpartition("@")[2], _SECRET.sub(r"\1...", parts.path)
        return urlunsplit((parts.scheme, host, path, "..." if parts.query else "", ""))
    except ValueError:
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def opening(source: str) -> Opening:
    """How to open a live source that is not a loop."""
    if _DEVICE.fullmatch(source):
        # cameras that offer JPEG or H.264 are recorded as they send it; raw pictures could not be copied
        return Opening(source, "v4l2", {"input_format": "mjpeg"})
    options = {"protocol_whitelist": _PROTOCOLS}
    if source.lower().startswith("rtsp"):
        # TCP: over UDP a busy network tears pictures
        options |= {"rtsp_transport": "tcp"}
    return Opening(source, None, options)
