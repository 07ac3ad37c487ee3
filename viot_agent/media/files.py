"""Files that are written whole or not at all.

Owns the one way to do that. Knows no format.
"""

from __future__ import annotations

import errno
import os
import tempfile
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
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if not private:
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except OSError as error:
        kind = DiskFault if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else BackendFault
        raise kind(f"{path} cannot be written: {error.strerror}", fix=fix) from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)
