"""A recording that comes in pieces is the recording."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import LagStatistics, LinearRNNRegressor, LRURegressor, WeightedConv1DRegressor

N_LAGS, N_STEPS = 6, 40
STEPS = {"rows": "timesteps", "n_lags": N_LAGS, "max_iter": 3, "tol": 0, "learning_rate": 0.01}
ESTIMATORS = [
    partial(WeightedConv1DRegressor, nu_w=0.6, **STEPS),
    partial(LinearRNNRegressor, 8, random_state=0, **STEPS),
    partial(LRURegressor, 8, random_state=0, **STEPS),
]
every = pytest.mark.parametrize("make", ESTIMATORS, ids=["convolution", "network", "unit"])
conv = ESTIMATORS[0]
every_state = pytest.mark.parametrize("state", ["zero", "unknown"])


def recording(seed=0, missing=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N_STEPS, 2)) + 0.3
    y = np.cumsum(x[:, 0]) + rng.normal(size=N_STEPS)
    y[[11, 12, 25]] = np.nan
    if missing:
        x[9, 0] = x[20] = x[21, 1] = np.nan
    return x, y


def in_pieces(model, x, y, cuts, ids=None):
    """Return a model that saw the rows piece by piece."""
    for rows in np.split(np.arange(len(x)), cuts):
        names = {} if ids is None else {"sequence_id": ids[rows]}
        model.partial_fit(x[rows], y[rows], **names)
    return model


def same_sums(one, other):
    a, b = one.training_.statistics, other.training_.statistics
    assert a.weight == b.weight
    names = ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")
    for name in names:
        assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-10, atol=1e-10, err_msg=name)


@every
@every_state
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("cuts", [[20], [11, 12, 13], range(7, N_STEPS)])
def test_pieces_sum_to_the_whole(make, state, missing, named, cuts):
    x, y = recording(missing=missing)
    ids = np.repeat(["rat 7"], N_STEPS) if named else None
    pieces = in_pieces(make(initial_state=state), x, y, cuts, ids)
    same_sums(pieces, make(initial_state=state).fit(x, y, sequence_id=ids))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.sets(st.integers(1, 3 * N_STEPS - 1)), st.integers(1, 12), st.randoms())
def test_interleaved_recordings_in_any_pieces_sum_to_the_whole(cuts, n_lags, random):
    """Three recordings whose steps come mixed; each keeps its own order."""
    series = [recording(seed) for seed in range(3)]
    ids = np.repeat([4, 9, 2], N_STEPS)
    random.shuffle(ids)
    places = {name: iter(range(N_STEPS)) for name in (4, 9, 2)}
    of = {name: index for index, name in enumerate((4, 9, 2))}
    order = [(of[name], next(places[name])) for name in ids]
    x, y = (np.array([series[k][part][t] for k, t in order]) for part in (0, 1))
    make = partial(conv, n_lags=n_lags, max_iter=1)
    y[0] = 0.0  # something to learn from in the first piece
    same_sums(in_pieces(make(), x, y, sorted(cuts), ids), make().fit(x, y, sequence_id=ids))


@every
def test_all_training_on_pieces_is_that_on_the_whole(make):
    """With as many iterations after the last piece as the whole gets, from the same start."""
    x, y = recording()
    pieces = make(max_time=1e-9)  # no iteration
    in_pieces(pieces, x, y, [5, 9, 30]).set_params(max_time=None, max_iter=20).partial_fit(
        x[:1], [np.nan], sequence_id=None
    )
    whole = make(max_iter=20).fit(x, y)
    assert_allclose(pieces.impulse_response_, whole.impulse_response_, rtol=1e-10, atol=1e-12)
    assert_allclose(pieces.intercept_, whole.intercept_, rtol=1e-10)


@every
def test_a_fit_goes_on_too_and_another_recording_begins(make):
    x, y = recording()
    goes_on = make().fit(x[:20], y[:20], sequence_id=["a"] * 20)
    begins = copy.deepcopy(goes_on).partial_fit(x[20:], y[20:], sequence_id=["b"] * 20)
    goes_on.partial_fit(x[20:], y[20:], sequence_id=["a"] * 20)
    same_sums(goes_on, make().fit(x, y))
    same_sums(begins, make().fit(x, y, sequence_id=np.repeat(["a", "b"], 20)))
    difference = (
        goes_on.training_.statistics.input_scatter - begins.training_.statistics.input_scatter
    )
    assert difference.abs().max() > 1.0


@pytest.mark.parametrize("form", ["panel", "list"])
def test_the_recordings_of_panels_and_lists_do_not_go_on(form):
    x, y = recording()
    y = np.nan_to_num(y)
    parts = np.split(x, 4), np.split(y[:, None], 4)
    shape = (lambda v: v) if form == "list" else np.stack
    model = conv(rows="windows")
    for k in (0, 2):
        model.partial_fit(shape(parts[0][k : k + 2]), shape(parts[1][k : k + 2]))
    same_sums(model, conv(rows="windows").fit(*parts))


@every
def test_the_number_of_lags_is_that_of_the_first_piece(make):
    x, y = recording()
    x, y = np.stack([x, -x]), np.stack([y, -y])[..., None]
    panels = [(x[:, k : k + n], np.nan_to_num(y)[:, k : k + n]) for k, n in ((0, 9), (9, 4))]
    model = make(rows="windows", n_lags=None)
    for panel in panels:
        model.partial_fit(*panel)
    assert len(model.lag_weights_) == 9
    sums = LagStatistics.from_series(
        [part for panel in panels for part in panel[0]],
        [part for panel in panels for part in panel[1]],
        n_lags=9,
    )
    assert_allclose(model.training_.statistics.input_scatter, sums.input_scatter, rtol=1e-10)


@every
def test_a_piece_without_a_target_still_is_the_past_of_the_next(make):
    x, y = recording()
    y[20:30] = np.nan
    same_sums(in_pieces(make(), x, y, [20, 25, 30]), make().fit(x, y))


def test_the_mean_before_is_that_of_the_first_piece():
    x, y = recording()
    pieces = in_pieces(conv(initial_state="mean"), x, y, [3, 20])
    level = x[:3].mean(axis=0)
    head = np.tile(level, (N_LAGS - 1, 1))
    unseen = np.full(N_LAGS - 1, np.nan)
    same_sums(pieces, conv().fit(np.concatenate([head, x]), np.concatenate([unseen, y])))


def test_a_piece_that_does_not_fit_leaves_what_was_kept():
    x, y = recording()
    model = conv().fit(x[:20], y[:20], sequence_id=["a"] * 20)
    before = pickle.dumps(vars(model))
    with pytest.raises(ValueError, match="sequence_id must be given"):
        model.partial_fit(x[20:], y[20:])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(x[20:, :1], y[20:], sequence_id=["a"] * 20)
    assert pickle.dumps(vars(model)) == before
    same_sums(model.partial_fit(x[20:], y[20:], sequence_id=["a"] * 20), conv().fit(x, y))


@pytest.mark.parametrize("way", ["pickle", "skops"])
@pytest.mark.parametrize("ids", [None, ["a"] * N_STEPS, [7] * N_STEPS, [0.5] * N_STEPS])
def test_a_stored_model_goes_on(way, ids):
    x, y = recording()
    ids = None if ids is None else np.array(ids)
    model = conv().fit(x[:20], y[:20], sequence_id=None if ids is None else ids[:20])
    if way == "pickle":
        loaded = pickle.loads(pickle.dumps(model))
    else:
        stored = skops.io.dumps(model)
        loaded = skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))
    loaded.partial_fit(x[20:], y[20:], sequence_id=None if ids is None else ids[20:])
    same_sums(loaded, conv().fit(x, y))


def test_only_the_last_inputs_are_kept_and_arguments_are_left_alone():
    x, y = recording()
    given = x.copy()
    model = in_pieces(conv(), x, y, range(5, N_STEPS, 5))
    (kept,) = model.training_.past.inputs
    assert_array_equal(kept, x[-(N_LAGS - 1) :])
    assert_array_equal(x, given)
    assert not np.shares_memory(kept, x)
