"""Ridges of data without the scatter of their lags: which way, and the ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.closed_form.conjugate_gradients import IteratedRidge, iterated_ridge
from sklearn_linrnn._core.closed_form.dual import dual_ridge
from sklearn_linrnn._core.closed_form.routes import (
    MOST_ITERATIONS,
    ProblemSize,
    Route,
    by_cost,
    most_iterations,
)
from sklearn_linrnn._core.memory import available_bytes
from sklearn_linrnn._core.priors.channel_priors import Prior
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._data.gaps import shares_of
from sklearn_linrnn._data.training_data import TrainingData
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._data.windows import Windows
from sklearn_linrnn._estimators.auto_choice import AutoChoice
from sklearn_linrnn._estimators.base import Fit
from sklearn_linrnn._estimators.closed_form import ClosedFormRegressor, prior_attributes
from sklearn_linrnn._estimators.parameters import check_device


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
) -> tuple[Tensor, Tensor, NDArray]:
    """Return response, intercept and inputs' variances by the Gram matrix of observed windows.

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
    sequences, seen, n_lags = data.sequences, data.observed, root.n_lags
    if isinstance(sequences, Windows):
        windows = sequences.inputs[seen, sequences.longest - n_lags :]
    else:
        windows = np.concatenate(list(_kept(sequences.windows(n_lags), seen)))
    weights = None if data.weights is None else data.weights[seen]
    solved = dual_ridge(windows, data.targets[seen], weights, root, alpha, centred=centred)
    return *solved, variances_of(windows, weights)


def variances_of(windows: NDArray, weights: NDArray | None) -> NDArray:
    """Return the variances of the channels of windows, the mean over their lags, (n_channels,)."""
    shares = np.ones(len(windows)) if weights is None else weights
    shares = shares / shares.sum()
    means = np.tensordot(shares, windows, 1)
    lags = enumerate(means)  # one by one: windows are large
    return np.mean([shares @ np.square(windows[:, lag] - mean) for lag, mean in lags], axis=0)


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
) -> tuple[IteratedRidge, Tensor, NDArray]:
    """Return the response by conjugate gradients, the intercept and the inputs' variances.

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
    in_use = np.atleast_2d(root.variances).any(axis=0)
    used = root.first(np.flatnonzero(in_use)[-1] + 1)
    operator = data.operator(used.n_lags, root.lags.device)
    operator = operator if centred else operator.uncentred()
    squares = used.scale[:, 0].square()
    found = iterated_ridge(operator, squares, alpha, max_iterations=max_iterations)
    unused = len(root.scale) - len(found.response)
    intercept = operator.intercept(found.response)
    padded = replace(found, response=pad(found.response, (0, 0, 0, unused)))
    squares_of_lags = operator.diagonal().cpu().numpy().reshape(-1, root.n_channels)
    return padded, intercept, squares_of_lags.mean(axis=0) / operator.weight


def warn_if_not_converged(found: IteratedRidge) -> None:
    """Warn if conjugate gradients did not reach their tolerance."""
    if not found.converged:
        warn(
            f"Conjugate gradients stopped after {found.n_iterations} iterations with a relative "
            f"residual of {found.residual:.2g}; the last correction changed the response by "
            f"{found.error:.2g} of its size. Raise alpha, or lower n_lags.",
            ConvergenceWarning,
        )


class WithoutScatter(ClosedFormRegressor):
    """A closed form that can do without the scatter of the lags."""

    solver: Literal["auto", "direct", "cg"]
    alpha: float | Literal["auto"]
    n_steps: int | Literal["gcv", "loo", "validation"] | None
    prior: str | LagPrior | ArrayLike
    _choice: Callable[[int], AutoChoice]

    def _without_scatter(self, data: TrainingData, n_lags: int) -> Fit | None:
        """Return the response by conjugate gradients or a Gram matrix; None to form the scatter."""
        choice = self._choice(data.sequences.n_channels)
        prior = choice.make_prior()
        self._check_iterable(choice.sought(prior), n_lags)
        alpha, centred = float(self.alpha), self.fit_intercept
        size = problem_size(data, n_lags, is_penalised=alpha > 0)
        device = check_device(self.device)
        routes: list[Route] = ["cg"]
        if self.solver == "auto":
            possible = routes * prior.has_independent_lags + ["direct", "dual"]
            routes = by_cost(size, possible, available_bytes(device) / 8)
        elif not prior.has_independent_lags:
            raise ValueError(
                f"prior={self.prior!r} correlates lags, but got solver='cg': conjugate gradients "
                "need independent lags. Use solver='auto' or 'direct'."
            )
        root = PriorRoot.of_prior(prior, n_lags, size.n_channels, device)
        if routes[0] == "cg":
            most = most_iterations(size, *routes[1:2])
            found, intercept, variances = iterated(
                data, root, alpha, centred=centred, max_iterations=most
            )
            self._say(
                f"{n_lags} lags: {found.n_iterations} iterations, residual {found.residual:.2g}"
            )
            if found.converged or not routes[1:]:
                warn_if_not_converged(found)
                return self._iterated_fit(prior, root, found.response, intercept, variances)
            routes = routes[1:]
        if routes[0] == "direct":
            return None
        solved = ridge_of_windows(data, root, alpha, centred=centred)
        return self._iterated_fit(prior, root, *solved)

    def _iterated_fit(
        self,
        prior: Prior,
        root: PriorRoot,
        response: Tensor,
        intercept: Tensor,
        variances: NDArray,
    ) -> Fit:
        attributes = {"alpha_": float(self.alpha), "n_steps_": None}
        attributes |= {"solution_": None, "_past_": None}
        lag_weights = root.variances
        attributes |= prior_attributes(prior, lag_weights, variances)
        return Fit(response, intercept, lag_weights, attributes)

    def _check_iterable(self, sought: tuple[str, ...], n_lags: int) -> None:
        """Raise if a parameter needs what conjugate gradients do not compute."""
        own = [name for name in ("alpha", "n_lags") if isinstance(getattr(self, name), str)]
        needed = [f"{name}='auto'" for name in (*sought, *own)]
        needed += [] if self.n_steps is None else [f"n_steps={self.n_steps!r}"]
        if needed:
            raise ValueError(
                f"{needed[0]} needs the spectrum of the lags' scatter, which is not computed for "
                f"n_lags={n_lags} (solver={self.solver!r}). Lower n_lags, or use solver='direct' "
                "if there is memory for it."
            )
