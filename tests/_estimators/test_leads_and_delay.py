"""Lags on both sides of the target, and inputs that take time to act."""

import pickle
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import lfilter
from sklearn.base import clone
from sklearn.linear_model import Ridge

from sklearn_linrnn import (
    LagStatistics,
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    distributed,
    linear_rnn_lag_weights,
)
from sklearn_linrnn.forecasting import LagForecaster
from sklearn_linrnn.regression import LagTimeSeriesRegressor

N_LAGS, N_LEADS, DELAY, N_CHANNELS = 4, 2, 3, 2
NU = {"nu_w": 0.6, "nu_f": 0.8, "nu_c": 1.2}
DISTANCES = np.abs(np.arange(-N_LEADS, N_LAGS))
RHO = linear_rnn_lag_weights(N_LAGS, **NU)[DISTANCES]
N_STEPS = [9, 2, 30, 1, 14]


def make_recordings(seed=0):
    """Return recordings, targets with gaps and weights."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(n, N_CHANNELS)) + 0.3 for n in N_STEPS]
    Y = [rng.normal(size=(n, 2)) for n in N_STEPS]
    Y[2][[3, 29]] = np.nan
    weights = [rng.random(n) + 0.1 for n in N_STEPS]
    return X, Y, weights


def in_rows(X, Y, weights):
    """Return the same as rows of time steps."""
    ids = np.repeat(np.arange(len(X)), [len(part) for part in X])
    return np.concatenate(X), np.concatenate(Y), np.concatenate(weights), ids


ntk = partial(NTKConvRegressor, **NU, alpha=0.3)
conv = partial(WeightedConv1DRegressor, **NU, max_iter=40)
cv = partial(NTKConvRegressorCV, 0.6, 0.8, 1.2, alphas=[0.3], cv="gcv")
rnn = partial(LinearRNNRegressor, 12, **NU, max_iter=10, random_state=0)
lru = partial(LRURegressor, 12, max_iter=10, random_state=0)


def with_weights(make, rho, **more):
    """Return the estimator whose prior is given lag by lag."""
    if make is conv:
        return make(lag_weights=rho, **more)
    return make(prior=rho if make is ntk else [rho], **more)


both_sides = pytest.mark.parametrize("make", [ntk, conv, cv], ids=["ntk", "conv", "cv"])
every = pytest.mark.parametrize(
    "make", [ntk, conv, cv, rnn, lru], ids=["ntk", "conv", "cv", "rnn", "lru"]
)


def same_model(one, other):
    assert_allclose(one.impulse_response_, other.impulse_response_, rtol=1e-8, atol=1e-11)
    assert_allclose(one.intercept_, other.intercept_, rtol=1e-8, atol=1e-11)


# -- Leads are a target that is moved, with more lags ------------------------------------------


def moved_targets(X, Y, weights, fill=0.0):
    """Return recordings with the target moved to the last of its leads."""
    longer = [np.concatenate([part, np.full((N_LEADS, N_CHANNELS), fill)]) for part in X]
    later = [np.concatenate([np.full((N_LEADS, 2), np.nan), part]) for part in Y]
    return longer, later, [np.concatenate([np.ones(N_LEADS), part]) for part in weights]


@both_sides
@pytest.mark.parametrize("state", ["zero", "unknown"])
def test_leads_equal_a_moved_target_with_more_lags(make, state):
    X, Y, weights = make_recordings()
    X[2][[7, 11], [0, 1]] = np.nan
    fill = 0.0 if state == "zero" else np.nan
    longer, later, heavy = moved_targets(X, Y, weights, fill)
    given = {"initial_state": state, "n_lags": N_LAGS + N_LEADS}
    reference = with_weights(make, RHO, **given).fit(longer, later, heavy)
    model = make(n_leads=N_LEADS, n_lags=N_LAGS, initial_state=state).fit(X, Y, weights)
    same_model(model, reference)
    assert_allclose(model.lag_weights_, RHO, rtol=1e-13)
    assert model.first_lag_ == -N_LEADS
    ours, theirs = model.predict(X), reference.predict(longer)
    for own, moved in zip(ours, theirs, strict=True):
        assert_allclose(own, moved[N_LEADS:], rtol=1e-8, atol=1e-11)
    assert_allclose(model.score(X, Y, weights), reference.score(longer, later, heavy), rtol=1e-8)


@both_sides
def test_leads_are_the_same_in_rows_lists_and_panels(make):
    X, Y, weights = make_recordings()
    rows, targets, heavy, ids = in_rows(X, Y, weights)
    of_list = make(n_leads=N_LEADS, n_lags=N_LAGS).fit(X, Y, weights)
    order = np.random.default_rng(3).permutation(len(X)).argsort()[ids].argsort(kind="stable")
    of_rows = make(n_leads=N_LEADS, n_lags=N_LAGS, rows="timesteps")
    of_rows.fit(rows[order], targets[order], heavy[order], sequence_id=ids[order])
    same_model(of_rows, of_list)
    predicted = of_rows.predict(rows[order], sequence_id=ids[order])
    assert_allclose(predicted, np.concatenate(of_list.predict(X))[order], rtol=1e-8, atol=1e-11)

    panel = np.stack([X[2][:14], X[4]]), np.stack([Y[2][:14], Y[4]])
    of_panel = make(n_leads=N_LEADS, n_lags=N_LAGS).fit(*panel)
    same_model(of_panel, make(n_leads=N_LEADS, n_lags=N_LAGS).fit(*map(list, panel)))
    assert of_panel.predict(panel[0]).shape == panel[1].shape
    assert make(n_leads=N_LEADS).fit(*panel).impulse_response_.shape[2] == 14


@both_sides
def test_windows_have_their_target_before_the_last_time_steps(make):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, N_LAGS + N_LEADS + 3, N_CHANNELS)), rng.normal(size=60)
    given = {"n_lags": N_LAGS + N_LEADS}
    reference = with_weights(make, RHO, **given).fit(X, y)
    model = make(n_leads=N_LEADS, n_lags=N_LAGS).fit(X, y)
    same_model(model, reference)
    assert_allclose(model.predict(X), reference.predict(X), rtol=1e-8)
    assert make(n_leads=N_LEADS).fit(X, y).impulse_response_.shape[2] == X.shape[1]


def test_the_mean_is_taken_after_the_end_too():
    X, Y, weights = make_recordings()
    seen = [np.isfinite(part).all(axis=1) * w for part, w in zip(Y, weights, strict=True)]
    mean = np.average(np.concatenate(X), axis=0, weights=np.concatenate(seen))
    given = {"n_leads": N_LEADS, "n_lags": N_LAGS}
    model = ntk(**given, initial_state="mean").fit(X, Y, weights)
    centred = ntk(**given).fit([part - mean for part in X], Y, weights)
    assert_allclose(model.impulse_response_, centred.impulse_response_, rtol=1e-9)
    for own, other in zip(
        model.predict(X), centred.predict([part - mean for part in X]), strict=True
    ):
        assert_allclose(own, other, rtol=1e-9, atol=1e-12)


def test_what_the_closed_form_knows_is_that_of_a_moved_target():
    X, Y, weights = make_recordings()
    longer, later, heavy = moved_targets(X, Y, weights)
    model = ntk(n_leads=N_LEADS, n_lags=N_LAGS).fit(X, Y, weights)
    reference = ntk(prior=RHO, n_lags=N_LAGS + N_LEADS).fit(longer, later, heavy)
    for name in ("noise_variance_", "effective_degrees_of_freedom_", "impulse_response_std_"):
        assert_allclose(getattr(model, name), getattr(reference, name), rtol=1e-8)
    assert_allclose(model.log_marginal_likelihood(), reference.log_marginal_likelihood())
    for own, moved in zip(
        model.predict(X, return_std=True)[1],
        reference.predict(longer, return_std=True)[1],
        strict=True,
    ):
        assert_allclose(own, moved[N_LEADS:], rtol=1e-8)
    stages = model.staged_predict(X, [1, 30]), reference.staged_predict(longer, [1, 30])
    for own, moved in zip(*stages, strict=True):
        assert_allclose(own[2], moved[2][N_LEADS:], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("rule", ["gcv", "loo", "validation"])
def test_numbers_of_iterations_are_chosen_as_for_a_moved_target(rule):
    X, Y, weights = make_recordings()
    longer, later, heavy = moved_targets(X, Y, weights)
    given = {"n_steps": rule, "alpha": 0.0}
    model = ntk(n_leads=N_LEADS, n_lags=N_LAGS, **given).fit(X, Y, weights)
    reference = ntk(prior=RHO, n_lags=N_LAGS + N_LEADS, **given).fit(longer, later, heavy)
    assert model.n_steps_ == reference.n_steps_
    same_model(model, reference)


@pytest.mark.parametrize("rule", [3, "loo", "gcv", "evidence"])
def test_candidates_are_scored_as_for_a_moved_target(rule):
    X, Y, weights = make_recordings()
    X, Y, weights = (part[2:3] + part[4:] + part[:1] for part in (X, Y, weights))
    longer, later, heavy = moved_targets(X, Y, weights)
    given = {"alphas": [0.1, 10.0], "cv": rule, "scoring": "neg_mean_squared_error"}
    model = NTKConvRegressorCV(0.6, 0.8, 1.2, n_leads=N_LEADS, n_lags=N_LAGS, **given)
    model.fit(X, Y, weights)
    reference = NTKConvRegressorCV(prior=[RHO], n_lags=N_LAGS + N_LEADS, **given)
    reference.fit(longer, later, heavy)
    scores = [each.cv_results_["mean_test_score"] for each in (model, reference)]
    assert_allclose(*scores, rtol=1e-8)
    same_model(model, reference)


def test_the_ways_to_a_solution_agree_on_both_sides():
    X, Y, weights = make_recordings()
    given = {"n_leads": N_LEADS, "n_lags": N_LAGS}
    direct = ntk(**given).fit(X, Y, weights)
    assert_allclose(
        ntk(**given, solver="cg").fit(X, Y, weights).impulse_response_,
        direct.impulse_response_,
        rtol=1e-6,
        atol=1e-8,
    )
    longer, later, heavy = moved_targets(X, Y, weights)
    sums = LagStatistics.from_series(longer, later, n_lags=N_LAGS + N_LEADS, sample_weight=heavy)
    same_model(ntk(**given).fit_statistics(sums), direct)
    weighter = LagWeighter(**NU, **given)
    lags = np.concatenate(weighter.fit(X).transform(X))
    seen = np.isfinite(np.concatenate(Y)).all(axis=1)
    ridge = Ridge(alpha=0.3).fit(lags[seen], np.concatenate(Y)[seen], np.concatenate(weights)[seen])
    assert_allclose(ridge.predict(lags), np.concatenate(direct.predict(X)), rtol=1e-8)


@pytest.mark.parametrize("prior", ["tc", "dc", "ss", "lru", "s4d_lin"])
def test_a_correlated_prior_on_both_sides_equals_generalised_least_squares(prior):
    X, Y, weights = make_recordings()
    rows, targets, heavy, ids = in_rows(X, Y, weights)
    model = NTKConvRegressor(
        0.6, prior=prior, alpha=0.3, n_leads=N_LEADS, n_lags=N_LAGS, rows="timesteps"
    ).fit(rows, targets, heavy, sequence_id=ids)
    padded = [np.pad(part, ((N_LAGS - 1, N_LEADS), (0, 0))) for part in X]
    Z = np.concatenate(
        [
            [part[s : s + N_LAGS + N_LEADS][::-1].ravel() for s in range(n)]
            for part, n in zip(padded, N_STEPS, strict=True)
        ]
    )
    seen = np.isfinite(targets).all(axis=1)
    Z, y, w = Z[seen], targets[seen], heavy[seen]
    Zc, yc = Z - np.average(Z, axis=0, weights=w), y - np.average(y, axis=0, weights=w)
    P = np.kron(model.prior_.covariance(N_LAGS + N_LEADS), np.eye(N_CHANNELS))
    H = np.linalg.solve(Zc.T @ (w[:, None] * Zc) + 0.3 * np.linalg.inv(P), Zc.T @ (w[:, None] * yc))
    ours = model.impulse_response_.transpose(2, 1, 0).reshape(len(H), -1)
    assert_allclose(ours, H, rtol=1e-8, atol=1e-11)


def test_the_convolution_with_leads_is_the_closed_form_at_every_iteration():
    X, Y, _ = make_recordings()
    given = {**NU, "n_leads": N_LEADS, "n_lags": N_LAGS}
    for n_steps in (1, 25):
        stepped = WeightedConv1DRegressor(max_iter=n_steps, **given).fit(X, Y)
        at_once = NTKConvRegressor(alpha=0, n_steps=n_steps, **given).fit(X, Y)
        same_model(stepped, at_once)


def test_the_evidence_chooses_hyperparameters_and_lags_on_both_sides():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 1))
    h = 0.6 ** np.abs(np.arange(-3, 8.0))
    y = np.convolve(x[:, 0], h)[3:3003] + 0.3 * rng.normal(size=3000)
    auto = {"nu_w": "auto", "alpha": "auto", "rows": "timesteps"}
    model = NTKConvRegressor(**auto, n_lags=12, n_leads=12).fit(x, y)
    one_side = NTKConvRegressor(**auto, n_lags=12).fit(x, y)
    assert model.log_marginal_likelihood() > one_side.log_marginal_likelihood() + 100
    assert_allclose(model.impulse_response_[0, 0, 9:20], h, atol=0.05)
    best = model.log_marginal_likelihood()
    for nu_w in (0.9 * model.nu_w_, 1.1 * model.nu_w_):
        assert model.log_marginal_likelihood(nu_w=nu_w) < best
    chosen = NTKConvRegressor(**auto, n_lags="auto", n_leads=5).fit(x, y)
    assert 5 + 4 <= chosen.impulse_response_.shape[2] <= 5 + 20


def test_data_of_nothing_leave_the_leads_and_one_lag():
    x = np.random.default_rng(0).normal(size=(200, 1))
    with pytest.warns(UserWarning, match="does not vary"):
        model = NTKConvRegressor(alpha="auto", n_lags="auto", n_leads=3, rows="timesteps").fit(
            x, np.ones(200)
        )
    assert model.impulse_response_.shape[2] == 4


# -- A delay is inputs that are moved ---------------------------------------------------------


def moved_inputs(X, fill=0.0):
    """Return recordings with inputs that come later."""
    return [np.concatenate([np.full((DELAY, N_CHANNELS), fill), part])[: len(part)] for part in X]


@every
@pytest.mark.parametrize("state", ["zero", "unknown"])
def test_a_delay_equals_inputs_that_are_moved(make, state):
    X, Y, weights = make_recordings()
    X[2][[7, 11], [0, 1]] = np.nan
    later = moved_inputs(X, 0.0 if state == "zero" else np.nan)
    model = make(delay=DELAY, n_lags=N_LAGS, initial_state=state).fit(X, Y, weights)
    reference = make(n_lags=N_LAGS, initial_state=state).fit(later, Y, weights)
    same_model(model, reference)
    assert model.first_lag_ == DELAY
    for own, moved in zip(model.predict(X), reference.predict(later), strict=True):
        assert_allclose(own, moved, rtol=1e-8, atol=1e-11)


@every
def test_a_delay_leaves_out_the_last_time_steps_of_windows(make):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, N_LAGS + DELAY + 2, N_CHANNELS)), rng.normal(size=60)
    for n_lags in (N_LAGS, None):
        model = make(delay=DELAY, n_lags=n_lags).fit(X, y)
        same_model(model, make(n_lags=n_lags).fit(X[:, :-DELAY], y))
        changed = X.copy()
        changed[:, -DELAY:] = 1e3
        assert_array_equal(model.predict(changed), model.predict(X))


def test_windows_of_named_lags_are_read_alike():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(40, 6)), rng.normal(size=40)
    frame = pd.DataFrame(X[:, ::-1], columns=[f"u_lag_{lag}" for lag in range(6)])
    for given in ({"delay": 2}, {"n_leads": 2}, {"delay": 2, "n_lags": 3}):
        same_model(ntk(**given).fit(frame, y), ntk(**given).fit(X, y))
        assert_allclose(
            ntk(**given).fit(frame, y).predict(frame), ntk(**given).fit(X, y).predict(X)
        )


@pytest.mark.parametrize("make", [ntk, conv, cv], ids=["ntk", "conv", "cv"])
@pytest.mark.parametrize("ends", [[1, 3, 4, 30], [20, 21], [40]])
def test_pieces_go_on_after_a_delay(make, ends):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(50, N_CHANNELS)), rng.normal(size=50)
    pieces = list(zip(np.split(x, ends), np.split(y, ends), strict=True))
    given = {"delay": DELAY, "n_lags": N_LAGS, "rows": "timesteps"}
    whole = make(**given).fit(x, y)
    same_model(make(**given).fit(iter(pieces)), whole)
    if make is ntk:
        grown = make(**given)
        for piece in pieces:
            grown.partial_fit(*piece)
        same_model(grown, whole)
    predicted = np.concatenate(list(whole.predict(part for part, _ in pieces)))
    assert_allclose(predicted, whole.predict(x), rtol=1e-9, atol=1e-12)
    assert_allclose(whole.score(iter(pieces)), whole.score(x, y))


def test_long_recordings_are_predicted_in_stretches_alike(monkeypatch):
    X, Y, weights = make_recordings()
    for given in ({"delay": DELAY}, {"n_leads": N_LEADS}):
        model = ntk(n_lags=N_LAGS, **given).fit(X, Y, weights)
        whole = model.predict(X, return_std=True)
        with monkeypatch.context() as patched:
            patched.setattr("sklearn_linrnn._data.stretches.NUMBERS", 1)
            patched.setattr("sklearn_linrnn._data.stretches.LEAST_SHARE", 1)
            short = model.predict(X, return_std=True)
            again = ntk(n_lags=N_LAGS, **given).fit(X, Y, weights)
        for one, other in zip(whole[0] + whole[1], short[0] + short[1], strict=True):
            assert_allclose(one, other, rtol=1e-9, atol=1e-12)
        same_model(again, model)


@pytest.mark.parametrize("given", [{"delay": DELAY}, {"n_leads": N_LEADS}])
def test_arrays_in_files_are_read_alike(tmp_path, given):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(200, N_CHANNELS)), rng.normal(size=200)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    files = [np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "y.npy")]
    model = ntk(n_lags=N_LAGS, rows="timesteps", **given)
    in_memory = clone(model).fit(x, y)
    same_model(model.fit(*files), in_memory)
    assert_allclose(model.predict(files[0]), in_memory.predict(x), rtol=1e-9)


@pytest.mark.parametrize("given", [{"delay": DELAY}, {"n_leads": N_LEADS}])
def test_the_scaled_lags_are_those_of_the_kernel(given):
    X, Y, _ = make_recordings()
    Y = [np.nan_to_num(part) for part in Y]
    windows = np.random.default_rng(0).normal(size=(40, 9, N_CHANNELS))
    y = windows[:, 0]
    weighter = LagWeighter(**NU, n_lags=N_LAGS, **given)
    for data, targets, join in ((X, Y, np.concatenate), (windows, y, np.asarray)):
        kernel = ntk(n_lags=N_LAGS, **given).fit(data, targets)
        lags = join(weighter.fit(data).transform(data))
        ridge = Ridge(alpha=0.3).fit(lags, join(targets))
        assert_allclose(ridge.predict(lags), join(kernel.predict(data)), rtol=1e-8)
        assert weighter.first_lag_ == kernel.first_lag_
        assert_allclose(weighter.lag_weights_, kernel.lag_weights_, rtol=1e-13)
    rows = clone(weighter).set_params(rows="timesteps").fit(X[2])
    first = kernel.first_lag_
    last = first + len(kernel.lag_weights_) - 1
    names = [f"x{c}_lag_{lag}" for lag in range(last, first - 1, -1) for c in range(2)]
    assert rows.get_feature_names_out().tolist() == names
    assert rows.transform(X[2]).shape[1] == len(names)


# -- The delay of the highest evidence --------------------------------------------------------


def delayed_system(seed, n_timesteps=600):
    """Return inputs, targets and the delay that one is drawn with."""
    rng = np.random.default_rng(seed)
    delay = int(rng.integers(0, 21))
    x, h = rng.normal(size=(n_timesteps, 1)), 0.7 ** np.arange(12.0)
    y = np.convolve(x[:, 0], np.concatenate([np.zeros(delay), h]))[:n_timesteps]
    return x, y + rng.normal(size=n_timesteps), delay


AUTO = {"nu_w": "auto", "alpha": "auto", "delay": "auto", "rows": "timesteps"}


@pytest.mark.parametrize("seed", range(4))
def test_the_delay_is_found(seed):
    x, y, delay = delayed_system(seed)
    model = NTKConvRegressor(**AUTO, n_lags=20).fit(x, y)
    assert model.delay_ == model.first_lag_ == delay
    same_model(model, clone(model).set_params(delay=delay).fit(x, y))


@pytest.mark.slow
def test_delays_up_to_20_are_found_in_95_of_100_draws():
    found = 0
    for seed in range(100):
        x, y, delay = delayed_system(1000 + seed)
        found += NTKConvRegressor(**AUTO, n_lags=20).fit(x, y).delay_ == delay
    assert found >= 95


def test_the_delay_is_found_in_every_shape():
    x, y, delay = delayed_system(5)
    rows = NTKConvRegressor(**AUTO, n_lags=15).fit(x, y)
    lists = NTKConvRegressor(**AUTO, n_lags=15).fit(
        [x[:250], x[250:]], [y[:250, None], y[250:, None]]
    )
    windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], 40)
    given = {"nu_w": "auto", "alpha": "auto", "delay": "auto"}
    of_windows = NTKConvRegressor(**given).fit(windows, y[39:])
    counted = NTKConvRegressor(**AUTO, n_lags="auto").fit(x, y)
    assert {each.delay_ for each in (rows, lists, of_windows, counted)} == {delay}
    assert of_windows.impulse_response_.shape[2] == 40 - delay


def test_noise_has_no_delay():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is nothing to learn
        for seed in (0, 3, 6):
            rng = np.random.default_rng(seed)
            x, y = rng.normal(size=(300, 1)), rng.normal(size=300)
            assert NTKConvRegressor(**AUTO, n_lags=10).fit(x, y).delay_ == 0
        assert NTKConvRegressor(**AUTO, n_lags=10).fit(x, np.ones(300)).delay_ == 0


# -- What else knows of it ---------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"delay": DELAY}, {"n_leads": N_LEADS}, {"delay": "auto"}])
def test_a_fit_is_saved_and_cloned(given):
    x, y = np.random.default_rng(0).normal(size=(2, 100, 1))
    model = ntk(n_lags=N_LAGS, rows="timesteps", **given).fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    assert again.first_lag_ == model.first_lag_
    assert_array_equal(again.predict(x), model.predict(x))
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "first_lag_")


@pytest.mark.parametrize("init", ["random", "centered"])
def test_a_network_takes_its_delay_along(init):
    torch = pytest.importorskip("torch")
    X, Y, _ = make_recordings()
    model = rnn(delay=DELAY, n_lags=N_LAGS, init=init).fit(X, [np.nan_to_num(y) for y in Y])
    module, system = model.to_torch(), model.to_state_space()
    for part, expected in zip(X, model.predict(X), strict=True):
        with torch.no_grad():
            assert_allclose(module(torch.from_numpy(part)[None])[0].numpy(), expected, atol=1e-10)
    response = np.array(system.impulse(n=DELAY + N_LAGS)[1])[0]
    assert_allclose(response[:DELAY], 0.0, atol=1e-14)
    assert_allclose(response[DELAY:], model.impulse_response_[:, 0].T, atol=1e-10)
    windows = np.random.default_rng(0).normal(size=(30, N_LAGS + DELAY, N_CHANNELS))
    of_windows = rnn(delay=DELAY).fit(windows, windows[:, 0])
    with torch.no_grad():
        found = of_windows.to_torch()(torch.from_numpy(windows)).numpy()
    assert_allclose(found, of_windows.predict(windows), atol=1e-10)


def test_a_response_after_a_delay_is_a_system_and_one_with_leads_is_none():
    X, Y, _ = make_recordings()
    model = ntk(delay=DELAY, n_lags=N_LAGS).fit(X, Y)
    response = np.array(model.to_state_space().impulse(n=DELAY + N_LAGS)[1])[1]
    assert_allclose(response[:DELAY], 0.0, atol=1e-12)
    assert_allclose(response[DELAY:], model.impulse_response_[:, 1].T, atol=1e-9)
    with pytest.raises(ValueError, match="later inputs"):
        ntk(n_leads=N_LEADS, n_lags=N_LAGS).fit(X, Y).to_state_space()


def test_time_series_regressors_take_both():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, N_CHANNELS, 7)), rng.normal(size=50)
    for given in ({"delay": DELAY}, {"n_leads": N_LEADS}):
        regressor = LagTimeSeriesRegressor(ntk(**given)).fit(X, y)
        same_model(regressor.estimator_, ntk(**given).fit(X.swapaxes(1, 2), y))


# -- What is refused ---------------------------------------------------------------------------


@both_sides
def test_leads_and_delay_exclude_each_other(make):
    X, Y, _ = make_recordings()
    with pytest.raises(ValueError, match="one of them must be 0, but got n_leads=1 and delay=2"):
        make(n_leads=1, delay=2, n_lags=3).fit(X, Y)


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (ntk, {"n_leads": -1}, "'n_leads' parameter"),
        (ntk, {"delay": -1}, "'delay' parameter"),
        (ntk, {"delay": 1.5}, "'delay' parameter"),
        (ntk, {"delay": "best"}, "'delay' parameter"),
        (conv, {"delay": "auto"}, "'delay' parameter"),
        (rnn, {"delay": "auto"}, "'delay' parameter"),
        (ntk, {"delay": "auto", "n_leads": 1}, "one of them must be 0"),
        (ntk, {"delay": "auto", "alpha": 0.0}, "needs alpha > 0"),
        (ntk, {"delay": 40}, "n_lags=4 with delay=40 needs n_timesteps=44, but got .*=30"),
        (ntk, {"n_leads": 40}, "n_lags=4 with n_leads=40 needs n_timesteps=44, but got .*=30"),
        (ntk, {"n_leads": 2, "prior": np.ones(4)}, "given for 4 lags, but the model has n_lags=6"),
        (conv, {"n_leads": 2, "lag_weights": np.ones(4)}, r"lag_weights must have shape \(6,\)"),
    ],
)
def test_bad_values_are_refused(make, given, message):
    X, Y, _ = make_recordings()
    with pytest.raises(ValueError, match=message):
        make(n_lags=N_LAGS, **given).fit(X, Y)


@pytest.mark.parametrize("given", [{"delay": 5}, {"delay": 6}, {"n_leads": 6}])
def test_windows_must_be_long_enough(given):
    X, y = np.random.default_rng(0).normal(size=(20, 6)), np.zeros(20)
    if given != {"delay": 5}:
        with pytest.raises(ValueError, match="n_timesteps=6"):
            ntk(**given).fit(X, y)
        return
    model = ntk(**given).fit(X, y)
    with pytest.raises(ValueError, match="n_timesteps=5"):
        ntk(**given).fit(X[:, :5].reshape(20, 5, 1), y)
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:, :5])


@pytest.mark.parametrize("state", ["zero", "unknown"])
@pytest.mark.parametrize("ends", [[1, 2, 3, 4, 30, 49], [20, 21], [40], []])
@both_sides
def test_the_last_pieces_wait_for_their_leads(make, ends, state):
    rng = np.random.default_rng(2)
    x, y, w = rng.normal(size=(50, N_CHANNELS)), rng.normal(size=50), rng.random(50)
    memory = np.empty((50, N_CHANNELS + 2))  # of one piece after another

    def pieces():
        for part in np.split(np.column_stack([x, y, w]), ends):
            memory[: len(part)] = part
            piece = memory[: len(part)]
            yield piece[:, :N_CHANNELS], piece[:, -2], piece[:, -1]

    given = {"n_leads": N_LEADS, "n_lags": N_LAGS, "rows": "timesteps", "initial_state": state}
    whole = make(**given).fit(x, y, w)
    same_model(make(**given).fit(pieces()), whole)
    assert_allclose(whole.score(pieces()), whole.score(x, y, w), rtol=1e-9)
    found = list(whole.predict(part for part, *_ in pieces()))
    assert [len(part) for part in found] == np.diff([0, *ends, 50]).tolist()
    assert_allclose(np.concatenate(found), whole.predict(x), rtol=1e-9, atol=1e-12)
    out = np.empty(50)
    whole.predict((part for part, *_ in pieces()), out=out)
    assert_allclose(out, whole.predict(x), rtol=1e-9, atol=1e-12)


def test_leads_need_whole_recordings():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 1)), rng.normal(size=40)
    model = ntk(n_leads=N_LEADS, n_lags=N_LAGS, rows="timesteps")
    for call in (
        lambda: model.partial_fit(x, y),
        lambda: clone(model).fit(x, y).partial_fit(x, y),
        lambda: clone(model).partial_fit(iter([(x[:20], y[:20]), (x[20:], y[20:])])),
    ):
        with pytest.raises(ValueError, match="n_leads=2 reads time steps after the target"):
            call()


def test_whole_recordings_with_leads_add_up():
    X, Y, weights = make_recordings()
    model = ntk(n_leads=N_LEADS, n_lags=N_LAGS)
    whole = clone(model).fit(X, Y, weights)
    model.partial_fit(X[:2], Y[:2], weights[:2]).partial_fit(X[2:], Y[2:], weights[2:])
    same_model(model, whole)
    pieces = [(X[:2], Y[:2], weights[:2]), (X[2:], Y[2:], weights[2:])]
    same_model(clone(model).fit(iter(pieces)), whole)
    windows, y = np.random.default_rng(0).normal(size=(40, 7)), np.arange(40.0)
    of_windows = ntk(n_leads=N_LEADS).partial_fit(windows[:15], y[:15])
    same_model(of_windows.partial_fit(windows[15:], y[15:]), ntk(n_leads=N_LEADS).fit(windows, y))


def test_later_data_begin_at_the_same_lag():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 1)), rng.normal(size=40)
    model = ntk(delay=2, n_lags=N_LAGS, rows="timesteps").fit(x, y)
    with pytest.raises(ValueError, match="earlier data, at 2, but got delay=1"):
        model.set_params(delay=1).partial_fit(x, y)


@pytest.mark.parametrize("delay", [0, 3, 12])
def test_a_delay_and_a_number_of_lags_are_found_together(delay):
    rng = np.random.default_rng(delay)
    x = rng.normal(size=(800, 2))
    response = np.append(np.zeros(delay), 0.8 ** np.arange(20))
    y = np.convolve(x[:, 0], response)[:800] + rng.normal(size=800)
    auto = {"alpha": "auto", "n_lags": "auto", "delay": "auto", "rows": "timesteps"}
    model = NTKConvRegressor("auto", prior="tc", **auto).fit(x, y)
    assert model.delay_ == delay
    assert 5 < model.impulse_response_.shape[2] < 60


def test_a_delay_to_be_found_needs_the_rows():
    x = np.random.default_rng(0).normal(size=(40, 1))
    model = ntk(delay="auto", n_lags=N_LAGS, rows="timesteps")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(ValueError, match="delay='auto' needs the rows"):
        model.fit(iter([(x, x[:, 0])]))
    sums = LagStatistics.from_series(x, x, n_lags=N_LAGS)
    with pytest.raises(ValueError, match="delay='auto' needs the rows"):
        model.fit_statistics(sums)


@pytest.mark.parametrize("given", [{"delay": 1}, {"n_leads": 1}])
def test_a_forecaster_lays_out_its_windows_itself(given):
    series = pd.Series(np.random.default_rng(0).normal(size=60))
    (name,) = given
    with pytest.raises(ValueError, match=f"{name} of estimator must be left at 0, but got 1"):
        LagForecaster(NTKConvRegressor(**given), n_lags=4).fit(series, fh=[1])


def test_data_in_parts_go_on_after_a_delay_and_have_no_leads():
    array = pytest.importorskip("dask.array")
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(90, N_CHANNELS)), rng.normal(size=90)
    X, Y = array.from_array(x, chunks=(13, N_CHANNELS)), array.from_array(y, chunks=13)
    for state in ("zero", "unknown"):
        given = {"n_lags": N_LAGS, "rows": "timesteps", "initial_state": state}
        model, here = ntk(delay=DELAY, **given), ntk(delay=DELAY, **given).fit(x, y)
        same_model(distributed.fit(model, X, Y), here)
        assert_allclose(distributed.predict(model, X).compute(), here.predict(x), rtol=1e-9)
        assert_allclose(distributed.score(model, X, Y), here.score(x, y), rtol=1e-9)
        grown = distributed.partial_fit(ntk(delay=DELAY, **given), X[:39], Y[:39])
        same_model(distributed.partial_fit(grown, X[39:], Y[39:]), here)
    leads = ntk(n_leads=N_LEADS, n_lags=N_LAGS, rows="timesteps")
    for call in (distributed.fit, distributed.partial_fit):
        with pytest.raises(ValueError, match="n_leads=2 reads time steps after the target"):
            call(leads, X, Y)
    with pytest.raises(ValueError, match="n_leads=2 reads time steps after the target"):
        distributed.predict(leads.fit(x, y), X)
    with pytest.raises(ValueError, match="n_lags=4 with delay=3 needs n_timesteps=7, but got"):
        distributed.fit(ntk(delay=DELAY, n_lags=N_LAGS, rows="timesteps"), X[:6], Y[:6])


def in_parts(kind, recordings, targets):
    """Return recordings as data of Dask, none of which goes on from one chunk to the next."""
    array, bag = pytest.importorskip("dask.array"), pytest.importorskip("dask.bag")
    if kind == "panel":
        return tuple(array.from_array(each, chunks=(5, -1, -1)) for each in (recordings, targets))
    if kind == "bag":
        return tuple(bag.from_sequence(list(each), npartitions=3) for each in (recordings, targets))
    return tuple(
        [array.from_array(one, chunks=-1) for one in each] for each in (recordings, targets)
    )


@pytest.mark.parametrize("kind", ["panel", "bag", "list"])
@pytest.mark.parametrize("state", ["zero", "mean", "unknown"])
def test_whole_recordings_in_parts_have_leads(kind, state):
    dask = pytest.importorskip("dask")
    rng = np.random.default_rng(3)
    recordings, targets = rng.normal(size=(12, 30, N_CHANNELS)), rng.normal(size=(12, 30, 1))
    X, Y = in_parts(kind, recordings, targets)
    x, y = (recordings, targets) if kind == "panel" else (list(recordings), list(targets))
    given = {"n_lags": N_LAGS, "n_leads": N_LEADS, "initial_state": state}
    here = ntk(**given).fit(x, y)
    with dask.config.set(scheduler="threads"):
        model = distributed.fit(ntk(**given), X, Y)
        same_model(model, here)
        assert model.first_lag_ == -N_LEADS
        (predicted,) = dask.compute(distributed.predict(model, X))
        for found, expected in zip(predicted, here.predict(x), strict=True):
            assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
        assert_allclose(distributed.score(model, X, Y), here.score(x, y), rtol=1e-9)


def test_windows_and_panels_in_parts_have_leads_in_all_that_learns():
    array = pytest.importorskip("dask.array")
    rng = np.random.default_rng(4)
    windows, y = rng.normal(size=(60, N_LAGS + N_LEADS)), rng.normal(size=60)
    W, Y = array.from_array(windows, chunks=(25, -1)), array.from_array(y, chunks=25)
    here = ntk(n_leads=N_LEADS).fit(windows, y)
    same_model(distributed.fit(ntk(n_leads=N_LEADS), W, Y), here)
    grown = distributed.partial_fit(ntk(n_leads=N_LEADS), W[:25], Y[:25])
    same_model(distributed.partial_fit(grown, W[25:], Y[25:]), here)
    recordings, targets = rng.normal(size=(12, 30, N_CHANNELS)), rng.normal(size=(12, 30, 1))
    X, T = in_parts("panel", recordings, targets)
    search = NTKConvRegressorCV(n_lags=N_LAGS, n_leads=N_LEADS, cv=3)
    expected = clone(search).fit(recordings, targets).cv_results_["mean_test_score"]
    found = distributed.fit(search, X, T).cv_results_["mean_test_score"]
    assert_allclose(found, expected, rtol=1e-9)
    with pytest.raises(ValueError, match="n_lags=29 with n_leads=2 needs n_timesteps=31, but got"):
        distributed.fit(ntk(n_lags=29, n_leads=N_LEADS), X, T)


@pytest.mark.parametrize("seed", [9, 14])
def test_the_delay_is_found_in_noise_that_drifts(seed):
    """It is that of inputs and targets whose noise is white, and not what drifts suggest."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 1))
    drift = lfilter([1.0], [1.0, -0.98], rng.normal(size=600))
    y = lfilter([0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [1.0, -0.6], x[:, 0]) + drift
    assert NTKConvRegressor(**AUTO, n_lags=10, noise="ar").fit(x, y).delay_ == 5
    assert NTKConvRegressor(**AUTO, n_lags=10).fit(x, y).delay_ != 5
