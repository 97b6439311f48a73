"""From the bytes of a file, compressed or not, to its text."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path


def _only_member(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/")]
        if len(members) != 1:
            raise ValueError(
                f"the archive has {len(members)} files ({members[:3]}...), and one is needed"
            )
        return archive.read(members[0])


MAGIC: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
    b"PK\x03\x04": _only_member,
}  # first bytes of compressed data, and what undoes them
COMPRESSED = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00", ".zip": b"PK\x03\x04"}
DAMAGE = (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError,
          zipfile.BadZipFile)  # fmt: skip
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # the four bytes before the two that they begin with
CODE_PAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "big5",
              "euc_kr"]  # fmt: skip


def read_text(path: Path, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the text of a file.

    Parameters
    ----------
    path : Path
        The file; gzip, bzip2, xz, and zip with one file in it are undone.
    encoding : str or None
        Encoding of the text; ``None`` for what its first bytes say, UTF-8, or a guess.

    Returns
    -------
    text : str
    remarks : tuple of str
        That the encoding is a guess, if it is.

    Raises
    ------
    ValueError
        If the data is damaged, or no text in this encoding.
    """
    data = _decompress(path)
    remarks: tuple[str, ...] = ()
    if encoding is None:
        encoding = _encoding_of(data)
    if encoding is None:
        encoding = _guess(path, data)
        remarks = (f"encoding {encoding}, a guess",)
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise ValueError(f"--encoding got {encoding!r}, which is no encoding.") from error
    except UnicodeError as error:
        line = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise ValueError(
            f"{path}, line {line} is not text in the encoding {encoding}: --encoding says which it "
            "is, for instance cp1252."
        ) from error
    if "\0" in text:
        raise ValueError(f"{path} is not a text file: it has bytes of value zero.")
    return text, remarks


def _decompress(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        promised = COMPRESSED.get(path.suffix.lower(), b"")
        if not data.startswith(promised):
            raise ValueError(f"it is not {path.suffix} data")
        for magic, undo in MAGIC.items():
            if data.startswith(magic):
                return undo(data)
    except DAMAGE as error:
        raise ValueError(f"{path} could not be read: {error}.") from error
    return data


def _encoding_of(data: bytes) -> str | None:
    """Return the encoding that the bytes themselves tell, or None."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return encoding
    # Text has no zeros, but every second byte of Western text in UTF-16 is one.
    sample = data[:2000]
    for start, encoding in enumerate(("utf-16-be", "utf-16-le")):
        if sample[start::2].count(0) > len(sample) / 4:
            return encoding
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _guess(path: Path, data: bytes) -> str:
    """Return the likely encoding; the digits are the same in all that are asked for."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - rarely needed

    foreign = b"\n".join(line for line in data.splitlines() if not line.isascii())
    best = from_bytes(foreign[:50_000], cp_isolation=CODE_PAGES).best()
    if best is None:
        line = next(n for n, line in enumerate(data.splitlines(), 1) if not line.isascii())
        raise ValueError(
            f"{path}, line {line} is not UTF-8: --encoding says what it is, for instance cp1252."
        )
    return best.encoding
