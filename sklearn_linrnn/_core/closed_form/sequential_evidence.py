r"""The evidence, step by step: how well each target is predicted from those before it.

The probability of all targets is the product of those of each one given the ones before, so that
the evidence of `evidence` is the sum of the logarithms of one-step-ahead predictive densities
(Dawid 1984). With the features ``f_s = (1, L^T z_s)`` of time step ``s`` and the precision
``A_s = diag(0, alpha, ..., alpha) + sum_{r <= s} f_r f_r^T``,

    y_s | y_1 .. y_{s-1} ~ N(f_s^T mu_{s-1}, sigma^2 (1 + f_s^T A_{s-1}^{-1} f_s)),

from the second step on: the first one settles the intercept, whose prior is flat. ``sigma^2`` is
the best noise variance of all steps together, as it is in the evidence.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from sklearn_linrnn._core.closed_form.evidence import NOISE_FLOOR

TOGETHER = 64  # time steps of a factorisation


def prior_features(windows: NDArray, root: NDArray) -> NDArray[np.float64]:
    """Return ``L^T z`` of windows, (n_windows, n_lags * n_channels).

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_lags, n_channels)
        Inputs, oldest time step first.
    root : ndarray of shape (n_lags,) or (n_lags, n_lags)
        ``L``, as `LagPrior.root` returns it.
    """
    lags = windows[:, ::-1]
    if root.ndim == 1:
        return (lags * root[:, None]).reshape(len(lags), -1)
    return np.einsum("jk,njc->nkc", root, lags, optimize=True).reshape(len(lags), -1)


def sequential_log_densities(
    features: NDArray, targets: NDArray, alpha: float
) -> NDArray[np.float64]:
    """Return the logarithm of the predictive density of each target but the first.

    Parameters
    ----------
    features : ndarray of shape (n_steps, p)
        ``L^T z`` of each time step, in their order.
    targets : ndarray of shape (n_steps,)
        Targets.
    alpha : float
        The penalty; infinite if nothing is learned but the mean.

    Returns
    -------
    log_densities : ndarray of shape (n_steps - 1,)
        Their sum is the evidence; zeros where the targets do not vary.
    """
    spread = float(np.square(targets - targets.mean()).sum())
    if spread == 0.0:
        return np.zeros(len(targets) - 1)
    used = features[:, :0] if math.isinf(alpha) else features
    design = np.column_stack([np.ones(len(used)), used])
    precision = np.diag(np.append(0.0, np.full(used.shape[1], alpha)))
    precision += np.outer(design[0], design[0])
    moments = design[0] * targets[0]
    deviations, surprises = [], []
    for start in range(1, len(targets), TOGETHER):
        rows, goals = design[start : start + TOGETHER], targets[start : start + TOGETHER]
        factor = cholesky(precision, lower=True)
        half = solve_triangular(factor, np.column_stack([rows.T, moments]), lower=True)
        reach, seen = half[:, :-1], half[:, -1]
        root = cholesky(np.eye(len(rows)) + reach.T @ reach, lower=True)
        deviations.append(np.diagonal(root))
        surprises.append(solve_triangular(root, goals - reach.T @ seen, lower=True))
        precision += rows.T @ rows
        moments = moments + rows.T @ goals
    surprise, deviation = np.concatenate(surprises), np.concatenate(deviations)
    fit = math.hypot(float(surprise @ surprise), NOISE_FLOOR * spread)
    variance = fit / (len(targets) - 1)
    return -0.5 * (np.log(2.0 * math.pi * variance * deviation**2) + surprise**2 / variance)
