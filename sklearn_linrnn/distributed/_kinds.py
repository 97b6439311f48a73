"""Dask, which is there with the extra alone, and the kinds of its collections."""

from __future__ import annotations

import sys
from typing import Any


def require_dask() -> None:
    """Raise an ImportError that names the extra unless Dask is installed."""
    try:
        import dask.array
        import dask.bag  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "sklearn_linrnn.distributed needs Dask: pip install 'sklearn-linrnn[distributed]'."
        ) from error


def is_array(value: Any) -> bool:
    """Return whether a value is a Dask array."""
    import dask.array as da

    return isinstance(value, da.Array)


def is_frame(value: Any) -> bool:
    """Return whether a value is a Dask DataFrame or Series."""
    frames = sys.modules.get("dask.dataframe")  # whoever has one has imported it
    return frames is not None and isinstance(value, (frames.DataFrame, frames.Series))


def is_bag(value: Any) -> bool:
    """Return whether a value is a Dask bag."""
    from dask.bag import Bag

    return isinstance(value, Bag)


def has_rows(value: Any) -> bool:
    """Return whether a value is a Dask collection with an axis of rows."""
    return is_array(value) or is_frame(value)
