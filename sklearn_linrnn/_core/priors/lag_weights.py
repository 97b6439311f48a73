r"""Priors of wide recurrent networks: how strongly their initial variances favour each lag.

Each trained matrix of such a network, a *group*, has independent Gaussian entries of one variance
``nu``. With ``gamma_jk = E[H_j H_k]``, the covariance of the response at initialisation, and a
factor ``eta`` of each group's learning rate, the tangent kernel is

    K_jk = sum_groups eta  d gamma_jk / d nu

since for Gaussian entries ``d/d nu E[H_j H_k] = E[<grad H_j, grad H_k>] + E[H_j lap H_k + H_k lap
H_j] / 2``, and of the Laplacians nothing is left as the width grows: each leaves out two factors of
one matrix at places that differ.
"""

from __future__ import annotations

import math
import sys
from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, TypeGuard, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import Hyperparameter, LagPrior, structure

Variance = float | NDArray[np.float64]
Rates = tuple[float, float, float]
EQUAL_RATES: Rates = (1.0, 1.0, 1.0)

NUMBERS = (int, float, np.integer, np.floating)  # that arrays can hold: fractions are none of them
LARGEST = sys.float_info.max  # integers beyond it are none either


def is_float64_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a number that arrays can hold."""
    return isinstance(value, NUMBERS) and not (isinstance(value, int) and abs(value) > LARGEST)


def linear_rnn_lag_weights(
    n_lags: int,
    nu_w: float = 0.5,
    nu_f: float = 1.0,
    nu_c: float = 1.0,
    *,
    rates: Rates = EQUAL_RATES,
) -> NDArray[np.float64]:
    r"""Return the diagonal of the neural tangent kernel of a wide linear RNN, lag by lag.

    .. math:: \rho_j = \eta_W \nu_C \nu_F j \nu_W^{j-1}
              + \eta_F \nu_C \nu_W^j + \eta_C \nu_F \nu_W^j

    The terms are the shares of the transition matrix, of the input matrix and of the readout.

    Parameters
    ----------
    n_lags : int
        Number of lags; lag 0 is the present step.
    nu_w, nu_f, nu_c : float, default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors ``eta`` of their learning rates, in this order; not negative and not all zero.

    Returns
    -------
    lag_weights : ndarray of shape (n_lags,)
        The weights ``rho``, lag 0 first.

    Raises
    ------
    ValueError
        If `n_lags`, a variance or a rate is negative, a weight overflows, or all weights are zero.
    TypeError
        If `n_lags` is not whole, or a variance or a rate is no number.

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
    check_variances(nu_w=nu_w, nu_f=nu_f, nu_c=nu_c)
    check_rates(rates)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = linear_rnn_variances(n_lags, nu_w, nu_f, nu_c, rates)
    if not np.all(np.isfinite(weights)):
        raise ValueError(
            f"The lag weights overflow: {nu_w=}, {nu_f=}, {nu_c=} are too large for float64 at "
            f"n_lags={n_lags}. Lower nu_w or n_lags, or nu_f and nu_c."
        )
    if n_lags > 0 and not np.any(weights > 0):
        needs = "must not both be zero" if rates == EQUAL_RATES else f"leave none for {rates=}"
        raise ValueError(f"All lag weights are zero: nu_f={nu_f!r} and nu_c={nu_c!r} {needs}.")
    return weights


def check_number(name: str, value: Any) -> None:
    """Raise unless a hyperparameter is a number that arrays can hold."""
    if not is_float64_number(value):
        raise TypeError(f"{name} must be a number, but got {value!r}.")


def check_variances(**variances: Any) -> None:
    """Raise unless variances are numbers that are not negative."""
    for name, variance in variances.items():
        if not is_float64_number(variance):
            raise TypeError(f"{name} is a variance and must be a number, but got {variance!r}.")
        if not variance >= 0:
            raise ValueError(f"{name} is a variance and must not be negative, but got {variance}.")


def check_rates(rates: Any) -> None:
    """Raise unless these are three factors of learning rates, of which one at least is used."""
    if not (isinstance(rates, tuple) and len(rates) == 3 and all(map(is_float64_number, rates))):
        raise TypeError(
            "rates must be a tuple of three numbers, for the transition matrix, the input matrix "
            f"and the readout, but got {rates!r}."
        )
    if not all(0 <= rate < math.inf for rate in rates) or not any(rates):
        raise ValueError(f"rates must be finite, not negative and not all zero, but got {rates}.")


def linear_rnn_variances(
    n_lags: int, nu_w: Variance, nu_f: Variance, nu_c: Variance, rates: Rates = EQUAL_RATES
) -> NDArray[np.float64]:
    """Return the lag weights, (n_lags,), of numbers that were checked.

    Of columns of variances, (n, 1), they are rows, (n, n_lags).
    """
    of_transition, of_input, of_readout = rates
    decay, slope = powers(nu_w, n_lags), powers(nu_w, n_lags, 1)
    return nu_c * (of_transition * nu_f * slope + of_input * decay) + of_readout * nu_f * decay


def linear_rnn_slope(
    n_lags: int,
    nu_w: Variance,
    nu_f: Variance,
    nu_c: Variance,
    name: str,
    rates: Rates = EQUAL_RATES,
) -> NDArray[np.float64]:
    """Return the derivative of `linear_rnn_variances` by one of the initial variances."""
    of_transition, of_input, of_readout = rates
    slope = powers(nu_w, n_lags, 1)
    if name == "nu_w":
        ends = of_input * nu_c + of_readout * nu_f
        return of_transition * nu_c * nu_f * powers(nu_w, n_lags, 2) + ends * slope
    other, own = (nu_c, of_readout) if name == "nu_f" else (nu_f, of_input)
    return of_transition * other * slope + own * powers(nu_w, n_lags)


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
    raised = np.power(base, np.maximum(lag - order, 0.0))
    for lower in range(order):
        raised *= lag - lower
    return raised


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


def power(base: Variance, exponent: int, order: int) -> Variance:
    """Return ``base ** exponent``, or a derivative of it by the base."""
    if order > exponent:
        return 0.0
    # In float64, of integers too, and infinite where it overflows.
    base = np.asarray(base, np.result_type(base, np.float64))
    return math.perm(exponent, order) * np.power(base, exponent - order)


@dataclass(frozen=True)
class GaussianGroups(LagPrior):
    """The tangent kernel of a wide network, from the covariance of its response at initialisation.

    A network is a frozen dataclass with its hyperparameters as fields, with `initial_covariance`,
    and with `group_rates`. Where there is a simpler formula, it may have that as well.
    """

    # The shape of the lag weights depends on their ratios to each other through one number.
    tied: ClassVar = ("nu_f", "nu_c", "nu_u")

    @property
    @abstractmethod
    def group_rates(self) -> dict[str, float]:
        """The factors of the groups' learning rates, by the names of the groups' variances."""

    @abstractmethod
    def initial_covariance(self, n_lags: int, *by: str) -> NDArray[np.float64]:
        """Return ``gamma``, the covariance of the response at initialisation.

        Parameters
        ----------
        n_lags : int
            Number of lags.
        *by : str
            Names of the hyperparameters by which it is differentiated: up to two, which may be one
            and the same.

        Returns
        -------
        covariance : ndarray of shape (n_lags, n_lags) or (n_lags,)
            Of independent lags the variances alone; of columns of hyperparameters, (n_priors, 1),
            rows of these.
        """

    def check(self) -> None:
        """Raise unless the hyperparameters are what they must be."""
        values = self.hyperparameters
        check_variances(**{name: values[name] for name in self.group_rates})

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the kernel ``K`` between the lags, or its diagonal of independent lags."""
        self.check()
        with np.errstate(over="ignore", invalid="ignore"):
            kernel = self._shares(n_lags)
        if not np.isfinite(kernel).all():
            raise ValueError(
                f"The lag weights overflow: those of {self} are too large for float64 at "
                f"n_lags={n_lags}. Lower nu_w or n_lags."
            )
        if not kernel.any():
            raise ValueError(f"All lag weights of {self} are zero: too many variances are zero.")
        return kernel

    def variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the lag weights of hyperparameters that were checked."""
        return self._shares(n_lags)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the kernel, of its shape."""
        return self._shares(n_lags, name)

    def ensemble_deviations(self, n_lags: int) -> NDArray[np.float64]:
        """Return the deviations ``sqrt(gamma_j / rho_j)`` of ``theta`` at initialisation.

        Of independent lags: with the root of the prior, ``H_j = sqrt(rho_j) theta_j``.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        deviations : ndarray of shape (n_lags,)
            The standard deviations, 0 at lags that have no weight.

        Raises
        ------
        ValueError
            If lags are not independent, or some start with a response and are not trained.
        """
        weights, start = self.covariance(n_lags), self.initial_covariance(n_lags)
        if weights.ndim == 2:
            raise ValueError(f"An ensemble needs independent lags, but those of {self} are not.")
        if (start[weights == 0] > 0).any():
            raise ValueError(
                "An ensemble needs learning rates for all lags at which a network starts with a "
                f"response, but with {self} some lags are not trained."
            )
        return np.sqrt(np.divide(start, weights, out=np.zeros(n_lags), where=weights > 0))

    def _shares(self, n_lags: int, *by: str) -> NDArray[np.float64]:
        """Return the sum of the groups' shares, or a derivative of it."""
        shares = [
            rate * self.initial_covariance(n_lags, group, *by)
            for group, rate in self.group_rates.items()
        ]
        return np.sum(shares, axis=0)


@final
@dataclass(frozen=True)
class LinearRNN(GaussianGroups):
    """The tangent kernel of a wide linear RNN; Emami et al. 2021, Theorem 3.1.

    Parameters
    ----------
    nu_w, nu_f, nu_c : float or "auto", default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of their learning rates, in this order; not negative and not all zero.
    """

    nu_w: Hyperparameter = 0.5
    nu_f: Hyperparameter = 1.0
    nu_c: Hyperparameter = 1.0
    rates: Rates = structure(EQUAL_RATES)

    @property
    def group_rates(self) -> dict[str, float]:
        """The factors of the learning rates of the three matrices."""
        return dict(zip(("nu_w", "nu_f", "nu_c"), self.rates, strict=True))

    @property
    def has_independent_lags(self) -> bool:
        """True."""
        return True

    def initial_covariance(self, n_lags: int, *by: str) -> NDArray[np.float64]:
        """Return ``gamma_j = nu_c nu_f nu_w^j``, or a derivative of it, (n_lags,)."""
        ends = power(self.nu_f, 1, by.count("nu_f")) * power(self.nu_c, 1, by.count("nu_c"))
        return ends * powers(self.nu_w, n_lags, by.count("nu_w"))

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the lag weights ``rho``, (n_lags,)."""
        return linear_rnn_lag_weights(n_lags, self.nu_w, self.nu_f, self.nu_c, rates=self.rates)

    def variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the lag weights of hyperparameters that were checked."""
        return linear_rnn_variances(n_lags, self.nu_w, self.nu_f, self.nu_c, self.rates)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the lag weights, (n_lags,)."""
        return linear_rnn_slope(n_lags, self.nu_w, self.nu_f, self.nu_c, name, self.rates)
