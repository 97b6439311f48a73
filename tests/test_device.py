"""Devices give the same numbers, and seeds the same networks."""

import copy
import os
import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import (
    LagStatistics,
    LagStream,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)

from .cuda_stand_in import cuda_stand_in

ESTIMATORS = [
    partial(NTKConvRegressor, 0.7),
    partial(NTKConvRegressor, 0.7, alpha=0.0, n_steps=50),
    partial(NTKConvRegressor, 0.7, prior="tc"),
    partial(NTKConvRegressor, 0.7, alpha=0.0, n_steps="gcv"),
    partial(NTKConvRegressorCV, (0.3, 0.7)),
    partial(NTKConvRegressorCV, (0.3, 0.7), prior=("flat", "ss"), cv="loo"),
    partial(WeightedConv1DRegressor, nu_w=0.7, max_iter=50, momentum=0.3),
    partial(WeightedConv1DRegressor, "flat", max_iter=50, solver="adam"),
    partial(LinearRNNRegressor, 30, nu_w=0.7, max_iter=50, random_state=0),
    partial(LinearRNNRegressor, 30, init="centered", max_iter=50, random_state=0),
    partial(
        LinearRNNRegressor,
        30,
        momentum=0.9,
        nesterov=True,
        schedule="cosine",
        weight_decay=0.01,
        max_grad_norm=0.1,
        max_iter=150,
        random_state=0,
    ),
    partial(LRURegressor, 30, max_iter=50, random_state=0),
    partial(LRURegressor, 30, normalise=False, init="centered", max_iter=50, random_state=0),
    partial(LinearRNNRegressor, 30, solver="adam", early_stopping=True, random_state=0),
    partial(LinearRNNRegressor, 30, solver="lbfgs", max_iter=5, random_state=0),
]
every_estimator = pytest.mark.parametrize(
    "make", ESTIMATORS, ids=lambda m: f"{m.func.__name__}-{m.keywords}"
)
rng = np.random.default_rng(0)
WINDOWS, y = rng.normal(size=(60, 8, 2)), 0.1 * rng.normal(size=(60, 2))
STEPS = np.cumsum(rng.normal(size=(5000, 2)), axis=0) / 50
EVERY = 0.1 * rng.normal(size=(5000, 1))
FORMS = {"windows": (WINDOWS, y, {}), "series": (STEPS, EVERY, {"rows": "timesteps", "n_lags": 8})}


# -- CUDA ---------------------------------------------------------------------------------


@pytest.mark.cuda
@every_estimator
@pytest.mark.parametrize("form", FORMS)
def test_cuda_gives_the_numbers_of_the_cpu(make, form):
    X, target, parameters = FORMS[form]
    cpu = make(device="cpu", **parameters).fit(X, target)
    cuda = make(device="cuda", **parameters).fit(X, target)
    scale = np.abs(cpu.impulse_response_).max()
    for name in ("impulse_response_", "intercept_"):
        assert_allclose(getattr(cuda, name), getattr(cpu, name), rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.cuda
@pytest.mark.parametrize(
    "make",
    [
        partial(NTKConvRegressor, "auto", alpha="auto", noise="ar"),
        partial(NTKConvRegressor, "auto", alpha="auto", memory="channel", initial_state="mean"),
        partial(NTKConvRegressor, channel_scale=[1.0, 0.2], initial_state="unknown"),
        partial(NTKConvRegressor, alpha=0.0, fit_intercept=False, n_steps="loo"),
        partial(WeightedConv1DRegressor, channel_scale=[1.0, 0.2], max_iter=20),
        partial(LinearRNNRegressor, 9, channel_scale=[1.0, 0.2], max_iter=20, random_state=0),
        partial(LRURegressor, 9, fit_intercept=False, solver="lbfgs", max_iter=5, random_state=0),
    ],
    ids=lambda make: f"{make.func.__name__}-{make.keywords}",
)
def test_gaps_and_weights_on_cuda_are_those_on_the_cpu(make):
    X, target, parameters = FORMS["series"]
    weights, target = np.linspace(0.5, 2.0, 600), target[:600].copy()
    target[[3, 4, 200]] = np.nan
    cpu, cuda = (
        make(device=device, **parameters).fit(X[:600], target, weights)
        for device in ("cpu", "cuda")
    )
    scale = np.abs(cpu.impulse_response_).max()
    assert_allclose(cuda.impulse_response_, cpu.impulse_response_, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.cuda
@pytest.mark.parametrize(
    "make",
    [
        partial(NTKConvRegressor, 0.7),
        partial(WeightedConv1DRegressor, max_iter=20, early_stopping=True),
        partial(LinearRNNRegressor, 9, max_iter=20, solver="adam", random_state=0),
        partial(LRURegressor, 9, max_iter=20, momentum=0.5, learning_rate=0.01, random_state=0),
    ],
    ids=lambda make: make.func.__name__,
)
def test_a_model_goes_on_on_another_device(make):
    X, target, parameters = FORMS["series"]
    found = []
    for devices in (["cpu"] * 3, ["cuda", "cpu", "cuda"]):
        model = make(**parameters)
        for device, part in zip(devices, np.array_split(np.arange(900), 3), strict=True):
            model = pickle.loads(pickle.dumps(model.set_params(device=device)))
            model.partial_fit(X[part], target[part])
        found.append(model.impulse_response_)
    assert_allclose(found[1], found[0], rtol=1e-8, atol=1e-10)


@pytest.mark.cuda
def test_a_schedule_on_cuda_is_asked_for_iterations_that_may_come_alone():
    X, target, parameters = FORMS["series"]
    shares = [1.0 / (1 + k) for k in range(70)]  # and no more
    model = partial(WeightedConv1DRegressor, schedule=shares.__getitem__, max_iter=70, **parameters)
    cpu, cuda = (model(device=device).fit(X, target) for device in ("cpu", "cuda"))
    assert_allclose(cuda.loss_curve_, cpu.loss_curve_, rtol=1e-10)
    assert len(cuda.loss_curve_) == 70


@pytest.mark.cuda
@pytest.mark.parametrize("cv", [4, "gcv", "loo", "evidence"])
def test_scores_on_cuda_are_those_on_the_cpu(cv):
    X, target, parameters = FORMS["series"]
    searches = [
        NTKConvRegressorCV(cv=cv, device=device, **parameters).fit(X, target)
        for device in ("cpu", "cuda")
    ]
    expected, found = (search.cv_results_["mean_test_score"] for search in searches)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
    assert searches[0].best_params_ == searches[1].best_params_


@pytest.mark.cuda
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prior", ["linear_rnn", "dc"])
@pytest.mark.filterwarnings("ignore:The highest evidence is that of")
def test_evidence_on_cuda_is_that_on_the_cpu(form, prior):
    """A search stops where the evidence is flat, so that its place is known to fewer digits."""
    X, target, parameters = FORMS[form]
    model = partial(NTKConvRegressor, "auto", alpha="auto", prior=prior, **parameters)
    cpu, cuda = (model(device=device).fit(X, target) for device in ("cpu", "cuda"))
    if np.isinf(cpu.alpha_):
        assert np.isinf(cuda.alpha_)
        return
    assert_allclose(cuda.log_marginal_likelihood(), cpu.log_marginal_likelihood(), atol=1e-4)
    point = {"nu_w": 0.6, "alpha": 2.0}
    found, expected = (each.log_marginal_likelihood(**point) for each in (cuda, cpu))
    assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.cuda
@pytest.mark.parametrize("form", FORMS)
def test_posterior_on_cuda_is_that_on_the_cpu(form):
    X, target, parameters = FORMS[form]
    cpu, cuda = (
        NTKConvRegressor(0.7, device=device, **parameters).fit(X, target)
        for device in ("cpu", "cuda")
    )
    for ask in (
        lambda model: model.predict(X, return_std=True)[1],
        lambda model: model.predict_ensemble(X)[1],
        lambda model: model.impulse_response_std_,
        lambda model: model.staged_impulse_response([1, 30]),
        lambda model: model.noise_variance_,
    ):
        expected = ask(cpu)
        assert_allclose(ask(cuda), expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())


@pytest.mark.cuda
@pytest.mark.parametrize("window", [None, 2000])
@pytest.mark.parametrize("half_life", [None, 700])
def test_a_stream_on_cuda_has_the_sums_of_the_cpu(tmp_path, window, half_life):
    found = {}
    for device in ("cpu", "cuda"):
        stream = LagStream(8, window=window, device=device).forget(half_life)
        stream.add(STEPS[:3000], EVERY[:3000]).save(tmp_path / device)
        stream = LagStream.load(tmp_path / device, device=device)
        found[device] = stream.add(STEPS[3000:], EVERY[3000:]).statistics
    assert found["cuda"].input_mean.is_cuda
    for name in ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter"):
        ours, expected = (getattr(found[device], name).cpu() for device in ("cuda", "cpu"))
        assert_allclose(ours, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max()))


@pytest.mark.cuda
def test_pieces_on_cuda_teach_what_they_do_on_the_cpu():
    responses = []
    for device in ("cpu", "cuda"):
        model = NTKConvRegressor(0.7, rows="timesteps", n_lags=8, device=device)
        model.partial_fit(STEPS[:3000], EVERY[:3000]).partial_fit(STEPS[3000:], EVERY[3000:])
        responses.append(model.impulse_response_)
    assert_allclose(*responses, rtol=1e-8, atol=1e-10)


@pytest.mark.cuda
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nu_w", [0.3, 0.9])
def test_conjugate_gradients_on_cuda_are_the_direct_solution(form, nu_w):
    X, target, parameters = FORMS[form]
    direct = NTKConvRegressor(nu_w, device="cpu", **parameters).fit(X, target)
    cuda = NTKConvRegressor(nu_w, device="cuda", solver="cg", **parameters).fit(X, target)
    for name in ("impulse_response_", "intercept_"):
        assert_allclose(getattr(cuda, name), getattr(direct, name), rtol=1e-8, atol=1e-8)


@pytest.mark.cuda
@pytest.mark.parametrize("n_lags", [5, 300])
def test_statistics_on_cuda_are_those_on_the_cpu(n_lags):
    parts = [
        LagStatistics.from_series(STEPS, EVERY, n_lags=n_lags, device=device)
        for device in ("cpu", "cuda")
    ]
    for name in ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter"):
        expected, found = (getattr(part, name).cpu().numpy() for part in parts)
        assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@pytest.mark.cuda
def test_auto_is_cuda_where_there_is_one():
    X, target, _ = FORMS["windows"]
    auto = NTKConvRegressor().fit(X, target)
    assert_array_equal(
        auto.impulse_response_, NTKConvRegressor(device="cuda").fit(X, target).impulse_response_
    )


@pytest.mark.cuda
def test_models_trained_on_cuda_unpickle_on_a_machine_without(tmp_path):
    models = [make(device="cuda").fit(WINDOWS, y) for make in ESTIMATORS]
    stored = WINDOWS, [(model, model.predict(WINDOWS)) for model in models]
    (tmp_path / "models.pkl").write_bytes(pickle.dumps(stored))
    code = (
        "import pickle, sys, numpy as np\n"
        "X, models = pickle.load(open(sys.argv[1], 'rb'))\n"
        "for model, expected in models:\n"
        "    assert np.array_equal(model.predict(X), expected), model"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "models.pkl")], check=True, env=environment
    )


@pytest.mark.cuda
def test_a_device_past_the_last_is_not_available():
    with pytest.raises(ValueError, match="device='cuda:99' is not available"):
        NTKConvRegressor(device="cuda:99").fit(WINDOWS, y)


# -- Waiting for the device ---------------------------------------------------------------

there_is_none = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


def n_waits(model, form="series"):
    X, target, parameters = FORMS[form]
    with cuda_stand_in() as synchronisations:
        model.set_params(device="cuda", **parameters).fit(X[:500], target[:500])
        return synchronisations.total()


@there_is_none
@pytest.mark.parametrize("solver", ["gd", "adam"])
@pytest.mark.parametrize(
    "make",
    [
        partial(WeightedConv1DRegressor, momentum=0.5, learning_rate=1e-3),
        partial(LinearRNNRegressor, 5, max_grad_norm=0.1, weight_decay=0.1, random_state=0),
        partial(LRURegressor, 5, early_stopping=True, n_iter_no_change=200, random_state=0),
    ],
    ids=lambda make: make.func.__name__,
)
def test_the_host_looks_at_a_training_once_in_64_iterations(make, solver):
    """It then reads how many there were, their losses and whether they go on; it sends rates."""
    short, long = (n_waits(make(solver=solver, max_iter=64 * k)) for k in (1, 3))
    assert long - short == 2 * 4


@there_is_none
def test_numbers_of_iterations_are_compared_on_the_device():
    given, chosen = (n_waits(NTKConvRegressor(alpha=0.0, n_steps=n)) for n in (50, "gcv"))
    assert chosen - given < 20  # of hundreds of numbers


# -- CPU ----------------------------------------------------------------------------------


@there_is_none
@every_estimator
def test_auto_is_the_cpu_where_there_is_no_gpu(make):
    auto, cpu = make().fit(WINDOWS, y), make(device="cpu").fit(WINDOWS, y)
    assert_array_equal(auto.impulse_response_, cpu.impulse_response_)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "cpu:0"])
def test_a_device_may_be_a_string_or_an_object(device):
    model = NTKConvRegressor(device=device).fit(WINDOWS, y)
    assert_allclose(model.predict(WINDOWS), NTKConvRegressor().fit(WINDOWS, y).predict(WINDOWS))


# -- Seeds --------------------------------------------------------------------------------


def rnn(random_state, **parameters):
    return LinearRNNRegressor(20, max_iter=3, random_state=random_state, **parameters).fit(
        WINDOWS, y
    )


@pytest.mark.parametrize("seed", [0, 1, 2**31])
def test_a_seed_gives_one_network(seed):
    assert_array_equal(rnn(seed).transition_, rnn(seed).transition_)
    assert_array_equal(rnn(seed).predict(WINDOWS), rnn(seed).predict(WINDOWS))


def test_seed_zero_is_a_seed_like_any_other():
    assert not np.array_equal(rnn(0).transition_, rnn(1).transition_)


def test_without_a_seed_networks_differ():
    assert not np.array_equal(rnn(None).transition_, rnn(None).transition_)


def test_a_random_state_moves_on_from_fit_to_fit():
    state = np.random.RandomState(0)
    first, second = rnn(state), rnn(state)
    assert not np.array_equal(first.transition_, second.transition_)
    again = np.random.RandomState(0)
    assert_array_equal(rnn(again).transition_, first.transition_)
    assert_array_equal(rnn(again).transition_, second.transition_)


def test_a_seed_gives_the_same_initialisation_for_both_types():
    single, double = rnn(0, dtype="float32"), rnn(0)
    assert_allclose(single.transition_, double.transition_, rtol=1e-3, atol=1e-4)


@every_estimator
def test_global_generators_are_left_alone(make):
    numpy_generator = np.random.mtrand._rand  # what scikit-learn takes for random_state=None
    torch_state, numpy_state = torch.get_rng_state(), copy.deepcopy(numpy_generator.get_state())
    make().fit(WINDOWS, y).predict(WINDOWS)
    assert_array_equal(torch.get_rng_state(), torch_state)
    for now, before in zip(numpy_generator.get_state(), numpy_state, strict=True):
        assert_array_equal(now, before)


def test_other_global_settings_of_torch_are_left_alone():
    before = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
    rnn(0, dtype="float32").predict(WINDOWS)
    assert (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()) == before


@pytest.mark.parametrize("enabled", [True, False])
def test_the_callers_gradient_mode_does_not_matter(enabled):
    with torch.set_grad_enabled(enabled):
        found = rnn(0)
    assert_array_equal(found.impulse_response_, rnn(0).impulse_response_)
