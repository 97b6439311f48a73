"""The kernel of a wide linear recurrent unit: exact values, limits, random poles and networks."""

import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn._core.priors.lru import LRU

NAMES = ("r_min", "r_max", "max_phase", "nu_f", "nu_c")
PLACES = {
    "whole disc": (0.0, 1.0, 2 * np.pi),
    "ring": (0.5, 0.9, 2 * np.pi),
    "thin ring near one": (0.999, 0.9999, 0.3),
    "few phases": (0.2, 1.0, 0.01),
    "one modulus": (0.7, 0.7, 3.0),
    "small disc": (0.0, 0.3, 1.0),
}
NU = (0.7, 1.3)


def cases(argument="place"):
    return pytest.mark.parametrize(argument, PLACES.values(), ids=PLACES)


# -- Exact values --------------------------------------------------------------------------


@pytest.mark.parametrize("normalise", [True, False])
def test_on_the_whole_disc_all_means_are_fractions_of_the_lags(normalise):
    n_lags, (nu_f, nu_c) = 300, NU
    j, k = np.indices((n_lags, n_lags))
    p, q = (j + k) / 2, j - k
    g, log_g = 1 / (p + 1), 1 / (2 * (p + 1) ** 3)
    if normalise:
        g, log_g = g - 1 / (p + 2), log_g - 1 / (2 * (p + 2) ** 3)
    square = np.where(q == 0, (2 * np.pi) ** 2 / 3, 2 / np.where(q == 0, 1, q) ** 2)
    by_lag = 2 * nu_f * nu_c * j * k
    expected = by_lag * (log_g * (q == 0) + g * square)
    expected += 2 * (nu_f + nu_c + normalise * nu_f * nu_c) * g * (q == 0)
    ours = LRU(nu_f=nu_f, nu_c=nu_c, normalise=normalise).covariance(n_lags)
    deviation = np.sqrt(expected.diagonal())
    assert_allclose(
        ours / np.outer(deviation, deviation), expected / np.outer(deviation, deviation), atol=1e-12
    )


@pytest.mark.parametrize(
    ("r_min", "r_max"), [(0.0, 0.3), (0.4, 0.9), (1 - 2e-8, 1 - 1e-8), (1 - 1e-9, 1.0), (0.5, 0.5)]
)
def test_moduli_have_all_digits_where_their_closed_form_is_a_difference(r_min, r_max):
    n_lags = 40
    ours = LRU(r_min, r_max, 0.0, 0.0, 0.5).covariance(n_lags).diagonal()
    A, B = Fraction(r_min) ** 2, Fraction(r_max) ** 2

    def mean(power):  # (B^{p+1} - A^{p+1}) / ((p + 1)(B - A)), also for A = B
        return sum(A**i * B ** (power - i) for i in range(power + 1)) / (power + 1)

    assert_allclose(ours, [float(mean(j) - mean(j + 1)) for j in range(n_lags)], rtol=1e-13)


@pytest.mark.parametrize("normalise", [True, False])
@cases()
def test_means_are_those_over_many_poles_in_a_grid(place, normalise):
    r_min, r_max, max_phase = place
    n_lags = 12
    nodes, weights = np.polynomial.legendre.leggauss(80)
    r = r_min + (r_max - r_min) * (nodes + 1) / 2
    phase = max_phase * (nodes + 1) / 2
    by_modulus = weights / 2 * np.where(r_max > r_min, 2 * r / (r_min + r_max), 1.0)
    pole = (r[:, None] * np.exp(1j * phase)).ravel()
    weight = np.outer(by_modulus, weights / 2).ravel()
    expected = sum_over_poles(pole, phase[None].repeat(80, 0).ravel(), n_lags, normalise) @ weight
    ours = LRU(*place, *NU, normalise=normalise).covariance(n_lags)
    assert_allclose(ours, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def sum_over_poles(pole, phase, n_lags, normalise):
    """Return the kernel of each pole, with its mean over input and readout."""
    nu_f, nu_c = NU
    j, k = np.indices((n_lags, n_lags))[..., None]
    r = np.abs(pole)
    norm = np.where(normalise, 1 - r**2, 1.0)
    together = norm * (pole**j * pole.conj() ** k).real
    plain = 2 * (nu_f + nu_c + nu_f * nu_c * normalise)
    return together * (plain + 2 * nu_f * nu_c * j * k * (np.log(r) ** 2 + phase**2))


# -- Random poles and networks -------------------------------------------------------------


def is_mean(expected, draws):
    """Return whether numbers are the means of draws, up to five standard errors of each."""
    error = draws.std(-1) / np.sqrt(draws.shape[-1])
    return (np.abs(draws.mean(-1) - expected) <= 5 * error + 1e-12).all()


@pytest.mark.parametrize("normalise", [True, False])
@cases()
def test_it_is_the_mean_over_random_poles(place, normalise):
    r_min, r_max, max_phase = place
    rng = np.random.default_rng(0)
    r = np.sqrt(rng.uniform(r_min**2, r_max**2, 20_000))
    phase = rng.uniform(0, max_phase, 20_000)
    draws = sum_over_poles(r * np.exp(1j * phase), phase, 8, normalise)
    assert is_mean(LRU(*place, *NU, normalise=normalise).covariance(8), draws)


def response(log_rate, log_phase, log_norm, B, C):
    """Return ``n^{1/2} H_j`` of each of ``n`` units by its definition, (n_lags, n_units)."""
    pole = torch.exp(torch.complex(-torch.exp(log_rate), torch.exp(log_phase)))
    units = torch.complex(*C) * torch.exp(log_norm) * torch.complex(*B)
    return torch.stack([(units * pole**lag).real for lag in range(6)])


@pytest.mark.parametrize("normalise", [True, False])
@cases()
def test_it_is_the_mean_kernel_of_random_networks_by_automatic_differentiation(place, normalise):
    r_min, r_max, max_phase = place
    rng, n_units = np.random.default_rng(1), 20_000
    u = rng.uniform(r_min**2, r_max**2, n_units)
    start = [
        np.log(-np.log(u) / 2),
        np.log(rng.uniform(0, max_phase, n_units)),
        np.log(1 - u) / 2 if normalise else np.zeros(n_units),
        np.sqrt(NU[0]) * rng.normal(size=(2, n_units)),
        np.sqrt(NU[1]) * rng.normal(size=(2, n_units)),
    ]
    kernel = torch.zeros(6, 6, n_units, dtype=torch.float64)
    for which, _ in enumerate(start):
        if which == 2 and not normalise:
            continue
        leaves = [torch.from_numpy(part).requires_grad_() for part in start]
        lags = response(*leaves)
        # Units are independent: the gradient of the sum over units is that of each one.
        by_lag = [
            torch.autograd.grad(lag.sum(), leaves[which], retain_graph=True)[0] for lag in lags
        ]
        slopes = torch.stack(by_lag).reshape(6, -1, n_units)
        kernel = kernel + torch.einsum("jpu,kpu->jku", slopes, slopes)
    assert is_mean(LRU(*place, *NU, normalise=normalise).covariance(6), kernel.numpy())


# -- Limits and derivatives ----------------------------------------------------------------


@pytest.mark.parametrize("normalise", [True, False])
@cases()
def test_it_is_positive_semidefinite_over_hundreds_of_lags(place, normalise):
    K = LRU(*place, *NU, normalise=normalise).covariance(400)
    assert (K == K.T).all()
    used = K.diagonal() > 1e-280  # others have underflowed
    K = K[np.ix_(used, used)]
    deviation = np.sqrt(K.diagonal())
    correlation = K / deviation / deviation[:, None]
    assert np.linalg.eigvalsh(correlation)[0] > -1e-11


def test_a_ring_that_narrows_becomes_one_modulus():
    one = LRU(0.9, 0.9, 0.5, *NU).covariance(200)
    for width in (1e-8, 1e-12, 1e-16):
        ring = LRU(0.9 * (1 - width), 0.9, 0.5, *NU).covariance(200)
        assert_allclose(ring, one, rtol=0, atol=300 * width * one.max() + 1e-13 * one.max())


def test_phases_that_vanish_leave_the_moduli():
    without, few = (LRU(0.5, 1.0, phase, *NU).covariance(50) for phase in (0.0, 1e-7))
    assert_allclose(few, without, rtol=1e-10)
    assert np.linalg.matrix_rank(LRU(0.5, 0.5, 0.0, *NU).covariance(50)) == 2, "as the identity's"


def test_all_shares_fade_as_a_power_but_that_of_the_phase_which_does_not():
    """On the whole disc with normalisation; the contrast to ``rho``, which fades geometrically."""
    n_lags = 1001
    weights = LRU().covariance(n_lags).diagonal()
    ends = LRU(nu_f=0.0).covariance(n_lags).diagonal()
    assert_allclose(ends[1000] / ends[500], 2.0**-2, rtol=0.01)
    without_phases = LRU(max_phase=0.0).covariance(n_lags).diagonal()
    assert_allclose(without_phases[1000] / without_phases[500], 2.0**-2, rtol=0.01)
    assert_allclose(weights[1000], 2 * (2 * np.pi) ** 2 / 3, rtol=0.01)
    unnormalised = LRU(normalise=False).covariance(n_lags).diagonal()
    assert_allclose(unnormalised[1000] / unnormalised[500], 2.0, rtol=0.01)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [(0.1, 0.8, 2.0), (0.5, 0.9, 6.0), (0.999, 0.9999, 0.3)])
def test_derivatives_are_differences(place, name, normalise):
    values = dict(zip(NAMES, (*place, *NU), strict=True))
    slope = LRU(**values, normalise=normalise).covariance_slope(60, name)
    step = 1e-3 * min(place[1] - place[0], 1 - place[1])
    after, before = (
        LRU(**{**values, name: values[name] + move}, normalise=normalise).covariance(60)
        for move in (step, -step)
    )
    expected = (after - before) / (2 * step)
    assert_allclose(slope, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("normalise", [True, False])
def test_derivatives_at_the_ends_of_the_range_are_limits(normalise):
    end = {"r_min": 0.0, "r_max": 1.0, "max_phase": 0.0}
    for name, value in end.items():
        inside = {**end, name: abs(value - 1e-7)}
        slope, near = (
            LRU(**values, normalise=normalise).covariance_slope(60, name)
            for values in (end, inside)
        )
        scale = np.abs(LRU(**end, normalise=normalise).covariance_slope(60, "r_max")).max()
        assert_allclose(slope, near, rtol=0, atol=1e-4 * scale)


def test_both_ends_of_one_modulus_move_it_by_half():
    args = (0.7, 0.7, 3.0, *NU)
    ends = [LRU(*args).covariance_slope(30, name) for name in ("r_min", "r_max")]
    assert_allclose(ends[0], ends[1], rtol=1e-12)
    step = 1e-6
    after, before = (LRU(r, r, 3.0, *NU).covariance(30) for r in (0.7 + step, 0.7 - step))
    assert_allclose(sum(ends), (after - before) / (2 * step), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("r_max", [1e-100, 1e-155, 1e-300, 5e-324])
@pytest.mark.parametrize("normalise", [True, False])
def test_derivatives_have_their_limit_as_the_ring_becomes_a_point(r_max, normalise):
    """``E[|lambda|] = 2/3 r_max`` on a disc; higher powers, and those of the phases, vanish."""
    nu_f, nu_c = NU
    slope = LRU(0.0, r_max, 1.5, *NU, normalise=normalise).covariance_slope(3, "r_max")
    expected = np.zeros((3, 3))
    expected[0, 1] = expected[1, 0] = (
        2 * (nu_f + nu_c + normalise * nu_f * nu_c) * (2 / 3) * np.sin(1.5) / 1.5
    )
    assert_allclose(slope, expected, rtol=1e-12, atol=1e-90)


@pytest.mark.parametrize("max_phase", [5e-324, 1e-310, 1e-300])
def test_phases_of_any_size_have_the_limit_of_none(max_phase):
    tiny, none = LRU(max_phase=max_phase), LRU(max_phase=0.0)
    assert_allclose(tiny.covariance(5), none.covariance(5), rtol=1e-14)
    assert_allclose(
        tiny.covariance_slope(5, "max_phase"), none.covariance_slope(5, "max_phase"), atol=1e-290
    )


# -- Bad numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variances", [{"nu_f": 1e200, "nu_c": 1e200}, {"nu_f": np.inf}, {"max_phase": 1e200}], ids=str
)
def test_a_kernel_that_overflows_names_its_hyperparameters(variances):
    said = ", ".join(f"{name}={value}" for name, value in variances.items())
    with pytest.raises(ValueError, match=f"overflow.*{re.escape(said)}.* too large"):
        LRU(**variances).covariance(3)
    with pytest.raises(ValueError, match=f"overflow.*{re.escape(said)}.* too large"):
        LRU(**variances).quick_variances(3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"r_max": 1.1}, "r_min=0.0 and r_max=1.1"),
        ({"r_max": 0.0}, "r_min=0.0 and r_max=0.0"),
        ({"r_min": np.nan}, "r_min=nan"),
        ({"max_phase": -1.0}, "max_phase must be finite and not negative, but got -1.0"),
        ({"nu_f": -1.0}, "nu_f is a variance and must not be negative, but got -1.0"),
        ({"nu_f": 0.0, "nu_c": 0.0}, "nu_f=0.0 and nu_c=0.0 must not both be zero"),
    ],
)
def test_bad_numbers_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        LRU(**wrong).covariance(3)
