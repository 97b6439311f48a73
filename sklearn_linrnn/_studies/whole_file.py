"""Texts in files that are replaced as a whole."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

from sklearn_linrnn._data.file_replacement import replace_bytes

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def replace_file(path: Path, text: str) -> None:
    """Let a text take the place of a file, as `replace_bytes` does; ``.csv.gz`` compresses.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        All that shall be in it.

    Raises
    ------
    OSError
        If it could not be written; then the file is as it was.
    """
    data = text.encode()
    compress = COMPRESSORS.get(path.resolve().suffix.lower())
    replace_bytes(path, data if compress is None else compress(data))
