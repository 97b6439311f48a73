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
from scipy.special import spherical_jn

N_NODES = 16  # per interval; where its end is twice its beginning, 1/t has 12 digits
BEGIN_DOWNWARD = 44  # order from which Bessel functions of arguments below N_NODES are found


class OscillatingRule(NamedTuple):
    """Nodes and weights of the integrals of ``g(t) exp(i w q t) dt / t``.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes,)
        Where ``g`` is needed.
    weights : ndarray of shape (n_frequencies, n_lags, n_nodes)
        Complex, for each frequency ``w`` and lag ``q``.
    """

    nodes: NDArray[np.float64]
    weights: NDArray[np.complex128]


def oscillating_rule(
    frequencies: NDArray[np.float64], n_lags: int, begin: float, end: float
) -> OscillatingRule:
    """Return the rule on an interval.

    Parameters
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        ``w``, not negative.
    n_lags : int
        Lags ``q`` go from 0 to ``n_lags - 1``.
    begin, end : float
        The interval; positive, and the end at most about twice the beginning.
    """
    abscissae, to_nodes = _legendre()
    centre, half = (begin + end) / 2, (end - begin) / 2
    nodes = centre + half * abscissae
    turn = np.multiply.outer(frequencies, np.arange(n_lags, dtype=np.float64))
    bessel = spherical_bessel(turn * half)
    sign = np.array([1.0, -1.0])[np.arange(N_NODES) // 2 % 2]  # of the powers of i
    parts = [(bessel * sign)[..., first::2] @ to_nodes[first::2] for first in (0, 1)]
    weights = (parts[0] + 1j * parts[1]) * np.exp(1j * centre * turn)[..., None]
    return OscillatingRule(nodes, weights * (half / nodes))


@lru_cache(maxsize=1)
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Gauss-Legendre nodes, and the map from integrals of polynomials to weights of nodes.

    The polynomial through values at the nodes has the coefficients ``(2m + 1)/2 sum_i w_i P_m(x_i)
    g(x_i)``, and the integral of ``P_m(x) exp(i z x)`` over [-1, 1] is ``2 i^m j_m(z)``.
    """
    nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
    orders = np.arange(N_NODES)
    polynomials = np.polynomial.legendre.legvander(nodes, N_NODES - 1)
    return nodes, ((2 * orders + 1) * polynomials * weights[:, None]).T


def spherical_bessel(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return spherical Bessel functions of the orders 0 to ``N_NODES - 1``, (..., N_NODES).

    Recurrences are stable upward while the order is below the argument, and else downward: from a
    high order, where the start does not matter, with a factor that makes the first two right.
    """
    values = np.empty((*z.shape, N_NODES))
    is_large = z >= N_NODES
    values[is_large] = _upward(z[is_large])
    values[~is_large] = _downward(z[~is_large])
    return values


def _upward(z: NDArray) -> NDArray[np.float64]:
    values = [np.sin(z) / z]
    values.append((values[0] - np.cos(z)) / z)
    for order in range(1, N_NODES - 1):
        values.append((2 * order + 1) / z * values[order] - values[order - 1])
    return np.stack(values, axis=-1)


def _downward(z: NDArray) -> NDArray[np.float64]:
    """Return them by way of ``j_m(z) / z^m``, which is finite at zero."""
    square = z * z
    after, own = np.zeros_like(z), np.full_like(z, 1e-50)
    reduced = []
    for order in range(BEGIN_DOWNWARD, 0, -1):
        after, own = own, (2 * order + 1) * own - square * after
        if order <= N_NODES:
            reduced.append(own)
    values = np.stack(reduced[::-1], axis=-1) * z[:, None] ** np.arange(N_NODES)
    known = spherical_jn(np.arange(2), z[:, None])  # they are not both zero
    first = values[:, :2]
    return values * ((known * first).sum(1) / np.square(first).sum(1))[:, None]
