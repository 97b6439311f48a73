r"""Gaussian evidence of a prior.

With the response ``H_k ~ N(0, (sigma_k^2 / alpha) L L^T)`` of each output ``k``, white noise of
variance ``sigma_k^2`` and a flat prior on the intercept, the evidence of ``m`` supervised steps at
its best noise variances is

    log p = - sum_k nu/2 (log(2 pi fit_k / nu) + 1)
            - n_outputs/2 (log det(I + L^T G L / alpha) + n_intercepts log m),
    fit_k = s_yy - B_k^T L (L^T G L + alpha)^{-1} L^T B_k,      nu = m - n_intercepts,

with the sums ``G``, ``B`` and ``s_yy`` of `moments` (MacKay 1992; Chen and Ljung 2013, equation
12). It sees the data through them alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.ridge_factors import cholesky_factor, spectral_factor
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.moments import Moments

GRID = 12  # numbers of lags between two bounds
NOISE_FLOOR = 1e-12  # share of the targets' scatter that rounding may leave as noise


@dataclass(frozen=True, eq=False)
class Evidence:
    """The logarithm of the evidence, and how it changes with the prior.

    Attributes
    ----------
    value : float
        ``log p``.
    sensitivity : callable
        Returns ``S``, of shape (n_lags, n_lags), or its diagonal alone where lags are independent:
        a change of the prior's root from ``L`` to ``L + L X`` changes ``value`` by ``sum(S * X)``
        to first order, for ``X`` lower triangular. A change of ``log alpha`` by ``e`` is
        ``X = -e I/2``.
    """

    value: float
    sensitivity: Callable[[], NDArray]


def evidence(moments: Moments, root: PriorRoot, alpha: float, n_intercepts: int) -> Evidence:
    """Return the evidence of a prior and a penalty, for moments on the CPU."""
    scatter = moments.target_scatter.numpy()
    seen = scatter > 0
    if math.isinf(alpha):  # a response of zero
        value = _log_density(moments.weight, scatter[seen], 0.0, n_intercepts)
        return Evidence(float(value), lambda: np.zeros(root.lags.shape))
    slope = root.pull(moments.cross_scatter).numpy()
    factor = cholesky_factor(moments, root, alpha, slope) or spectral_factor(
        moments, root, alpha, slope
    )
    theta = factor.solve()
    fit = _fit(scatter, (slope * theta).sum(axis=0))[seen]
    log_volume = float(factor.log_pivots().sum()) - len(theta) * math.log(alpha)
    value = _log_density(moments.weight, fit, log_volume, n_intercepts)

    def sensitivity() -> NDArray:
        scaled = theta[:, seen] * np.sqrt((moments.weight - n_intercepts) * alpha / fit)
        return _over_lags(scaled, alpha * factor.inverse(), root)

    return Evidence(float(value), sensitivity)


def evidence_of_first_lags(
    moments: LagStatistics, root: PriorRoot, alpha: float, n_intercepts: int
) -> NDArray:
    """Return the evidence, (n_lags,), of models with the first lags only: one, two, and so on.

    Of independent lags: the leading block of a Cholesky factor is the factor of the leading block,
    so that one factorisation has them all. Where it would lose digits, and for other priors, the
    models are taken one by one on a grid that gets finer around the best; the others have minus
    infinity.
    """
    slope = root.pull(moments.cross_scatter).numpy()
    factor = cholesky_factor(moments, root, alpha, slope) if root.is_diagonal else None
    if factor is None:
        return _evidence_on_grid(moments, root, alpha, n_intercepts)
    last = slice(root.n_channels - 1, None, root.n_channels)  # the last channel of each lag
    scatter = moments.target_scatter.numpy()
    fit = _fit(scatter, np.square(factor.half).cumsum(axis=0)[last])[:, scatter > 0]
    log_volume = (factor.log_pivots() - math.log(alpha)).cumsum()[last]
    return _log_density(moments.weight, fit, log_volume, n_intercepts)


def _evidence_on_grid(
    moments: LagStatistics, root: PriorRoot, alpha: float, n_intercepts: int
) -> NDArray:
    values = np.full(len(root.lags), -np.inf)
    low, high = 1, len(root.lags)
    best = low
    while True:
        grid = np.unique([*np.geomspace(low, high, GRID).round().astype(int), best]).tolist()
        for n_lags in grid:
            if values[n_lags - 1] == -np.inf:
                part, first = moments.first_lags(n_lags), root.first(n_lags)
                values[n_lags - 1] = evidence(part, first, alpha, n_intercepts).value
        if len(grid) == high - low + 1:
            return values
        best = int(values.argmax()) + 1  # in the grid: others have been seen to be worse
        place = grid.index(best)
        low, high = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]


def _fit(scatter: NDArray, gain: NDArray) -> NDArray:
    """Return ``s_yy`` less a gain, and as much as rounding may leave."""
    return np.maximum(scatter - gain, 0.0) + NOISE_FLOOR * scatter


def _log_density(
    weight: float, fit: NDArray, log_volume: NDArray | float, n_intercepts: int
) -> NDArray:
    """Return ``log p`` from ``fit (..., n_outputs)`` and ``log det(I + L^T G L / alpha)``."""
    dof = weight - n_intercepts
    spread = np.log(2.0 * math.pi * fit / dof) + 1.0
    volume = log_volume + n_intercepts * math.log(weight)
    return -0.5 * (dof * spread.sum(axis=-1) + fit.shape[-1] * volume)


def _over_lags(theta: NDArray, shrinkage: NDArray, root: PriorRoot) -> NDArray:
    """Return ``S = sum_k theta_k theta_k^T - n_outputs (I - K)``, summed over channels.

    That is the response, ``theta`` scaled by ``sqrt(nu alpha / fit)``, against the share of each
    direction that the data determine: ``K = alpha (L^T G L + alpha)^{-1}`` is the ``shrinkage``, of
    which the lower triangle is read.
    """
    n_lags, n_channels, n_outputs = len(root.lags), root.n_channels, theta.shape[1]
    if root.is_diagonal:
        freedom = n_outputs * (1.0 - shrinkage.diagonal())
        return (np.square(theta).sum(axis=1) - freedom).reshape(n_lags, n_channels).sum(axis=1)
    full = theta @ theta.T + n_outputs * shrinkage
    full[np.diag_indices_from(full)] -= n_outputs
    blocks = full.reshape(n_lags, n_channels, n_lags, n_channels)
    return np.einsum("jaka->jk", blocks)
