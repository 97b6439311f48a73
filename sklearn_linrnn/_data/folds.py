"""Statistics of cross-validation's folds, from one pass over the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.merging import cancelled, merged
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.training_data import TrainingData

Split = tuple[NDArray, NDArray]
Fold = tuple[LagStatistics, LagStatistics]

MOST_CANCELLED = 100.0  # times what is left, for a difference that keeps its digits
MOST_NUMBERS = 2**27  # in the scatters that are kept: 1 GiB


def fold_statistics(
    data: TrainingData, splits: Sequence[Split], n_lags: int, device: object
) -> tuple[LagStatistics, Iterator[Fold]]:
    """Return the statistics of the whole data, and of the two parts of each split.

    The splits cut the data into atoms, time steps that always go together. Statistics are computed
    once for each atom; a training part is the whole less what is not in it. Only if splits overlap
    so much that there are very many atoms, the parts are read one by one.

    Parameters
    ----------
    data : TrainingData
        The data.
    splits : sequence of (train, test)
        Samples of each part, as a splitter of scikit-learn has them: rows of windows or of time
        steps, or sequences of a panel or list. Parts of a recording keep the inputs before them.
    n_lags : int
        Number of lags.
    device : torch.device or str
        Where to compute.
    """
    observed = data.observed
    parts = np.array([steps_of(data, samples) for split in splits for samples in split])
    if not (parts & observed).any(axis=1).all():
        raise ValueError(
            "cv must have observed targets in every part of a split, but got a part without any."
        )
    packed = np.packbits(parts[:, observed], axis=0)
    _, first, atom = np.unique(packed, axis=1, return_index=True, return_inverse=True)
    patterns = parts[:, observed][:, first]
    statistics = partial(_statistics, data, n_lags=n_lags, device=device)
    n_atoms, n_inputs = patterns.shape[1], n_lags * data.sequences.n_channels
    if n_atoms > 4 * len(splits) or n_atoms * n_inputs**2 > MOST_NUMBERS:
        whole = statistics(observed)
        return whole, _folds_one_by_one(whole, statistics, parts & observed, observed)
    atoms = []
    for index in range(n_atoms):
        chosen = np.zeros(len(observed), dtype=bool)
        chosen[observed] = atom == index
        atoms.append(statistics(chosen))
    return _total(atoms), _folds_of(atoms, patterns[0::2], patterns[1::2])


def n_samples(data: TrainingData) -> int:
    """Return the number of samples as a splitter counts them."""
    sequences = data.sequences
    if not isinstance(sequences, Recordings):
        return sequences.n_supervised
    if sequences.rows is None:
        return len(sequences.parts)
    if isinstance(sequences.rows, slice):
        own = sequences.own
        return sequences.n_supervised if own is None else int(np.count_nonzero(own))
    return len(sequences.rows)


def steps_of(data: TrainingData, samples: NDArray) -> NDArray:
    """Return which supervised time steps of the data belong to samples, in their order.

    Parameters
    ----------
    data : TrainingData
        The data.
    samples : ndarray of int, shape (n_chosen,)
        The samples, as a splitter counts them.
    """
    chosen = np.zeros(n_samples(data), dtype=bool)
    chosen[samples] = True
    if np.count_nonzero(chosen) < len(chosen[samples]):
        raise ValueError(
            "cv must not repeat samples, but got a split that does. Use sample_weight instead."
        )
    sequences = data.sequences
    if not isinstance(sequences, Recordings):
        return chosen
    if sequences.rows is None:
        return np.repeat(chosen, sequences.lengths)
    if sequences.own is None:
        return chosen[sequences.rows]
    steps = np.zeros(sequences.n_supervised, dtype=bool)
    steps[sequences.own] = chosen[sequences.rows]
    return steps


def consecutive_parts(n_samples: int, n_parts: int) -> list[int]:
    """Return the first sample of each part that scikit-learn's `KFold` tests, and the number.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    n_parts : int
        Number of parts; at least 2.
    """
    if KFold(n_parts).get_n_splits() > n_samples:  # which says what it needs
        raise ValueError(
            f"cv={n_parts} needs as many samples, but got an X of n_samples={n_samples}."
        )
    length, n_longer = divmod(n_samples, n_parts)
    lengths = [length + (part < n_longer) for part in range(n_parts)]
    return list(accumulate(lengths, initial=0))


def folds_of_parts(parts: Sequence[LagStatistics]) -> Iterator[Fold]:
    """Yield the sums of all parts but one, and of that one, for each of them in turn.

    Parameters
    ----------
    parts : sequence of LagStatistics
        Sums of disjoint parts of the data.
    """
    is_tested = np.eye(len(parts), dtype=bool)
    return _folds_of(list(parts), ~is_tested, is_tested)


def _statistics(data: TrainingData, chosen: NDArray, n_lags: int, device: object) -> LagStatistics:
    return data.part(chosen).statistics(n_lags, device)


def _folds_of(atoms: list[LagStatistics], in_train: NDArray, in_test: NDArray) -> Iterator[Fold]:
    """Yield the parts of each split from atoms; the masks have shape (n_splits, n_atoms)."""
    whole = _total(atoms)
    for trained, tested in zip(in_train, in_test, strict=True):
        left_out = [atoms[index] for index in np.flatnonzero(~trained)]
        kept = [atoms[index] for index in np.flatnonzero(trained)]
        train = _rest(whole, _total(left_out)) if 0 < len(left_out) < len(kept) else None
        train = _total(kept) if train is None else train
        yield train, _total([atoms[index] for index in np.flatnonzero(tested)])


def _folds_one_by_one(
    whole: LagStatistics,
    statistics: Callable[[NDArray], LagStatistics],
    parts: NDArray,
    observed: NDArray,
) -> Iterator[Fold]:
    """Yield the parts of each split, a training part as the rest of a test part where it is."""
    for trained, tested in zip(parts[0::2], parts[1::2], strict=True):
        test = statistics(tested)
        train = _rest(whole, test) if (trained == observed & ~tested).all() else None
        yield statistics(trained) if train is None else train, test


def _rest(whole: LagStatistics, gone: LagStatistics) -> LagStatistics | None:
    """Return the whole less a part of it, or None where that would cost digits."""
    rest = merged(whole, gone, -1)
    return rest if cancelled(rest) <= MOST_CANCELLED else None


def _total(statistics: Sequence[LagStatistics]) -> LagStatistics:
    first, *rest = statistics
    return sum(rest, first)
