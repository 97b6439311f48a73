"""What an estimator knows of its response besides its value: posterior and prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.priors.lag_weights import check_number
from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._core.units import binary_unit
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.closed_form import ClosedFormRegressor


def check_regressor(estimator: Any) -> None:
    """Raise unless an estimator has an impulse response."""
    if not isinstance(estimator, LagRegressor):
        raise TypeError(
            "estimator must be one of this package's regressors, but got "
            f"{type(estimator).__name__}."
        )
    check_is_fitted(estimator)


def check_coverage(coverage: float) -> None:
    """Raise unless a band can hold such a share of the posterior."""
    check_number("coverage", coverage)
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be within (0, 1), but got {coverage}.")


def find_posterior(estimator: LagRegressor) -> Solution | None:
    """Return the solution whose posterior an estimator has, if it has one."""
    if not isinstance(estimator, ClosedFormRegressor):
        return None
    solution = estimator.solution_
    return solution if solution is not None and solution.has_posterior else None


def draw_responses(estimator: LagRegressor, n_draws: int, random_state: Any) -> NDArray:
    """Draw impulse responses from the joint posterior of all lags.

    Parameters
    ----------
    estimator : LagRegressor
        A fitted estimator that has a posterior.
    n_draws : int
        Number of responses.
    random_state : int, RandomState instance or None
        Source of the draws.

    Returns
    -------
    responses : ndarray of shape (n_draws, n_outputs, n_channels, n_lags)
        ``H + F z``, with ``noise_variance * F F^T`` the posterior covariance of each output.
    """
    solution = find_posterior(estimator)
    assert solution is not None
    root, noise_variance = solution.posterior_root, solution.noise_variance
    size = (root.shape[1], n_draws * len(noise_variance))
    z = torch.from_numpy(check_random_state(random_state).standard_normal(size))
    spread = (root @ z).unflatten(1, (n_draws, -1)) * noise_variance.sqrt()
    n_lags = estimator.impulse_response_.shape[2]
    return estimator.impulse_response_ + as_impulse_response(spread, n_lags).numpy()


def posterior_roots(estimator: LagRegressor) -> tuple[NDArray, NDArray] | None:
    """Return what the posterior covariances of all responses are made of, if there are some.

    Parameters
    ----------
    estimator : LagRegressor
        A fitted estimator.

    Returns
    -------
    roots : ndarray of shape (n_channels, n_lags, k)
        ``F``, channel by channel.
    noise_variance : ndarray of shape (n_outputs,)
        Its product with ``F F^T`` is the covariance of each output's response.
    """
    solution = find_posterior(estimator)
    if solution is None:
        return None
    n_lags = estimator.impulse_response_.shape[2]
    roots = solution.posterior_root.unflatten(0, (n_lags, -1)).movedim(0, 1)
    return roots.numpy(), solution.noise_variance.numpy()


def residual_predictability(estimator: LagRegressor) -> float:
    """Return the share of the residuals' variance that those before explain, as far as is known."""
    has_posterior = find_posterior(estimator) is not None
    return float(estimator.noise_predictability_) if has_posterior else 0.0


def prior_deviation(estimator: LagRegressor) -> tuple[NDArray, bool]:
    """Return the prior standard deviations of a response, and whether their scale is known.

    Parameters
    ----------
    estimator : LagRegressor
        A fitted estimator.

    Returns
    -------
    deviation : ndarray of shape (n_outputs, n_channels, n_lags)
        Of each entry.
    is_scaled : bool
        Whether the variances are ``noise_variance / alpha`` times the lag weights. Without a
        penalty the prior has no scale; then it is the one that expects the energy of the response.
    """
    response, solution = estimator.impulse_response_, find_posterior(estimator)
    weights = np.broadcast_to(estimator.lag_weights_, response.shape[1:])
    if solution is not None and solution.alpha > 0:
        scale = solution.noise_variance.numpy() / solution.alpha
        return np.sqrt(scale[:, None, None] * weights), True
    unit = binary_unit(response)
    scale = np.square(response / unit).sum(axis=(1, 2)) / weights.sum()
    return unit * np.sqrt(scale[:, None, None] * weights), False


def half_width(coverage: float) -> float:
    """Return how many standard deviations to both sides hold a share of a Gaussian."""
    return float(norm.ppf((1.0 + coverage) / 2.0))


def channel_names(estimator: LagRegressor) -> list[str]:
    """Return the names of the channels: of the columns of X if each is one, else numbers."""
    n_channels = estimator.impulse_response_.shape[1]
    names = getattr(estimator, "feature_names_in_", ())
    if len(names) == n_channels:
        return [str(name) for name in names]
    return [f"channel {number}" for number in range(n_channels)]
