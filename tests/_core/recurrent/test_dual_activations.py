"""Gaussian means of nonlinearities, against quadrature and at their limits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import erf, roots_hermitenorm

from sklearn_linrnn._core.recurrent.dual_activations import Identity, Pairs, PairSlopes, ReLU
from sklearn_linrnn._core.recurrent.error_function import Erf

ACTIVATIONS = {"erf": Erf(), "relu": ReLU(), "identity": Identity()}
every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
VARIANCES = np.array([0.2, 1.0, 3.0])
ANGLES = np.linspace(0.05, 3.09, 7)


def pairs_of(left, right, angle):
    """Return pairs of variances and angles, which broadcast."""
    angle = np.asarray(angle)
    return Pairs(
        np.asarray(left) + 0.0 * angle,
        np.asarray(right) + 0.0 * angle,
        np.sin(angle / 2) ** 2,
        np.cos(angle / 2) ** 2,
    )


def conditional_means(name, centre, spread):
    """Return the means of ``phi`` and ``phi'`` of a Gaussian variable."""
    if name == "identity":
        return centre, np.ones_like(centre)
    if name == "erf":  # the error function of a Gaussian is one of its centre
        scale = np.sqrt(1 + 2 * spread**2)
        return erf(centre / scale), 2 / np.sqrt(np.pi) * np.exp(-((centre / scale) ** 2)) / scale
    share = 0.5 * (1 + erf(centre / (spread * np.sqrt(2))))
    density = np.exp(-0.5 * (centre / spread) ** 2) / np.sqrt(2 * np.pi)
    return centre * share + spread * density, share


def nodes_of(name):
    """Return nodes and weights of a standard normal variable, and ``phi`` of it with its slope."""
    if name == "relu":  # the half axis alone
        nodes, weights = np.polynomial.legendre.leggauss(400)
        nodes, weights = 6.0 * (nodes + 1), 6.0 * weights
        return nodes, weights * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    nodes, weights = roots_hermitenorm(201)
    return nodes, weights / np.sqrt(2 * np.pi)


def quadrature(name, left, right, angle):
    """Return the moments by a sum over the first variable, with means over the second."""
    nodes, weights = nodes_of(name)
    u, centre = np.sqrt(left) * nodes, np.sqrt(right) * np.cos(angle) * nodes
    hidden, slope = conditional_means(name, centre, np.sqrt(right) * np.sin(angle))
    phi = erf(u) if name == "erf" else u
    gain = 2 / np.sqrt(np.pi) * np.exp(-(u**2)) if name == "erf" else np.ones_like(u)
    return weights @ (phi * hidden), weights @ (gain * slope)


@every_activation
def test_the_moments_are_those_of_quadrature(name):
    for left in VARIANCES:
        for right in VARIANCES:
            moments = ACTIVATIONS[name].moments(pairs_of(left, right, ANGLES))
            found = np.stack([moments.product, moments.gain])
            expected = np.transpose([quadrature(name, left, right, angle) for angle in ANGLES])
            assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


@every_activation
def test_the_hidden_angle_is_that_of_the_product(name):
    activation = ACTIVATIONS[name]
    for left in VARIANCES:
        for right in VARIANCES:
            moments = activation.moments(pairs_of(left, right, ANGLES))
            (_, one), (_, other) = (activation.of_one(np.array([v])) for v in (left, right))
            cosine = moments.product / np.sqrt(one.product * other.product)
            assert_allclose(moments.together - moments.apart, cosine, rtol=1e-12, atol=1e-13)
            assert_allclose(moments.together + moments.apart, 1.0, rtol=1e-14)


@every_activation
def test_the_gain_is_the_slope_by_the_covariance(name):
    """The theorem of Price."""
    activation, step = ACTIVATIONS[name], 1e-6
    pairs = pairs_of(1.3, 0.7, ANGLES)
    found = activation.moments(pairs).gain
    size = np.sqrt(1.3 * 0.7)

    def product(covariance):
        return activation.moments(pairs_of(1.3, 0.7, np.arccos(covariance / size))).product

    covariance = pairs.covariance
    inside = np.abs(covariance) < 0.99 * size
    slope = (product(covariance[inside] + step) - product(covariance[inside] - step)) / (2 * step)
    assert_allclose(found[inside], slope, rtol=1e-7, atol=1e-8)


@every_activation
def test_the_slopes_are_those_of_finite_differences(name):
    activation, step = ACTIVATIONS[name], 1e-6
    left, right, turn = 0.4, -0.3, 0.2  # of the variances and of the angle

    def at(time):
        return pairs_of(1.3 + left * time, 0.7 + right * time, ANGLES + turn * time)

    pairs, above, below = at(0.0), at(step), at(-step)
    covariance = (above.covariance - below.covariance) / (2 * step)
    inner = PairSlopes(np.full(7, left), np.full(7, right), covariance)
    found = activation.slopes(pairs, activation.moments(pairs), inner)
    above, below = activation.moments(above), activation.moments(below)
    assert_allclose(found[0], (above.product - below.product) / (2 * step), rtol=1e-6, atol=1e-9)
    assert_allclose(found[1], (above.gain - below.gain) / (2 * step), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("variance", [1e-12, 1e-3, 1.0, 1e3, 1e12])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_small_angles_keep_their_digits(name, variance):
    """Correlations of 1 - 1e-24 do not differ from one in floating point."""
    angle = 1e-12
    moments = ACTIVATIONS[name].moments(pairs_of(variance, variance, np.array([angle])))
    gain = ACTIVATIONS[name].of_one(np.array([variance]))[1]
    # To first order the squared distance is the gain times that of the inputs.
    expected = gain.gain * variance * angle**2 / (4 * gain.product)
    assert_allclose(moments.apart, expected, rtol=1e-6)


def test_an_odd_nonlinearity_has_odd_moments():
    moments = Erf().moments(pairs_of(1.3, 0.7, ANGLES))
    opposite = Erf().moments(pairs_of(1.3, 0.7, np.pi - ANGLES))
    assert_allclose(opposite.product, -moments.product, rtol=1e-12)
    assert_allclose(opposite.gain, moments.gain, rtol=1e-12)
    assert_allclose(opposite.apart, moments.together, rtol=1e-12)


def test_rectified_opposites_have_nothing_in_common():
    moments = ReLU().moments(pairs_of(2.0, 0.5, np.array([np.pi])))
    assert_allclose(moments.product, 0.0, atol=1e-15)
    assert_allclose(moments.gain, 0.0, atol=1e-15)
    assert_allclose(moments.apart, 0.5)
