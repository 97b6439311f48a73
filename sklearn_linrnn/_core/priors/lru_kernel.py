r"""The tangent kernel between lags of a wide linear recurrent unit: a diagonal complex recurrence.

    H_j = n^{-1/2} Re sum_i c_i norm_i b_i lambda_i^j        lambda = r e^{i theta}

with ``log(-log r)``, ``log theta``, ``log norm``, ``b`` and ``c`` trained; at initialisation ``u =
r^2`` is uniform on ``[r_min^2, r_max^2]``, ``theta`` on ``[0, max_phase]``, ``norm = sqrt(1 - u)``,
and the real and imaginary parts of ``b`` and ``c`` have the variances ``nu_f`` and ``nu_c``. With
``p = (j + k)/2`` and ``q = j - k`` the kernel is

    K[j, k] = 2 (nu_f + nu_c + nu_f nu_c) g_p c_q + 2 nu_f nu_c j k (l_p c_q + g_p t_q)

of the means ``g_p = E[norm^2 u^p]`` and ``l_p = E[norm^2 u^p (ln(u)/2)^2]`` over the moduli, and
``c_q = E[cos(q theta)]`` and ``t_q = E[theta^2 cos(q theta)]`` over the phases. Without
normalisation ``norm`` is 1 and is not trained: the term ``nu_f nu_c g_p c_q`` is left out.

The means over the moduli are sums of positive terms, by Gauss-Legendre's rule, so that no digits
cancel: neither on a narrow ring nor near the unit circle, where the closed forms are differences.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import exprel, spherical_jn

REACH = (
    44.0  # of the integrals over `rate * t`, t = ln(r_max^2 / u): there exp(-rate t) is rounding
)
# Exact for polynomials of degree 95: for exp(-5 rate t) on all of it, the steepest of the means.
NODES, WEIGHTS = (np.polynomial.legendre.leggauss(48) + np.array([[1.0], [0.0]])) / 2  # on [0, 1]
WIDTHS = 1e-300, 2000.0  # of ln(r_max^2 / r_min^2): a ring that is none, and a whole disc


@lru_cache(maxsize=2)
def lru_shares(
    n_lags: int, r_min: float, r_max: float, max_phase: float, *, normalise: bool
) -> NDArray[np.float64]:
    """Return ``g c`` and ``j k (l c + g t)``, (2, n_lags, n_lags), read-only.

    They are the shares of input, readout and normalisation, and of the poles; `lru_factors` has
    their factors in the kernel.
    """
    moduli = _means(n_lags, r_min, r_max, normalise)
    shares = _assembled(moduli, _phases(n_lags, max_phase))
    shares.setflags(write=False)
    return shares


def lru_variances(
    n_lags: int, r_min: float, r_max: float, max_phase: float, *, normalise: bool
) -> NDArray[np.float64]:
    """Return the diagonals of `lru_shares`, (2, n_lags), for a small part of the work."""
    moduli = _Moduli.of(n_lags, r_min, r_max, normalise)
    g, log_g = moduli._replace(power=moduli.power[::2]).means()
    return np.stack([g, np.square(np.arange(n_lags)) * (log_g + g * np.square(max_phase) / 3)])


def lru_share_slopes(
    n_lags: int, name: str, r_min: float, r_max: float, max_phase: float, *, normalise: bool
) -> NDArray[np.float64]:
    """Return the derivatives of `lru_shares` by "r_min", "r_max" or "max_phase"."""
    if name == "max_phase":
        moduli = _means(n_lags, r_min, r_max, normalise)
        return _assembled(moduli, _phase_slopes(n_lags, max_phase))
    modulus = {"r_min": r_min, "r_max": r_max}[name]
    slopes = _Moduli.of(n_lags, r_min, r_max, normalise).slopes(modulus, name == "r_max")
    return _assembled(slopes, _phases(n_lags, max_phase))


def lru_factors(nu_f: float, nu_c: float, *, normalise: bool) -> NDArray[np.float64]:
    """Return the factors of both shares."""
    both = nu_f * nu_c
    return 2 * np.array([nu_f + nu_c + normalise * both, both])


def lru_factor_slopes(other: float, *, normalise: bool) -> NDArray[np.float64]:
    """Return the derivatives of the factors by one of the variances, given the other."""
    return 2 * np.array([1 + normalise * other, other])


def check_ring(r_min: float, r_max: float, max_phase: float) -> None:
    """Raise unless these are the moduli and phases of poles at initialisation."""
    if not (0 <= r_min <= r_max <= 1 and r_max > 0):
        raise ValueError(
            "r_min and r_max are the least and the greatest modulus of the poles and must satisfy "
            f"0 <= r_min <= r_max <= 1 with r_max > 0, but got r_min={r_min} and r_max={r_max}."
        )
    if not 0 <= max_phase < np.inf:
        raise ValueError(f"max_phase must be finite and not negative, but got {max_phase}.")


Means = tuple[NDArray[np.float64], NDArray[np.float64]]


def _assembled(moduli: Means, phases: Means) -> NDArray[np.float64]:
    """Return ``g c`` and ``j k (l c + g t)``, (2, n_lags, n_lags)."""
    g, log_g = map(_by_sum, moduli)
    cosine, square = map(_by_difference, phases)
    lag = np.arange(len(cosine), dtype=np.float64)
    shares = np.empty((2, len(lag), len(lag)))
    np.multiply(g, cosine, out=shares[0])
    np.multiply(log_g, cosine, out=shares[1])
    shares[1] += g * square
    shares[1] *= np.outer(lag, lag)
    return shares


def _by_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a view with ``values[j + k]``."""
    return sliding_window_view(values, (len(values) + 1) // 2)


def _by_difference(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a view with ``values[|j - k|]``."""
    both_sides = np.concatenate([values[:0:-1], values])
    return sliding_window_view(both_sides, len(values))[::-1]


# -- Phases ------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _phases(n_lags: int, max_phase: float) -> Means:
    """Return ``c_q = E[cos(q theta)]`` and ``t_q = E[theta^2 cos(q theta)]``, (n_lags,)."""
    z = _angles(n_lags, max_phase)
    return spherical_jn(0, z), np.square(max_phase) * _mean_square(z)


def _phase_slopes(n_lags: int, max_phase: float) -> Means:
    """Return their derivatives by the greatest phase."""
    lag, z = np.arange(n_lags), _angles(n_lags, max_phase)
    by_square = 2 * max_phase * _mean_square(z)
    return (
        lag * spherical_jn(0, z, derivative=True),
        by_square + np.square(max_phase) * lag * _mean_square(z, derivative=True),
    )


def _angles(n_lags: int, max_phase: float) -> NDArray[np.float64]:
    """Return the greatest phases of the lags, zero below what SciPy's functions take."""
    z = max_phase * np.arange(n_lags)
    return np.where(z < np.finfo(np.float64).tiny, 0.0, z)


def _mean_square(z: NDArray, *, derivative: bool = False) -> NDArray[np.float64]:
    """Return the integral of ``x^2 cos(z x)`` over [0, 1]: minus the curvature of ``sin(z)/z``."""
    zeroth, second = (spherical_jn(order, z, derivative=derivative) for order in (0, 2))
    return (zeroth - 2 * second) / 3


# -- Moduli ------------------------------------------------------------------------------------


class _Moduli(NamedTuple):
    """Means over ``u = B exp(-t)``, uniform on ``[A, B]``, for the powers 0, 1/2, 1, ...

    Attributes
    ----------
    power : ndarray of shape (2 * n_lags - 1, 1)
        ``p``.
    log_greatest : float
        ``ln B``.
    below_one : float
        ``1 - B``.
    width : float
        ``ln(B / A)``.
    normalise : bool
        Whether ``norm^2`` is ``1 - u``, else 1.
    """

    power: NDArray[np.float64]
    log_greatest: float
    below_one: float
    width: float
    normalise: bool

    @classmethod
    def of(cls, n_lags: int, r_min: float, r_max: float, normalise: bool) -> _Moduli:
        power = np.arange(2 * n_lags - 1)[:, None] / 2
        with np.errstate(divide="ignore"):
            # Not ln(r_max / r_min), which has few digits of a narrow ring's width.
            width = np.clip(-2 * np.log1p((r_min - r_max) / r_max), *WIDTHS)
        return cls(power, 2 * np.log(r_max), (1 - r_max) * (1 + r_max), width, normalise)

    def means(self) -> Means:
        """Return ``g_p`` and ``l_p``."""
        drop, weight = self._rule(self.power + 1)
        terms = weight * self._fallen(drop, self.power) * self._norm_square(drop)
        return terms.sum(1), (terms * self._half_log(drop) ** 2).sum(1)

    def slopes(self, modulus: float, by_greatest: bool) -> Means:
        """Return the derivatives of ``g_p`` and ``l_p`` by the greatest modulus, or else the least.

        They are the means of the derivative by ``u``, times how ``u`` moves with that end of the
        interval. With ``L = ln(u)/2`` the derivative is ``u^{p-1} norm^2 p - u^p``, and that of
        the terms of ``l_p`` is ``u^{p-1} norm^2 (p L^2 + L) - u^p L^2``. That of an end by its
        modulus is ``2 r``: where ``u`` is tiny, a factor of the power, not of what overflows.
        """
        power = np.maximum(self.power, 0.5)  # of u^{p-1}, whose share is 0 at 0
        drop, weight = self._rule(power)
        share = np.expm1(-drop) / np.expm1(-self.width)  # (B - u)/(B - A)
        weight = 2 * weight * (1 - share if by_greatest else share)
        with np.errstate(divide="ignore"):
            by_power = weight * self._fallen(drop, power - 1, np.log(modulus))
        by_power *= self._norm_square(drop)
        by_norm = weight * self._fallen(drop, self.power) * (self.normalise * modulus)
        half_log = self._half_log(drop)
        plain = self.power * by_power - by_norm
        return plain.sum(1), (plain * half_log**2 + by_power * half_log).sum(1)

    def _rule(self, rate: NDArray) -> tuple[NDArray, NDArray]:
        """Return nodes ``t`` for integrands that fall as ``exp(-rate t)``, and weights.

        The density of ``t`` is ``exp(-t) / (1 - exp(-width))``; its numerator is in `_fallen`.
        """
        reach = np.minimum(REACH / (rate * self.width), 1.0)
        return self.width * reach * NODES, reach * WEIGHTS / exprel(-self.width)

    def _fallen(
        self, drop: NDArray, power: NDArray, log_factor: float = 0.0
    ) -> NDArray[np.float64]:
        """Return ``u^power exp(-t)``, times a factor."""
        return np.exp(power * self.log_greatest - (power + 1) * drop + log_factor)

    def _norm_square(self, drop: NDArray) -> NDArray[np.float64] | float:
        if not self.normalise:
            return 1.0
        return self.below_one - np.exp(self.log_greatest) * np.expm1(-drop)

    def _half_log(self, drop: NDArray) -> NDArray[np.float64]:
        return (self.log_greatest - drop) / 2


@lru_cache(maxsize=8)
def _means(n_lags: int, r_min: float, r_max: float, normalise: bool) -> Means:
    return _Moduli.of(n_lags, r_min, r_max, normalise).means()
