"""Files that are written whole or not at all.

Owns how that is done. Knows no format.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from viot_agent.errors import BackendFault, DiskFault


def write_whole(path: Path, data: bytes, *, fix: str, private: bool = False) -> None:
    """Write ``data`` to ``path``, its folder with it: a killed or racing process never leaves half a file.

    ``private``: readable by its owner only; else as other new files are. Raises DiskFault when the disk is full,
    BackendFault for every other reason, with ``fix``.
    """
    name = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a short name of its own: the target's may be as long as the file system allows
        name = str(path.parent / f".{secrets.token_hex(8)}.part")
        handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError as error:
        kind = DiskFault if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else BackendFault
        raise kind(f"{path} cannot be written: {error.strerror}", fix=fix) from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)
