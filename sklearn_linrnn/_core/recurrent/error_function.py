"""The error function as a nonlinearity: the arc-sine kernel of Williams (1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_linrnn._core.recurrent.dual_activations import (
    Array,
    DualActivation,
    DualMoments,
    Pairs,
    PairSlopes,
)

TINY = 1e-300


class Erf(DualActivation):
    """The error function."""

    def moments(self, pairs: Pairs) -> DualMoments:
        """Return the moments of pairs.

        They follow from the difference between arcs, which has its digits however small it is:
        where ``nu_w`` is large, the network makes large angles of tiny ones.
        """
        left, right = Saturation.of(pairs.left), Saturation.of(pairs.right)
        opening, cosine = _opening(left, right, pairs)
        distance = (4 / np.pi) * opening - np.square(left.hidden - right.hidden)
        lengths = left.hidden * right.hidden
        near = np.clip(distance / (4 * _positive(left.hidden) * _positive(right.hidden)), 0.0, 0.5)
        far, same_sign = 1 - near, pairs.together >= pairs.apart  # if not, the opposite is near
        apart, together = np.where(same_sign, near, far), np.where(same_sign, far, near)
        gain = (4 / np.pi) * np.sqrt(left.rest) * np.sqrt(right.rest) / cosine
        return DualMoments(lengths * (together - apart), gain, apart, together)

    def slopes(self, pairs: Pairs, moments: DualMoments, inner: PairSlopes) -> tuple[Array, Array]:
        """Return the derivatives of product and gain from those of the variables."""
        left, right = Saturation.of(pairs.left), Saturation.of(pairs.right)
        widening = inner.left * left.rest + inner.right * right.rest
        product = moments.gain * (inner.covariance - pairs.covariance * widening)
        closing = (4 * left.rest * right.rest) * pairs.covariance * inner.covariance
        scale = (np.pi / 4) ** 2 / (left.rest * right.rest)  # 1 / cosine^2 = scale gain^2
        return product, (closing - widening) * (scale * moments.gain**3)


@dataclass(frozen=True)
class Saturation:
    """The arc whose share of a right angle is the variance of a hidden state.

    Attributes
    ----------
    rest : ndarray
        ``1 / (1 + 2 a)`` of the variance ``a`` that comes in; the arc's sine is one less it.
    root : ndarray
        Square root of the sine.
    half_sine, half_cosine : ndarray
        Of half the arc; positive.
    hidden : ndarray
        Standard deviation of the hidden state.
    """

    rest: Array
    root: Array
    half_sine: Array
    half_cosine: Array
    hidden: Array

    @classmethod
    def of(cls, variances: Array) -> Saturation:
        """Return the arcs of variances; nothing overflows before they do."""
        rest = 1 / (1 + 2 * variances)
        sine = 2 * variances * rest
        arc = np.arctan2(sine, np.sqrt(rest * (2 - rest)))
        half_sine = np.maximum(np.sin(arc / 2), TINY)
        return cls(rest, np.sqrt(sine), half_sine, np.cos(arc / 2), np.sqrt(arc / (np.pi / 2)))


def _opening(left: Saturation, right: Saturation, pairs: Pairs) -> tuple[Array, Array]:
    """Return the mean of two arcs less the arc of the pair, and the cosine of the latter.

    Let ``M`` be the mean and ``D`` half the difference of the two, ``A`` the arc of the pair
    without its sign, and ``v`` the angle between the variables. With the product ``r^2`` of the two
    sines, ``sin(M)^2 - sin(A)^2 = sin(D)^2 + r^2 sin(v)^2``: in a sum of squares nothing cancels.
    """
    rise, fall = left.half_sine * right.half_cosine, left.half_cosine * right.half_sine
    mean_sine, half_difference = rise + fall, rise - fall
    mean_cosine = left.half_cosine * right.half_cosine - left.half_sine * right.half_sine
    r = left.root * right.root
    turned = 4 * pairs.apart * pairs.together * r
    sine = r * np.abs(pairs.together - pairs.apart)
    cosine = np.sqrt(np.square(mean_cosine) + (np.square(half_difference) + turned * r))
    scale = 1 / (mean_sine * cosine + mean_cosine * sine)  # before the squares, which underflow
    opening_sine = half_difference * (half_difference * scale) + turned * (r * scale)
    return np.arctan2(opening_sine, mean_cosine * cosine + mean_sine * sine), cosine


def _positive(values: Array) -> Array:
    """Return values, with one for zero: a divisor of what is zero itself."""
    return np.where(values > 0, values, 1.0)
