"""The priors of diagonal state-space models, S4D."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Integral
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.diagonal_recurrence import DiagonalRecurrence
from sklearn_linrnn._core.priors.lag_prior import Hyperparameter, structure
from sklearn_linrnn._core.priors.lag_weights import check_variances
from sklearn_linrnn._core.priors.s4d_kernel import (
    Frequencies,
    s4d_share_slopes,
    s4d_shares,
    s4d_variances,
)
from sklearn_linrnn._core.priors.scales import Scale, octave_scale


@dataclass(frozen=True)
class S4D(DiagonalRecurrence):
    """The tangent kernel of a wide diagonal state-space model with poles ``exp(dt A_n)``.

    Its kinds differ in the frequencies ``Im A_n``; ``Re A_n`` is -1/2.
    """

    dt_min: Hyperparameter = 0.001
    dt_max: Hyperparameter = 0.1
    nu_c: Hyperparameter = 1.0
    n_states: int = structure(64)

    @abstractmethod
    def frequencies(self) -> Frequencies:
        """Return ``Im A_n`` of the poles with that not negative, n_states / 2 of them."""

    def ordered(self) -> Self:
        """Return the prior with ``dt_min`` at most ``dt_max``."""
        least, greatest = sorted((self.dt_min, self.dt_max))
        return replace(self, dt_min=least, dt_max=greatest)

    def check(self) -> None:
        """Raise unless the hyperparameters can be those of a state-space model."""
        for name in ("dt_min", "dt_max"):
            step = getattr(self, name)
            if not np.finfo(np.float64).tiny <= step < np.inf:  # no subnormal number either
                raise ValueError(f"{name} must be finite and positive, but got {step}.")
        check_variances(nu_c=self.nu_c)
        n_states = self.n_states
        if not (isinstance(n_states, Integral) and n_states > 0 and n_states % 2 == 0):
            raise ValueError(
                "n_states counts poles in conjugate pairs and must be even and positive, but got "
                f"{n_states!r}."
            )

    def shares(self, n_lags: int) -> NDArray[np.float64]:
        """Return that of the readout, and that of the poles and steps."""
        steps = self.ordered()
        return s4d_shares(self.frequencies(), n_lags, steps.dt_min, steps.dt_max)

    def share_variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the diagonals of the shares."""
        steps = self.ordered()
        return s4d_variances(self.frequencies(), n_lags, steps.dt_min, steps.dt_max)

    def share_slopes(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivatives of the shares by ``dt_min`` or ``dt_max``."""
        ends = (self.dt_min, self.dt_max) if name == "dt_min" else (self.dt_max, self.dt_min)
        return s4d_share_slopes(self.frequencies(), n_lags, *ends)

    def factors(self) -> NDArray[np.float64]:
        """Return 1 and ``nu_c``."""
        return np.array([1.0, self.nu_c])

    def factor_slopes(self, name: str) -> NDArray[np.float64]:
        """Return the derivatives of the factors by ``nu_c``."""
        return np.array([0.0, 1.0])

    def scale(self, name: str, n_lags: int) -> Scale:
        """Return the scale on which a hyperparameter is sought: steps are inverse memories."""
        if name == "nu_c":
            start, stride = np.log(0.1), np.log(10.0)
            return replace(super().scale(name, n_lags), starts=(start,), stride=stride)
        bounds = np.log2(0.02 / n_lags), np.log2(10.0)
        least, greatest = np.floor(np.log2(0.1 / n_lags)), np.floor(bounds[1])
        if name == "dt_min":  # between two octaves, so that on a lattice both ends never coincide
            return octave_scale(bounds, (least + 0.5,))
        return octave_scale(bounds, np.arange(greatest, least, -2.0).tolist())

    def start_grids(self, groups: Sequence[tuple[str, ...]], n_lags: int) -> list[NDArray]:
        """Return grids of narrow ranges of steps and of those with all that are shorter.

        Where steps are short all states last, where they are long none does: tops on both sides.
        """
        (wide,) = super().start_grids(groups, n_lags)
        if not {("dt_min",), ("dt_max",)} <= set(groups):
            return [wide]
        narrow = wide.copy()
        narrow[..., groups.index(("dt_min",))] = wide[..., groups.index(("dt_max",))] - 0.5
        return [narrow, wide]


@final
@dataclass(frozen=True)
class S4DLin(S4D):
    """The tangent kernel of a wide S4D-Lin, ``A_n = -1/2 + i pi n``; Gu et al. 2022.

    Parameters
    ----------
    dt_min, dt_max : float or "auto", default=0.001, 0.1
        Between these, in either order, steps lie at initialisation, uniform in their logarithm.
    nu_c : float or "auto", default=1.0
        Initial variance of the readout's complex numbers, ``E|C|^2``; not negative.
    n_states : int, default=64
        Number of states of each copy, two for each conjugate pair of poles.

    References
    ----------
    .. [1] A. Gu, A. Gupta, K. Goel, C. Ré, "On the Parameterization and Initialization of Diagonal
       State Space Models", NeurIPS 2022, arXiv:2206.11893.
    """

    def frequencies(self) -> Frequencies:
        """Return ``pi n`` for n from 0."""
        return tuple((np.pi * np.arange(self.n_states // 2)).tolist())


@final
@dataclass(frozen=True)
class S4DLegS(S4D):
    """The tangent kernel of a wide S4D-LegS, with HiPPO-LegS's frequencies; Gu et al. 2022.

    Parameters
    ----------
    dt_min, dt_max : float or "auto", default=0.001, 0.1
        Between these, in either order, steps lie at initialisation, uniform in their logarithm.
    nu_c : float or "auto", default=1.0
        Initial variance of the readout's complex numbers, ``E|C|^2``; not negative.
    n_states : int, default=64
        Number of states of each copy, two for each conjugate pair of poles.

    References
    ----------
    .. [1] A. Gu, A. Gupta, K. Goel, C. Ré, "On the Parameterization and Initialization of Diagonal
       State Space Models", NeurIPS 2022, arXiv:2206.11893.
    """

    def frequencies(self) -> Frequencies:
        """Return those of the normal part of HiPPO-LegS."""
        return hippo_frequencies(self.n_states)


@lru_cache(maxsize=8)
def hippo_frequencies(n_states: int) -> Frequencies:
    """Return the positive imaginary parts of eigenvalues of the normal part of HiPPO-LegS.

    It is ``-1/2`` plus the skew-symmetric matrix with ``-(n + 1/2)^{1/2} (k + 1/2)^{1/2}`` below
    the diagonal.
    """
    deviation = np.sqrt(np.arange(n_states) + 0.5)
    below = np.tril(np.outer(deviation, deviation), -1)
    eigenvalues = np.linalg.eigvalsh(1j * (below - below.T))
    return tuple(eigenvalues[n_states // 2 :].tolist())
