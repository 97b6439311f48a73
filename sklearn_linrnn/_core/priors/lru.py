"""The prior of the linear recurrent unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.diagonal_recurrence import DiagonalRecurrence
from sklearn_linrnn._core.priors.lag_prior import Hyperparameter, structure
from sklearn_linrnn._core.priors.lag_weights import check_variances
from sklearn_linrnn._core.priors.lru_kernel import (
    check_ring,
    lru_factor_slopes,
    lru_factors,
    lru_share_slopes,
    lru_shares,
    lru_variances,
)
from sklearn_linrnn._core.priors.scales import Scale, decay_scale, log_scale


@final
@dataclass(frozen=True)
class LRU(DiagonalRecurrence):
    """The tangent kernel of a wide linear recurrent unit; Orvieto et al. 2023.

    Parameters
    ----------
    r_min, r_max : float or "auto", default=0.0, 1.0
        The poles lie in the ring between these moduli, at most 1 and in either order, uniform in
        its area.
    max_phase : float or "auto", default=2*pi
        Greatest phase of the poles in radians, not negative; phases are uniform from 0.
    nu_f, nu_c : float or "auto", default=1.0, 1.0
        Initial variances of the real and of the imaginary parts of input and readout; not negative.
    normalise : bool, default=True
        Whether there is a trained factor of the input that begins at ``sqrt(1 - |lambda|^2)``.

    References
    ----------
    .. [1] A. Orvieto, S. L. Smith, A. Gu, A. Fernando, C. Gulcehre, R. Pascanu, S. De,
       "Resurrecting Recurrent Neural Networks for Long Sequences", ICML 2023, arXiv:2303.06349.
    """

    tied: ClassVar = ("nu_f", "nu_c")  # they enter the kernel by their sum and product alone

    r_min: Hyperparameter = 0.0
    r_max: Hyperparameter = 1.0
    max_phase: Hyperparameter = 2 * np.pi
    nu_f: Hyperparameter = 1.0
    nu_c: Hyperparameter = 1.0
    normalise: bool = structure(True)

    def ordered(self) -> Self:
        """Return the prior with ``r_min`` at most ``r_max``."""
        least, greatest = sorted((self.r_min, self.r_max))
        return replace(self, r_min=least, r_max=greatest)

    def check(self) -> None:
        """Raise unless the hyperparameters can be those of a linear recurrent unit."""
        if not isinstance(self.normalise, (bool, np.bool_)):
            raise TypeError(f"normalise must be True or False, but got {self.normalise!r}.")
        check_ring(*self._measure)
        check_variances(nu_f=self.nu_f, nu_c=self.nu_c)
        if self.nu_f == self.nu_c == 0:
            raise ValueError(
                f"All lag weights are zero: nu_f={self.nu_f!r} and nu_c={self.nu_c!r} must not "
                "both be zero."
            )
        if self.normalise and min(self.r_min, self.r_max) == 1:
            raise ValueError(
                "r_min must be below 1 with normalise=True, where the input has the factor "
                f"sqrt(1 - |lambda|^2), but got r_min={self.r_min} and r_max={self.r_max}."
            )

    @property
    def _measure(self) -> tuple[float, float, float]:
        # A search moves both ends freely: the kernel knows the ring alone.
        ring = self.ordered()
        return ring.r_min, ring.r_max, ring.max_phase

    def shares(self, n_lags: int) -> NDArray[np.float64]:
        """Return those of input, readout and normalisation, and of the poles."""
        return lru_shares(n_lags, *self._measure, normalise=self.normalise)

    def share_variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the diagonals of the shares."""
        return lru_variances(n_lags, *self._measure, normalise=self.normalise)

    def share_slopes(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivatives of the shares by ``r_min``, ``r_max`` or ``max_phase``."""
        if self.r_min > self.r_max:
            name = {"r_min": "r_max", "r_max": "r_min"}.get(name, name)
        return lru_share_slopes(n_lags, name, *self._measure, normalise=self.normalise)

    def factors(self) -> NDArray[np.float64]:
        """Return the factors of both shares."""
        return lru_factors(self.nu_f, self.nu_c, normalise=self.normalise)

    def factor_slopes(self, name: str) -> NDArray[np.float64]:
        """Return the derivatives of the factors by ``nu_f`` or ``nu_c``."""
        other = self.nu_c if name == "nu_f" else self.nu_f
        return lru_factor_slopes(other, normalise=self.normalise)

    def scale(self, name: str, n_lags: int) -> Scale:
        """Return the scale on which a hyperparameter is sought."""
        if name == "r_max":
            return decay_scale(n_lags, np.log(np.geomspace(1.0, max(n_lags, 2), 5)).tolist())
        if name == "r_min":
            return decay_scale(n_lags, (np.log(0.5),))
        if name == "max_phase":  # below the least, all poles are as good as real
            bounds = np.log(0.01 / n_lags), np.log(2 * np.pi)
            return log_scale(bounds, np.log([0.1, 0.3, 1.0, 2 * np.pi]).tolist())
        return super().scale(name, n_lags)
