"""Signed addresses of evidence: who may fetch which object until when, in the address itself.

HMAC-SHA-256 (RFC 2104) over principal, path and expiry, with a key of 32 random bytes below the home (readable by its
owner alone). Whoever holds an address may fetch that one object until it expires; edited in any part, it opens
nothing. Owns key and signature; serves nothing, and does not know what lies behind a path.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from viot_agent.errors import BackendFault, PolicyRefusal

KEY_FILE = "serve.key"
KEY_BYTES = 32
LIFETIME = 600.0
"""Seconds for which an address opens its object."""


class Signer:
    """Signs and checks. ``clock`` gives POSIX seconds."""

    def __init__(self, key: bytes, *, lifetime: float = LIFETIME, clock: Callable[[], float] = time.time) -> None:
        self._key, self.lifetime, self._clock = key, lifetime, clock

    @classmethod
    def of_home(cls, home: Path) -> Signer:
        """With the key of this home, made at the first call. Raises BackendFault where it cannot be kept."""
        path = home / KEY_FILE
        try:
            # made whole under another name: two servers that start at once must not read half a key
            part = path.with_name(f".{KEY_FILE}.{secrets.token_hex(6)}")
            if not path.exists():
                handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(secrets.token_bytes(KEY_BYTES))
                try:
                    os.link(part, path)
                except FileExistsError:
                    pass  # the other one was first: its key is read below
                finally:
                    part.unlink()
            key = path.read_bytes()
            shared = path.stat().st_mode & 0o077
        except OSError as error:
            raise BackendFault(f"the key {path} cannot be kept: {error.strerror}", fix="check VIOT_HOME") from error
        if len(key) != KEY_BYTES or shared:
            raise BackendFault(
                f"the key {path} is damaged, or others may read it", fix=f"rm {path}; addresses given out end with it"
            )
        return cls(key)

    def address(self, principal: str, path: str) -> str:
        """``path`` with the words that open it for ``principal`` during ``lifetime`` seconds."""
        expires = int(self._clock() + self.lifetime)
        return f"{path}?" + urlencode({"u": principal, "e": expires, "s": self._seal(principal, path, expires)})

    def principal(self, path: str, query: str) -> str:
        """Whom a signed address was given to. Raises PolicyRefusal for one that is edited, unsigned or too old.

        ``path`` as it was signed (percent-encoded), ``query`` as it came.
        """
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=3, errors="strict")
        except ValueError:
            pairs = []
        words = dict(pairs)
        if len(pairs) != 3 or set(words) != {"u", "e", "s"} or not re.fullmatch(r"[0-9]{1,12}", words["e"]):
            raise PolicyRefusal("this address is not signed", fix="take it from an answer, whole")
        expires = int(words["e"])
        if not hmac.compare_digest(_bytes(self._seal(words["u"], path, expires)), _bytes(words["s"])):
            raise PolicyRefusal("this address was changed after it was signed", fix="take it from an answer, whole")
        if self._clock() > expires:
            raise PolicyRefusal("this address has expired", fix="ask for the run again: it brings new ones")
        return words["u"]

    def _seal(self, principal: str, path: str, expires: int) -> str:
        # lengths first: no two triples of words make the same text
        said = f"{len(principal)}:{principal}\n{len(path)}:{path}\n{expires}"
        made = hmac.new(self._key, said.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _bytes(seal: str) -> bytes:
    """A seal's bytes; empty for what is none, or is written in another way than ours."""
    try:
        made = base64.urlsafe_b64decode(seal + "=")
    except (binascii.Error, ValueError):
        return b""
    # two texts may mean the same bytes (unused last bits): only the one we write counts
    return made if base64.urlsafe_b64encode(made).decode().rstrip("=") == seal else b""
