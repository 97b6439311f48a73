"""The evidence of a prior for each channel, and its derivatives."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import block_diag

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.channel_measures import (
    ChannelMeasures,
    EvidenceAtChannelMeasures,
)
from sklearn_linrnn._core.closed_form.conditional_evidence import ChannelsAlone
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums, log_evidence
from sklearn_linrnn._core.closed_form.many_measures import climb_by_curvature
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors
from sklearn_linrnn._core.priors.prior_root import PriorRoot

N, C, J = 120, 4, 5
rng = np.random.default_rng(0)
X = rng.normal(size=(N, C)) @ (np.eye(C) + 0.3 * rng.normal(size=(C, C))) + 1.0
WINDOWS = np.stack([np.vstack([np.zeros((lag, C)), X[: N - lag]]) for lag in range(J)], axis=1)
COEFFICIENTS = 0.6 ** np.arange(J)[:, None] * np.array([1.0, 0.5, 0.0, -0.3])
Y = np.einsum("tjc,jc->t", WINDOWS, COEFFICIENTS)[:, None] * [1.0, -0.5] + rng.normal(size=(N, 2))
SUMS = LagStatistics.from_series(X, Y, n_lags=J)
GROUPS = {"channels": np.arange(C), "groups": np.array([0, 1, 1, 0])}
DECAYS, SCALES = np.array([0.2, 0.8, 0.5, 0.9]), np.array([1.0, 0.1, 0.0, 3.0])


def sought_of(prior):
    return tuple(name for name in ("nu_w", "nu_f", "correlation") if hasattr(prior, name))


def function_of(prior, group, *, seeks_scale=True, alpha=None, centred=True, sought=None):
    sums = EvidenceSums.of(SUMS if centred else SUMS.uncentred(), C)
    scale = np.ones(C) if seeks_scale else np.array([1.0, 0.5, 2.0, 1.0])
    priors = ChannelPriors((prior,) * C, scale)
    names, powers = prior.groups(sought or sought_of(prior)), sums.channel_powers
    measures = ChannelMeasures(priors, group, names, seeks_scale, alpha, powers)
    return EvidenceAtChannelMeasures(sums, measures)


def some_point(function, seed=0):
    bounds = function.measures.bounds
    point = np.random.default_rng(seed).normal(0.8, 0.5, size=len(bounds))
    return np.clip(point, bounds[:, 0] + 0.1, bounds[:, 1] - 0.1)


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("centred", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("seeks_scale", [True, False])
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_derivatives_are_differences(name, centred, seeks_scale, group):
    function = function_of(PRIORS[name](), group, seeks_scale=seeks_scale, centred=centred)
    point, step = some_point(function), 1e-5
    value, gradient = function(point)
    hessian = function.hessian(point)
    moved = [
        [function(point + sign * step * axis) for sign in (1.0, -1.0)]
        for axis in np.eye(len(point))
    ]
    slopes = [(up[0] - down[0]) / (2 * step) for up, down in moved]
    bends = [(up[1] - down[1]) / (2 * step) for up, down in moved]
    assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-6 * np.abs(gradient).max())
    assert_allclose(hessian, bends, rtol=1e-5, atol=1e-6 * np.abs(hessian).max())
    assert_allclose(function(point)[0], value, rtol=0)


def dense_evidence(covariance, alpha):
    """Return the evidence of windows with a covariance (p, p) of the response, by PyTorch."""
    windows = torch.from_numpy(WINDOWS.reshape(N, -1))
    centre = torch.eye(N, dtype=torch.float64) - 1.0 / N
    kernel = centre @ windows @ covariance @ windows.T @ centre / alpha
    noise = torch.eye(N, dtype=torch.float64) + kernel
    targets, freedom = centre @ torch.from_numpy(Y), N - 1.0
    fit = (targets * torch.linalg.solve(noise, targets)).sum(dim=0)
    spread = torch.log(2 * torch.pi * fit / freedom) + 1
    volume = torch.logdet(noise) + np.log(N)
    return -0.5 * (freedom * spread.sum() + Y.shape[1] * volume)


def full(blocks):
    """Return the covariance of lags and channels, lag by lag, of covariances of channels."""
    matrix = torch.block_diag(*blocks)
    order = torch.arange(C * J).reshape(C, J).T.flatten()
    return matrix[order][:, order]


@pytest.mark.parametrize("name", PRIORS)
def test_it_is_that_of_a_dense_gaussian_process(name):
    prior = PRIORS[name]()
    values = DECAYS if hasattr(prior, "nu_w") else None
    priors = ChannelPriors.of(prior, values, SCALES)
    root = PriorRoot.of_prior(priors, J, C, torch.device("cpu"))
    each = [s * np.asarray(p.covariance(J)) for s, p in zip(SCALES, priors.priors, strict=True)]
    blocks = [torch.from_numpy(np.diag(c) if c.ndim == 1 else c) for c in each]
    expected = float(dense_evidence(full(blocks), 0.7))
    assert_allclose(log_evidence(SUMS, root, 0.7), expected, rtol=1e-8)


def torch_covariance(name, nu_w):
    lag = torch.arange(J, dtype=torch.float64)
    if name == "linear_rnn":
        return torch.diag(lag * nu_w ** (lag - 1) + 2 * nu_w**lag)
    if name == "di":
        return torch.diag(nu_w**lag)
    return nu_w ** torch.maximum(lag[:, None], lag)


@pytest.mark.parametrize("name", ["linear_rnn", "di", "tc"])
def test_slopes_by_decay_and_scale_are_those_of_automatic_differentiation(name):
    function = function_of(PRIORS[name](), np.arange(C), sought=("nu_w",))
    point = some_point(function)
    measures = torch.from_numpy(point).requires_grad_()
    rows = measures.reshape(C, 2)
    powers = torch.from_numpy(function.measures.powers.copy())
    blocks = []
    for row, power in zip(rows, powers, strict=True):
        covariance = torch_covariance(name, torch.exp(-torch.exp(-row[0])))
        blocks.append(row[1].exp() * covariance / (covariance.diagonal() @ power))
    dense_evidence(full(blocks), 1.0).backward()
    _, gradient = function(point)
    expected = measures.grad.numpy()
    assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["linear_rnn", "tc"])
@pytest.mark.parametrize("centred", [True, False], ids=["intercept", "no intercept"])
def test_evidence_given_the_others_differs_by_what_they_have_in_it(name, centred):
    """Of one group the evidence, and that given the others, differ by a constant."""
    function = function_of(PRIORS[name](), GROUPS["groups"], centred=centred)
    point, channels = some_point(function), np.array([1, 2])
    alone = ChannelsAlone.of(function.sums, function.place(point).found).sums_of(channels)
    differences = []
    for seed in range(3):
        moved, other = point.copy(), some_point(function, seed)
        places = function.measures.index[:, 1]
        moved[places] = other[places]
        place = function.place(moved)
        own = ChannelPriors(
            tuple(function.measures.priors_at(moved)[channel] for channel in channels),
            function.measures.changes(moved)[1][channels],
        )
        given = alone.under(own.root(J), 1.0).at(1.0).value
        differences.append(place.found.value - given)
    assert_allclose(differences, differences[0], rtol=1e-9)


@pytest.mark.parametrize("name", PRIORS)
def test_a_climb_ends_where_the_gradient_is_zero(name):
    function = function_of(PRIORS[name](), np.arange(C))
    bounds = function.measures.bounds
    point, value, converged = climb_by_curvature(
        function, function.hessian, some_point(function), bounds
    )
    _, gradient = function(point)
    inside = (point > bounds[:, 0]) & (point < bounds[:, 1])
    assert converged
    assert value >= function(some_point(function))[0]
    assert_allclose(gradient[inside], 0.0, atol=1e-6)
    assert (gradient[point <= bounds[:, 0]] <= 1e-9).all()


@pytest.mark.parametrize("alpha", [None, 2.0])
@pytest.mark.parametrize("seeks_scale", [True, False])
def test_measures_and_priors_are_the_same_point(alpha, seeks_scale):
    function = function_of(PRIORS["dc"](), np.arange(C), seeks_scale=seeks_scale, alpha=alpha)
    point = some_point(function)
    found = function.measures.at(point)
    assert_allclose(function.measures.point_of(*found), point, rtol=1e-9)
    assert found[1] == alpha or alpha is None
    if alpha is None and seeks_scale:
        assert found[0].scale.max() == 1.0
    root = PriorRoot.of_prior(found[0], J, C, torch.device("cpu"))
    assert_allclose(log_evidence(SUMS, root, found[1]), function(point)[0], rtol=1e-10)


def test_a_group_at_its_lower_bound_is_left_out():
    function = function_of(PRIORS["linear_rnn"](), np.arange(C))
    point = some_point(function)
    places = function.measures.index[:, 2]
    point[places[-1]] = function.measures.bounds[places[-1], 0]
    assert function.measures.at(point)[0].scale[2] == 0.0
    without = block_diag(*[np.zeros((J, J))] * C)
    _, factors = function.measures.changes(point)
    variances = [prior.covariance(J) for prior in function.measures.priors_at(point)]
    covariances = factors[:, None] * np.array(variances)
    rows = np.arange(J)
    for channel in range(C):
        without[channel * J + rows, channel * J + rows] = covariances[channel]
    order = np.arange(C * J).reshape(C, J).T.ravel()
    expected = dense_evidence(torch.from_numpy(without[np.ix_(order, order)]), 1.0)
    assert_allclose(function(point)[0], float(expected), rtol=1e-10)
