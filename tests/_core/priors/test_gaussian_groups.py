"""Priors of networks of random matrices: random networks, the derivative rule, the limits."""

from dataclasses import dataclass, replace
from math import comb

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.func import jacrev, vmap

from sklearn_linrnn import linear_rnn_lag_weights
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.lag_prior import LagPrior, lower_root
from sklearn_linrnn._core.priors.lag_weights import GaussianGroups, LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.torch_rnn import TorchRNN

RATES = (0.5, 2.0, 3.0)
NETWORKS = {
    "linear": LinearRNN(0.6, 1.5, 0.7),
    "linear, rates": LinearRNN(0.6, 1.5, 0.7, RATES),
    "deep": DeepLinearRNN(0.6, 1.5, 0.7, 1.3),
    "deep, rates": DeepLinearRNN(0.6, 1.5, 0.7, 1.3, 3, RATES),
    "leaky": LeakyRNN(0.6, 1.5, 0.7, 0.4),
    "leaky, rates": LeakyRNN(0.6, 1.5, 0.7, 0.9, RATES),
}
every_network = pytest.mark.parametrize("prior", NETWORKS.values(), ids=NETWORKS)


def full(array):
    return np.diag(array) if array.ndim == 1 else array


# -- Random networks ---------------------------------------------------------------------


def response_of(matrices, n_lags, leak):
    """Return the response (n_lags,) of a leaky network of layers to an impulse, step by step."""
    n = len(matrices["nu_f"])
    states, outputs = [torch.zeros(n, dtype=torch.float64) for _ in matrices["nu_w"]], []
    for step in range(n_lags):
        below = matrices["nu_f"] * (step == 0)
        for layer, W in enumerate(matrices["nu_w"]):
            below = matrices["nu_u"][layer - 1] @ below / n**0.5 if layer else below
            new = W @ states[layer] / n**0.5 + below
            states[layer] = (1 - leak) * states[layer] + leak * new
            below = states[layer]
        outputs.append(matrices["nu_c"] @ below / n**0.5)
    return torch.stack(outputs)


def mean_kernel(prior, n_lags, n_hidden, n_networks):
    """Return the mean over networks of ``sum_groups eta <grad H_j, grad H_k>``, and its error."""
    generator = torch.Generator().manual_seed(0)
    n_layers, n = getattr(prior, "n_layers", 1), n_hidden
    shapes = {"nu_w": (n_layers, n, n), "nu_u": (n_layers - 1, n, n), "nu_f": (n,), "nu_c": (n,)}
    matrices = {
        name: getattr(prior, name, 1.0) ** 0.5
        * torch.randn(n_networks, *shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    leak = getattr(prior, "leak", 1.0)
    gradients = vmap(jacrev(lambda each: response_of(each, n_lags, leak)), chunk_size=50)(matrices)
    kernels = torch.zeros(n_networks, n_lags, n_lags, dtype=torch.float64)
    for name, rate in prior.group_rates.items():
        rows = gradients[name].reshape(n_networks, n_lags, -1)
        kernels += rate * rows @ rows.mT
    return kernels.mean(dim=0).numpy(), (kernels.std(dim=0) / n_networks**0.5).numpy()


def distance_of_networks(prior, n_hidden, n_networks, n_lags=6):
    """Return the distance of the mean kernel from the prior, and its standard error, relative."""
    expected = full(prior.covariance(n_lags))
    mean, error = mean_kernel(prior, n_lags, n_hidden, n_networks)
    size = np.linalg.norm(expected)
    return np.linalg.norm(mean - expected) / size, np.linalg.norm(error) / size


@every_network
def test_it_is_the_kernel_of_wide_random_networks(prior):
    narrow, _ = distance_of_networks(prior, 6, 800)
    wide, error = distance_of_networks(prior, 32, 150)
    assert wide < 0.7 * narrow
    assert wide < 4 / 32 + 3 * error


@pytest.mark.slow
@every_network
def test_it_is_that_of_wider_networks_the_more(prior):
    wide, error = distance_of_networks(prior, 96, 200)
    assert wide < 4 / 96 + 3 * error


def test_that_of_pytorch_is_of_its_own_initialisation():
    """Of `torch.nn.RNN` and `torch.nn.Linear`, with the nonlinearity left out."""
    kernels, n, n_lags = [], 128, 5
    torch.manual_seed(0)
    for _ in range(60):
        rnn, readout = torch.nn.RNN(1, n), torch.nn.Linear(n, 1)
        F, W, C = (
            each.detach().double()
            for each in (rnn.weight_ih_l0[:, 0], rnn.weight_hh_l0, readout.weight[0])
        )
        powers = [torch.linalg.matrix_power(W, lag) for lag in range(n_lags)]
        forward = torch.stack([power @ F for power in powers])
        back = torch.stack([power.T @ C for power in powers])
        by_ends = forward @ forward.T + back @ back.T
        # dH_j/dW is the sum of outer products of back[i] and forward[j - 1 - i]
        along, across = back @ back.T, forward @ forward.T
        by_transition = torch.zeros(n_lags, n_lags, dtype=torch.float64)
        for j in range(n_lags):
            for k in range(n_lags):
                by_transition[j, k] = sum(
                    along[i, l] * across[j - 1 - i, k - 1 - l] for i in range(j) for l in range(k)
                )
        kernels.append(by_ends + by_transition)
    mean = torch.stack(kernels).mean(dim=0).numpy()
    expected = np.diag(TorchRNN().covariance(n_lags))
    assert np.linalg.norm(mean - expected) < 0.03 * np.linalg.norm(expected)


def test_pytorchs_prior_is_its_formula_and_ends_early():
    lag = np.arange(60)
    weights = TorchRNN().covariance(60)
    assert_allclose(weights, (lag + 2) / 3.0 ** (lag + 1), rtol=1e-13)
    assert_allclose(weights.sum(), 1.25, rtol=1e-14)
    assert 0.9 < weights[:3].sum() / weights.sum() < 0.93
    assert weights[:2].sum() / weights.sum() < 0.9


# -- The rule ----------------------------------------------------------------------------


def initial_by_torch(prior, n_lags, values):
    """Return ``gamma`` of the sum formulas, of tensors ``values``."""
    leak, n_layers = getattr(prior, "leak", 1.0), getattr(prior, "n_layers", 1)
    ends = values["nu_f"] * values["nu_c"] * values.get("nu_u", torch.ones(())) ** (n_layers - 1)
    steps = range(n_lags)
    ways = torch.tensor([comb(p + n_layers - 1, p) for p in steps], dtype=torch.float64)
    powers = ends * ways * torch.stack([values["nu_w"] ** p for p in steps])
    waits = torch.tensor(
        [
            [comb(j, p) * (1 - leak) ** max(j - p, 0) * leak ** (p + 1) for p in steps]
            for j in steps
        ],
        dtype=torch.float64,
    )
    return waits * powers @ waits.T


@every_network
def test_each_group_has_the_derivative_of_the_initial_covariance(prior):
    n_lags = 9
    names = list(prior.group_rates)
    values = [torch.tensor(getattr(prior, name), dtype=torch.float64) for name in names]

    def initial(*variances):
        return initial_by_torch(prior, n_lags, dict(zip(names, variances, strict=True)))

    slopes = torch.autograd.functional.jacobian(initial, tuple(values))
    expected = sum(
        rate * slope for rate, slope in zip(prior.group_rates.values(), slopes, strict=True)
    )
    assert_allclose(full(prior.covariance(n_lags)), expected, rtol=1e-10, atol=1e-14)
    assert_allclose(full(prior.initial_covariance(n_lags)), initial(*values), rtol=1e-12)


@every_network
@pytest.mark.parametrize("n_lags", [1, 2, 30])
def test_closed_forms_are_what_the_rule_gives(prior, n_lags):
    assert_allclose(prior.covariance(n_lags), GaussianGroups.covariance(prior, n_lags), rtol=1e-12)
    for name in prior.group_rates:
        by_rule = GaussianGroups.covariance_slope(prior, n_lags, name)
        assert_allclose(prior.covariance_slope(n_lags, name), by_rule, rtol=1e-12)


@dataclass(frozen=True)
class Doubled(GaussianGroups):
    """A reader's own: a network whose input matrix acts twice."""

    nu_w: float = 0.5
    nu_f: float = 1.0

    @property
    def group_rates(self):
        return {"nu_w": 1.0, "nu_f": 1.0}

    def initial_covariance(self, n_lags, *by):
        values = {"nu_w": self.nu_w, "nu_f": self.nu_f}
        for name in by:  # of nu_w^j nu_f^2 by differences, which are exact enough here
            after, before = ({**values, name: values[name] * (1 + s)} for s in (1e-6, -1e-6))
            width = after[name] - before[name]
            rise = replace(self, **after).initial_covariance(n_lags)
            return (rise - replace(self, **before).initial_covariance(n_lags)) / width
        return self.nu_f**2 * self.nu_w ** np.arange(n_lags, dtype=float)


def test_a_network_of_the_readers_own_needs_its_initial_covariance_alone():
    lag = np.arange(7)
    expected = 1.5**2 * lag * 0.6 ** (lag - 1.0) + 2 * 1.5 * 0.6**lag
    assert_allclose(Doubled(0.6, 1.5).covariance(7), expected, rtol=1e-8)


# -- Limits ------------------------------------------------------------------------------


@pytest.mark.parametrize("nu_w", [0.0, 0.5, 0.99, 1.1])
@pytest.mark.parametrize("rates", [(1.0, 1.0, 1.0), RATES, (0.0, 0.0, 1.0)])
def test_one_layer_and_no_leak_are_the_linear_rnn(nu_w, rates):
    expected = LinearRNN(nu_w, 0.5, 2.0, rates).covariance(60)
    assert_allclose(
        DeepLinearRNN(nu_w, 0.5, 2.0, 7.0, 1, rates).covariance(60), expected, rtol=1e-13
    )
    leaky = LeakyRNN(nu_w, 0.5, 2.0, 1.0, rates)
    assert_allclose(leaky.covariance(60), np.diag(expected), rtol=1e-14)
    assert_allclose(leaky.root(60), np.diag(np.sqrt(expected)), rtol=1e-14)


def test_a_leak_near_one_is_near_none():
    near = LeakyRNN(0.7, leak=1 - 1e-9).covariance(30)
    assert_allclose(near, LeakyRNN(0.7, leak=1.0).covariance(30), rtol=1e-7, atol=1e-7)


def test_rates_of_one_group_are_its_share_and_all_add_up():
    def prior(*rates):
        return LinearRNN(0.7, 0.5, 2.0, rates).covariance(20)

    lag = np.arange(20)
    assert_allclose(prior(1.0, 0.0, 0.0), lag * 0.7 ** (lag - 1.0), rtol=1e-13)
    assert_allclose(prior(0.0, 1.0, 0.0), 2.0 * 0.7**lag, rtol=1e-13)
    assert_allclose(prior(0.0, 0.0, 1.0), 0.5 * 0.7**lag, rtol=1e-13)
    parts = prior(2.0, 0.0, 0.0) + prior(0.0, 3.0, 0.0) + prior(0.0, 0.0, 5.0)
    assert_allclose(prior(2.0, 3.0, 5.0), parts, rtol=1e-14)
    weights = linear_rnn_lag_weights(20, 0.7, 0.5, 2.0, rates=(2.0, 3.0, 5.0))
    assert_array_equal(prior(2.0, 3.0, 5.0), weights)


@pytest.mark.parametrize("name", ["nu_w", "nu_f", "nu_c", "nu_u"])
def test_a_variance_of_zero_is_the_limit_of_small_ones(name):
    zero, small = (
        replace(DeepLinearRNN(), **{name: value}).covariance(12) for value in (0.0, 1e-12)
    )
    assert_allclose(zero, small, rtol=1e-9, atol=1e-9)


def test_two_of_three_layers_that_pass_nothing_on_leave_no_weights():
    with pytest.raises(ValueError, match=r"All lag weights of .*nu_u=0.0, n_layers=3.* are zero"):
        DeepLinearRNN(nu_u=0.0, n_layers=3).covariance(12)


def test_depth_moves_the_peak_and_not_the_rate():
    shallow, deep = (DeepLinearRNN(0.6, n_layers=layers).covariance(3000) for layers in (1, 5))
    assert deep.argmax() > shallow.argmax()
    assert_allclose(deep[1000] / deep[999], shallow[1000] / shallow[999], rtol=1e-2)


def test_weights_of_many_layers_and_lags_do_not_overflow_on_the_way():
    """``C(j + 1999, 1999)`` overflows long before its product with ``nu_w^j`` does."""
    weights = DeepLinearRNN(0.2, n_layers=2000).covariance(4000)
    lag = np.arange(4000)
    log_ways = np.cumsum(np.log(np.append(1.0, (lag[1:] + 1999) / lag[1:])))
    log_gamma = log_ways + lag * np.log(0.2)
    assert log_ways.max() > 800
    expected = log_gamma + np.log(2.0 + 1999 + lag / 0.2)
    seen = weights > 1e-300  # below, digits are lost
    assert_allclose(np.log(weights[seen]), expected[seen], rtol=1e-10, atol=1e-8)


# -- A leak ------------------------------------------------------------------------------


@pytest.mark.parametrize("leak", [1e-3, 0.1, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("nu_w", [0.0, 0.3, 0.9, 1.05])
@pytest.mark.parametrize("n_lags", [1, 12, 150])
def test_the_root_is_the_lower_triangular_one(leak, nu_w, n_lags):
    prior = LeakyRNN(nu_w, 0.5, 2.0, leak)
    root, covariance = prior.root(n_lags), prior.covariance(n_lags)
    assert not np.triu(root, 1).any()
    assert (np.diagonal(root) >= 0).all()
    assert_allclose(root @ root.T, covariance, rtol=1e-12, atol=1e-300)


def test_the_root_is_that_of_cholesky():
    prior = LeakyRNN(0.7, 0.5, 2.0, 0.6, RATES)
    assert_allclose(prior.root(8), lower_root(prior.covariance(8)), rtol=1e-7)


def test_a_slow_leak_over_many_lags_has_low_rank_and_stays_a_covariance():
    covariance = LeakyRNN(0.9, leak=0.01).covariance(300)
    values = np.linalg.eigvalsh(covariance)
    assert values[0] > -1e-13 * values[-1]
    assert (values > 1e-12 * values[-1]).sum() < 30


def test_a_leak_holds_the_present_back_and_makes_neighbours_alike():
    covariance = LeakyRNN(0.5, leak=0.2).covariance(40)
    assert covariance.min() > 0
    deviation = np.sqrt(np.diagonal(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    assert (np.diagonal(correlation, 1) > 0.8).all()
    assert (
        np.diagonal(covariance).sum() / covariance[0, 0] > LinearRNN(0.5).covariance(40).sum() / 2
    )


@pytest.mark.parametrize("name", ["nu_w", "nu_f", "nu_c", "leak"])
@pytest.mark.parametrize("leak", [0.05, 0.5, 0.95])
def test_slopes_of_the_leaky_prior_are_differences(name, leak):
    prior = LeakyRNN(0.8, 0.5, 2.0, leak, RATES)
    expected = LagPrior.covariance_slope(prior, 40, name)
    allowed = 1e-8 * np.abs(expected).max()
    assert_allclose(prior.covariance_slope(40, name), expected, rtol=1e-6, atol=allowed)


# -- Columns, ensembles, errors ----------------------------------------------------------


@pytest.mark.parametrize("make", [LinearRNN, DeepLinearRNN])
def test_columns_of_hyperparameters_are_rows_of_weights_and_slopes(make):
    values = {"nu_w": [0.2, 0.9], "nu_f": [1.0, 0.3], "nu_c": [0.5, 0.5]}
    together = make(**{name: np.array(column)[:, None] for name, column in values.items()})
    each = [make(**{name: column[row] for name, column in values.items()}) for row in range(2)]
    assert_allclose(together.variances(15), [one.covariance(15) for one in each], rtol=1e-13)
    for name in values:
        slopes = [one.covariance_slope(15, name) for one in each]
        assert_allclose(together.covariance_slope(15, name), slopes, rtol=1e-13)


@every_network
def test_the_ensemble_starts_with_the_initial_covariance(prior):
    root, start = full(prior.root(12)), prior.ensemble_deviations(12)
    assert_allclose((root * start**2) @ root.T, full(prior.initial_covariance(12)), rtol=1e-12)


def test_an_ensemble_of_lags_that_are_not_trained_is_an_error():
    with pytest.raises(ValueError, match="some lags are not trained"):
        LinearRNN(0.5, rates=(1.0, 0.0, 0.0)).ensemble_deviations(4)


@every_network
@pytest.mark.parametrize("name", ["nu_w", "nu_f", "nu_c"])
def test_a_variance_that_is_none_is_an_error_that_names_it(prior, name):
    for of in ("covariance", "root"):
        with pytest.raises(ValueError, match=f"{name} is a variance and must not be .* got -0.1"):
            getattr(replace(prior, **{name: -0.1}), of)(4)
        with pytest.raises(TypeError, match=f"{name} is a variance and must be a number, .* 'a'"):
            getattr(replace(prior, **{name: "a"}), of)(4)


@pytest.mark.parametrize("leak", [1e-200, 5e-324])
def test_a_leak_of_which_nothing_is_left_is_named(leak):
    for of in ("covariance", "root"):
        with pytest.raises(ValueError, match=f"All lag weights are zero: leak={leak} is too small"):
            getattr(LeakyRNN(leak=leak), of)(3)


def test_variances_that_overflow_are_named_whichever_it_is():
    with pytest.raises(ValueError, match=r"overflow: nu_w=0.5, nu_f=1.7e\+308, nu_c=1.0 are too"):
        LinearRNN(nu_f=1.7e308).covariance(3)


@every_network
def test_weights_that_overflow_are_an_error_that_names_nu_w_and_n_lags(prior):
    with pytest.raises(ValueError, match=r"lag weights overflow: .*nu_w=1e\+200.*n_lags=9"):
        replace(prior, nu_w=1e200).root(9)


@every_network
def test_no_weights_at_all_are_an_error(prior):
    with pytest.raises(ValueError, match=r"All lag weights .*zero"):
        replace(prior, nu_f=0.0, nu_c=0.0).root(4)


@every_network
@pytest.mark.parametrize(
    ("rates", "error"),
    [
        ((1.0, 1.0), TypeError),
        ([1.0, 1.0, 1.0], TypeError),
        (2.0, TypeError),
        ((1.0, 1.0, "a"), TypeError),
        ((1.0, -1.0, 1.0), ValueError),
        ((1.0, np.inf, 1.0), ValueError),
        ((np.nan, 1.0, 1.0), ValueError),
        ((0.0, 0.0, 0.0), ValueError),
    ],
    ids=str,
)
def test_rates_that_are_none_are_an_error_that_names_them(prior, rates, error):
    with pytest.raises(error, match=r"rates must be .*, but got "):
        replace(prior, rates=rates).root(4)


@pytest.mark.parametrize("leak", [0.0, -0.5, 1.01, np.nan, "slow", None])
def test_a_leak_that_is_none_is_an_error_that_names_it(leak):
    for of in ("covariance", "root"):
        with pytest.raises(ValueError, match="leak must be above 0 and at most 1, but got"):
            getattr(LeakyRNN(leak=leak), of)(4)


@pytest.mark.parametrize("n_layers", [0, -1, 1.5, "2", None])
def test_a_number_of_layers_that_is_none_is_an_error_that_names_it(n_layers):
    with pytest.raises(ValueError, match="n_layers must be a whole number of at least 1, but got"):
        DeepLinearRNN(n_layers=n_layers).root(4)


def test_networks_are_in_the_catalogue():
    networks = {name for name, make in PRIORS.items() if issubclass(make, GaussianGroups)}
    assert networks == {"linear_rnn", "leaky_rnn", "deep_linear_rnn"}


def test_many_layers_overflow_with_an_error_that_says_so():
    with pytest.raises(ValueError, match=r"lag weights overflow: .*nu_u=1e\+150"):
        DeepLinearRNN(nu_u=1e150, n_layers=1000).covariance(5)


def test_the_type_of_a_variance_does_not_matter():
    deep = {"nu_w": 0.25, "nu_f": 2.0, "nu_u": 0.5, "n_layers": 200}
    single = {name: np.float32(value) for name, value in deep.items() if name != "n_layers"}
    found = DeepLinearRNN(**deep | single).covariance(5)
    assert found.all()
    assert_allclose(found, DeepLinearRNN(**deep).covariance(5), rtol=1e-14)
