"""Autoregressive noise by its polynomial: from partial autocorrelations and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Autoregression:
    """Noise ``e_t + a_1 e_{t-1} + ... + a_q e_{t-q} = w_t`` with white innovations ``w_t``.

    Attributes
    ----------
    coefficients : ndarray of shape (order,)
        ``a_1`` to ``a_q``, of a stationary autoregression; none for white noise.
    """

    coefficients: NDArray

    @property
    def order(self) -> int:
        """``q``."""
        return len(self.coefficients)

    @property
    def polynomial(self) -> NDArray:
        """``1, a_1, ..., a_q``: the filter that leaves the innovations."""
        return np.append(1.0, self.coefficients)

    @property
    def gain(self) -> float:
        """``1 + a_1 + ... + a_q``: what the filter makes of a constant."""
        return float(self.polynomial.sum())

    @cached_property
    def predictors(self) -> list[NDArray]:
        """Polynomials of the best predictors from the last 0, 1, ... and ``q`` steps.

        By the Levinson recursion backwards.
        """
        found = [self.polynomial]
        while len(last := found[0]) > 1:
            partial = last[-1]
            found.insert(0, (last[:-1] - partial * last[:0:-1]) / (1.0 - partial**2))
        return found

    @property
    def partials(self) -> NDArray:
        """Last coefficients of the predictors, (order,): partial autocorrelations, negated."""
        return np.array([each[-1] for each in self.predictors[1:]])

    @property
    def variances(self) -> NDArray:
        """Variance of the errors of the predictors, (order + 1,), in that of the innovations.

        The first one is that of the noise.
        """
        return 1.0 / np.append(np.cumprod(1.0 - self.partials[::-1] ** 2)[::-1], 1.0)


def from_partials(partials: NDArray) -> tuple[NDArray, NDArray]:
    """Return the coefficients of an autoregression, (order,), and their derivatives by `partials`.

    Parameters
    ----------
    partials : ndarray of shape (order,)
        What `Autoregression.partials` has, between -1 and 1: then it is stationary.

    Returns
    -------
    coefficients : ndarray of shape (order,)
        ``a_1`` to ``a_q``.
    jacobian : ndarray of shape (order, order)
        A row for each coefficient.
    """
    coefficients, jacobian = np.empty(0), np.empty((0, 0))
    for order, partial in enumerate(partials):
        by_partial = np.append(coefficients[::-1], 1.0)
        coefficients = np.append(coefficients + partial * coefficients[::-1], partial)
        earlier = jacobian + partial * jacobian[::-1]
        jacobian = np.column_stack([np.vstack([earlier, np.zeros((1, order))]), by_partial])
    return coefficients, jacobian


def to_partials(polynomial: NDArray, most: float) -> NDArray:
    """Return the partials of a filter, (order,), none beyond a bound.

    Parameters
    ----------
    polynomial : ndarray of shape (order + 1,)
        ``1, a_1, ..., a_q``, perhaps not of a stationary autoregression.
    most : float
        The largest size that a partial may have, less than 1.
    """
    found: list[float] = []
    last = polynomial
    while len(last) > 1:
        partial = float(np.clip(last[-1], -most, most))
        found.insert(0, partial)
        last = (last[:-1] - partial * last[:0:-1]) / (1.0 - partial**2)
        last = last / last[0]
    return np.array(found)
