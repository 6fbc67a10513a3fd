"""Write an output file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write ``data`` to ``path`` through a temporary file beside it, so that no reader ever sees half a file.

    A path that exists and is no regular file (``/dev/stdout``, a pipe) can't be replaced and is written directly.
    Raises ``OSError`` as ``open`` would.
    """
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    # Before links are resolved: /dev/stdout leads to a pipe, which has no name that could be opened.
    if Path(path).exists() and not Path(path).is_file():
        Path(path).write_bytes(content)
        return
    target = Path(os.path.realpath(path))
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        # mkstemp makes private files; an output file has the permissions any new file would have.
        os.chmod(temporary, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
