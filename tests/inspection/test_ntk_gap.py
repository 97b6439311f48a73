"""The gap between a trained network and its infinite-width limit, and what it is made of."""

import copy
import itertools
import pickle
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKGap,
    WeightedConv1DRegressor,
    ntk_gap,
)
from sklearn_linrnn._core.networks.tangent_kernel import linear_rnn_lag_covariance

RNG = np.random.default_rng(0)
N_LAGS = 6
X = RNG.normal(0.2, 1.0, (80, N_LAGS))
Y = X @ np.array([0.1, -0.2, 0.3, 0.1, -0.5, 1.0]) + 0.3 * RNG.normal(size=80) + 2.0
NU = {"nu_w": 0.6, "nu_f": 1.5, "nu_c": 0.7}


def network(**options):
    defaults = {"n_hidden": 12, "max_iter": 25, "random_state": 0, "init": "centered", **NU}
    return LinearRNNRegressor(**{**defaults, **options})


def no_step(step):
    return 0.0


def limit_of(model):
    """Return the scaled convolution with the training of a network."""
    shared = set(WeightedConv1DRegressor().get_params()) - {"lag_weights"}
    values = {name: value for name, value in model.get_params().items() if name in shared}
    return WeightedConv1DRegressor(**values)


# -- What it is, literally ---------------------------------------------------------------


def response(W, F, C):
    """Return ``H`` by its definition, (n_lags,)."""
    state, lags = F, []
    for _ in range(N_LAGS):
        lags.append((C @ state).squeeze() / len(W) ** 0.5)
        state = W @ state / len(W) ** 0.5
    return torch.stack(lags)


def start_of(model):
    """Return the parameters with which a network began, as one vector, and its Jacobian."""
    still = clone(model).set_params(schedule=no_step, max_iter=1).fit(X, Y)
    shapes = [still.transition_, still.input_, still.readout_]
    parameters = [torch.from_numpy(part) for part in shapes]
    jacobians = torch.func.jacrev(response, argnums=(0, 1, 2))(*parameters)
    return response(*parameters).numpy(), torch.cat([j.flatten(1) for j in jacobians], 1).numpy()


def descend(at_zero, jacobian, model, *, data=(X, Y), n_steps=None):
    """Return ``H`` after iterations on the parameters of ``at_zero + jacobian @ p`` from zero."""
    x, y = data
    Z, t = (x - x.mean(axis=0))[:, ::-1], y - y.mean()
    p = velocity = np.zeros(jacobian.shape[1])
    for step in range(n_steps or model.n_iter_):
        gradient = jacobian.T @ (Z.T @ (Z @ (at_zero + jacobian @ p) - t)) / len(y)
        if model.max_grad_norm is not None:
            gradient = gradient * min(1.0, model.max_grad_norm / (np.linalg.norm(gradient) + 1e-6))
        velocity = model.momentum * velocity + gradient
        direction = gradient + model.momentum * velocity if model.nesterov else velocity
        share = 1.0
        if model.schedule == "cosine":
            share = 0.5 * (1 + np.cos(np.pi * step / model.max_iter))
        p = p - model.learning_rate * share * direction
    return at_zero + jacobian @ p


def literal_gap(model, norm=np.linalg.norm, **options):
    """Return total, width and movement from the samples and by automatic differentiation."""
    drawn, jacobian = start_of(model)
    start = np.zeros(N_LAGS) if model.init == "centered" else drawn
    limit = descend(start, np.diag(model.lag_weights_**0.5), model, **options)
    linearised = descend(start, jacobian, model, **options)
    trained = model.impulse_response_[0, 0]
    parts = trained - limit, linearised - limit, trained - linearised
    return [norm(part) / norm(limit - start) for part in parts]


TRAININGS = {
    "gd": {},
    "momentum": {"momentum": 0.8},
    "Nesterov": {"momentum": 0.8, "nesterov": True},
    "clipping": {"max_grad_norm": 0.2},
    "cosine": {"schedule": "cosine"},
    "random start": {"init": "random"},
    "random start and momentum": {"init": "random", "momentum": 0.8},
    "orthogonal": {"transition_init": "orthogonal"},
}
every_training = pytest.mark.parametrize("options", TRAININGS.values(), ids=TRAININGS)


@every_training
@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_the_gap_is_that_of_literal_descent_on_the_samples(options, scale):
    y = scale * Y
    if "max_grad_norm" in options:
        options = {"max_grad_norm": 0.2 * scale}
    model = network(**options, learning_rate=0.01).fit(X, y)
    assert_allclose(ntk_gap(model)[:3], literal_gap(model, data=(X, y)), rtol=1e-8)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.5}], ids=["gd", "momentum"])
def test_with_the_automatic_learning_rate_the_total_is_the_distance_to_the_convolution(options):
    for transition_init in ("gaussian", "orthogonal"):
        model = network(**options, transition_init=transition_init, n_hidden=100).fit(X, Y)
        limit = limit_of(model).fit(X, Y).impulse_response_
        expected = np.linalg.norm(model.impulse_response_ - limit) / np.linalg.norm(limit)
        assert_allclose(ntk_gap(model).total, expected, rtol=1e-9)


def test_the_limit_of_an_identity_initialisation_has_its_own_kernel():
    model = network(transition_init="identity", n_hidden=50).fit(X, Y)
    covariance = linear_rnn_lag_covariance(N_LAGS, **NU, transition_init="identity")
    limit = NTKConvRegressor(prior=covariance, alpha=0, n_steps=25).fit(X, Y).impulse_response_
    expected = np.linalg.norm(model.impulse_response_ - limit) / np.linalg.norm(limit)
    assert_allclose(ntk_gap(model).total, expected, rtol=1e-7)


def rms_of_predictions(difference):
    """Return the root mean square of centred predictions on the training inputs."""
    return ((X - X.mean(axis=0))[:, ::-1] @ difference).std()


@pytest.mark.parametrize("init", ["random", "centered"])
def test_the_metric_of_predictions_is_their_root_mean_square_difference(init):
    model = network(init=init, learning_rate=0.01).fit(X, Y)
    expected = literal_gap(model, norm=rms_of_predictions)
    assert_allclose(ntk_gap(model, metric="prediction")[:3], expected, rtol=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_metric_of_predictions_is_that_of_predict(fit_intercept, weighted):
    rng = np.random.default_rng(1)
    x, w = rng.normal(0.5, 1.0, (50, 4, 2)), rng.uniform(0.1, 2.0, 50)
    y, weights = rng.normal(1.0, 1.0, (50, 3)), w if weighted else None
    model = network(fit_intercept=fit_intercept).fit(x, y, weights)
    limit = limit_of(model).fit(x, y, weights)
    still = clone(model).set_params(schedule=no_step, max_iter=1).fit(x, y, weights)

    def rms(one, other):
        squares = (one.predict(x) - other.predict(x)) ** 2
        return np.sqrt(np.average(squares.sum(axis=1), weights=weights))

    expected = rms(model, limit) / rms(limit, still)
    assert_allclose(ntk_gap(model, metric="prediction").total, expected, rtol=1e-9)


# -- How it falls with the width ---------------------------------------------------------

WIDTHS, SEEDS = [32, 64, 128, 256], range(8)
# Few iterations: at least squares nothing is left of the kernels.
LAZY = {"max_iter": 8, "learning_rate": 0.02}


def slope(errors):
    return np.polyfit(np.log(WIDTHS), np.log(errors), 1)[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.8},
        {"init": "random"},
        {"transition_init": "orthogonal"},
        {"transition_init": "identity"},
    ],
    ids=["gd", "momentum", "random start", "orthogonal", "identity"],
)
def test_small_targets_are_learned_as_by_the_limit_with_the_inverse_root_of_the_width(options):
    """Trainings and impulse responses both; from one start the curves, too, begin alike."""
    gaps, curves = [], []
    compares = options.get("init") != "random" and options.get("transition_init") != "identity"
    limit = limit_of(network(**LAZY, **options)).fit(X, 1e-2 * Y)
    for n_hidden in WIDTHS:
        here = [
            network(**LAZY, **options, n_hidden=n_hidden, random_state=seed).fit(X, 1e-2 * Y)
            for seed in SEEDS
        ]
        gaps.append(np.mean([ntk_gap(model).total for model in here]))
        curves.append(
            np.mean([np.linalg.norm(model.loss_curve_ - limit.loss_curve_) for model in here])
        )
    assert -0.7 < slope(gaps) < -0.3
    assert gaps[-1] < 0.25
    if compares:
        assert -0.7 < slope(curves) < -0.3
        assert curves[-1] < 0.2 * np.linalg.norm(limit.loss_curve_)


def test_the_gap_of_the_width_does_not_know_the_scale_of_the_targets():
    gaps = [ntk_gap(network().fit(X, scale * Y)) for scale in (1e-6, 1.0, 1e6)]
    ours = [(gap.width, gap.initial_kernel) for gap in gaps]
    assert_allclose(ours[1:], ours[:-1], rtol=1e-8)


# -- How it grows with the scale of the targets ------------------------------------------


def long_memory(scale):
    return X, scale * X.sum(axis=1)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_movement_vanishes_in_proportion_to_small_targets(momentum):
    x, y = long_memory(1.0)
    options = {"momentum": momentum, "n_hidden": 64}
    movements = [
        ntk_gap(network(**options).fit(x, scale * y)).movement for scale in (1e-5, 1e-4, 1e-3)
    ]
    assert_allclose(np.divide(movements[1:], movements[:-1]), 10.0, rtol=0.02)


def test_movement_grows_with_the_targets_and_the_text_says_that_the_regime_is_left():
    gaps = []
    for scale in (0.01, 1.0, 10.0, 100.0, 1000.0):
        model = network(n_hidden=256, max_iter=60).fit(*long_memory(scale))
        gaps.append(ntk_gap(model))
    movements, totals = ([getattr(gap, name) for gap in gaps] for name in ("movement", "total"))
    assert (np.diff(movements) > 0).all()
    assert (np.diff(totals[1:]) > 0).all()
    assert gaps[0].is_lazy
    assert "is in the kernel regime" in str(gaps[0])
    assert not gaps[-1].is_lazy
    assert "has left the kernel regime" in str(gaps[-1])


def test_a_network_that_learned_what_its_limit_did_may_have_left_its_regime():
    """All of them find the one solution of an easy task, whatever becomes of their parameters."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 5))
    model = network(nu_w=0.5, max_iter=3000)
    small, large = (ntk_gap(model.fit(x, scale * x[:, -1])) for scale in (1e-3, 100.0))
    assert large.movement < 0.1
    assert small.is_lazy
    assert not large.is_lazy
    before, after = model.empirical_lag_weights(at_start=True), model.empirical_lag_weights()
    assert large.kernel > 10
    assert np.linalg.norm(after - before) > 10 * np.linalg.norm(before)


@every_training
def test_the_text_tells_the_numbers(options):
    gap = ntk_gap(network(**options).fit(X, Y))
    found = [float(number.replace(",", "")) / 100 for number in re.findall(r"([\d.,]+)%", str(gap))]
    expected = gap.kernel, gap.total, gap.width, gap.movement, gap.initial_kernel
    assert_allclose(found, expected, rtol=0, atol=0.0005 + 1e-12)
    assert gap.is_lazy == ("is in the kernel regime" in str(gap)) == (max(gap[2:4]) < 0.1)
    assert (gap.excess_lags > 0) == ("too many lags for this width" in str(gap))


@every_training
@pytest.mark.parametrize("metric", ["response", "prediction"])
@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e2])
def test_the_total_is_at_most_the_sum_of_its_parts(options, metric, scale):
    total, width, movement, *_ = ntk_gap(network(**options).fit(X, scale * Y), metric=metric)
    assert total <= (width + movement) * (1 + 1e-12)
    assert abs(width - movement) <= total * (1 + 1e-12)
    assert min(total, width, movement) > 0


def test_an_identity_initialisation_is_far_from_the_limit_of_the_theory_and_near_its_own():
    """An orthogonal start has the limit of a Gaussian one."""
    theory = NTKConvRegressor(alpha=0, n_steps=25, **NU).fit(X, 1e-2 * Y).impulse_response_
    far = {}
    for transition_init in ("gaussian", "orthogonal", "identity"):
        model = network(n_hidden=512, transition_init=transition_init).fit(X, 1e-2 * Y)
        distance = np.linalg.norm(model.impulse_response_ - theory) / np.linalg.norm(theory)
        far[transition_init] = distance
        assert ntk_gap(model).total < 0.15
    assert far["identity"] > 3 * max(far["gaussian"], far["orthogonal"])
    assert max(far["gaussian"], far["orthogonal"]) < 0.15


# -- How the lags count ------------------------------------------------------------------


def gap_of_sums(n_lags, scale=0.01, **options):
    """Return the gap of a network that learned the sums of all of its lags, on a small scale."""
    x = np.random.default_rng(1).normal(size=(1000, 1))
    y = scale * np.convolve(x[:, 0], np.ones(n_lags))[: len(x)]
    model = network(nu_w=0.95, max_iter=30, rows="timesteps", n_lags=n_lags, **options)
    return ntk_gap(model.fit(x, y))


def test_the_kernel_at_initialisation_is_compared_where_something_was_learned():
    model = network(nu_w=0.9, learning_rate=0.01).fit(X, Y)
    drawn, jacobian = start_of(model)
    start = np.zeros_like(drawn)
    learned = [descend(start, root, model) for root in (np.diag(model.lag_weights_**0.5), jacobian)]
    ratio = (jacobian**2).sum(axis=1) / model.lag_weights_
    expected = np.sqrt(np.average((ratio - 1) ** 2, weights=np.square(learned).sum(axis=0)))
    assert_allclose(ntk_gap(model).initial_kernel, expected, rtol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_lags_far_past_the_root_of_the_width_are_too_many(seed):
    with pytest.warns(UserWarning, match="n_lags=60 is past the reach of n_hidden=64"):
        gap = gap_of_sums(60, n_hidden=64, random_state=seed)
    assert gap.cause == "lags"
    assert gap.excess_lags > 30
    assert f"{gap.excess_lags} too many lags for this width" in str(gap)


@pytest.mark.parametrize("seed", range(4))
def test_a_wider_network_has_a_limit_for_as_many_lags(seed):
    gap = gap_of_sums(16, n_hidden=400, random_state=seed)
    assert gap.excess_lags == 0
    assert "too many lags" not in str(gap)


@pytest.mark.parametrize("seed", range(4))
def test_with_an_orthogonal_initialisation_as_many_lags_are_not_too_many(seed):
    gap = gap_of_sums(60, n_hidden=64, transition_init="orthogonal", random_state=seed)
    assert gap.excess_lags == 0


def test_few_lags_are_not_too_many_whatever_the_width():
    for n_hidden, seed in itertools.product((16, 64, 256), range(4)):
        gap = gap_of_sums(int(n_hidden**0.5) // 2, n_hidden=n_hidden, random_state=seed)
        assert gap.excess_lags == 0


def test_lags_where_nothing_is_learned_are_not_too_many():
    """At a small ``nu_w`` those past the root of the width hardly count."""
    x = np.random.default_rng(1).normal(size=(1000, 1))
    y = 0.01 * np.convolve(x[:, 0], 0.3 ** np.arange(40))[:1000]
    for seed in range(4):
        model = network(
            nu_w=0.3, n_hidden=64, rows="timesteps", n_lags=40, random_state=seed, max_iter=10
        ).fit(x, y)
        weights = model.empirical_lag_weights(at_start=True)
        assert np.abs(weights / model.lag_weights_ - 1)[20:].max() > 0.5
        assert ntk_gap(model).excess_lags == 0


def test_the_cause_is_the_larger_part():
    near = NTKGap(0.1, 0.09, 0.08, 3.0, 2.0, 5)
    assert near.cause == "none"
    assert near._replace(movement=0.5).cause == "movement"
    assert near._replace(width=0.5).cause == "lags"
    assert near._replace(width=0.5, excess_lags=0).cause == "width"


def test_large_targets_are_a_cause_of_movement():
    assert ntk_gap(network(n_hidden=256, max_iter=60).fit(*long_memory(1000.0))).cause == "movement"


def test_weights_that_are_zero_in_the_limit_are_zero_in_the_network():
    gap = ntk_gap(network(nu_w=0.0).fit(X, Y))
    assert np.isfinite(gap.initial_kernel)


# -- Trainings that end otherwise --------------------------------------------------------


def test_there_is_no_gap_where_there_is_nothing_to_learn():
    assert ntk_gap(network().fit(X, np.full(80, 0.5)))[:3] == (0.0, 0.0, 0.0)
    still = network(schedule=no_step).fit(X, Y)
    assert ntk_gap(still)[:3] == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("metric", ["response", "prediction"])
def test_responses_whose_squares_underflow_have_the_gap_of_larger_ones(metric):
    """Variances of 2^-200 and 2^-700, with which input and readout alone learn."""
    large = network(nu_f=2.0**-200, nu_c=2.0**-200).fit(X, 2.0**-200 * Y)
    small = network(nu_f=2.0**-700, nu_c=2.0**-700).fit(2.0**300 * X, 2.0**-400 * Y)
    assert_allclose(ntk_gap(small, metric=metric), ntk_gap(large, metric=metric), rtol=1e-9)
    assert 0.01 < ntk_gap(small, metric=metric).width < 1.0


def test_a_precision_does_not_matter():
    gaps = [ntk_gap(network(dtype=dtype).fit(X, Y)) for dtype in ("float64", "float32")]
    assert_allclose(gaps[1], gaps[0], rtol=1e-4)


def test_early_stopping_is_compared_with_the_limit_at_the_iterations_that_were_kept():
    options = {"early_stopping": True, "validation_fraction": 0.5, "n_iter_no_change": 4}
    model = network(**options, learning_rate=0.3).fit(X, Y)
    kept = int(model.validation_loss_curve_.argmin()) + 1
    assert 1 < kept < model.n_iter_
    same = network(learning_rate=0.3, max_iter=kept).fit(X[:40], Y[:40])
    assert_allclose(model.impulse_response_, same.impulse_response_, rtol=1e-10)
    assert_allclose(ntk_gap(model), ntk_gap(same), rtol=1e-9)


def test_a_network_that_returned_to_its_initialisation_has_no_gap():
    """Its held-out loss was never again as low."""
    y = np.r_[Y[:64], 4.0 - 2 * Y[64:]]
    model = network(early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert not model.impulse_response_.any()
    assert ntk_gap(model)[:3] == (0.0, 0.0, 0.0)


def test_sums_alone_are_enough():
    model = network(rows="timesteps", n_lags=4).fit(X[:, :1], Y)
    sums = model.training_.statistics
    again = network(n_lags=4).fit_statistics(sums)
    assert_allclose(ntk_gap(again), ntk_gap(model), rtol=1e-12)


def test_to_ask_changes_nothing():
    model = network(init="random", transition_init="orthogonal").fit(X, Y)
    before, state = pickle.dumps(vars(model)), torch.random.get_rng_state()
    gap = ntk_gap(model)
    assert ntk_gap(model) == gap
    assert ntk_gap(pickle.loads(pickle.dumps(model))) == gap
    assert pickle.dumps(vars(model)) == before
    assert_array_equal(torch.random.get_rng_state(), state)


def test_a_network_without_a_seed_has_the_gap_of_its_initialisation():
    model = network(random_state=None, n_hidden=200).fit(X, 1e-2 * Y)
    assert ntk_gap(model) == ntk_gap(copy.deepcopy(model))
    assert ntk_gap(model).movement < 1e-2


# -- Questions without an answer ---------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "adam"}, "solver='adam'"),
        ({"solver": "lbfgs"}, "solver='lbfgs'"),
        ({"weight_decay": 0.1}, "weight_decay=0.1"),
    ],
)
def test_other_trainings_have_another_limit(options, message):
    with pytest.raises(ValueError, match=message):
        ntk_gap(network(**options).fit(X, Y))


@pytest.mark.parametrize("way", ["partial_fit", "warm_start"])
def test_a_network_that_went_on_training_cannot_be_retraced(way):
    model = network(warm_start=way == "warm_start").fit(X[:40], Y[:40])
    (model.fit if way == "warm_start" else model.partial_fit)(X[40:], Y[40:])
    with pytest.raises(ValueError, match="training was continued"):
        ntk_gap(model)
    model.set_params(warm_start=False).fit(X, Y)
    assert ntk_gap(model) == ntk_gap(network().fit(X, Y))


@pytest.mark.parametrize("other", [WeightedConv1DRegressor(), NTKConvRegressor()], ids=repr)
def test_other_estimators_are_not_networks(other):
    with pytest.raises(TypeError, match=f"but got {type(other).__name__}"):
        ntk_gap(other.fit(X, Y))


@pytest.mark.parametrize("wrong", [None, 3, np.eye(2), network], ids=type)
def test_what_is_not_an_estimator_is_a_type_error(wrong):
    with pytest.raises(TypeError):
        ntk_gap(wrong)


@pytest.mark.parametrize("metric", ["loss", None, "Response"])
def test_an_unknown_metric_is_named(metric):
    with pytest.raises(ValueError, match=f"metric must be .*got {metric!r}"):
        ntk_gap(network().fit(X, Y), metric=metric)


def test_an_untrained_network_has_no_gap_yet():
    with pytest.raises(NotFittedError):
        ntk_gap(network())
