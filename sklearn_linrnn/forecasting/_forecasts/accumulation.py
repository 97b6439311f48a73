"""How the errors of single steps add up along a recursion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._forecasts.noise import Noise


def error_weights(
    models: Sequence[LinearForecast], n_ahead: int, n_lags: int, n_columns: int
) -> NDArray:
    """Return ``Psi_i``, what an error does ``i`` steps later, (n_ahead, n_columns, n_columns).

    With the models' own responses ``A_j``, ``Psi_0 = I`` and ``Psi_i = sum_j A_j Psi_{i-1-j}``.

    Parameters
    ----------
    models : sequence of LinearForecast
        Models of one step, all of a forecaster.
    n_ahead, n_lags, n_columns : int
        Number of steps, of lags of the longest model, and of columns.
    """
    own = np.zeros((n_lags, n_columns, n_columns))
    for model in models:
        columns = model.regression.columns
        response = model.response.reshape(model.n_lags, -1, len(columns))[:, : len(columns)]
        own[np.ix_(range(model.n_lags), columns, columns)] = response.transpose(0, 2, 1)
    weights = np.zeros((n_ahead, n_columns, n_columns))
    weights[0] = np.eye(n_columns)
    for i in range(1, n_ahead):
        n_terms = min(i, n_lags)
        before = weights[i - n_terms : i][::-1]
        weights[i] = np.einsum("jab,jbc->ac", own[:n_terms], before)
    return weights


def noise_variance(weights: NDArray, noise: Noise, columns: Sequence[int]) -> NDArray:
    """Return the variances that the noise of all steps makes, (n_ahead, n_columns).

    They are the diagonals of ``sum_ij Psi_i Gamma_{i-j} Psi_j^T`` over the steps before, with the
    autocovariances ``Gamma_k`` of the noise: ``sum_i Psi_i Gamma_0 Psi_i^T`` if it is white.

    Parameters
    ----------
    weights : ndarray of shape (n_ahead, n_columns, n_columns)
        ``Psi_i``.
    noise : Noise
        That of all columns.
    columns : sequence of int
        Those that are forecast.
    """
    variance = np.square(weights @ noise.root[:, columns].T).sum(axis=2)
    later = noise.autocovariances(columns, len(weights) - 1)
    for step in range(1, len(weights) if len(later) else 0):
        gamma = later[:step]
        others = np.einsum("kab,kcb->ac", gamma, weights[step - len(gamma) : step][::-1])
        variance[step] += 2.0 * np.einsum("ca,ac->c", weights[step], others)
    return variance.cumsum(axis=0)


def parameter_variance(weights: NDArray, root: NDArray, leverage: NDArray) -> NDArray:
    """Return the variances that errors of parameters make, (n_origins, n_ahead, n_columns).

    The parameters are wrong by the same at all steps, so that it is their effects that add up.

    Parameters
    ----------
    weights : ndarray of shape (n_ahead, n_columns, n_columns)
        ``Psi_i``.
    root : ndarray of shape (n_sources, n_columns)
        ``root^T root`` is the covariance of the noise of a step.
    leverage : ndarray of shape (n_origins, n_ahead, n_parameters)
        What of each step is uncertain, as `LinearForecast.leverage`.
    """
    n_ahead, n_columns = weights.shape[:2]
    spread = np.ascontiguousarray((weights @ root.T).reshape(n_ahead, -1).T)
    variance = np.empty((len(leverage), n_ahead, n_columns))
    for step in range(n_ahead):
        effect = spread[:, step::-1] @ leverage[:, : step + 1]
        squares = np.square(effect).sum(axis=2)
        variance[:, step] = squares.reshape(len(leverage), n_columns, -1).sum(axis=2)
    return variance
