r"""Gaussian evidence of a prior, and the empirical Bayes that maximises it.

With the response ``H_k ~ N(0, (sigma_k^2 / alpha) L L^T)`` of each output ``k``, white noise of
variance ``sigma_k^2`` and a flat prior on the intercept, the evidence of ``m`` supervised steps at
its best noise variances is

    log p = - sum_k nu/2 (log(2 pi fit_k / nu) + 1)
            - n_outputs/2 (log det(I + m A / alpha) + n_intercepts log m),
    fit_k = s_yy - m c_k^T (A + alpha/m)^{-1} c_k,      nu = m - n_intercepts,

with ``A`` and ``c`` of `spectral` (MacKay 1992; Chen and Ljung 2013, equation 12). It sees the data
through their statistics alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sklearn_linrnn._core.lag_statistics import LagStatistics
from sklearn_linrnn._core.moments import Moments
from sklearn_linrnn._core.prior_root import PriorRoot
from sklearn_linrnn._core.spectral import Quadratic, SpectralFactor

GRID = 12  # numbers of lags between two bounds
NOISE_FLOOR = 1e-13  # share of the targets' scatter that rounding may leave as noise


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
        to first order. A change of ``log alpha`` by ``e`` is ``X = -e I/2``.
    """

    value: float
    sensitivity: Callable[[], Tensor]


def evidence(moments: Moments, root: PriorRoot, alpha: float, n_intercepts: int) -> Evidence:
    """Return the evidence of a prior and a penalty."""
    seen = moments.target_scatter > 0
    if math.isinf(alpha):  # a response of zero
        value = _log_density(moments.weight, moments.target_scatter[seen], 0.0, n_intercepts)
        return Evidence(float(value), lambda: torch.zeros_like(root.lags))
    penalty = alpha / moments.weight
    quadratic = Quadratic.of(moments, root)
    factor = quadratic.factorise(penalty) or SpectralFactor.of(quadratic.decompose(), penalty)
    theta = factor.solve()
    fit = _fit(moments, (quadratic.slope * theta).sum(0))[seen]
    log_volume = float(factor.log_pivots().sum()) - len(theta) * math.log(penalty)
    value = _log_density(moments.weight, fit, log_volume, n_intercepts)

    def sensitivity() -> Tensor:
        scaled = theta[:, seen] * ((moments.weight - n_intercepts) * alpha / fit).sqrt()
        return _over_lags(scaled, factor.inverse().mul_(penalty), root)

    return Evidence(float(value), sensitivity)


def evidence_of_first_lags(
    moments: LagStatistics, root: PriorRoot, alpha: float, n_intercepts: int
) -> Tensor:
    """Return the evidence, (n_lags,), of models with the first lags only: one, two, and so on.

    Of independent lags: the leading block of a Cholesky factor is the factor of the leading block,
    so that one factorisation has them all. Where it would lose digits, and for other priors, the
    models are taken one by one on a grid that gets finer around the best; the others have minus
    infinity.
    """
    penalty = alpha / moments.weight
    n_channels = root.n_channels
    ridge = Quadratic.of(moments, root).factorise(penalty) if root.is_diagonal else None
    if ridge is None:
        return _evidence_on_grid(moments, root, alpha, n_intercepts)
    last = slice(n_channels - 1, None, n_channels)  # the last channel of each lag
    seen = moments.target_scatter > 0
    fit = _fit(moments, ridge.half.square().cumsum(0)[last])[:, seen]
    log_volume = (ridge.log_pivots() - math.log(penalty)).cumsum(0)[last]
    return _log_density(moments.weight, fit, log_volume, n_intercepts).cpu()


def _evidence_on_grid(
    moments: LagStatistics, root: PriorRoot, alpha: float, n_intercepts: int
) -> Tensor:
    values = torch.full((len(root.lags),), -torch.inf, dtype=torch.float64)
    low, high = 1, len(root.lags)
    while True:
        grid = np.unique(np.geomspace(low, high, GRID).round().astype(int)).tolist()
        for n_lags in grid:
            if values[n_lags - 1] == -torch.inf:
                part, first = moments.first_lags(n_lags), root.first(n_lags)
                values[n_lags - 1] = evidence(part, first, alpha, n_intercepts).value
        if len(grid) == high - low + 1:
            return values
        best = grid.index(int(values.argmax()) + 1)
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]


def _fit(moments: Moments, gain: Tensor) -> Tensor:
    """Return ``s_yy - m gain``, but not less than what rounding leaves."""
    fit = moments.target_scatter - moments.weight * gain
    return torch.maximum(fit, NOISE_FLOOR * moments.target_scatter)


def _log_density(
    weight: float, fit: Tensor, log_volume: Tensor | float, n_intercepts: int
) -> Tensor:
    """Return ``log p`` from ``fit (..., n_outputs)`` and ``log det(I + m A / alpha)``."""
    dof = weight - n_intercepts
    spread = torch.log(2.0 * math.pi * fit / dof) + 1.0
    volume = log_volume + n_intercepts * math.log(weight)
    return -0.5 * (dof * spread.sum(-1) + fit.shape[-1] * volume)


def _over_lags(theta: Tensor, shrinkage: Tensor, root: PriorRoot) -> Tensor:
    """Return ``S = sum_k theta_k theta_k^T - n_outputs (I - K)``, summed over channels.

    That is the response, ``theta`` scaled by ``sqrt(nu alpha / fit)``, against the share of each
    direction that the data determine: ``K = pen (A + pen)^{-1}`` is the ``shrinkage``.
    """
    n_lags, n_channels, n_outputs = len(root.lags), root.n_channels, theta.shape[1]
    if root.is_diagonal:
        freedom = n_outputs * (1.0 - shrinkage.diagonal())
        return (theta.square().sum(1) - freedom).view(n_lags, n_channels).sum(1)
    full = (theta @ theta.T).add_(shrinkage, alpha=n_outputs)
    full.diagonal().sub_(n_outputs)
    blocks = full.view(n_lags, n_channels, n_lags, n_channels)
    return blocks.diagonal(dim1=1, dim2=3).sum(-1)
