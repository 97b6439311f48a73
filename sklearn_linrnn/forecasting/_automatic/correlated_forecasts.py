"""Paths around the combined forecast of candidates, whose errors go together as theirs do.

The errors of a candidate have the covariances ``C_hk = v sum_i psi_{h-i} psi_{k-i}``, with the
variance ``v`` of its noise and what an error of one step adds to the later ones, ``psi``. It is off
the combination by ``d_h``. Between two steps ahead the errors of the combination correlate as in
the mean of ``C_hk + d_h d_k`` over all candidates by their probabilities; their variances are those
of the combination, which leaves out the extremes at each step by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from sklearn_linrnn._core.threads import calm
from sklearn_linrnn.forecasting._automatic.ensemble import Ensemble
from sklearn_linrnn.forecasting._automatic.forms import Drift
from sklearn_linrnn.forecasting._automatic.rolling_fits import RollingForm
from sklearn_linrnn.forecasting._forecasts.noise import Noise
from sklearn_linrnn.forecasting._forecasts.room import check_room

ARRAYS_OF_STEPS = 3  # of all steps by all steps, times what `check_room` takes for a path


def draw_around(
    ensembles: Sequence[Ensemble],
    noise: Noise,
    steps: NDArray,
    n_paths: int,
    rng: np.random.RandomState,
) -> NDArray:
    """Return paths that go on from the ends of several columns, (n_paths, n_steps, n_columns).

    Parameters
    ----------
    ensembles : sequence of Ensemble
        What forecasts each column.
    noise : Noise
        Of unit variances, that correlates as the columns do.
    steps : ndarray of int, shape (n_steps,)
        Steps ahead.
    n_paths : int
        Number of paths.
    rng : RandomState
        What draws.
    """
    n_ahead = int(steps.max())
    n_columns = len(ensembles)
    check_room(n_ahead, ARRAYS_OF_STEPS * n_ahead + n_paths * n_columns, 0, uncertain=False)
    drawn = noise.draw(rng, n_paths, n_ahead)
    paths = np.empty((n_paths, len(steps), n_columns))
    for column, ensemble in enumerate(ensembles):
        (mean,), (deviation,) = ensemble.forecast(n_ahead)
        root = deviation[:, None] * triangular_root(error_correlations(ensemble, n_ahead))
        paths[:, :, column] = mean[steps - 1] + drawn[:, :, column] @ root[steps - 1].T
    return paths


def error_correlations(ensemble: Ensemble, n_ahead: int) -> NDArray:
    """Return correlations of errors up to some step ahead, (n_ahead, n_ahead).

    They are zero where nothing is uncertain.

    Parameters
    ----------
    ensemble : Ensemble
        The combination; it forecasts from one end.
    n_ahead : int
        Number of steps.
    """
    mean, variance = (part[:, 0] for part in ensemble.paths(n_ahead))
    combined, _ = ensemble.combination.combine(mean, variance)
    covariance = np.zeros((n_ahead, n_ahead))
    candidates = [(member, drift) for member in ensemble.members for drift in member.drifts]
    probabilities = ensemble.combination.probabilities
    for candidate, path, probability in zip(candidates, mean, probabilities, strict=True):
        if np.isfinite(path).all():
            off = path - combined
            covariance += probability * (_covariance(*candidate, path) + np.outer(off, off))
    deviation = np.sqrt(np.diagonal(covariance))
    scale = np.divide(1.0, deviation, out=np.zeros(n_ahead), where=deviation > 0)
    return scale[:, None] * covariance * scale


def triangular_root(covariance: NDArray) -> NDArray:
    """Return lower triangular ``L``, ``L L^T`` the covariance (n, n), which may be singular."""
    with calm(covariance.size):
        eigenvalues, vectors = np.linalg.eigh(covariance)
        half = np.sqrt(np.maximum(eigenvalues, 0.0))[:, None] * vectors.T
        upper = np.asarray(np.linalg.qr(half, mode="r"))
    return (upper * np.where(np.diagonal(upper) < 0, -1.0, 1.0)[:, None]).T


def _covariance(member: RollingForm, drift: Drift, path: NDArray) -> NDArray:
    """Return the covariances that the noise of a candidate makes around its path (n_ahead,)."""
    covariance = np.zeros((len(path), len(path)))
    for fit, shares in member.last_shares(drift):
        scales = shares * fit.ridge.noise_variance[:, -1]
        for scale, weights in zip(scales, fit.shock_weights(len(path))[:, -1], strict=True):
            spread = np.tril(toeplitz(weights))
            covariance += scale * spread @ spread.T
    return covariance * np.outer(path, path) if member.data.form.logarithm else covariance
