"""The error function as a nonlinearity: the arc-sine kernel of Williams (1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_linrnn._core.recurrent.dual_activations import (
    Array,
    DualActivation,
    DualMoments,
    Pairs,
    Slopes,
)


class Erf(DualActivation):
    """The error function."""

    def moments(self, pairs: Pairs) -> DualMoments:
        """Return the moments of pairs.

        The squared distance between two hidden states is a sum of two differences of arcs. Each is
        computed as such, so that it has its digits however small it is: where ``nu_w`` is large,
        the network makes large angles of tiny ones.
        """
        left, right = Saturation.of(pairs.left), Saturation.of(pairs.right)
        arc = Arc.of(left, right, pairs)
        sine_1, cosine_1 = arc.distance(left, right, arc.rise)
        sine_2, cosine_2 = arc.distance(right, left, -arc.rise)
        sine, cosine = sine_1 * cosine_2 + cosine_1 * sine_2, cosine_1 * cosine_2 - sine_1 * sine_2
        distance = np.arctan2(sine, cosine) / (np.pi / 2)
        excess = distance - np.square(left.hidden - right.hidden)
        near = np.clip(excess / (4 * _positive(left.hidden) * _positive(right.hidden)), 0.0, 0.5)
        same_sign = pairs.together >= pairs.apart  # if not, the opposite is as near
        apart = np.where(same_sign, near, 1 - near)
        together = np.where(same_sign, 1 - near, near)
        product = left.hidden * right.hidden * (together - apart)
        gain = (4 / np.pi) * np.sqrt(left.rest) * np.sqrt(right.rest) / arc.cosine
        return DualMoments(product, gain, apart, together)

    def slopes(self, pairs: Pairs, moments: DualMoments, inner: Slopes) -> tuple[Array, Array]:
        """Return the derivatives of product and gain from those of the variables."""
        left, right = Saturation.of(pairs.left), Saturation.of(pairs.right)
        widening = inner.left * left.rest + inner.right * right.rest
        product = moments.gain * (inner.covariance - pairs.covariance * widening)
        closing = 4 * (pairs.covariance * left.rest) * (inner.covariance * right.rest)
        squared_cosine = (4 / np.pi) ** 2 * left.rest * right.rest / np.square(moments.gain)
        return product, -moments.gain * (widening - closing) / squared_cosine


@dataclass(frozen=True)
class Saturation:
    """How far the error function of one Gaussian variable is from linear.

    Attributes
    ----------
    rest : ndarray
        ``1 / (1 + 2 a)`` of the variance ``a``.
    sine, cosine : ndarray
        Of the arc, ``1 - rest`` and the cosine that belongs to it.
    hidden : ndarray
        Standard deviation of the hidden state; its square is the arc's share of a right angle.
    """

    rest: Array
    sine: Array
    cosine: Array
    hidden: Array

    @classmethod
    def of(cls, variances: Array) -> Saturation:
        """Return the saturation at variances; nothing overflows before they do."""
        rest = 1 / (1 + 2 * variances)
        sine, cosine = 2 * variances * rest, np.sqrt(rest * (2 - rest))
        return cls(rest, sine, cosine, np.sqrt(np.arctan2(sine, cosine) / (np.pi / 2)))


@dataclass(frozen=True)
class Arc:
    """The arcs of pairs, without their signs.

    Attributes
    ----------
    nearness : ndarray
        Cosine of the angle between the variables, without its sign.
    cosine : ndarray
        Of the arc.
    opening : ndarray
        Squared sine of the angle between the variables.
    rise : ndarray
        By how much the left variable's sine exceeds the right one's.
    """

    nearness: Array
    cosine: Array
    opening: Array
    rise: Array

    @classmethod
    def of(cls, left: Saturation, right: Saturation, pairs: Pairs) -> Arc:
        """Return the arcs of pairs."""
        nearness = np.abs(pairs.together - pairs.apart)
        opening = 4 * pairs.apart * pairs.together
        rests = left.rest * right.rest
        cosine = np.sqrt(left.rest + right.rest - rests + left.sine * right.sine * opening)
        return cls(nearness, cosine, opening, 2 * (pairs.left - pairs.right) * rests)

    def distance(self, one: Saturation, other: Saturation, rise: Array) -> tuple[Array, Array]:
        """Return sine and cosine of the arc of one variable less that of the pair.

        The difference of the squared cosines is taken before their roots are.
        """
        root, other_root = np.sqrt(one.sine), np.sqrt(other.sine)
        slope = (other_root / _positive(root)) * one.cosine * self.nearness
        sine = (rise + other.sine * self.opening) / (self.cosine + slope)
        return sine, one.cosine * self.cosine + one.sine * root * other_root * self.nearness


def _positive(values: Array) -> Array:
    """Return values, with one for zero: a divisor of what is zero itself."""
    return np.where(values > 0, values, 1.0)
