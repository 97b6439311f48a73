r"""Priors of diagonal recurrences, by a measure of their poles.

The response of a wide diagonal recurrence is a sum over random poles,

    H_j = n^{-1/2} Re sum_i c_i b_i lambda_i^j

and its tangent kernel a mean over the measure of one pole: that of ``X_j X_k*`` for each number
that is trained, with ``X_j`` the derivative of ``c b lambda^j`` by it. Initial variances of input
and readout are factors of such means.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import LagPrior, lower_root
from sklearn_linrnn._core.priors.lag_weights import check_number
from sklearn_linrnn._core.units import binary_unit

VARIANCES = ("nu_f", "nu_c")


@dataclass(frozen=True)
class DiagonalRecurrence(LagPrior):
    """The tangent kernel of a wide diagonal recurrence: means over its poles, times factors.

    Hyperparameters named ``nu_f`` and ``nu_c`` are variances of input and readout, which enter by
    the factors; all others belong to the measure of the poles.
    """

    @abstractmethod
    def check(self) -> None:
        """Raise unless the hyperparameters can be those of such a recurrence."""

    @abstractmethod
    def shares(self, n_lags: int) -> NDArray[np.float64]:
        """Return the means over the poles, (n_shares, n_lags, n_lags)."""

    @abstractmethod
    def share_variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return their diagonals, (n_shares, n_lags)."""

    @abstractmethod
    def share_slopes(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return their derivatives by a hyperparameter of the measure."""

    @abstractmethod
    def factors(self) -> NDArray[np.float64]:
        """Return the factor of each share, (n_shares,)."""

    @abstractmethod
    def factor_slopes(self, name: str) -> NDArray[np.float64]:
        """Return the derivatives of the factors by a variance."""

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the kernel between lags, (n_lags, n_lags)."""
        unit, kernel = self._times_factors(self.shares, n_lags)
        return unit * kernel

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``L``, (n_lags, n_lags), also where late lags vanish in the kernel's own unit."""
        unit, kernel = self._times_factors(self.shares, n_lags)
        return math.sqrt(unit) * lower_root(kernel)

    def quick_variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the variances of the lags, (n_lags,)."""
        unit, variances = self._times_factors(self.share_variances, n_lags)
        return unit * variances

    def _times_factors(
        self, shares: Callable[[int], NDArray[np.float64]], n_lags: int
    ) -> tuple[float, NDArray[np.float64]]:
        """Return a power of four, and shares times factors in that unit.

        It raises where these overflow or vanish.
        """
        for name, value in self.hyperparameters.items():
            check_number(name, value)
        self.check()
        with np.errstate(over="ignore", invalid="ignore"):
            factors = self.factors()
            unit = binary_unit(np.sqrt(factors)) ** 2
            scaled = _mixed(factors / unit, shares(n_lags))
            total = unit * scaled
        if not np.isfinite(total).all():
            raise ValueError(
                f"The lag weights overflow: those of {self} are too large for float64."
            )
        if not total.any():
            raise ValueError(f"All lag weights of {self} are zero: they are too small for float64.")
        return unit, scaled

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the kernel, (n_lags, n_lags)."""
        with np.errstate(over="ignore"):
            if name in VARIANCES:
                return _mixed(self.factor_slopes(name), self.shares(n_lags))
            return _mixed(self.factors(), self.share_slopes(n_lags, name))


def _mixed(factors: NDArray, shares: NDArray) -> NDArray[np.float64]:
    """Return the sum of shares times factors."""
    terms = (factor * share for factor, share in zip(factors, shares, strict=True))
    return sum(terms, np.zeros(shares.shape[1:]))
