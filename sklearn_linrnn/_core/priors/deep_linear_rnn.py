"""The prior of a linear RNN of several layers."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import Hyperparameter, structure
from sklearn_linrnn._core.priors.lag_weights import (
    EQUAL_RATES,
    GaussianGroups,
    Rates,
    check_rates,
    power,
    weighted_ways,
)


@final
@dataclass(frozen=True)
class DeepLinearRNN(GaussianGroups):
    r"""The tangent kernel of a wide linear RNN of several layers.

    With ``L`` layers ``h^l_t = n^{-1/2} (W_l h^l_{t-1} + U_l h^{l-1}_t)``, whose first has the
    input ``F x_t``, responses at initialisation have the variances ``gamma_j = (j + L - 1 choose L
    - 1) nu_c nu_f nu_u^{L-1} nu_w^j``, and the lag weights are ``gamma_j (1/nu_c + 1/nu_f + (L -
    1)/nu_u + j/nu_w)``: depth moves their peak to later lags, and not the rate at which they die
    out.

    Parameters
    ----------
    nu_w, nu_f, nu_c, nu_u : float or "auto", default=0.5, 1.0, 1.0, 1.0
        Initial variances of the transition matrices, the input matrix, the readout and the
        matrices between layers; not negative.
    n_layers : int, default=2
        Number of layers ``L``; one is `LinearRNN`.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of the transition matrices, of the input matrices of all
        layers and of the readout; not negative and not all zero.
    """

    nu_w: Hyperparameter = 0.5
    nu_f: Hyperparameter = 1.0
    nu_c: Hyperparameter = 1.0
    nu_u: Hyperparameter = 1.0
    n_layers: int = structure(2)
    rates: Rates = structure(EQUAL_RATES)

    @property
    def group_rates(self) -> dict[str, float]:
        """The factors of the learning rates of the matrices, those between layers are inputs."""
        of_transition, of_input, of_readout = self.rates
        ends = {"nu_f": of_input, "nu_c": of_readout}
        return {"nu_w": of_transition, **ends, "nu_u": of_input}

    @property
    def has_independent_lags(self) -> bool:
        """True."""
        return True

    def check(self) -> None:
        """Raise unless the hyperparameters and the number of layers are what they must be."""
        check_rates(self.rates)
        check_n_layers(self.n_layers)
        super().check()

    def initial_covariance(self, n_lags: int, *by: str) -> NDArray[np.float64]:
        """Return ``gamma``, or a derivative of it, (n_lags,).

        A response at lag ``j`` is a sum over the ``(j + L - 1 choose L - 1)`` ways to spend ``j``
        time steps in ``L`` layers.
        """
        n_layers = int(self.n_layers)
        by_others = (
            power(self.nu_f, 1, by.count("nu_f"))
            * power(self.nu_c, 1, by.count("nu_c"))
            * power(self.nu_u, n_layers - 1, by.count("nu_u"))
        )
        return by_others * weighted_ways(n_lags, n_layers, self.nu_w, by.count("nu_w"))


def check_n_layers(n_layers: int) -> None:
    """Raise unless this is a number of layers."""
    if not (isinstance(n_layers, Integral) and n_layers >= 1):
        raise ValueError(f"n_layers must be a whole number of at least 1, but got {n_layers!r}.")
