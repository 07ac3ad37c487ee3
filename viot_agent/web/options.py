"""How the page is served: the options of ``python app.py`` and ``viot chat``, checked once.

Owns the options and their messages. Starts nothing.
"""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from viot_agent.errors import UserFault

MAX_UPLOAD_MB = 200
LLM = "mini"


@dataclass(frozen=True, slots=True)
class Options:
    """``auth`` holds (name, password) pairs, empty for none; ``root_path`` the prefix behind a proxy (``/cameras``);
    ``max_upload_mb`` the size of one upload; ``llms`` what the model picker offers, the first one chosen; ``proxied``
    whether a proxy stands before the server, with a prefix or without one (``--root-path /``); ``open`` whether anybody
    may come in from elsewhere without signing in."""

    host: str = "127.0.0.1"
    port: int = 7860
    auth: tuple[tuple[str, str], ...] = ()
    root_path: str = ""
    max_upload_mb: int = MAX_UPLOAD_MB
    llms: tuple[str, ...] = (LLM,)
    proxied: bool = False
    open: bool = False

    @property
    def exposed(self) -> bool:
        """Whether other machines reach the page itself and nobody has to sign in by ``auth``, unasked for. Behind a
        proxy that is the proxy's."""
        return not (self.open or self.auth or self.proxied or self.loopback)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page (a proxy on it may open it to others)."""
        if self.proxied or self.root_path:
            return False
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1_000_000


def checked(
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    auth: Sequence[str] = (),
    root_path: str = "",
    max_upload_mb: int = MAX_UPLOAD_MB,
    llm: Sequence[str] = (),
    open_: bool = False,
) -> Options:
    """Options from words. Raises UserFault naming what is wrong."""
    pairs = []
    for word in auth:
        name, colon, password = word.partition(":")
        if not (colon and name.strip() and password):
            raise UserFault("--auth needs NAME:PASSWORD", fix="for example --auth ana:a-long-password; may be repeated")
        pairs.append((name.strip(), password))
    if len({name for name, _ in pairs}) != len(pairs):
        raise UserFault("--auth names one person twice", fix="give each person one password")
    prefix = "/" + root_path.strip("/") if root_path.strip("/") else ""
    if "://" in root_path or any(c in prefix for c in " ?#%\\\"'<>") or ".." in prefix:
        raise UserFault(f"--root-path {root_path!r} is no path", fix="for example --root-path /cameras")
    if not 0 <= port <= 65535:
        raise UserFault(f"--port {port} is no port", fix="give a number from 1 to 65535")
    if not 1 <= max_upload_mb <= 100_000:
        raise UserFault(f"--max-upload-mb {max_upload_mb} cannot be", fix="give a number from 1 to 100000")
    llms = tuple(dict.fromkeys(llm)) or (LLM,)
    return Options(host, port, tuple(pairs), prefix, max_upload_mb, llms, proxied=bool(root_path), open=open_)


def parse(argv: Sequence[str] | None = None) -> Options:
    """Options of ``python app.py``. Raises UserFault; ``--help`` ends the process, as argparse does."""
    parser = argparse.ArgumentParser(prog="app.py", description="VIoT Agent in the browser.")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: this machine only)")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--auth", action="append", default=[], metavar="NAME:PASSWORD", help="may be repeated")
    parser.add_argument("--root-path", default="", help="the path under which a proxy serves this: /cameras, or /")
    parser.add_argument("--open", action="store_true", help="let others in without signing in, where nobody has a key")
    parser.add_argument("--max-upload-mb", type=int, default=MAX_UPLOAD_MB, help="largest upload (default %(default)s)")
    parser.add_argument(
        "--llm",
        action="append",
        default=[],
        help="mini, hf:NAME[+adapter=PATH] or openai:URL#MODEL; may be repeated: the page offers them all",
    )
    found = parser.parse_args(argv)
    return checked(
        host=found.host,
        port=found.port,
        auth=found.auth,
        root_path=found.root_path,
        max_upload_mb=found.max_upload_mb,
        llm=found.llm,
        open_=found.open,
    )
