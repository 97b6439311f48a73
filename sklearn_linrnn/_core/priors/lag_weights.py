"""The prior of a linear RNN: how strongly its initial variances favour each lag."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, TypeGuard, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import Hyperparameter, LagPrior

Variance = float | NDArray[np.float64]

NUMBERS = (int, float, np.integer, np.floating)  # that arrays can hold: fractions are none of them
LARGEST = sys.float_info.max  # integers beyond it are none either


def is_float64_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a number that arrays can hold."""
    return isinstance(value, NUMBERS) and not (isinstance(value, int) and abs(value) > LARGEST)


def linear_rnn_lag_weights(
    n_lags: int, nu_w: float = 0.5, nu_f: float = 1.0, nu_c: float = 1.0
) -> NDArray[np.float64]:
    r"""Return the diagonal of the neural tangent kernel of a wide linear RNN, lag by lag.

    .. math:: \rho_j = \nu_C (j \nu_F \nu_W^{j-1} + \nu_W^j) + \nu_F \nu_W^j

    The terms are the shares of the transition matrix, of the input matrix and of the readout.

    Parameters
    ----------
    n_lags : int
        Number of lags; lag 0 is the present step.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.

    Returns
    -------
    lag_weights : ndarray of shape (n_lags,)
        The weights ``rho``, lag 0 first.

    Raises
    ------
    ValueError
        If `n_lags` or a variance is negative, a weight overflows, or all weights are zero.
    TypeError
        If `n_lags` is not whole, or a variance is no number.

    References
    ----------
    .. [1] M. Emami, M. Sahraee-Ardakan, P. Pandit, S. Rangan, A. K. Fletcher, "Implicit Bias of
       Linear RNNs", ICML 2021, Theorem 3.1.

    Examples
    --------
    >>> from sklearn_linrnn import linear_rnn_lag_weights
    >>> linear_rnn_lag_weights(4, nu_w=0.5)
    array([2. , 2. , 1.5, 1. ])
    """
    if not isinstance(n_lags, Integral):
        raise TypeError(f"n_lags must be a whole number, but got {n_lags!r}.")
    if n_lags < 0:
        raise ValueError(f"n_lags must not be negative, but got {n_lags}.")
    for name, variance in (("nu_w", nu_w), ("nu_f", nu_f), ("nu_c", nu_c)):
        if not is_float64_number(variance):
            raise TypeError(f"{name} is a variance and must be a number, but got {variance!r}.")
        if not variance >= 0:
            raise ValueError(f"{name} is a variance and must not be negative, but got {variance}.")
    with np.errstate(over="ignore", invalid="ignore"):
        weights = linear_rnn_variances(n_lags, nu_w, nu_f, nu_c)
    if not np.all(np.isfinite(weights)):
        raise ValueError(
            f"The lag weights overflow: nu_w={nu_w!r} to the power of n_lags={n_lags} is too "
            "large for float64. Lower nu_w or n_lags."
        )
    if n_lags > 0 and not np.any(weights > 0):
        raise ValueError(
            f"All lag weights are zero: nu_f={nu_f!r} and nu_c={nu_c!r} must not both be zero."
        )
    return weights


def linear_rnn_variances(
    n_lags: int, nu_w: Variance, nu_f: Variance, nu_c: Variance
) -> NDArray[np.float64]:
    """Return the lag weights, (n_lags,), of variances that were checked.

    Of columns of variances, (n, 1), they are rows, (n, n_lags).
    """
    power, slope = powers(nu_w, n_lags), powers(nu_w, n_lags, 1)
    return nu_c * (nu_f * slope + power) + nu_f * power


def linear_rnn_slope(
    n_lags: int, nu_w: Variance, nu_f: Variance, nu_c: Variance, name: str
) -> NDArray[np.float64]:
    """Return the derivative of `linear_rnn_variances` by one of the initial variances."""
    slope = powers(nu_w, n_lags, 1)
    if name == "nu_w":
        return nu_c * nu_f * powers(nu_w, n_lags, 2) + (nu_c + nu_f) * slope
    return (nu_c if name == "nu_f" else nu_f) * slope + powers(nu_w, n_lags)


def powers(base: Variance, n_lags: int, order: int = 0) -> NDArray[np.float64]:
    """Return ``base ** lag``, (n_lags,), or a derivative of it by the base.

    Parameters
    ----------
    base : float or ndarray of shape (n, 1)
        The base, or several; of base 0 lag 0 has the power 1.
    n_lags : int
        Number of lags.
    order : int, default=0
        Order of the derivative.

    Returns
    -------
    powers : ndarray of shape (n_lags,) or (n, n_lags)
        The powers, or their derivatives.
    """
    lag = np.arange(n_lags, dtype=np.float64)
    power = np.power(base, np.maximum(lag - order, 0.0))
    for lower in range(order):
        power *= lag - lower
    return power


@final
@dataclass(frozen=True)
class LinearRNN(LagPrior):
    """The tangent kernel of a wide linear RNN; Emami et al. 2021, Theorem 3.1.

    Parameters
    ----------
    nu_w, nu_f, nu_c : float or "auto", default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    """

    tied: ClassVar = ("nu_f", "nu_c")  # they enter the lag weights by their sum and product alone

    nu_w: Hyperparameter = 0.5
    nu_f: Hyperparameter = 1.0
    nu_c: Hyperparameter = 1.0

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the lag weights ``rho``, (n_lags,)."""
        return linear_rnn_lag_weights(n_lags, self.nu_w, self.nu_f, self.nu_c)

    def variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the lag weights of hyperparameters that were checked."""
        return linear_rnn_variances(n_lags, self.nu_w, self.nu_f, self.nu_c)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the lag weights, (n_lags,)."""
        return linear_rnn_slope(n_lags, self.nu_w, self.nu_f, self.nu_c, name)

    def ensemble_deviations(self, n_lags: int) -> NDArray[np.float64]:
        """Return the deviations ``sqrt(gamma_j / rho_j)`` of ``theta`` at initialisation.

        Entries of a random network's response have the variance ``gamma_j = nu_c nu_f nu_w^j``.
        """
        weights = self.covariance(n_lags)
        start = self.nu_c * self.nu_f * np.power(self.nu_w, np.arange(n_lags, dtype=np.float64))
        return np.sqrt(np.divide(start, weights, out=np.zeros(n_lags), where=weights > 0))
