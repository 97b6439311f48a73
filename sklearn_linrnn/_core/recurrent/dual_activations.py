"""Dual activations: what a nonlinearity makes of two Gaussian variables.

The variables ``u`` and ``u'`` are a hidden unit's inputs at two windows. They are vectors of a
Hilbert space: their variances are squared lengths, their correlation is the cosine of an angle.
The angle is known by its half, as the squares of its sine and of its cosine. A correlation near
one has lost half of the digits of a small angle, and kernels with a kink there would show it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Of the sine of an angle: below it the slope of the angle is lost in the rounding of covariances.
LEAST_SINE = float(np.finfo(np.float64).eps ** 0.5)


@dataclass(frozen=True)
class Pairs:
    """Gaussian variables at pairs of windows; the arrays broadcast to the pairs.

    Attributes
    ----------
    left, right : ndarray
        Variances at the first window and at the second.
    apart, together : ndarray
        Squares of the sine and of the cosine of half the angle between them; they add up to one.
    """

    left: Array
    right: Array
    apart: Array
    together: Array

    @cached_property
    def deviations(self) -> Array:
        """The product of the standard deviations."""
        return np.sqrt(self.left) * np.sqrt(self.right)

    @cached_property
    def covariance(self) -> Array:
        """The covariance."""
        return self.deviations * (self.together - self.apart)


@dataclass(frozen=True)
class PairSlopes:
    """Derivatives of variances and covariance by a hyperparameter; arrays as in `Pairs`."""

    left: Array
    right: Array
    covariance: Array


@dataclass(frozen=True)
class DualMoments:
    """What the nonlinearity makes of pairs.

    Attributes
    ----------
    product : ndarray
        ``E phi(u) phi(u')``, the covariance of the hidden states.
    gain : ndarray
        ``E phi'(u) phi'(u')``, its derivative by the covariance of the inputs.
    apart, together : ndarray
        The half-angle between the hidden states, as in `Pairs`.
    """

    product: Array
    gain: Array
    apart: Array
    together: Array


class DualActivation(ABC):
    """A nonlinearity of hidden units, in Gaussian means."""

    @abstractmethod
    def moments(self, pairs: Pairs) -> DualMoments:
        """Return the moments of pairs."""

    @abstractmethod
    def slopes(self, pairs: Pairs, moments: DualMoments, inner: PairSlopes) -> tuple[Array, Array]:
        """Return the derivatives of product and gain from those of the variables."""

    def of_one(self, variances: Array) -> tuple[Pairs, DualMoments]:
        """Return windows as pairs with themselves, and their moments."""
        zero = np.zeros_like(variances)
        pairs = Pairs(variances, variances, zero, zero + 1.0)
        return pairs, self.moments(pairs)


class Identity(DualActivation):
    """No nonlinearity."""

    def moments(self, pairs: Pairs) -> DualMoments:
        """Return the moments of pairs: those of the variables themselves."""
        one = np.ones_like(pairs.covariance)
        return DualMoments(pairs.covariance, one, pairs.apart, pairs.together)

    def slopes(self, pairs: Pairs, moments: DualMoments, inner: PairSlopes) -> tuple[Array, Array]:
        """Return the derivatives of product and gain from those of the variables."""
        return inner.covariance, np.zeros_like(inner.covariance)


class ReLU(DualActivation):
    """``max(u, 0)``, with the slope 0 at 0: the arc-cosine kernels of Cho and Saul (2009)."""

    def moments(self, pairs: Pairs) -> DualMoments:
        """Return the moments of pairs."""
        sine, cosine = np.sqrt(pairs.apart), np.sqrt(pairs.together)
        half = np.arctan2(sine, cosine)
        bend = sine * cosine - half * (pairs.together - pairs.apart)  # (sin t - t cos t) / 2
        apart = np.maximum(pairs.apart - bend / np.pi, 0.0)
        gain = np.where((pairs.left > 0) & (pairs.right > 0), 0.5 - half / np.pi, 0.0)
        return DualMoments(pairs.deviations * (0.5 - apart), gain, apart, 1.0 - apart)

    def slopes(self, pairs: Pairs, moments: DualMoments, inner: PairSlopes) -> tuple[Array, Array]:
        """Return the derivatives of product and gain from those of the variables."""
        sine = 2.0 * np.sqrt(pairs.apart * pairs.together)
        widening = 0.5 * (_ratio(inner.left, pairs.left) + _ratio(inner.right, pairs.right))
        product = moments.gain * inner.covariance
        product = product + sine * pairs.deviations * widening / (2.0 * np.pi)
        turn = inner.covariance - pairs.covariance * widening
        turn = np.where(sine > LEAST_SINE, turn, 0.0)
        return product, _ratio(turn, 2.0 * np.pi * pairs.deviations * sine)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Return a ratio, or 0 where the denominator is 0: nothing hangs on what is not there."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator != 0)
