"""Priors of the impulse response: how its lags vary, and vary together, before any data is seen.

A prior is a covariance over the lags, up to a factor, the same for every channel and output. That
of a linear RNN's tangent kernel is diagonal; those of regularised system identification let lags
near each other vary together. To add one, write a frozen dataclass with its hyperparameters as
fields and with `covariance`, and give it a name in `PRIORS`. A search for hyperparameters climbs by
`covariance_slope`; write it too where differences of the covariance are not exact enough.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, eigh, qr, toeplitz

from sklearn_linrnn._core.priors.lag_weights import (
    linear_rnn_lag_weights,
    linear_rnn_slope,
    linear_rnn_variances,
    powers,
)

STEP = 1e-5  # of central differences, relative to a hyperparameter
UNDERFLOW = 1e-280  # a variance of which products lose digits
ROUNDING = 1e-10  # the share of the largest eigenvalue that a negative one may have by rounding


@dataclass(frozen=True)
class LagPrior(ABC):
    """Covariance of an impulse response over the lags, up to a factor."""

    @abstractmethod
    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the covariance of lags 0 to ``n_lags - 1``.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        covariance : ndarray of shape (n_lags, n_lags) or (n_lags,)
            Symmetric and positive semi-definite; of independent lags the variances alone.
        """

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def with_values(self, **hyperparameters: Any) -> Self:
        """Return the prior with other hyperparameters.

        Parameters
        ----------
        **hyperparameters : float
            Their values by name.

        Returns
        -------
        prior : same type
            A prior with these, and its own ones for the rest.
        """
        return replace(self, **hyperparameters)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the covariance by a hyperparameter; here by differences.

        Parameters
        ----------
        n_lags : int
            Number of lags.
        name : str
            The hyperparameter's name.

        Returns
        -------
        slope : ndarray of shape (n_lags, n_lags) or (n_lags,)
            Of the shape of `covariance`.
        """
        value = getattr(self, name)
        after, before = value * (1.0 + STEP), value * (1.0 - STEP)
        rise = replace(self, **{name: after}).covariance(n_lags)
        return (rise - replace(self, **{name: before}).covariance(n_lags)) / (after - before)

    @property
    def has_independent_lags(self) -> bool:
        """Whether `covariance` has variances alone."""
        return np.ndim(self.covariance(1)) == 1

    def variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the variances of independent lags, without looking whether they are such.

        Where hyperparameters are columns, (n_priors, 1), the prior stands for as many, here and in
        `covariance_slope`.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        variances : ndarray of shape (n_lags,) or (n_priors, n_lags)
            The variances.
        """
        return self.covariance(n_lags)

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``L`` with ``L L^T`` the covariance.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        root : ndarray of shape (n_lags, n_lags) or (n_lags,)
            Lower triangular, so that its leading block belongs to the first lags; of independent
            lags its diagonal alone.
        """
        name = f"The covariance of {type(self).__name__}"
        return lower_root(check_covariance(self.covariance(n_lags), n_lags, name))


def check_covariance(covariance: NDArray, n_lags: int, name: str) -> NDArray:
    """Return a covariance, or variances, of ``n_lags``; raise if it cannot be one."""
    shape = np.shape(covariance)
    if shape not in ((n_lags,), (n_lags, n_lags)):
        raise ValueError(
            f"{name} must have shape ({n_lags},) or ({n_lags}, {n_lags}), but got shape {shape}."
        )
    covariance = np.asarray(covariance, dtype=np.float64)
    variances = covariance if covariance.ndim == 1 else np.diagonal(covariance)
    if not np.isfinite(covariance).all() or (variances < 0).any() or not (variances > 0).any():
        raise ValueError(f"{name} must be finite, with variances not negative and not all zero.")
    if covariance.ndim == 2 and not np.allclose(covariance, covariance.T, rtol=1e-10, atol=0.0):
        raise ValueError(f"{name} must be symmetric.")
    return covariance


def lower_root(covariance: NDArray) -> NDArray:
    """Return the lower triangular root of a covariance, or the square roots of variances.

    A covariance may be singular. Scaled to a unit diagonal first, it keeps the digits of variances
    that spread over many decades.
    """
    if covariance.ndim == 1:
        return np.sqrt(covariance)
    variances = np.diagonal(covariance)
    used = variances > UNDERFLOW
    if not used.all():
        if (covariance[~used] ** 2 > 4 * UNDERFLOW * variances.max()).any():
            raise ValueError(
                "A prior's covariance must be positive semi-definite, but a lag without variance "
                "varies together with others."
            )
        root = np.zeros_like(covariance)
        root[np.ix_(used, used)] = lower_root(covariance[np.ix_(used, used)])
        return root
    deviation = np.sqrt(np.diagonal(covariance))[:, None]
    correlation = covariance / deviation / deviation.T
    try:
        return deviation * cholesky(correlation, lower=True, check_finite=False)
    except LinAlgError:
        eigenvalues, vectors = eigh(correlation, check_finite=False)
        if eigenvalues[0] < -ROUNDING * len(eigenvalues) * eigenvalues[-1]:
            raise ValueError(
                "A prior's covariance must be positive semi-definite, but scaled to a unit "
                f"diagonal it has the eigenvalue {eigenvalues[0]:.3g}."
            ) from None
        real = eigenvalues > 1e-14 * len(eigenvalues) * eigenvalues[-1]  # the rest is rounding
        half = vectors * np.sqrt(np.where(real, eigenvalues, 0.0))
        return deviation * qr(half.T, mode="r", check_finite=False)[0].T


@final
@dataclass(frozen=True)
class LinearRNN(LagPrior):
    """The tangent kernel of a wide linear RNN; Emami et al. 2021, Theorem 3.1."""

    nu_w: float = 0.5
    nu_f: float = 1.0
    nu_c: float = 1.0

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


@final
@dataclass(frozen=True)
class Flat(LagPrior):
    """Independent lags of equal variance: the ridge."""

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ones, (n_lags,)."""
        return np.ones(n_lags)


@final
@dataclass(frozen=True)
class DI(LagPrior):
    """Diagonal: independent lags whose variance decays; Chen, Ohlsson and Ljung 2012."""

    nu_w: float = 0.5

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``nu_w^j``, (n_lags,)."""
        check_decay("di", self.nu_w)
        return powers(self.nu_w, n_lags)

    def variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``nu_w^j`` of a ``nu_w`` that was checked."""
        return powers(self.nu_w, n_lags)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return ``j nu_w^(j-1)``, (n_lags,)."""
        return powers(self.nu_w, n_lags, 1)


@final
@dataclass(frozen=True)
class DC(LagPrior):
    """Diagonal/correlated: decaying variance, geometric correlation; Chen et al. 2012."""

    nu_w: float = 0.5
    correlation: float = 0.9

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``nu_w^((j + k)/2) correlation^|j - k|``, (n_lags, n_lags)."""
        self._check()
        decay = np.power(self.nu_w, np.arange(n_lags) / 2)
        return np.outer(decay, decay) * toeplitz(powers(self.correlation, n_lags))

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the covariance, (n_lags, n_lags)."""
        half = np.arange(n_lags) / 2
        decay = np.power(self.nu_w, half)
        if name == "correlation":
            return np.outer(decay, decay) * toeplitz(powers(self.correlation, n_lags, 1))
        slope = np.outer(half * decay / self.nu_w, decay)
        return (slope + slope.T) * toeplitz(powers(self.correlation, n_lags))

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return the root: scaled by its decay, the response is a first-order autoregression."""
        self._check()
        return _autoregression(n_lags, self.nu_w, self.correlation)

    def _check(self) -> None:
        check_decay("dc", self.nu_w)
        if not -1 < self.correlation < 1:
            raise ValueError(f"correlation must lie between -1 and 1, but got {self.correlation}.")


@final
@dataclass(frozen=True)
class TC(LagPrior):
    """Tuned/correlated: DC with correlation ``sqrt(nu_w)``; Chen, Ohlsson and Ljung 2012."""

    nu_w: float = 0.5

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``nu_w^max(j, k)``, (n_lags, n_lags)."""
        check_decay("tc", self.nu_w)
        return powers(self.nu_w, n_lags)[_later_lag(n_lags)]

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the covariance, (n_lags, n_lags)."""
        return powers(self.nu_w, n_lags, 1)[_later_lag(n_lags)]

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return the root: backwards in the lag, the response is a random walk."""
        check_decay("tc", self.nu_w)
        return _autoregression(n_lags, self.nu_w, np.sqrt(self.nu_w))


def _autoregression(n_lags: int, decay: float, correlation: float) -> NDArray:
    root = toeplitz(powers(correlation, n_lags), np.zeros(n_lags))
    root[:, 1:] *= np.sqrt((1.0 - correlation) * (1.0 + correlation))
    return np.power(decay, np.arange(n_lags) / 2)[:, None] * root


def _later_lag(n_lags: int) -> NDArray[np.intp]:
    """Return ``max(j, k)``, (n_lags, n_lags)."""
    lag = np.arange(n_lags)
    return np.maximum.outer(lag, lag)


@final
@dataclass(frozen=True)
class SS(LagPrior):
    """Second-order stable spline: smooth and decaying; Pillonetto et al. 2014, section 5.5."""

    nu_w: float = 0.5

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``nu_w^(j+k+max)/2 - nu_w^(3 max)/6``, (n_lags, n_lags)."""
        check_decay("ss", self.nu_w)
        return self._spline(n_lags, 0)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the covariance, (n_lags, n_lags)."""
        return self._spline(n_lags, 1)

    def _spline(self, n_lags: int, order: int) -> NDArray[np.float64]:
        """Return a derivative of the covariance."""
        lag, later = np.arange(n_lags), _later_lag(n_lags)
        power = powers(self.nu_w, 3 * n_lags, order)
        return power[np.add.outer(lag, lag) + later] / 2 - power[3 * later] / 6


@final
@dataclass(frozen=True, eq=False)
class Given(LagPrior):
    """A covariance ``(n_lags, n_lags)`` or variances ``(n_lags,)`` of the user's own."""

    array: NDArray

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """None: the array is as it is."""
        return {}

    @property
    def has_independent_lags(self) -> bool:
        """Whether the array has variances alone."""
        return self.array.ndim == 1

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the array, which must be of ``n_lags``."""
        if len(self.array) != n_lags:
            raise ValueError(
                f"The prior was given for {len(self.array)} lags, but the model has "
                f"n_lags={n_lags}."
            )
        return self.array


def check_decay(name: str, nu_w: float) -> None:
    """Raise unless ``0 <= nu_w <= 1``, which makes the kernels of identification covariances."""
    if not 0 <= nu_w <= 1:
        raise ValueError(
            f"prior={name!r} decays by nu_w from lag to lag, which must lie between 0 and 1, but "
            f"got {nu_w}."
        )


HYPERPARAMETERS = ("nu_w", "nu_f", "nu_c", "correlation")  # of the named priors

PRIORS: dict[str, type[LagPrior]] = {
    "linear_rnn": LinearRNN,
    "flat": Flat,
    "di": DI,
    "tc": TC,
    "dc": DC,
    "ss": SS,
}
