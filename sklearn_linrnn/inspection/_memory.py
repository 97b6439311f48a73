"""The energy of a response, lag by lag, and the lag that holds most of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_linrnn._core.priors.lag_weights import check_number
from sklearn_linrnn._core.tensors import place_among, whole_number
from sklearn_linrnn._core.units import binary_unit
from sklearn_linrnn.inspection._posterior import (
    check_coverage,
    check_regressor,
    draw_responses,
    find_posterior,
)


def effective_memory(energy: ArrayLike, *, share: float = 0.9, first_lag: int = 0) -> int:
    """Return the lag that holds a share of the energy.

    Parameters
    ----------
    energy : array-like of shape (n_lags,)
        Energy of each lag, `first_lag` first, not negative: the ``lag_weights_`` of an estimator
        for the memory of its prior, the squares of its ``impulse_response_`` for that of the fit.
    share : float, default=0.9
        Share of the total energy, within (0, 1].
    first_lag : int, default=0
        The first lag, `first_lag_` of an estimator: a delay, or below zero minus the leads.

    Returns
    -------
    lag : int
        The smallest lag ``j`` such that the lags up to ``j`` time steps from the target, on both
        sides if there are leads, together hold that share; 0 means that the present time step
        suffices. `first_lag`, or 0 if that is below zero, if there is no energy at all.

    Raises
    ------
    ValueError
        If `energy` is not one-dimensional, is negative or not finite somewhere, or `share` is out
        of range.
    TypeError
        If `energy` holds anything but real numbers, or `first_lag` is not whole.

    Examples
    --------
    >>> from sklearn_linrnn import effective_memory, linear_rnn_lag_weights
    >>> [effective_memory(linear_rnn_lag_weights(100, nu_w)) for nu_w in (0.1, 0.5, 0.9)]
    [1, 5, 35]
    """
    energy = np.asarray(energy)
    if energy.dtype.kind not in "fiub":
        raise TypeError(f"energy must hold real numbers, but got dtype {energy.dtype}.")
    if energy.ndim != 1 or energy.size == 0:
        raise ValueError(
            f"energy must have shape (n_lags,), but got shape {energy.shape}; response_energy of "
            "sklearn_linrnn.inspection makes it of an impulse response."
        )
    if not np.isfinite(energy).all() or (energy < 0).any():
        raise ValueError("energy must be finite and not negative at every lag.")
    check_share(share)
    first_lag = whole_number(first_lag, "first_lag")
    distances = np.abs(first_lag + np.arange(len(energy)))
    parts = energy / (energy.max() or 1.0)  # sums that do not overflow
    cumulative = np.cumsum(np.bincount(distances, weights=parts))
    # Rounding of the sum must not push the last lags past the total.
    holds = cumulative >= share * cumulative[-1] * (1 - 1e-12)
    return max(int(np.argmax(holds)), first_lag)


def check_share(share: float) -> None:
    """Raise unless this is a share of energy that can be held."""
    check_number("share", share)
    if not 0 < share <= 1:
        raise ValueError(f"share must be within (0, 1], but got {share}.")


def response_energy(impulse_response: NDArray) -> NDArray:
    """Return the energy of each lag of an impulse response, over all outputs and channels.

    Parameters
    ----------
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        As ``impulse_response_`` of an estimator.

    Returns
    -------
    energy : ndarray of shape (n_lags,)
        The sums of squares, of which `effective_memory` makes the memory of the response.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn.inspection import effective_memory, response_energy
    >>> energy = response_energy(np.array([[[2.0, 1.0, 0.5], [1.0, 1.0, 0.0]]]))
    >>> energy
    array([5.  , 2.  , 0.25])
    >>> effective_memory(energy)
    1
    """
    return np.square(impulse_response).sum(axis=(0, 1))


def prior_energy(lag_weights: NDArray) -> NDArray:
    """Return the energy of each lag, (n_lags,), of the ``lag_weights_`` of an estimator."""
    return np.atleast_2d(lag_weights).sum(axis=0)


def memory_interval(
    estimator: Any,
    *,
    share: float = 0.9,
    coverage: float = 0.9,
    channel: int | None = None,
    n_draws: int = 1000,
    random_state: Any = 0,
) -> tuple[int, int]:
    """Return an interval of the lag that holds a share of the energy of a response.

    The data leave each coefficient of a response uncertain, and thus its memory. Responses are
    drawn from the joint posterior of all lags, outputs and channels, and each has its own
    `effective_memory`; the interval is between quantiles of these.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor of this package that has a posterior: `NTKConvRegressor` or
        `NTKConvRegressorCV`, at the minimum of a loss.
    share : float, default=0.9
        Share of the total energy, as in `effective_memory`.
    coverage : float, default=0.9
        Probability of the interval, within (0, 1); as much lies below it as above.
    channel : int, default=None
        The channel whose response is looked at; ``None`` for all of them together.
    n_draws : int, default=1000
        Number of responses that are drawn.
    random_state : int, RandomState instance or None, default=0
        Source of the draws.

    Returns
    -------
    lower, upper : int
        Lags. The memory of the response itself, the mean of the posterior, may be shorter than
        either: the mean has next to no energy where the data say little, and each draw has.

    Raises
    ------
    TypeError
        If the estimator is not one of this package's regressors.
    ValueError
        If it has no posterior, or `share` or `coverage` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressor, memory_interval
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 1))
    >>> y = np.convolve(x[:, 0], 0.8 ** np.arange(20))[:300] + rng.normal(size=300)
    >>> model = NTKConvRegressor("auto", alpha="auto", rows="timesteps", n_lags=20).fit(x, y)
    >>> memory_interval(model)
    (5, 6)
    """
    check_regressor(estimator)
    check_coverage(coverage)
    if find_posterior(estimator) is None:
        raise ValueError(
            "memory_interval needs a posterior, which this "
            f"{type(estimator).__name__} does not have. NTKConvRegressor and NTKConvRegressorCV "
            "have one with n_steps=None and alpha > 0, unless they were solved by iterations."
        )
    draws = draw_responses(estimator, n_draws, random_state)
    if channel is not None:
        draws = draws[:, :, [place_among(channel, draws.shape[2], "channel")]]
    energies = map(response_energy, draws / binary_unit(draws))
    return quantiles_of_memory(energies, coverage, estimator.first_lag_, share=share)


def quantiles_of_memory(
    energies: Iterable[NDArray], coverage: float, first_lag: int = 0, *, share: float = 0.9
) -> tuple[int, int]:
    """Return the quantiles of the memories of several energies (n_lags,) that hold a share."""
    memories = [effective_memory(each, share=share, first_lag=first_lag) for each in energies]
    tail = (1.0 - coverage) / 2.0
    # A lag is a whole number: no value between two of them.
    lower, upper = np.quantile(memories, [tail, 1.0 - tail], method="inverted_cdf")
    return int(lower), int(upper)
