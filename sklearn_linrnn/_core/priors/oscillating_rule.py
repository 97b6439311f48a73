r"""A quadrature rule for what oscillates: the phases are integrated exactly, the rest by few nodes.

Of a smooth function ``g`` on a short interval the integral of ``g(t) exp(i w q t) dt / t`` is that
of the polynomial through the values of ``g(t)/t`` at Gauss-Legendre nodes, and the integral of a
Legendre polynomial times a phase is a spherical Bessel function. The number of nodes does not
depend on how fast the phase turns (Filon 1928; Bakhvalov and Vasil'eva 1968).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NODES = np.arange(8, 49, 4)  # numbers of them
LOG_ROUNDING = -30.0  # of the share of a function that a rule leaves out
FURTHER = 8.0  # orders above the last, by its cube root, from which Bessel functions fall to it


def nodes_needed(begin: float, end: float, origin: float, rate: float) -> int | None:
    """Return how many nodes integrate ``exp(-s (t - origin)) / t`` for all ``s`` up to a rate.

    Parameters
    ----------
    begin, end : float
        The interval, positive.
    origin : float
        At most `begin`; digits count relative to the values there.
    rate : float
        The greatest ``s``, positive.

    Returns
    -------
    n_nodes : int or None
        None where it takes too many.
    """
    half, far = (end - begin) / 2, begin / 2 + end / 2 - origin  # the sum of both may overflow
    # Coefficients of Legendre series: of 1/t a geometric series, of exp the Bessel functions I_m,
    # here for the ``s`` at which they are greatest.
    turning = np.sqrt(begin - origin) * np.sqrt(end - origin)
    s = NODES / np.maximum(turning, NODES / rate)
    with np.errstate(divide="ignore"):  # of an interval that is a point, which takes few
        of_inverse = -NODES * 2 * np.arctanh(np.sqrt(begin / end))
        of_decay = np.hypot(NODES, s * half) - NODES * np.arcsinh(NODES / (s * half)) - s * far
    enough = np.maximum(of_inverse, of_decay) <= LOG_ROUNDING
    return int(NODES[enough.argmax()]) if enough.any() else None


class OscillatingRule(NamedTuple):
    """Nodes and weights of the integrals of ``g(t) exp(i w q t) dt / t`` on an interval.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes,)
        Where ``g`` is needed.
    to_nodes : ndarray of shape (n_nodes, n_nodes)
        From integrals of phases times Legendre polynomials, but for powers of i, to weights.
    bessel : ndarray of shape (n_nodes, n_lags, n_frequencies)
        Integrals of the phases about the centre, for each polynomial.
    cosine, sine : ndarray of shape (n_lags, n_frequencies)
        Of the phases of the centre.
    """

    nodes: NDArray[np.float64]
    to_nodes: NDArray[np.float64]
    bessel: NDArray[np.float64]
    cosine: NDArray[np.float64]
    sine: NDArray[np.float64]

    @classmethod
    def on(
        cls, frequencies: NDArray[np.float64], n_lags: int, begin: float, end: float, n_nodes: int
    ) -> OscillatingRule:
        """Return the rule of an interval.

        Parameters
        ----------
        frequencies : ndarray of shape (n_frequencies,)
            ``w``, not negative.
        n_lags : int
            Lags ``q`` go from 0 to ``n_lags - 1``.
        begin, end : float
            The interval, positive.
        n_nodes : int
            Of `nodes_needed`.
        """
        abscissae, to_nodes = _legendre(n_nodes)
        centre, half = begin / 2 + end / 2, (end - begin) / 2
        nodes = centre + half * abscissae
        turn = np.multiply.outer(np.arange(n_lags, dtype=np.float64), frequencies)
        bessel = spherical_bessel(turn * half, n_nodes)
        phase = centre * turn
        return cls(nodes, to_nodes * (half / nodes), bessel, np.cos(phase), np.sin(phase))

    def weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return real and imaginary parts of the weights, (n_nodes, n_lags, n_frequencies)."""
        even, odd = (
            np.tensordot(self.to_nodes[first::2], self.bessel[first::2], (0, 0)) for first in (0, 1)
        )
        cosine, sine = self.cosine, self.sine
        return even * cosine - odd * sine, even * sine + odd * cosine

    def real_sums(self, numbers: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return the real parts of the weights' sums over the frequencies, times numbers.

        Parameters
        ----------
        numbers : ndarray of shape (n_sums, n_frequencies)
            Of each frequency.

        Returns
        -------
        sums : ndarray of shape (n_lags, n_sums, n_nodes)
            Found without the weights of each frequency.
        """
        real, imaginary = numbers.real, numbers.imag
        cosine, sine = self.cosine[:, None], self.sine[:, None]
        turned = real * cosine - imaginary * sine, -real * sine - imaginary * cosine
        even, odd = (
            part @ self.bessel[first::2].transpose(1, 2, 0) @ self.to_nodes[first::2]
            for first, part in enumerate(turned)
        )
        return even + odd


@lru_cache(maxsize=len(NODES))
def _legendre(n_nodes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Gauss-Legendre nodes, and the map from integrals of polynomials to weights of nodes.

    The polynomial through values at the nodes has the coefficients ``(2m + 1)/2 sum_i w_i P_m(x_i)
    g(x_i)``, and the integral of ``P_m(x) exp(i z x)`` over [-1, 1] is ``2 i^m j_m(z)``, of which
    the map has the signs.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    orders = np.arange(n_nodes)
    polynomials = np.polynomial.legendre.legvander(nodes, n_nodes - 1)
    signs = np.array([1.0, -1.0])[orders // 2 % 2]
    return nodes, (signs * (2 * orders + 1) * polynomials * weights[:, None]).T


def spherical_bessel(z: NDArray[np.float64], n_orders: int) -> NDArray[np.float64]:
    """Return spherical Bessel functions of the orders from 0, (n_orders, *z.shape).

    Recurrences are stable upward while the order is below the argument, and else downward: from a
    high order, where the start does not matter, with a factor that makes the first two right.
    """
    flat = z.ravel()
    values = np.empty((n_orders, len(flat)))
    is_large = flat >= n_orders
    values[:, is_large] = _upward(flat[is_large], n_orders)
    values[:, ~is_large] = _downward(flat[~is_large], n_orders)
    return values.reshape(n_orders, *z.shape)


def _upward(z: NDArray, n_orders: int) -> NDArray[np.float64]:
    values = np.empty((n_orders, len(z)))
    values[0] = np.sin(z) / z
    values[1] = (values[0] - np.cos(z)) / z
    for order in range(1, n_orders - 1):
        values[order + 1] = (2 * order + 1) / z * values[order] - values[order - 1]
    return values


def _downward(z: NDArray, n_orders: int) -> NDArray[np.float64]:
    """Return them by way of ``j_m(z) / z^m``, which is finite at zero."""
    square = z * z
    after, own = np.zeros_like(z), np.full_like(z, 1e-50)
    values = np.empty((n_orders, len(z)))
    for order in range(n_orders + int(FURTHER * np.cbrt(n_orders)), 0, -1):
        after *= square
        after, own = own, np.subtract((2 * order + 1) * own, after, out=after)
        if order <= n_orders:
            values[order - 1] = own
    power = np.ones_like(z)
    for order in range(1, n_orders):
        power *= z
        values[order] *= power
    # Both are known, and not both zero; the second has few digits where the first has all.
    second = z >= 1
    zeroth = np.sinc(z / np.pi)
    first = (zeroth - np.cos(z)) / np.where(second, z, 1.0)
    weight = values[1] * second
    return values * ((zeroth * values[0] + first * weight) / (values[0] ** 2 + weight**2))
