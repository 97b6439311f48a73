r"""Lag weights of linear recurrent networks of one layer or more, with learning rates for groups.

With ``L`` layers ``h^l_t = n^{-1/2} (W_l h^l_{t-1} + U_l h^{l-1}_t)``, whose first has the input
``F x_t``, a response at lag ``j`` is a sum over the ``(j + L - 1 choose L - 1)`` ways to spend
``j`` time steps in ``L`` layers. In a wide network at initialisation its variance is

    gamma_j = (j + L - 1 choose L - 1) nu_c nu_f nu_u^{L-1} nu_w^j

and lags are uncorrelated. A matrix with independent Gaussian entries of variance ``nu`` has the
share ``d gamma / d nu`` in the tangent kernel; where its learning rate is ``eta`` times that of the
others, ``eta`` times that. These are functions of numbers that were checked; of columns of
variances, (n, 1), the lag weights are rows, (n, n_lags).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_weights import EQUAL_RATES, Rates, Variance, power


class Variances(NamedTuple):
    """Initial variances of transitions, input matrix, readout and couplings of layers."""

    nu_w: Variance = 0.5
    nu_f: Variance = 1.0
    nu_c: Variance = 1.0
    nu_u: Variance = 1.0


def deep_lag_weights(
    n_lags: int, variances: Variances, n_layers: int = 1, rates: Rates = EQUAL_RATES, *by: str
) -> NDArray[np.float64]:
    """Return the lag weights of a network of so many layers, or a derivative of them.

    Parameters
    ----------
    n_lags : int
        Number of lags.
    variances : Variances
        Not negative.
    n_layers : int, default=1
        Number of layers.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of the transitions; of the input matrices of all layers, ``F``
        and ``U``; and of the readout.
    *by : str
        Names of the variances by which to differentiate; none for the weights themselves.

    Returns
    -------
    lag_weights : ndarray of shape (n_lags,) or (n, n_lags)
        Lag 0 first.
    """
    of_transition, of_input, of_readout = rates
    group_rates = {"nu_w": of_transition, "nu_f": of_input, "nu_u": of_input, "nu_c": of_readout}
    shares = [
        rate * initial_variances(n_lags, variances, n_layers, name, *by)
        for name, rate in group_rates.items()
    ]
    return np.sum(shares, axis=0)


def initial_variances(
    n_lags: int, variances: Variances, n_layers: int = 1, *by: str
) -> NDArray[np.float64]:
    """Return ``gamma``, the variances of the response at initialisation, or a derivative of them.

    Parameters
    ----------
    n_lags : int
        Number of lags.
    variances : Variances
        Not negative.
    n_layers : int, default=1
        Number of layers.
    *by : str
        Names of the variances by which to differentiate.

    Returns
    -------
    variances : ndarray of shape (n_lags,) or (n, n_lags)
        Lag 0 first.
    """
    by_others = (
        power(variances.nu_f, 1, by.count("nu_f"))
        * power(variances.nu_c, 1, by.count("nu_c"))
        * power(variances.nu_u, n_layers - 1, by.count("nu_u"))
    )
    return by_others * weighted_ways(n_lags, n_layers, variances.nu_w, by.count("nu_w"))


def weighted_ways(
    n_lags: int, n_layers: int, weight: Variance, order: int = 0
) -> NDArray[np.float64]:
    """Return ``(j + L - 1 choose L - 1) weight^j``, or a derivative of it by the weight.

    The number of ways to spend ``j`` time steps in ``L`` layers, each step with a weight. One from
    the other by their ratios, they overflow where they are too large and not where a factor is.

    Parameters
    ----------
    n_lags : int
        Number of lags.
    n_layers : int
        Number of layers ``L``.
    weight : float or ndarray of shape (n, 1)
        Not negative.
    order : int, default=0
        Order of the derivative, which is that of as many more layers and fewer lags.

    Returns
    -------
    ways : ndarray of shape (n_lags,) or (n, n_lags)
        Lag 0 first.
    """
    lag = np.arange(1, n_lags - order, dtype=np.float64)
    ratios = weight * ((lag + (n_layers + order - 1)) / lag)
    ways = np.zeros((*ratios.shape[:-1], n_lags), ratios.dtype)
    ways[..., order : order + 1] = math.perm(n_layers + order - 1, order)
    ways[..., order + 1 :] = ratios
    np.cumprod(ways[..., order:], axis=-1, out=ways[..., order:])
    return ways
