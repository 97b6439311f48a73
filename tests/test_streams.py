"""A stream in any pieces has the statistics of the whole, or of what it remembers of it."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    LagStatistics,
    LagStream,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._core.statistics import stream_parts, stream_sums

N_STEPS = 120
FIELDS = ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")


def difference(ours, theirs):
    """Return by how much statistics differ, relative to the deviations of their variables."""
    m = theirs.weight
    dz, dy = (
        torch.sqrt(s.clamp(min=m)) for s in (theirs.input_scatter.diag(), theirs.target_scatter)
    )
    scales = dz / m**0.5, dy / m**0.5, torch.outer(dz, dz), torch.outer(dz, dy), dy**2
    gaps = [
        ((getattr(ours, name) - getattr(theirs, name)).abs() / scale).max()
        for name, scale in zip(FIELDS, scales, strict=True)
    ]
    return max(abs(ours.weight - m) / m, *map(float, gaps))


def make_series(seed, n_timesteps, n_channels=1, n_outputs=1, missing=True):
    rng = np.random.default_rng(seed)
    x = rng.normal(0.5, 1.0, (n_timesteps, n_channels))
    y = rng.normal(-0.5, 1.0, (n_timesteps, n_outputs)) + x[:, :1]
    if missing:
        y[rng.random(y.shape) < 0.1] = np.nan
        y[-3:] = 1.0  # something is seen in every window
    return x, y, rng.uniform(0.1, 2.0, n_timesteps)


def whole(x, y, w, begins=(), **options):
    """Return the statistics of recordings that begin at some time steps."""
    parts = [np.split(values, [b for b in begins if b < len(x)]) for values in (x, y, w)]
    return LagStatistics.from_series(*parts[:2], sample_weight=parts[2], **options)


def remembered(n_timesteps, window=None, half_life=None):
    """Return what is left of the weights of time steps at the last of them."""
    age = np.arange(n_timesteps)[::-1]
    share = np.ones(n_timesteps) if half_life is None else 0.5 ** (age / half_life)
    return share if window is None else np.where(age < window, share, 0.0)


def fill(stream, x, y, w=None, cuts=(), begins=()):
    for rows in np.split(np.arange(len(x)), sorted({*cuts, *begins})):
        stream.add(
            x[rows],
            y[rows],
            sample_weight=None if w is None else w[rows],
            new_recording=len(rows) > 0 and rows[0] in begins,
        )
    return stream


# -- The whole -----------------------------------------------------------------------------


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.sets(st.integers(1, N_STEPS - 1), max_size=30),
    begins=st.sets(st.integers(1, N_STEPS - 1), max_size=4),
    n_lags=st.integers(1, 9),
    n_channels=st.integers(1, 2),
    n_outputs=st.integers(1, 3),
    start=st.sampled_from(["zero_state", "full_windows"]),
    window=st.sampled_from([None, 7, 40, N_STEPS - 1, 500]),
    half_life=st.sampled_from([None, 0.5, 30.0]),
    looks=st.integers(1, 40),
)
def test_any_pieces_have_the_statistics_of_what_is_remembered(
    seed, cuts, begins, n_lags, n_channels, n_outputs, start, window, half_life, looks
):
    """Against the sums of all time steps with explicit weights, also for those who look often."""
    x, y, w = make_series(seed, N_STEPS, n_channels, n_outputs)
    stream = LagStream(n_lags, window=window, start=start).forget(half_life)
    for number, rows in enumerate(np.split(np.arange(N_STEPS), sorted(cuts | begins))):
        stream.add(x[rows], y[rows], sample_weight=w[rows], new_recording=rows[0] in begins)
        if number % looks == 0:
            stream.statistics  # noqa: B018
    begins = sorted(begins)
    weights = w * remembered(N_STEPS, window, half_life)
    expected = whole(x, y, weights, begins, n_lags=n_lags, start=start)
    if expected.weight > 0:
        assert difference(stream.statistics, expected) < 1e-12
    else:
        assert stream.statistics.weight == 0
    assert stream.n_timesteps == N_STEPS


@pytest.mark.parametrize("window", [None, 5000])
def test_parts_that_are_completed_make_no_difference(monkeypatch, window):
    """Several parts of the size that a part really has in a window, and small ones without."""
    monkeypatch.setattr(stream_sums, "LEAST_STEPS", 700)
    x, y, w = make_series(1, 20_000, 2)
    rng = np.random.default_rng(2)
    cuts, begins = np.cumsum(rng.integers(1, 500, 60)), [3_000, 3_001, 14_500]
    stream = fill(LagStream(4, window=window), x, y, w, cuts, begins)
    expected = whole(x, y, w * remembered(20_000, window), begins, n_lags=4)
    assert difference(stream.statistics, expected) < 1e-12


@pytest.mark.slow
def test_a_million_time_steps_in_pieces_are_the_whole():
    x, y, _ = make_series(3, 1_000_000)
    cuts = np.cumsum(np.random.default_rng(4).integers(1, 10_001, 500))
    stream = fill(LagStream(50), x, y, cuts=cuts[cuts < len(x)])
    assert difference(stream.statistics, LagStatistics.from_series(x, y, n_lags=50)) < 1e-10


def test_many_recordings_of_one_time_step_take_little_memory(monkeypatch):
    """With 200 lags, their zeros would otherwise be 200 times as many rows."""
    most = []
    of_series = LagStatistics.of_series

    def counted(series, **options):
        most.append(len(series.rested(options["n_lags"] - 1).x))
        return of_series(series, **options)

    monkeypatch.setattr(stream_parts.LagStatistics, "of_series", counted)
    stream = LagStream(200)
    for value in range(3000):
        stream.add([value % 7], [value % 5], new_recording=True)
    statistics = stream.statistics
    assert max(most) <= stream_parts.MOST_ROWS
    assert statistics.weight == 3000
    assert_allclose(statistics.input_mean[0], np.mean(np.arange(3000) % 7))
    assert statistics.input_mean[1:].abs().max() < 1e-12


@pytest.mark.parametrize("window", [None, 300])
def test_short_pieces_are_summed_together(monkeypatch, window):
    """A thousand pieces of one time step cost a few sums, and asking sums up the new ones alone."""
    lengths = []
    of_series = LagStatistics.of_series

    def counted(series, **options):
        lengths.append(len(series.x))
        return of_series(series, **options)

    monkeypatch.setattr(stream_parts.LagStatistics, "of_series", counted)
    x, y, _ = make_series(5, 1100, missing=False)
    stream = fill(LagStream(8, window=window), x[:1000], y[:1000], cuts=range(1, 1000))
    assert len(lengths) <= (0 if window is None else 14)
    stream.statistics  # noqa: B018
    lengths.clear()
    stream.add(x[1000], y[1000]).statistics  # noqa: B018
    assert min(lengths) == 8  # the new time step, and those that its lags reach


def test_a_piece_may_be_empty_and_a_recording_begins_with_it():
    x, y, _ = make_series(6, 30)
    stream = LagStream(5).add(x[:0], y[:0]).add(x[:20], y[:20])
    stream.add(x[:0], y[:0], new_recording=True).add(x[20:], y[20:])
    expected = LagStatistics.from_series([x[:20], x[20:]], [y[:20], y[20:]], n_lags=5)
    assert difference(stream.statistics, expected) < 1e-12


@pytest.mark.parametrize(
    "kind",
    [
        lambda a: a.tolist(),
        lambda a: a.astype(np.float32),
        lambda a: torch.tensor(a, requires_grad=True),
        pd.DataFrame,
        lambda a: np.asfortranarray(a)[::-1][::-1],
        lambda a: a.astype(">f8"),
    ],
    ids=["list", "float32", "tensor", "frame", "strides", "big-endian"],
)
def test_any_array_is_a_piece(kind):
    x, y, w = (np.float32(values).astype(np.float64) for values in make_series(7, 60, 2, 2))
    stream = LagStream(4)
    stream.add(kind(x[:25]), kind(y[:25]), sample_weight=w[:25])
    stream.add(kind(x[25:]), kind(y[25:]), sample_weight=w[25:])
    assert difference(stream.statistics, whole(x, y, w, n_lags=4)) < 1e-12


def test_what_was_added_may_be_overwritten():
    """As by a recorder that fills one buffer again and again."""
    x, y, _ = make_series(8, 40, missing=False)
    buffer, stream = np.empty((10, 2)), LagStream(3)
    for rows in np.split(np.arange(40), 4):
        buffer[:] = np.hstack([x[rows], y[rows]])
        stream.add(buffer[:, 0], buffer[:, 1])
    buffer[:] = np.nan
    assert difference(stream.statistics, LagStatistics.from_series(x, y, n_lags=3)) < 1e-12


def test_statistics_that_were_taken_do_not_change_later():
    x, y, _ = make_series(9, 80, missing=False)
    stream = LagStream(3, window=50).add(x[:60], y[:60])
    taken = stream.statistics
    before = pickle.dumps(taken)
    stream.add(x[60:], y[60:]).statistics  # noqa: B018
    assert pickle.dumps(taken) == before


# -- What is forgotten ---------------------------------------------------------------------


def test_forgetting_begins_when_it_is_asked_for_and_may_change_and_end():
    x, y, w = make_series(10, 300)
    stream = LagStream(4)
    for half_life, rows in (
        (None, slice(100)),
        (20, slice(100, 200)),
        (np.float32(5), slice(200, 250)),
    ):
        stream.forget(half_life).add(x[rows], y[rows], sample_weight=w[rows])
    stream.forget(None).add(x[250:], y[250:], sample_weight=w[250:])
    passed = np.cumsum(np.repeat([0.0, 1 / 20, 1 / 5, 0.0], [100, 100, 50, 50]))
    expected = whole(x, y, w * 0.5 ** (passed[-1] - passed), n_lags=4)
    assert difference(stream.statistics, expected) < 1e-12
    assert stream.half_life is None


def test_an_outlier_is_forgotten_with_all_its_digits():
    x, y, _ = make_series(11, 4000)
    x[1000] = y[1000] = 1e8
    stream = fill(LagStream(5).forget(20), x, y, cuts=range(7, 4000, 7))
    tail = slice(2000, None)
    expected = whole(x[tail], y[tail], remembered(2000, half_life=20), n_lags=5)
    assert difference(stream.statistics, expected) < 1e-10


def test_what_is_forgotten_altogether_leaves_nothing():
    x, y, _ = make_series(12, 50, missing=False)
    stream = LagStream(3).forget(0.01).add(x, y)
    assert difference(stream.statistics, LagStatistics.from_series(x, y, n_lags=3)) > 0.1
    stream.forget(0.001).add(x[:10], np.full(10, np.nan))
    assert stream.statistics.weight == 0


@pytest.mark.parametrize("step", [900, 1_000, 1_003, 1_004, 1_005, 1_250, 1_999])
@pytest.mark.parametrize("looks", [False, True])
def test_an_outlier_that_has_left_the_window_is_gone(step, looks):
    """Wherever it was in the parts; lags of the first steps in the window may still reach it."""
    n_lags, window = 5, 1_000
    x, y, _ = make_series(13, 3_000)
    x[step] = y[step] = 1e8
    stream = LagStream(n_lags, window=window)
    for first in range(0, 3_000, 75):
        stream.add(x[first : first + 75], y[first : first + 75])
        if looks:
            stream.statistics  # noqa: B018
    tail = slice(3_000 - window - n_lags + 1, None)
    seen = remembered(window + n_lags - 1, window)
    expected = whole(x[tail], y[tail], seen, n_lags=n_lags)
    assert difference(stream.statistics, expected) < 1e-10
    assert difference(stream.statistics, expected) < 1e-10  # asked again


@pytest.mark.slow
@pytest.mark.parametrize(("step", "missing"), [(600_000, True), (979_950, True), (990_000, False)])
def test_a_window_of_a_long_stream_is_a_fit_to_the_window(step, missing):
    """With an outlier that left long ago or just now, or that is in it, and in all lags."""
    n_lags, window, n_timesteps = 50, 20_000, 1_000_000
    x, y, _ = make_series(14, n_timesteps, missing=missing)
    x[step] = 1e8
    cuts = np.cumsum(np.random.default_rng(15).integers(1, 10_001, 500))
    stream = fill(LagStream(n_lags, window=window), x, y, cuts=cuts[cuts < n_timesteps])
    tail = slice(n_timesteps - window - n_lags + 1, None)
    expected = whole(x[tail], y[tail], remembered(window + n_lags - 1, window), n_lags=n_lags)
    assert difference(stream.statistics, expected) < 1e-10
    fits = [NTKConvRegressor(0.5).fit_statistics(s) for s in (stream.statistics, expected)]
    ours, theirs = (fit.impulse_response_ for fit in fits)
    assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10 * abs(theirs).max())


def test_a_window_keeps_no_more_rows_than_it_needs():
    x, y, _ = make_series(16, 30_000)
    stream = fill(LagStream(10, window=2_000), x, y, cuts=range(100, 30_000, 100))
    kept = len(stream.__getstate__()["arrays"]["inputs"])
    assert 2_000 <= kept <= 2_000 + 2 * 500 + 9  # whole parts, at least four


@pytest.mark.parametrize(
    ("window", "n_inputs", "length"),
    [
        (None, 10, 2**16),  # a sum costs as much as some rows
        (None, 1000, 500_000),  # rows as large as the scatter
        (10, 10, 3),
        (1_000, 10, 250),  # four parts
        (10_000, 10, 2_500),
        (100_000, 10, 2**13),
        (1_000_000, 10, 15_625),  # 64 parts
        (1_000_000, 1000, 250_000),
    ],
)
def test_parts_are_as_long_as_their_sums_are_large(window, n_inputs, length):
    assert stream_sums.part_length(window, n_inputs, 2) == length


# -- Estimators, copies and words ----------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor("auto", alpha="auto"),
        NTKConvRegressorCV(cv="gcv"),
        WeightedConv1DRegressor(max_iter=20, tol=0),
        LinearRNNRegressor(5, max_iter=5, tol=0, random_state=0),
        LRURegressor(5, max_iter=5, tol=0, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_estimators_learn_from_a_stream_as_from_the_whole(model):
    x, y, w = make_series(17, 500, 2, 2)
    stream = fill(LagStream(6), x, y, w, range(1, 500, 9))
    ours = model.fit_statistics(stream.statistics).impulse_response_
    theirs = model.fit_statistics(whole(x, y, w, n_lags=6)).impulse_response_
    assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
@pytest.mark.parametrize("window", [None, 30])
def test_copies_go_their_own_ways(copied, window):
    x, y, w = make_series(18, 100)
    stream = LagStream(4, window=window).forget(25).add(x[:50], y[:50], sample_weight=w[:50])
    other = copied(stream)
    other.add(-x[50:], y[50:], new_recording=True)
    stream.add(x[50:], y[50:], sample_weight=w[50:])
    share = remembered(100, window, 25)
    assert difference(stream.statistics, whole(x, y, w * share, n_lags=4)) < 1e-12
    sign = np.repeat([1.0, -1.0], 50)[:, None]
    weights = np.append(w[:50], np.ones(50)) * share
    expected = whole(sign * x, y, weights, [50], n_lags=4)
    assert difference(other.statistics, expected) < 1e-12


def test_a_stream_says_what_it_is():
    assert repr(LagStream(3)) == "LagStream(n_lags=3, n_timesteps=0)"
    stream = LagStream(3, window=20).forget(2.5).add(np.ones(12), np.ones(12))
    assert repr(stream) == "LagStream(n_lags=3, window=20, half_life=2.5, n_timesteps=12)"


def test_nothing_has_no_statistics():
    stream = LagStream(3)
    with pytest.raises(NotFittedError, match="nothing was added"):
        stream.statistics  # noqa: B018
    stream.add(np.ones(0), np.ones(0))
    assert stream.statistics.weight == 0


# -- Bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_lags": 0}, ValueError, "n_lags must be at least 1, but got 0"),
        ({"n_lags": 2.5}, TypeError, "n_lags must be a whole number, but got 2.5"),
        ({"n_lags": 3, "window": 0}, ValueError, "window must be at least 1, but got 0"),
        ({"n_lags": 3, "window": "1"}, TypeError, "window must be a whole number, but got '1'"),
        ({"n_lags": 3, "start": "mean"}, ValueError, "start must be 'zero_state' or .* got 'mean'"),
        ({"n_lags": 3, "device": "abacus"}, ValueError, "device must be"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        LagStream(**arguments)


@pytest.mark.parametrize(
    ("half_life", "error"),
    [
        *((value, ValueError) for value in (0, -1.0, np.inf, np.nan)),
        *((value, TypeError) for value in ("1", True)),
    ],
)
def test_a_half_life_is_a_positive_number(half_life, error):
    stream = LagStream(3).forget(7)
    with pytest.raises(error, match=r"half_life must be .* but got"):
        stream.forget(half_life)
    assert stream.half_life == 7


X, Y = np.ones((4, 2)), np.ones(4)
BAD = {
    "X with NaN": ({"X": X * [1, np.nan]}, ValueError, "X contains NaN"),
    "X with infinity": ({"X": X * [1, np.inf]}, ValueError, "X contains infinity"),
    "X too large for float64": ({"X": X * np.longdouble("1e4000")}, ValueError, "X contains inf"),
    "X of words": ({"X": [["a", "b"]] * 4}, ValueError, "X: could not convert"),
    "X of times": ({"X": X.astype("m8[s]")}, TypeError, "X must hold numbers"),
    "X complex": ({"X": X * 1j}, ValueError, "X must hold real .* but got complex128"),
    "X of three axes": ({"X": X[None]}, ValueError, r"X must have shape .* got \(1, 4, 2\)"),
    "X without columns": ({"X": X[:, :0]}, ValueError, "X: Found array with 0 feature"),
    "X as a number": ({"X": 1.0}, ValueError, r"X"),
    "other channels": ({"X": X[:, :1]}, ValueError, "X must have 2 columns, .* but got 1"),
    "other outputs": ({"y": X}, ValueError, "y must have 1 columns, .* but got 2"),
    "other length": ({"y": Y[:3]}, ValueError, "y must have as many time steps as X, 4, .* 3"),
    "y with infinity": ({"y": Y * np.inf}, ValueError, "y contains infinity"),
    "y missing": ({"y": None}, ValueError, "y"),
    "no answer": ({"new_recording": "no"}, TypeError, "new_recording must be a bool, .* 'no'"),
    "weights of another length": (
        {"sample_weight": Y[:2]},
        ValueError,
        r"sample_weight must have shape \(4,\), .* got \(2,\)",
    ),
    "negative weights": ({"sample_weight": -Y}, ValueError, "sample_weight must not be negative"),
    "weights of two axes": (
        {"sample_weight": X},
        ValueError,
        "sample_weight must have shape",
    ),
    "weights with NaN": ({"sample_weight": Y * np.nan}, ValueError, "sample_weight contains NaN"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("window", [None, 6])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_a_piece_that_is_refused_changes_nothing(case, window):
    arguments, error, message = BAD[case]
    if "longdouble" in case and np.finfo(np.longdouble).max <= np.finfo(np.float64).max:
        pytest.skip("long doubles are doubles here")
    rng = np.random.default_rng(0)
    stream = LagStream(3, window=window).add(rng.normal(size=(9, 2)), rng.normal(size=9))
    before = pickle.dumps(stream)
    with pytest.raises(error, match=message):
        stream.add(**{"X": X, "y": Y, "new_recording": True, **arguments})
    assert pickle.dumps(stream) == before


@pytest.mark.parametrize("window", [None, 60])
def test_an_interrupt_in_the_middle_of_a_piece_leaves_the_stream_as_it_was(monkeypatch, window):
    monkeypatch.setattr(stream_sums, "LEAST_STEPS", 30)
    x, y, w = make_series(19, 300)
    stream = LagStream(4, window=window).add(x[:50], y[:50], sample_weight=w[:50])
    of_series, calls = LagStatistics.of_series, []

    def interrupted(series, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return of_series(series, **options)

    with monkeypatch.context() as patch:
        patch.setattr(stream_parts.LagStatistics, "of_series", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.add(-x[50:], -y[50:], new_recording=True)
    assert stream.n_timesteps == 50
    stream.add(x[50:], y[50:], sample_weight=w[50:])
    expected = whole(x, y, w * remembered(300, window), n_lags=4)
    assert difference(stream.statistics, expected) < 1e-12
