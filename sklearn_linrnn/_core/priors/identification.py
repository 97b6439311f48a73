"""The kernels of regularised system identification: those near each other may vary together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hankel, toeplitz

from sklearn_linrnn._core.priors.lag_prior import Hyperparameter, LagPrior
from sklearn_linrnn._core.priors.lag_weights import check_number, powers
from sklearn_linrnn._core.priors.scales import CORRELATION, Scale


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
    """Diagonal: independent lags whose variance decays; Chen, Ohlsson and Ljung 2012.

    Parameters
    ----------
    nu_w : float or "auto", default=0.5
        Decay from lag to lag, at most 1.
    """

    nu_w: Hyperparameter = 0.5

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
    """Diagonal/correlated: decaying variance, geometric correlation; Chen et al. 2012.

    Parameters
    ----------
    nu_w : float or "auto", default=0.5
        Decay from lag to lag, at most 1.
    correlation : float or "auto", default=0.9
        Correlation of neighbouring lags, between -1 and 1.
    """

    nu_w: Hyperparameter = 0.5
    correlation: Hyperparameter = 0.9

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``nu_w^((j + k)/2) correlation^|j - k|``, (n_lags, n_lags)."""
        self._check()
        decay = np.power(self.nu_w, np.arange(n_lags) / 2)
        return np.outer(decay, decay) * toeplitz(powers(self.correlation, n_lags))

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the covariance, (n_lags, n_lags)."""
        if name == "correlation":
            decay = np.power(self.nu_w, np.arange(n_lags) / 2)
            return np.outer(decay, decay) * toeplitz(powers(self.correlation, n_lags, 1))
        exponent, slope = np.arange(1, 2 * n_lags - 1) / 2, np.zeros(2 * n_lags - 1)
        with np.errstate(divide="ignore"):  # that of lag 1 beside lag 0 is infinite at nu_w = 0
            slope[1:] = exponent * np.power(self.nu_w, exponent - 1.0)
        correlations = toeplitz(powers(self.correlation, n_lags))
        by_sum = hankel(slope[:n_lags], slope[n_lags - 1 :])
        return np.multiply(by_sum, correlations, out=correlations, where=correlations != 0)

    def scale(self, name: str, n_lags: int) -> Scale:
        """Return the scale on which a hyperparameter is sought."""
        return CORRELATION if name == "correlation" else super().scale(name, n_lags)

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return the root: scaled by its decay, the response is a first-order autoregression."""
        self._check()
        return _autoregression(n_lags, self.nu_w, self.correlation)

    def _check(self) -> None:
        check_decay("dc", self.nu_w)
        check_number("correlation", self.correlation)
        if not -1 < self.correlation < 1:
            raise ValueError(f"correlation must lie between -1 and 1, but got {self.correlation}.")


@final
@dataclass(frozen=True)
class TC(LagPrior):
    """Tuned/correlated: DC with correlation ``sqrt(nu_w)``; Chen, Ohlsson and Ljung 2012.

    Parameters
    ----------
    nu_w : float or "auto", default=0.5
        Decay from lag to lag, at most 1.
    """

    nu_w: Hyperparameter = 0.5

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
    """Second-order stable spline: smooth and decaying; Pillonetto et al. 2014, section 5.5.

    Parameters
    ----------
    nu_w : float or "auto", default=0.5
        Decay from lag to lag, at most 1.
    """

    nu_w: Hyperparameter = 0.5

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


def check_decay(name: str, nu_w: float) -> None:
    """Raise unless ``0 <= nu_w <= 1``, which makes the kernels of identification covariances."""
    check_number("nu_w", nu_w)
    if not 0 <= nu_w <= 1:
        raise ValueError(
            f"prior={name!r} decays by nu_w from lag to lag, which must lie between 0 and 1, but "
            f"got {nu_w}."
        )
