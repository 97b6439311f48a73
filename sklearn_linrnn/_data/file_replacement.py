"""Files that are replaced as a whole, so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_bytes(path: Path, data: bytes) -> None:
    """Write bytes beside a file, down to the disk, and then let them take the file's place.

    A symbolic link stays one, and the mode of the file stays. What a writer left behind that was
    killed in the middle is removed, so only one may write at a time.

    Parameters
    ----------
    path : Path
        The file.
    data : bytes
        All that shall be in it.

    Raises
    ------
    OSError
        If it could not be written; then the file is as it was.
    """
    try:
        _replace(path.resolve(), data)
    except OSError as error:
        # Of the file, not of the one beside it; errors of writing have no name at all.
        error.filename = str(path)
        del error.filename2
        raise


def _replace(path: Path, data: bytes) -> None:
    for left in path.parent.glob(f".{_literal(path.name)}.*.tmp"):
        left.unlink(missing_ok=True)
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(_mode(path))
        Path(beside).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(beside).unlink()
        raise
    _sync_folder(path.parent)


def _literal(name: str) -> str:
    """Return a name for `glob` in which no sign means others."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _mode(path: Path) -> int:
    """Return the mode of a file, or the one that a new file gets."""
    if path.exists():
        return path.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Let the new name reach the disk, where a folder can be opened for that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
