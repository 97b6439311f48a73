r"""How a leak changes the response and the kernel of a linear recurrent network.

In ``h_t = (1 - a) h_{t-1} + a (A h_{t-1} + F x_t)`` each step of the network ``h_t = A h_{t-1} + F
x_t`` is taken with the probability ``a``, so to speak: a signal leaves its input and each of its
``j`` steps after a waiting time that is geometric, and the response of the leaky network is

    H^leaky = N H,    N[j, p] = (j + L - 1 choose p + L - 1) (1 - a)^{j - p} a^{p + L}

for ``L`` layers, one by default: ``N[j, p]`` is the probability that success number ``p + L`` is in
trial number ``j + L``. That holds for all matrices, so that a kernel ``K`` of networks without leak
is ``N K N^T`` with it. With the lag weights ``rho`` it is ``N diag(rho) N^T``; for one layer

    K = a^2 (nu_f + nu_c) M + a^2 nu_f nu_c dM / d nu_w,
    M[j, k] = sum_p (j choose p) (k choose p) (1 - a)^{j + k - 2 p} (a^2 nu_w)^p

All terms are positive, and probabilities do not overflow.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_weights import is_float64_number, weighted_ways


def waiting_times(n_lags: int, leak: float, n_layers: int = 1) -> NDArray[np.float64]:
    """Return ``N``, the probabilities that the steps of a response without leak take so long.

    Parameters
    ----------
    n_lags : int
        Number of lags.
    leak : float
        ``a``, in (0, 1].
    n_layers : int, default=1
        Number of layers ``L``, each of which waits once.

    Returns
    -------
    probabilities : ndarray of shape (n_lags, n_lags)
        Lower triangular; row ``j`` for lag ``j`` with the leak, column ``p`` without it.
    """
    if not is_float64_number(leak) or not 0 < leak <= 1:
        raise ValueError(f"leak must be above 0 and at most 1, but got {leak!r}.")
    stays = 1.0 - leak
    probabilities = np.zeros((n_lags, n_lags))
    with np.errstate(under="ignore"):
        probabilities[:, 0] = leak**n_layers * weighted_ways(n_lags, n_layers, stays)
        for before, row in itertools.pairwise(probabilities):
            row[1:] = stays * before[1:] + leak * before[:-1]
    return probabilities


def leaky_kernel(kernel: NDArray, leak: float, n_layers: int = 1) -> NDArray[np.float64]:
    """Return the kernel of leaky networks from the one without leak.

    Parameters
    ----------
    kernel : ndarray of shape (n_lags,) or (n_lags, n_lags)
        Lag weights, or a kernel between lags.
    leak : float
        ``a``, in (0, 1].
    n_layers : int, default=1
        Number of layers.

    Returns
    -------
    kernel : ndarray of shape (n_lags, n_lags)
        ``N K N^T``. Its derivative by a variance is that of the derivative of ``K``.
    """
    found = _congruence(waiting_times(len(kernel), leak, n_layers), kernel)
    _check_not_all_zero(found, kernel, leak)
    return found


def leaky_kernel_slope(kernel: NDArray, leak: float) -> NDArray[np.float64]:
    """Return the derivative of `leaky_kernel` of one layer by the leak.

    With the generating function ``(a / (1 - (1 - a) z))^{p + 1} z^p`` of column ``p`` of ``N``, the
    derivative of that column is ``(p + 1) / a`` times its difference from the next one.

    Parameters
    ----------
    kernel : ndarray of shape (n_lags,) or (n_lags, n_lags)
        Lag weights, or a kernel between lags.
    leak : float
        ``a``, in (0, 1].

    Returns
    -------
    slope : ndarray of shape (n_lags, n_lags)
        Symmetric.
    """
    waits = waiting_times(len(kernel), leak)
    slope = -np.diff(waits, axis=1, append=0.0)
    slope *= np.arange(1, len(kernel) + 1) / leak
    half = (slope * kernel) @ waits.T if kernel.ndim == 1 else slope @ kernel @ waits.T
    return half + half.T


def leaky_root(lag_weights: NDArray, leak: float) -> NDArray[np.float64]:
    """Return the lower triangular ``N diag(rho)^{1/2}``, a root of the kernel of one layer.

    Parameters
    ----------
    lag_weights : ndarray of shape (n_lags,)
        ``rho``, of the networks without leak.
    leak : float
        ``a``, in (0, 1].

    Returns
    -------
    root : ndarray of shape (n_lags, n_lags)
        Its leading block belongs to the first lags.
    """
    root = waiting_times(len(lag_weights), leak) * np.sqrt(lag_weights)
    _check_not_all_zero(np.square(root), lag_weights, leak)
    return root


def _check_not_all_zero(found: NDArray, without_leak: NDArray, leak: float) -> None:
    if without_leak.any() and not found.any():
        raise ValueError(f"All lag weights are zero: leak={leak!r} is too small for float64.")


def _congruence(map_: NDArray, kernel: NDArray) -> NDArray[np.float64]:
    if kernel.ndim == 1:
        return (map_ * kernel) @ map_.T
    return map_ @ kernel @ map_.T
