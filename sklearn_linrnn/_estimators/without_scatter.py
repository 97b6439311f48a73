"""Ridges of data without the scatter of their lags: which way, and the ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.closed_form.conjugate_gradients import IteratedRidge, iterated_ridge
from sklearn_linrnn._core.closed_form.dual import dual_ridge
from sklearn_linrnn._core.closed_form.routes import MOST_ITERATIONS, ProblemSize
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._data.gaps import shares_of
from sklearn_linrnn._data.training_data import TrainingData
from sklearn_linrnn._data.windows import Windows
from sklearn_linrnn._estimators.user_warnings import warn


def problem_size(data: TrainingData, n_lags: int, *, is_penalised: bool) -> ProblemSize:
    """Return how large a ridge is on data that have that many lags."""
    sequences, n_changes = data.sequences, None
    if not isinstance(sequences, Windows):
        shares = shares_of(data.observed, data.weights)
        n_changes = int(np.count_nonzero(np.diff(shares))) + 2 * (len(sequences.lengths) - 1)
    return ProblemSize(
        n_rows=int(data.observed.sum()),
        n_lags=n_lags,
        n_channels=sequences.n_channels,
        n_outputs=data.targets.shape[1],
        n_changes=n_changes,
        is_penalised=is_penalised,
    )


def ridge_of_windows(
    data: TrainingData, root: PriorRoot, alpha: float, *, centred: bool
) -> tuple[Tensor, Tensor]:
    """Return the response and the intercept from the Gram matrix of the observed windows.

    Parameters
    ----------
    data : TrainingData
        Windows, or recordings whose windows are formed.
    root : PriorRoot
        Of the prior over the lags.
    alpha : float
        The penalty.
    centred : bool
        Whether there is an intercept.
    """
    sequences, seen, n_lags = data.sequences, data.observed, len(root.lags)
    if isinstance(sequences, Windows):
        windows = sequences.inputs[seen, sequences.longest - n_lags :]
    else:
        windows = np.concatenate(list(_kept(sequences.windows(n_lags), seen)))
    weights = None if data.weights is None else data.weights[seen]
    return dual_ridge(windows, data.targets[seen], weights, root, alpha, centred=centred)


def _kept(blocks: Iterable[NDArray], seen: NDArray) -> Iterator[NDArray]:
    """Yield the rows of blocks that are observed."""
    first = 0
    for block in blocks:
        yield block[seen[first : first + len(block)]]
        first += len(block)


def iterated(
    data: TrainingData,
    root: PriorRoot,
    alpha: float,
    *,
    centred: bool,
    max_iterations: int = MOST_ITERATIONS,
) -> tuple[IteratedRidge, Tensor]:
    """Return the response by conjugate gradients, and the intercept.

    Parameters
    ----------
    data : TrainingData
        The data.
    root : PriorRoot
        Of a prior with independent lags.
    alpha : float
        The penalty.
    centred : bool
        Whether there is an intercept.
    max_iterations : int, default=1000
        The most iterations.
    """
    used = root.first(np.flatnonzero(root.lags.cpu().numpy())[-1] + 1)
    operator = data.operator(len(used.lags), root.lags.device)
    operator = operator if centred else operator.uncentred()
    squares = used.scale[:, 0].square()
    found = iterated_ridge(operator, squares, alpha, max_iterations=max_iterations)
    unused = len(root.scale) - len(found.response)
    intercept = operator.intercept(found.response)
    return replace(found, response=pad(found.response, (0, 0, 0, unused))), intercept


def warn_if_not_converged(found: IteratedRidge) -> None:
    """Warn if conjugate gradients did not reach their tolerance."""
    if not found.converged:
        warn(
            f"Conjugate gradients stopped after {found.n_iterations} iterations with a relative "
            f"residual of {found.residual:.2g}; the last correction changed the response by "
            f"{found.error:.2g} of its size. Raise alpha, or lower n_lags.",
            ConvergenceWarning,
        )
