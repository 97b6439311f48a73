"""Data of Dask as blocks, each with the last rows before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sklearn_linrnn.distributed._kinds import has_rows, is_array, is_bag
from sklearn_linrnn.distributed._parts import total
from sklearn_linrnn.distributed._rows import Block, last_rows

FAN_IN = 4  # parts that are added up at a time


@dataclass(frozen=True, eq=False)
class Source:
    """Data of Dask in blocks.

    Attributes
    ----------
    groups : list of list of Block
        The blocks: of the data, or of each recording of a list.
    """

    groups: list[list[Block]]

    @property
    def blocks(self) -> list[Block]:
        """All blocks, in their order."""
        return [block for group in self.groups for block in group]

    def counted(self) -> tuple[Source, int]:
        """Return the same with the places of the blocks' samples, and the number of samples.

        Lengths of blocks that are not known are computed.
        """
        from dask.base import compute
        from dask.delayed import delayed

        unknown = [each for each in self.blocks if each.length is None and not each.is_recording]
        length = delayed(len)
        found = iter(compute(*(length(block.X) for block in unknown)))
        groups, n_samples = [], 0
        for group in self.groups:
            placed = []
            for block in group:
                placed.append(replace(block, first=n_samples))
                if not block.is_recording:
                    n_samples += next(found) if block.length is None else block.length
            n_samples += group[0].is_recording
            groups.append(placed)
        return Source(groups), n_samples

    def mapped(self, function: Callable, *arguments: Any) -> list[list[Any]]:
        """Return the delayed results of a function of each block.

        Parameters
        ----------
        function : callable
            Takes the arguments and a block.
        *arguments : object
            First arguments, which are sent once.
        """
        from dask.delayed import delayed

        shared = [delayed(argument, traverse=False) for argument in arguments]
        do = delayed(function)
        return [[do(*shared, block) for block in group] for group in self.groups]

    def summed(self, function: Callable, *arguments: Any) -> Any:
        """Return the sum of the results of a function of each block, computed.

        Parameters
        ----------
        function : callable
            Takes the arguments and a block; None from a block without rows.
        *arguments : object
            First arguments, which are sent once.
        """
        parts = [part for group in self.mapped(function, *arguments) for part in group]
        return tree_of(parts).compute()


def tree_of(parts: Sequence[Any]) -> Any:
    """Return the delayed sum of delayed parts, as a tree.

    Parameters
    ----------
    parts : sequence of Delayed
        The parts.
    """
    from dask.delayed import delayed

    add_up = delayed(total)
    while len(parts) > 1:
        parts = [add_up(list(parts[k : k + FAN_IN])) for k in range(0, len(parts), FAN_IN)]
    return parts[0]


def read_source(given: Block, *, rows: str, n_before: int) -> Source:
    """Return data of Dask as blocks.

    Parameters
    ----------
    given : Block
        What the user passed.
    rows : {"windows", "timesteps"}
        What rows of two axes are.
    n_before : int
        How many time steps before a block its lags reach.
    """
    if isinstance(given.X, (list, tuple)):
        return Source(_recordings(given, n_before))
    if is_bag(given.X):
        _refuse_names(given)
        return Source([_bags(given)])
    if not has_rows(given.X):
        raise TypeError(
            "X must be a Dask array or DataFrame, or of recordings a list or a Dask bag, but got "
            f"{type(given.X).__name__}. Arrays in memory and in files are for the estimator's own "
            "methods."
        )
    if given.X.ndim not in (2, 3):
        raise ValueError(
            "X must have shape (n_samples, n_channels) or (n_sequences, n_timesteps, n_channels), "
            f"but got {given.X.ndim} axes."
        )
    goes_on = given.X.ndim == 2 and rows == "timesteps"
    if not goes_on:
        _refuse_names(given)
    return Source([_rows(given, n_before if goes_on else 0)])


def _refuse_names(given: Block) -> None:
    if given.sequence_id is not None:
        raise ValueError(
            "sequence_id is the recording that a row belongs to: it needs rows='timesteps' and X "
            "of shape (n_samples, n_channels). The recordings of panels, lists and bags are known."
        )


def _recordings(given: Block, n_before: int) -> list[list[Block]]:
    """Return the blocks of each recording of a list."""
    _refuse_names(given)
    lists = {"X": given.X, **given.beside}
    for name, values in lists.items():
        if not isinstance(values, (list, tuple)) or len(values) != len(given.X):
            got = f"{len(values)}" if isinstance(values, (list, tuple)) else type(values).__name__
            raise ValueError(
                f"{name} must be a list of {len(given.X)} recordings, as X is, but got {got}."
            )
    if not lists["X"]:
        raise ValueError("X must have at least one recording, but got an empty list.")
    groups = []
    for values in zip(*lists.values(), strict=True):
        recording = Block(**dict(zip(lists, values, strict=True)), is_recording=True)
        groups.append(_recording(recording, n_before))
    return groups


def _recording(given: Block, n_before: int) -> list[Block]:
    if not has_rows(given.X):  # delayed, or an array
        from dask.delayed import delayed

        return [replace(given, X=delayed(given.X))]
    return _rows(given, n_before)


def _bags(given: Block) -> list[Block]:
    from dask.delayed import delayed

    as_list = delayed(list)  # partitions may be iterators
    parts = [as_list(part) for part in given.X.to_delayed()]
    beside = {name: _parts_of_bag(bag, len(parts), name) for name, bag in given.beside.items()}
    return [
        Block(X, **{name: values[k] for name, values in beside.items()})
        for k, X in enumerate(parts)
    ]


def _parts_of_bag(bag: Any, n_parts: int, name: str) -> list[Any]:
    from dask.delayed import delayed

    n_found = bag.npartitions if is_bag(bag) else 0
    if n_found != n_parts:
        raise ValueError(
            f"{name} must be a bag with the {n_parts} partitions of X, but got a "
            f"{type(bag).__name__} with {n_found}."
        )
    as_list = delayed(list)
    return [as_list(part) for part in bag.to_delayed()]


def _rows(given: Block, n_before: int) -> list[Block]:
    """Return blocks of rows; rows before them if time goes on from one to the next."""
    from dask.delayed import delayed

    lengths = _lengths(given.X)
    parts = _parts_of_rows(given.X, lengths, "X", len(given.X.chunks[0]) if lengths else None)
    beside = {
        name: _parts_of_rows(values, lengths, name, len(parts))
        for name, values in given.beside.items()
    }
    blocks: list[Block] = []
    before = None
    take_last = delayed(last_rows)
    for k, X in enumerate(parts):
        own = {name: values[k] for name, values in beside.items()}
        length = None if lengths is None else lengths[k]
        block = replace(given, X=X, **own, before=before, length=length)
        blocks.append(block)
        if n_before > 0:
            is_long = length is not None and length >= n_before
            seen = Block(X, sequence_id=block.sequence_id, before=None if is_long else before)
            before = take_last(n_before, seen)
    return blocks


def _lengths(X: Any) -> tuple[int, ...] | None:
    """Return the number of rows of each block, or None if they are not known."""
    if not is_array(X) or any(np.isnan(length) for length in X.chunks[0]):
        return None
    return X.chunks[0]


def _parts_of_rows(
    values: Any, lengths: tuple[int, ...] | None, name: str, n_parts: int | None
) -> list[Any]:
    """Return the blocks of rows, delayed: those of X, or those that go with them."""
    import dask.array as da

    if lengths is not None and not has_rows(values):
        array = np.asarray(values)
        if array.ndim == 0:
            raise ValueError(
                f"{name} must have as many rows as X, {sum(lengths)}, but got a "
                f"{type(values).__name__}, which has none."
            )
        values = da.from_array(array, chunks=-1)
    if not has_rows(values):
        raise TypeError(
            f"{name} must be a Dask collection, as the lengths of the blocks of X are not known, "
            f"but got {type(values).__name__}."
        )
    if is_array(values):
        if lengths is not None and _lengths(values) is not None:
            if sum(lengths) != values.shape[0]:
                raise ValueError(
                    f"{name} must have as many rows as X, {sum(lengths)}, but got "
                    f"{values.shape[0]}."
                )
            values = values.rechunk({0: lengths})
        values = values.rechunk(dict.fromkeys(range(1, values.ndim), -1))
    # As they are, so that what several of them are made of is read once. Optimised by themselves,
    # frames from files might also get other partitions.
    blocks = values.to_delayed(optimize_graph=False)
    parts = np.ravel(np.asarray(blocks, dtype=object)).tolist()
    if n_parts is not None and len(parts) != n_parts:
        raise ValueError(
            f"{name} must have as many blocks as X, {n_parts}, as their lengths are not known, but "
            f"got {len(parts)}. Make them with the same partitions, or compute the lengths "
            "(Array.compute_chunk_sizes, DataFrame.to_dask_array(lengths=True))."
        )
    return parts
