"""Files of streams in the safetensors format: arrays and texts with a checksum, nothing that runs.

A file may also say how far a pass over pieces has come, and is then a checkpoint of it.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import sklearn_linrnn
from sklearn_linrnn._data.file_replacement import replace_bytes

FILE_FORMAT = 1  # raised by one where a file can no longer be read by other versions
KIND = "sklearn_linrnn.LagStream"


@dataclass(frozen=True, eq=False)
class StreamFile:
    """What a file of a stream holds.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        Arrays.
    settings : mapping
        Numbers and words that JSON can hold.
    progress : mapping or None
        How far a pass has come, in the same terms; ``None`` for a stream that is in none.
    """

    arrays: Mapping[str, NDArray]
    settings: Mapping[str, Any]
    progress: Mapping[str, Any] | None = None

    def write(self, path: Path) -> None:
        """Let the file take the place of an earlier one, as a whole or not at all.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        OSError
            If it could not be written; then the file is as it was.
        """
        from safetensors.numpy import save  # noqa: PLC0415

        texts = {
            "kind": KIND,
            "format": str(FILE_FORMAT),
            "package": sklearn_linrnn.__version__,
            "settings": json.dumps(self.settings),
        }
        if self.progress is not None:
            texts["progress"] = json.dumps(self.progress)
        texts["sha256"] = _checksum(self.arrays, texts)
        replace_bytes(path, save(dict(self.arrays), texts))

    @classmethod
    def read(cls, path: Path) -> StreamFile:
        """Return what a file holds.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        ValueError
            If the file is damaged, is none of a stream, or has the format of another version.
        OSError
            If it cannot be read.
        """
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415

        if path.is_dir():
            message = "The file of a LagStream is needed, but got a folder"
            raise IsADirectoryError(errno.EISDIR, message, str(path))
        try:
            with safe_open(path, framework="numpy") as file:
                texts = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged, or no file of a LagStream: {error}.") from error
        checksum = texts.pop("sha256", None)
        if texts.get("kind") != KIND:
            raise ValueError(f"{path} is no file of a LagStream.")
        if texts.get("format") != str(FILE_FORMAT):
            raise ValueError(
                f"sklearn-linrnn {sklearn_linrnn.__version__} reads streams in format "
                f"{FILE_FORMAT}, but {path} has format {texts.get('format')}, of version "
                f"{texts.get('package')}. Load it with that version."
            )
        if checksum != _checksum(arrays, texts):
            raise ValueError(f"{path} is damaged: its contents are not those that were saved.")
        progress = texts.get("progress")
        return cls(
            arrays,
            json.loads(texts["settings"]),
            None if progress is None else json.loads(progress),
        )


def check_path(path: Any, name: str) -> Path:
    """Return the path of a file that is in a folder, or raise before anything is done for it.

    Parameters
    ----------
    path : path-like
        What was passed.
    name : str
        What it is called.

    Raises
    ------
    TypeError
        If it is no path.
    FileNotFoundError
        If the folder is not there.
    """
    try:
        file = Path(path)
    except TypeError as error:
        raise TypeError(f"{name} must be a path, but got {path!r}.") from error
    if not file.parent.is_dir():
        message = f"{name} must be a file in a folder that is there, but got"
        raise FileNotFoundError(errno.ENOENT, message, str(file))
    return file


def _checksum(arrays: Mapping[str, NDArray], texts: Mapping[str, str]) -> str:
    shapes = {name: [str(array.dtype), *array.shape] for name, array in arrays.items()}
    checksum = hashlib.sha256(json.dumps([texts, shapes], sort_keys=True).encode())
    for name in sorted(arrays):
        checksum.update(arrays[name].tobytes())
    return checksum.hexdigest()
