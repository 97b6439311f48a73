"""Panels and hierarchies as series, and back."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import pandas as pd

Key = tuple[Hashable, ...]  # the instance levels of a panel's index; empty for a single series


def each_series(
    y: pd.DataFrame, X: pd.DataFrame | None
) -> Iterator[tuple[Key, pd.DataFrame, pd.DataFrame | None]]:
    """Yield the key, the series and the exogenous series of each instance."""
    exogenous = {} if X is None else split(X)
    for key, frame in split(y).items():
        if X is not None and key not in exogenous:
            raise ValueError(f"X must have every series of y, but {name(key)} is missing.")
        yield key, frame, exogenous.get(key)


def split(frame: pd.DataFrame) -> dict[Key, pd.DataFrame]:
    """Return the series of a panel or a hierarchy by key; a single series has the empty key."""
    if not isinstance(frame.index, pd.MultiIndex):
        return {(): frame}
    levels = list(range(frame.index.nlevels - 1))
    groups = frame.groupby(level=levels, sort=False)
    return {key: part.droplevel(levels) for key, part in groups}


def join(parts: Mapping[Key, pd.DataFrame], names: list[Hashable] | None) -> pd.DataFrame:
    """Return series as one frame; ``names`` are those of the index, None for a single series."""
    if names is None:
        return parts[()]
    frame = pd.concat(parts)
    frame.index.names = names
    return frame


def name(key: Key) -> str:
    """Return what a message calls a series."""
    return "y" if not key else f"series {key if len(key) > 1 else key[0]!r} of y"
