"""The prior of a leaky linear RNN, an echo state network of which everything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import Hyperparameter, structure
from sklearn_linrnn._core.priors.lag_weights import (
    EQUAL_RATES,
    GaussianGroups,
    LinearRNN,
    Rates,
)
from sklearn_linrnn._core.priors.leaky_kernel import (
    leaky_kernel,
    leaky_kernel_slope,
    leaky_root,
)
from sklearn_linrnn._core.priors.scales import SHARE, Scale


@final
@dataclass(frozen=True)
class LeakyRNN(GaussianGroups):
    r"""The tangent kernel of a wide leaky linear RNN.

    With the leak ``a``, ``h_t = (1 - a) h_{t-1} + a (n^{-1/2} W h_{t-1} + F x_t)`` (Jaeger et al.
    2007), the response is that of the network without leak, each of whose steps waits for a time
    that is geometric. So neighbouring lags vary together: ``K = N diag(rho) N^T`` with the lag
    weights ``rho`` of `LinearRNN` and ``N[j, p] = (j choose p) (1 - a)^{j - p} a^{p + 1}``.

    Parameters
    ----------
    nu_w, nu_f, nu_c : float or "auto", default=0.5, 1.0, 1.0
        Initial variances of the transition matrix, the input matrix and the readout; not negative.
    leak : float or "auto", default=0.5
        Share ``a`` of the new state, above 0; 1 is `LinearRNN`.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of the three matrices, in this order; not negative and not
        all zero.
    """

    nu_w: Hyperparameter = 0.5
    nu_f: Hyperparameter = 1.0
    nu_c: Hyperparameter = 1.0
    leak: Hyperparameter = 0.5
    rates: Rates = structure(EQUAL_RATES)

    @property
    def without_leak(self) -> LinearRNN:
        """The prior of the network without leak."""
        return LinearRNN(self.nu_w, self.nu_f, self.nu_c, self.rates)

    @property
    def group_rates(self) -> dict[str, float]:
        """The factors of the learning rates of the three matrices."""
        return self.without_leak.group_rates

    @property
    def has_independent_lags(self) -> bool:
        """False."""
        return False

    def scale(self, name: str, n_lags: int) -> Scale:
        """Return the scale on which a hyperparameter is sought."""
        return SHARE if name == "leak" else super().scale(name, n_lags)

    def initial_covariance(self, n_lags: int, *by: str) -> NDArray[np.float64]:
        """Return ``gamma``, or a derivative of it by variances, (n_lags, n_lags)."""
        return leaky_kernel(self.without_leak.initial_covariance(n_lags, *by), self.leak)

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``N diag(rho) N^T``, (n_lags, n_lags)."""
        return leaky_kernel(self.without_leak.covariance(n_lags), self.leak)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the kernel, (n_lags, n_lags)."""
        if name == "leak":
            return leaky_kernel_slope(self.without_leak.variances(n_lags), self.leak)
        return leaky_kernel(self.without_leak.covariance_slope(n_lags, name), self.leak)

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return the root ``N diag(rho)^(1/2)``, (n_lags, n_lags)."""
        return leaky_root(self.without_leak.covariance(n_lags), self.leak)

    def ensemble_deviations(self, n_lags: int) -> NDArray[np.float64]:
        """Return those without leak: the root of this prior takes them through the waiting."""
        return self.without_leak.ensemble_deviations(n_lags)
