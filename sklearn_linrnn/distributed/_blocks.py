"""Data of Dask as blocks, and what is made of each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from sklearn_linrnn.distributed._kinds import has_rows, is_array, is_bag
from sklearn_linrnn.distributed._rows import Block, last_rows
from sklearn_linrnn.distributed._segments import Summing, total

FAN_IN = 4  # parts that are added up at a time


@dataclass(frozen=True, eq=False)
class Group:
    """Blocks one after another.

    Attributes
    ----------
    columns : mapping of str to Dask array or list of Delayed
        X and what there is beside it, by name: arrays in the same blocks of rows, or a delayed
        value of each block.
    lengths : tuple of int or None
        Number of rows of each block; None if they are not known.
    goes_on : bool
        Whether the lags of a block reach into those before.
    is_recording : bool
        Whether these are of a recording that is in a list with others.
    firsts : tuple of int or None
        The place of the first sample of each block, if it is asked for.
    """

    columns: Mapping[str, Any]
    lengths: tuple[int, ...] | None = None
    goes_on: bool = False
    is_recording: bool = False
    firsts: tuple[int, ...] | None = None

    @cached_property
    def blocks(self) -> list[Block]:
        """The blocks, with delayed values."""
        columns = {name: _delayed_blocks(values) for name, values in self.columns.items()}
        firsts = self.firsts or [0] * len(columns["X"])
        return [
            Block(**dict(zip(columns, values, strict=True)), **self._constants, first=first)
            for first, *values in zip(firsts, *columns.values(), strict=True)
        ]

    @property
    def _constants(self) -> dict[str, Any]:
        return {"is_recording": self.is_recording}

    def mapped(self, function: Any) -> list[Any]:
        """Return the delayed results of a function of each block.

        Parameters
        ----------
        function : Delayed
            The function.
        """
        if not all(map(is_array, self.columns.values())):
            return [function(block) for block in self.blocks]
        import dask.array as da

        columns = dict(self.columns)
        if self.firsts is not None:
            columns["first"] = da.from_array(np.array(self.firsts), chunks=1)
        pairs: list[Any] = []
        axes = [0]  # all of the results: what is read for a block alone is read by its own task
        for array in columns.values():
            own = range(len(axes), len(axes) + array.ndim - 1)
            pairs += [array, (0, *own)]
            axes += own
        results = da.blockwise(
            _call,
            axes,
            *pairs,
            names=list(columns),
            function=function,
            constants=self._constants,
            align_arrays=False,
            dtype=object,
            meta=np.empty([0] * len(axes), object),
        )
        return np.ravel(results.to_delayed()).tolist()


def _call(*values: Any, names: Sequence[str], function: Callable, constants: dict) -> Any:
    """Return what a function returns for a block."""
    columns = dict(zip(names, values, strict=True))
    if "first" in columns:
        columns["first"] = int(columns["first"][0])
    return function(Block(**columns, **constants))


def _delayed_blocks(values: Any) -> list[Any]:
    if isinstance(values, list):
        return values
    # As they are, so that what several of them are made of is read once. Optimised by themselves,
    # frames from files might also get other partitions.
    blocks = values.to_delayed(optimize_graph=False)
    return np.ravel(np.asarray(blocks, dtype=object)).tolist()


@dataclass(frozen=True, eq=False)
class Source:
    """Data of Dask in blocks.

    Attributes
    ----------
    groups : list of Group
        The blocks: of the data, or of each recording of a list.
    n_before : int
        How many time steps before a block its lags reach.
    """

    groups: list[Group]
    n_before: int

    def check_leads(self, n_leads: int) -> None:
        """Raise if lags after the target may lie in a later block.

        Parameters
        ----------
        n_leads : int
            Number of these lags.
        """
        if n_leads > 0 and any(group.goes_on for group in self.groups):
            raise ValueError(
                f"n_leads={n_leads} reads time steps after the target, but got recordings in "
                "several chunks, of which a later one may hold them. Use n_leads=0, targets that "
                "are moved by as much, or whole recordings: a panel, a bag, or a list of arrays of "
                "one chunk."
            )

    def counted(self) -> tuple[Source, int]:
        """Return the same with the places of the blocks' samples, and the number of samples.

        Lengths of blocks that are not known are computed.
        """
        from dask.base import compute
        from dask.delayed import delayed

        length = delayed(len)
        unknown = [each for each in self.groups if each.lengths is None and not each.is_recording]
        found = iter(compute(*([length(block.X) for block in each.blocks] for each in unknown)))
        groups, n_samples = [], 0
        for group in self.groups:
            if group.is_recording:
                firsts, n_own = [n_samples] * len(group.blocks), 1
            else:
                lengths = next(found) if group.lengths is None else group.lengths
                *firsts, n_own = accumulate(lengths, initial=0)
                firsts = [n_samples + first for first in firsts]
            groups.append(replace(group, firsts=tuple(firsts)))
            n_samples += n_own
        return Source(groups, self.n_before), n_samples

    def summed(self, function: Callable[[Block], Any]) -> Any:
        """Return the sum of the results of a function of each block by itself, computed.

        Parameters
        ----------
        function : callable
            Takes a block; returns None of one without rows.
        """
        from dask.delayed import delayed

        do = delayed(function, traverse=False)
        parts = [part for group in self.groups for part in group.mapped(do)]
        return tree_of(parts).compute()

    def summed_with_lags(self, function: Callable[[Block], Any]) -> Any:
        """Return the sum of the results of a function of all rows with their lags, computed.

        Parameters
        ----------
        function : callable
            Takes a block, which may have rows before it; returns None of one without rows.
        """
        from dask.delayed import delayed

        shared = delayed(Summing(function, self.n_before), traverse=False)
        parts = []
        for group in self.groups:
            if group.goes_on:
                parts.append(shared.whole(tree_of(group.mapped(shared.segment), shared.joined)))
            else:
                parts += group.mapped(shared.alone)
        return tree_of(parts).compute()


def rows_before(group: Group, n_rows: int) -> list[Any]:
    """Return the delayed last rows before each block of a group, or None.

    Parameters
    ----------
    group : Group
        The group.
    n_rows : int
        How many rows.
    """
    if not group.goes_on or n_rows == 0:
        return [None] * len(group.blocks)
    from dask.delayed import delayed

    take_last, before = delayed(last_rows), [None]
    for k, block in enumerate(group.blocks[:-1]):
        is_long = group.lengths is not None and group.lengths[k] >= n_rows
        seen = Block(block.X, sequence_id=block.sequence_id)
        before.append(take_last(n_rows, seen, None if is_long else before[-1]))
    return before


def tree_of(parts: Sequence[Any], add_up: Any = None) -> Any:
    """Return the delayed sum of delayed parts, as a tree.

    Parameters
    ----------
    parts : sequence of Delayed
        The parts.
    add_up : Delayed, default=None
        Returns the sum of a list of parts; `total` by default.
    """
    from dask.delayed import delayed

    add_up = delayed(total) if add_up is None else add_up
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
        return Source(_recordings(given), n_before)
    if is_bag(given.X):
        _refuse_names(given)
        return Source([_bags(given)], n_before)
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
    return Source([_rows(given, goes_on=goes_on)], n_before)


def _refuse_names(given: Block) -> None:
    if given.sequence_id is not None:
        raise ValueError(
            "sequence_id is the recording that a row belongs to: it needs rows='timesteps' and X "
            "of shape (n_samples, n_channels). The recordings of panels, lists and bags are known."
        )


def _recordings(given: Block) -> list[Group]:
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
        groups.append(_recording(recording))
    return groups


def _recording(given: Block) -> Group:
    if has_rows(given.X):
        return _rows(given, goes_on=True)
    from dask.delayed import delayed

    columns = {"X": delayed(given.X), **given.beside}  # delayed, or an array
    return Group({name: [values] for name, values in columns.items()}, is_recording=True)


def _bags(given: Block) -> Group:
    from dask.delayed import delayed

    as_list = delayed(list)  # partitions may be iterators
    parts = [as_list(part) for part in given.X.to_delayed()]
    beside = {name: _parts_of_bag(bag, len(parts), name) for name, bag in given.beside.items()}
    return Group({"X": parts, **beside})


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


def _rows(given: Block, *, goes_on: bool) -> Group:
    """Return blocks of rows."""
    lengths = _lengths(given.X)
    X = _in_blocks(given.X, lengths, "X", None)
    n_blocks = _n_blocks(X)
    beside = {
        name: _in_blocks(values, lengths, name, n_blocks) for name, values in given.beside.items()
    }
    return Group({"X": X, **beside}, lengths, goes_on and n_blocks > 1, given.is_recording)


def _n_blocks(values: Any) -> int:
    return len(values.chunks[0]) if is_array(values) else int(values.npartitions)


def _lengths(X: Any) -> tuple[int, ...] | None:
    """Return the number of rows of each block, or None if they are not known."""
    if not is_array(X) or any(np.isnan(length) for length in X.chunks[0]):
        return None
    return X.chunks[0]


def _in_blocks(
    values: Any, lengths: tuple[int, ...] | None, name: str, n_blocks: int | None
) -> Any:
    """Return a collection in the blocks of X, or in those that go with them."""
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
    if n_blocks is not None and _n_blocks(values) != n_blocks:
        raise ValueError(
            f"{name} must have as many blocks as X, {n_blocks}, as their lengths are not known, "
            f"but got {_n_blocks(values)}. Make them with the same partitions, or compute the "
            "lengths (Array.compute_chunk_sizes, DataFrame.to_dask_array(lengths=True))."
        )
    return values
