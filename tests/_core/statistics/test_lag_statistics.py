"""LagStatistics: both fast paths against a dense twin, and the arithmetic of statistics."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import sklearn_linrnn._core.statistics.windows as module
from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.statistics import displacement
from sklearn_linrnn._core.statistics.merging import cancelled
from sklearn_linrnn._core.statistics.series import Series

PATHS = ("displacement", "blocks")
FIELDS = (
    "weight",
    "input_mean",
    "target_mean",
    "input_scatter",
    "cross_scatter",
    "target_scatter",
)


def choose_path(monkeypatch, path):
    monkeypatch.setattr(module, "displacement_is_cheaper", lambda *_: path == "displacement")


@pytest.fixture(params=PATHS)
def path(request, monkeypatch):
    choose_path(monkeypatch, request.param)
    return request.param


# -- The dense twin ----------------------------------------------------------------------


def columns(array):
    return array[:, None] if array.ndim == 1 else array


def lags_of(x, n_lags):
    """Return the lags of every time step from a zero state, (n_timesteps, n_lags * n_channels)."""
    padded = np.concatenate([np.zeros((n_lags - 1, x.shape[1])), x])
    return np.stack([padded[s : s + n_lags][::-1].ravel() for s in range(len(x))])


def dense(z, y, w, dtype=np.longdouble):
    """Return the statistics of rows ``z``, in the order of `FIELDS`."""
    seen = ~np.isnan(y).any(axis=1) & (w > 0)
    z, y, w = (a[seen].astype(dtype) for a in (z, y, w))
    m = w.sum()
    z_mean, y_mean = w @ z / m, w @ y / m
    z, y = z - z_mean, y - y_mean
    weighted = w[:, None] * z
    return m, z_mean, y_mean, weighted.T @ z, weighted.T @ y, w @ y**2


def dense_series(x, y, n_lags, start="zero_state", w=None, dtype=np.longdouble):
    """Return the twin of ``from_series`` for lists of recordings."""
    w = [np.ones(len(part)) for part in x] if w is None else w
    first = 0 if start == "zero_state" else n_lags - 1
    z = np.concatenate([lags_of(columns(part), n_lags)[first:] for part in x])
    y = np.concatenate([columns(part)[first:] for part in y])
    return dense(z, y, np.concatenate([part[first:] for part in w]), dtype)


def dense_windows(x, y, w=None):
    """Return the twin of ``from_windows`` for windows (n_windows, n_timesteps, n_channels)."""
    z = x[:, ::-1].reshape(len(x), -1)
    return dense(z, columns(y), np.ones(len(x)) if w is None else w)


def numbers(statistics):
    return [np.asarray(getattr(statistics, name)) for name in FIELDS]


def assert_same(statistics, expected, rtol=1e-10):
    """Each entry agrees relative to the standard deviations (one at least) of its variables."""
    m, _, _, G, _, s_yy = (np.asarray(e, np.longdouble) for e in expected)
    dz, dy = (np.sqrt(np.maximum(variance, m)) for variance in (np.diag(G), s_yy))
    scales = m, dz / np.sqrt(m), dy / np.sqrt(m), np.outer(dz, dz), np.outer(dz, dy), dy**2
    actual = numbers(statistics)
    for name, ours, theirs, scale in zip(FIELDS, actual, expected, scales, strict=True):
        assert ours.shape == np.shape(theirs), name
        assert np.max(np.abs(ours - theirs) / scale, initial=0.0) <= rtol, name


def assert_nothing(statistics):
    for ours in numbers(statistics):
        assert_array_equal(ours, np.zeros_like(ours))


def make_data(seed, lengths, n_channels=1, n_outputs=1, weights="none", missing=False):
    """Return lists of recordings x, y and w of unit scale."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(0.5, 1.0, (n, n_channels)) for n in lengths]
    y = [rng.normal(-0.5, 1.0, (n, n_outputs)) for n in lengths]
    if missing:
        for part in y:
            part[rng.random(part.shape) < 0.3] = np.nan
    draw = {
        "none": np.ones,
        "random": lambda n: rng.uniform(0.1, 2.0, n),
        "some zero": lambda n: rng.uniform(0.1, 2.0, n) * (rng.random(n) < 0.6),
        "long gaps": lambda n: np.repeat(rng.integers(0, 2, n // 7 + 1), 7)[:n].astype(float),
    }[weights]
    w = [draw(n) for n in lengths]
    for part in y:  # at least two time steps to learn from, for any draw
        part[-2:] = rng.normal(size=part[-2:].shape)
    for part in w:
        part[-2:] = 1.0
    return x, y, w


# -- Equal to the twin -------------------------------------------------------------------


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    n_lags=st.integers(1, 9),
    n_channels=st.integers(1, 3),
    n_outputs=st.integers(1, 3),
    weights=st.sampled_from(["none", "random", "some zero", "long gaps"]),
    missing=st.booleans(),
    start=st.sampled_from(["zero_state", "full_windows"]),
)
def test_statistics_of_recordings_are_those_of_their_lags(
    seed, lengths, n_lags, n_channels, n_outputs, weights, missing, start
):
    lengths = [*lengths, n_lags + 4]  # one that is longer than its lags
    x, y, w = make_data(seed, lengths, n_channels, n_outputs, weights, missing)
    expected = dense_series(x, y, n_lags, start, w)
    for path in PATHS:
        with pytest.MonkeyPatch.context() as patch:
            choose_path(patch, path)
            ours = LagStatistics.from_series(x, y, n_lags=n_lags, start=start, sample_weight=w)
        assert_same(ours, expected)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_timesteps=st.integers(1, 9),
    n_channels=st.integers(1, 3),
    n_outputs=st.integers(1, 3),
    weights=st.sampled_from(["none", "random", "some zero"]),
    missing=st.booleans(),
    share=st.floats(0, 1),
)
def test_statistics_of_windows_are_those_of_their_last_lags(
    seed, n_timesteps, n_channels, n_outputs, weights, missing, share
):
    (x,), (y,), (w,) = make_data(seed, [40], n_timesteps * n_channels, n_outputs, weights, missing)
    x = x.reshape(40, n_timesteps, n_channels)
    n_lags = 1 + int(share * (n_timesteps - 1))
    ours = LagStatistics.from_windows(x, y, n_lags=n_lags, sample_weight=w)
    assert_same(ours, dense_windows(x[:, n_timesteps - n_lags :], y, w))


@pytest.mark.parametrize("start", ["zero_state", "full_windows"])
@pytest.mark.parametrize("weights", ["none", "random", "long gaps"])
def test_long_series_cross_transform_blocks_and_slabs(path, weights, start):
    x, y, w = make_data(0, [30_000], 3, 2, weights)
    ours = LagStatistics.from_series(x, y, n_lags=10, start=start, sample_weight=w)
    assert_same(ours, dense_series(x, y, 10, start, w))


def test_slabs_of_equal_and_of_varying_weights_mix():
    x, y, w = make_data(1, [50_000], 3, 2, "random")
    w[0][:20_000], w[0][40_000:] = 1.0, 0.5
    ours = LagStatistics.from_series(x, y, n_lags=3, sample_weight=w)
    assert_same(ours, dense_series(x, y, 3, w=w))


def test_more_lags_than_a_transform_block_usually_has(path):
    x, y, _ = make_data(2, [4000])
    ours = LagStatistics.from_series(x, y, n_lags=1500, start="full_windows")
    assert_same(ours, dense_series(x, y, 1500, "full_windows", dtype=np.float64))


def test_a_mean_of_a_million_standard_deviations_costs_no_digits(path):
    x, y, w = make_data(3, [5000, 3000], 2, 2, "random")
    x, y = [part + 1e6 for part in x], [part - 1e6 for part in y]
    ours = LagStatistics.from_series(x, y, n_lags=12, start="full_windows", sample_weight=w)
    assert_same(ours, dense_series(x, y, 12, "full_windows", w), rtol=1e-8)


def test_a_mean_of_a_million_standard_deviations_after_zeros_costs_no_digits(path):
    """Before the first time steps are zeros, a million standard deviations away."""
    x, y, _ = make_data(4, [5000], 2)
    x = [part + 1e6 for part in x]
    ours = LagStatistics.from_series(x, y, n_lags=12)
    assert_same(ours, dense_series(x, y, 12), rtol=1e-8)


def test_windows_with_a_mean_of_a_million_standard_deviations_cost_no_digits():
    (x,), (y,), (w,) = make_data(5, [3000], 8, 2, "random")
    x, y = x.reshape(3000, 4, 2) + 1e6, y - 1e6
    ours = LagStatistics.from_windows(x, y, sample_weight=w)
    assert_same(ours, dense_windows(x, y, w), rtol=1e-8)


@pytest.mark.parametrize(("chunk", "n_reads"), [(2**20, 1), (1, 6)])
def test_windows_that_fit_in_a_block_are_read_once(monkeypatch, chunk, n_reads):
    class Windows(np.ndarray):
        def __getitem__(self, rows):
            reads.append(rows)
            return np.asarray(super().__getitem__(rows))

    reads, rng = [], np.random.default_rng(0)
    X = rng.normal(size=(600, 4, 2))
    targets, weights = torch.from_numpy(rng.normal(size=(600, 1))), torch.ones(600).double()
    monkeypatch.setattr(module, "CHUNK", chunk)  # of 256 windows at the least
    moments = module.window_moments(X.view(Windows), targets, weights)
    assert len(reads) == n_reads
    assert_allclose(moments.input_mean, X[:, ::-1].reshape(600, -1).mean(0), atol=1e-14)


def test_many_windows_cross_blocks(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    (x,), (y,), (w,) = make_data(6, [1000], 6, 1, "random")
    ours = LagStatistics.from_windows(x, y, sample_weight=w)
    assert_same(ours, dense_windows(x[:, :, None], y, w))


def test_a_recording_shorter_than_its_lags_has_no_full_window(path):
    x, y, _ = make_data(7, [3])
    assert_nothing(LagStatistics.from_series(x, y, n_lags=5, start="full_windows"))


def test_a_series_is_its_full_windows():
    x, y, _ = make_data(8, [200], 2)
    windows = np.stack([x[0][s - 4 : s + 1] for s in range(4, 200)])
    series = LagStatistics.from_series(x, y, n_lags=5, start="full_windows")
    assert_same(series, numbers(LagStatistics.from_windows(windows, y[0][4:])))


def test_recordings_of_equal_length_can_come_as_one_array(path):
    x, y, w = make_data(9, [30, 30, 30], 2, 2, "random")
    stacked = LagStatistics.from_series(
        np.stack(x), np.stack(y), n_lags=4, sample_weight=np.stack(w)
    )
    assert_same(stacked, dense_series(x, y, 4, w=w))


def test_groundwater_observed_now_and_then(path, data_folder):
    table = pd.read_csv(data_folder / "groundwater_nb1.csv.gz")
    x, y = table[["rain_m", "evap_m"]].to_numpy(), table[["head_m"]].to_numpy()
    x = x / x.std(axis=0)
    ours = LagStatistics.from_series(x, y, n_lags=60)
    assert ours.weight == 644
    assert_same(ours, dense_series([x], [y], 60))


@pytest.mark.cuda
@pytest.mark.parametrize("weights", ["none", "random"])
def test_cuda_gives_what_the_cpu_gives(path, weights):
    x, y, w = make_data(10, [20_000, 50], 2, 2, weights)
    ours = LagStatistics.from_series(x, y, n_lags=20, sample_weight=w, device="cuda")
    assert ours.input_scatter.is_cuda
    on_cpu = LagStatistics.from_series(x, y, n_lags=20, sample_weight=w)
    assert_same(on_cpu, numbers(ours.to("cpu")))


@pytest.mark.parametrize("start", ["zero_state", "full_windows"])
@pytest.mark.parametrize("n_timesteps", [4096, 5000, 20_000])
def test_stretches_of_a_series_are_its_sums_whatever_the_number_of_threads(
    monkeypatch, start, n_timesteps
):
    """Of slabs of 2048 and fewer time steps; the lags of each reach into the one before."""
    monkeypatch.setattr(displacement, "SLAB", 2**14)
    monkeypatch.setattr(displacement, "STRETCH", 2**12)
    x, y, w = make_data(31, [n_timesteps], 2, 2, "long gaps")
    options = {"n_lags": 30, "start": start, "sample_weight": w}
    choose_path(monkeypatch, "displacement")
    before, found = torch.get_num_threads(), []
    for n_threads in (1, 2, 4):
        torch.set_num_threads(n_threads)
        try:
            found.append(LagStatistics.from_series(x, y, **options))
        finally:
            torch.set_num_threads(before)
    assert_same(found[0], dense_series(x, y, 30, start, w))
    for other in found[1:]:
        assert_same(other, numbers(found[0]), rtol=1e-14)


# -- The choice between the paths --------------------------------------------------------


def path_taken(monkeypatch, x, y, **options):
    taken = []
    real = module.full_window_moments
    monkeypatch.setattr(module, "full_window_moments", lambda *a: taken.append(1) or real(*a))
    LagStatistics.from_series(x, y, **options)
    return "displacement" if taken else "blocks"


def test_a_long_series_takes_the_displacement_path(monkeypatch):
    x, y, _ = make_data(11, [50_000])
    assert path_taken(monkeypatch, x, y, n_lags=100) == "displacement"


def test_a_short_series_is_one_matrix_product(monkeypatch):
    x, y, _ = make_data(12, [100])
    assert path_taken(monkeypatch, x, y, n_lags=10) == "blocks"


def test_a_long_series_of_few_observed_time_steps_is_one_matrix_product(monkeypatch):
    x, y, _ = make_data(13, [50_000])
    y[0][:] = np.nan
    y[0][::1000] = 1.0
    assert path_taken(monkeypatch, x, y, n_lags=100) == "blocks"


def test_weights_that_change_at_every_time_step_take_the_matrix_product(monkeypatch):
    x, y, w = make_data(14, [20_000], weights="random")
    assert path_taken(monkeypatch, x, y, n_lags=50, sample_weight=w) == "blocks"


# -- Weights and missing targets ---------------------------------------------------------


def test_windows_of_weight_zero_are_absent():
    (x,), (y,), (w,) = make_data(15, [60], 6, 2, "some zero")
    kept = w > 0
    ours = LagStatistics.from_windows(x, y, sample_weight=w)
    without = LagStatistics.from_windows(x[kept], y[kept], sample_weight=w[kept])
    assert_same(ours, numbers(without), rtol=1e-12)


def test_an_outlier_of_weight_zero_costs_no_digits():
    (x,), (y,), (w,) = make_data(16, [200], 6, 2)
    x[7], y[7], w[7] = 1e12, 1e12, 0.0
    ours = LagStatistics.from_windows(x, y, sample_weight=w)
    assert_same(ours, dense_windows(x[:, :, None], y, w))


def test_integer_weights_are_repetitions_of_windows():
    (x,), (y,), _ = make_data(17, [50], 6, 2)
    times = np.random.default_rng(0).integers(0, 4, 50)
    weighted = LagStatistics.from_windows(x, y, sample_weight=times)
    repeated = LagStatistics.from_windows(np.repeat(x, times, axis=0), np.repeat(y, times, axis=0))
    assert_same(weighted, numbers(repeated), rtol=1e-12)


def test_a_time_step_with_one_missing_target_is_left_out_for_all_outputs(path):
    x, y, w = make_data(18, [80], 2, 2)
    y[0][5, 1], w[0][5] = np.nan, 0.0
    missing = LagStatistics.from_series(x, y, n_lags=3)
    y[0][5] = 0.0
    assert_same(missing, numbers(LagStatistics.from_series(x, y, n_lags=3, sample_weight=w)))


def test_nothing_observed_is_nothing(path):
    x, y, _ = make_data(19, [30])
    assert_nothing(LagStatistics.from_series(x, [np.full_like(y[0], np.nan)], n_lags=3))


# -- Adding and taking away --------------------------------------------------------------


@pytest.fixture
def parts():
    x, y, w = make_data(20, [70, 3, 40], 2, 2, "random", missing=True)
    x[1] += 100.0
    return [
        LagStatistics.from_series(a, b, n_lags=5, sample_weight=c)
        for a, b, c in zip(x, y, w, strict=True)
    ], dense_series(x, y, 5, w=w)


def test_parts_add_up_to_the_whole(parts):
    assert_same(sum(parts[0]), parts[1])


def test_the_order_of_adding_is_irrelevant(parts):
    (a, b, c), whole = parts
    assert_same(c + (a + b), whole)
    assert_same(b + (c + a), whole)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_part_taken_away_was_never_there(parts, gone):
    rest = sum(part for index, part in enumerate(parts[0]) if index != gone)
    assert_same(sum(parts[0]) - parts[0][gone], numbers(rest))


def test_all_taken_away_leaves_nothing(parts):
    whole = sum(parts[0])
    assert_nothing(whole - whole)


def test_nothing_and_nothing_are_nothing():
    x, y, _ = make_data(20, [9])
    nothing = LagStatistics.from_series(x, y, n_lags=3, sample_weight=[np.zeros(9)])
    assert_nothing(nothing + nothing)


def test_all_taken_away_piece_by_piece_leaves_nothing(parts):
    a, b, c = parts[0]
    left = (a + b + c) - b - a - c
    assert abs(left.weight) <= 1e-12 * a.weight
    for name in FIELDS[3:]:
        assert np.abs(np.asarray(getattr(left, name))).max() <= 1e-9, name


def test_adding_nothing_changes_nothing(parts):
    a = parts[0][0]
    nothing = a - a
    for total in (a + nothing, nothing + a, a - nothing):
        for ours, theirs in zip(numbers(total), numbers(a), strict=True):
            assert_array_equal(ours, theirs)


def test_adding_leaves_the_summands_as_they_were(parts):
    a, b, _ = parts[0]
    before = [n.copy() for n in numbers(a) + numbers(b)]
    _ = a + b, (a + b) - b, a.uncentred()
    for ours, theirs in zip(numbers(a) + numbers(b), before, strict=True):
        assert_array_equal(ours, theirs)


def test_distant_means_merge_without_losing_digits():
    x, y, w = make_data(21, [500, 500])
    x, y = [x[0] + 1e6, x[1] + 1e6], [y[0] + 1e6, y[1] + 1e6]
    one, two = (
        LagStatistics.from_series(a, b, n_lags=4, start="full_windows")
        for a, b in zip(x, y, strict=True)
    )
    assert_same(one + two, dense_series(x, y, 4, "full_windows", w), rtol=1e-8)
    assert_same((one + two) - two, numbers(one), rtol=1e-8)


def with_outlier(size, seed=0):
    """Return the statistics of rows, and of others that are so many times larger."""
    rng = np.random.default_rng(seed)
    rows, others = rng.normal(size=(200, 4)), size * rng.normal(size=(5, 4))
    return [LagStatistics.from_windows(z[:, :3], z[:, 3]) for z in (rows, others)]


@pytest.mark.parametrize("size", [1.0, 1e2, 1e3, 1e4])
def test_as_many_digits_are_left_as_is_said(size):
    rest, gone = with_outlier(size)
    left = (rest + gone) - gone
    assert cancelled(left) >= 1.0
    assert_same(left, numbers(rest), rtol=10 * np.finfo(float).eps * cancelled(left))
    assert torch.linalg.eigvalsh(left.input_scatter).min() > 0


@pytest.mark.parametrize("size", [1e6, 1e8, 1e12])
def test_what_has_lost_its_digits_is_an_error(size):
    rest, gone = with_outlier(size)
    with pytest.raises(ValueError, match=r"Too few digits are left .* Sum up anew"):
        _ = (rest + gone) - gone


def test_lost_digits_are_remembered():
    """Twice a part is taken away that is not too large for what is left of it."""
    rest, large = with_outlier(3e2)
    _, larger = with_outlier(3e5, seed=1)
    left = (rest + large + larger) - larger
    with pytest.raises(ValueError, match="Too few digits"):
        _ = left - large
    with pytest.raises(ValueError, match="Too few digits"):
        _ = (left.to("cpu") + rest - rest).first_lags(2) - large.first_lags(2)


@pytest.mark.parametrize("column", [0, 3])
def test_one_input_or_target_without_digits_is_enough(column):
    rng = np.random.default_rng(0)
    rows, others = rng.normal(size=(2, 50, 4))
    others[:, column] *= 1e7
    rest, gone = (LagStatistics.from_windows(z[:, :3], z[:, 3]) for z in (rows, others))
    with pytest.raises(ValueError, match="Too few digits"):
        _ = (rest + gone) - gone


@pytest.mark.parametrize("constant", [0.1, 1.0 / 3.0, 1e6 / 7.0])
def test_a_constant_keeps_its_digits(constant):
    rng = np.random.default_rng(0)
    rows, others = rng.normal(size=(2, 50, 4))
    rows[:, 1] = others[:, 1] = constant
    rest, gone = (LagStatistics.from_windows(z[:, :3], z[:, 3]) for z in (rows, others))
    left = (rest + gone) - gone
    assert_same(left, numbers(rest), rtol=1e-12)
    assert not left.input_scatter[1].any()
    assert not left.cross_scatter[1].any()


def test_what_was_no_part_cannot_be_taken_away():
    a, b = (LagStatistics.from_windows(X[:n], Y[:n] * 10.0**n) for n in (15, 5))
    with pytest.raises(ValueError, match="no part of these data"):
        _ = b + b + b + b - a


# -- What comes in -----------------------------------------------------------------------


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def field_of_records(array):
    """Return a column of a table of records: its rows are not a whole number of items apart."""
    records = np.zeros(len(array), dtype=[("id", "i4"), ("x", "f8", array.shape[1:])])
    records["x"] = array
    return records["x"]


FORMS = {
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "negative strides": lambda a: a[::-1].copy()[::-1],
    "big-endian": lambda a: a.astype(">f8"),
    "integers": lambda a: a.astype(np.int16),
    "big-endian integers": lambda a: a.astype(">i4"),
    "unsigned": lambda a: a.astype(np.uint8),
    "float32": lambda a: a.astype(np.float32),
    "float16": lambda a: a.astype(np.float16),
    "list": lambda a: a.tolist(),
    "tensor": torch.from_numpy,
    "frame": pd.DataFrame,
    "field of records": field_of_records,
    "long double": lambda a: a.astype(np.longdouble),
}


@pytest.mark.parametrize("form", FORMS)
def test_any_form_of_the_same_numbers_gives_the_same_statistics(form):
    X = np.random.default_rng(22).integers(0, 9, (40, 6)).astype(float)
    y, w = (X[:, :1] * 2) % 5, X[:, 1]
    make = FORMS[form]
    ours = LagStatistics.from_windows(make(X), make(y), sample_weight=w)
    assert_same(ours, numbers(LagStatistics.from_windows(X, y, sample_weight=w)), rtol=1e-14)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "list"])
def test_any_form_of_a_series_gives_the_same_statistics(form):
    X = np.random.default_rng(23).integers(0, 9, (60, 2)).astype(float)
    y, w = (X[:, :1] * 2) % 5, X[:, 1:]
    make = FORMS[form]
    ours = LagStatistics.from_series(make(X), make(y), n_lags=4, sample_weight=make(w))
    expected = LagStatistics.from_series(X, y, n_lags=4, sample_weight=w)
    assert_same(ours, numbers(expected), rtol=1e-14)


def test_input_arrays_are_never_modified(path):
    x, y, w = make_data(24, [50, 20], 2, 2, "random", missing=True)
    copies = [part.copy() for part in (*x, *y, *w)]
    for start in ("zero_state", "full_windows"):
        LagStatistics.from_series(x, y, n_lags=4, start=start, sample_weight=w)
        LagStatistics.from_series(x[0], y[0], n_lags=4, start=start, sample_weight=w[0])
    LagStatistics.from_windows(x[0], y[0], sample_weight=w[0])
    for part, copy in zip((*x, *y, *w), copies, strict=True):
        assert_array_equal(part, copy)


def test_statistics_do_not_change_with_the_data_they_are_made_from():
    x, y, _ = make_data(25, [40])
    ours = LagStatistics.from_series(x, y, n_lags=1)
    before = [n.copy() for n in numbers(ours)]
    x[0][:], y[0][:] = 0.0, 0.0
    for now, then in zip(numbers(ours), before, strict=True):
        assert_array_equal(now, then)


X, Y = np.random.default_rng(26).normal(size=(2, 20, 3))


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (X, Y[:19], {}, "y"),
        (X, np.ones(40), {}, "y"),
        (X, Y.T, {}, "y"),
        (X, Y, {"sample_weight": np.ones(19)}, "sample_weight"),
        (X, Y, {"sample_weight": -np.ones(20)}, "sample_weight must not be negative"),
        (X, Y, {"sample_weight": np.full(20, np.nan)}, "sample_weight must be finite"),
        (X, Y, {"n_lags": 0}, "n_lags=0"),
        (X, Y, {"n_lags": 4}, "n_lags=4"),
        (np.where(X > 1, np.nan, X), Y, {}, "X must be finite"),
        (np.where(X > 1, np.inf, X), Y, {}, "X must be finite"),
        (X, np.where(Y > 1, np.inf, Y), {}, "y must be finite"),
        (X[0], Y[:1], {}, "X must have 2 or 3 dimensions"),
        (X[:0], Y[:0], {}, "X"),
        (X[:, :0], Y, {}, "X must have at least one window, time step and channel"),
        (X[:, :, None][:, :, :0], Y, {}, "X must have at least one window, time step and channel"),
        (X, Y, {"device": "nonsense"}, "device must be"),
        (X, Y, {"device": 3.5}, "device must be"),
    ],
)
def test_bad_windows_are_an_error_that_names_what_is_wrong(X, y, options, message):
    with pytest.raises(ValueError, match=message):
        LagStatistics.from_windows(X, y, **options)


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (X, Y[:19], {}, r"X has \[20\] time steps and y has \[19\]"),
        ([X, X], [Y], {}, "X and y"),
        ([X[:5], X[:7]], [Y[:7], Y[:5]], {}, "X and y"),
        ([X, X[:, :2]], [Y, Y], {}, "X must have recordings of shape"),
        (X, Y, {"sample_weight": np.ones(19)}, "sample_weight"),
        (
            [X[:5], X[:7]],
            [Y[:5], Y[:7]],
            {"sample_weight": [np.ones(7), np.ones(5)]},
            "sample_weight",
        ),
        (X, Y, {"sample_weight": -np.ones(20)}, "sample_weight must not be negative"),
        (X, Y, {"n_lags": 0}, "n_lags"),
        (X, Y, {"start": "steady"}, "start.*'steady'"),
        (np.where(X > 1, np.nan, X), Y, {}, "X must be finite"),
        (np.where(X > 1, -np.inf, X), Y, {}, "X must be finite"),
        (X, np.where(Y > 1, np.inf, Y), {}, "y must be finite"),
        ([], [], {}, "X"),
        (X[:0], Y[:0], {}, "X must have at least one time step and channel"),
        (X[:, :0], Y, {}, "X must have at least one time step and channel"),
        ([X[:0]], [Y[:0]], {}, "X must have at least one time step and channel"),
        (X, Y, {"sample_weight": []}, "sample_weight"),
        (X, Y, {"device": "nonsense"}, "device must be"),
        (X, Y, {"device": "meta"}, "device must be"),
    ],
)
def test_bad_series_are_an_error_that_names_what_is_wrong(X, y, options, message):
    with pytest.raises(ValueError, match=message):
        LagStatistics.from_series(X, y, **{"n_lags": 3, **options})


@pytest.mark.parametrize("make", [LagStatistics.from_windows, LagStatistics.from_series])
def test_masked_values_are_missing_ones(make):
    mask = np.arange(len(Y)) % 3 == 1
    masked = np.ma.MaskedArray(Y, np.broadcast_to(mask.reshape(-1, *[1] * (Y.ndim - 1)), Y.shape))
    found = make(X, masked, n_lags=3)
    assert_same(found, numbers(make(X, np.ma.filled(masked, np.nan), n_lags=3)), rtol=0)
    assert found.weight == (~mask).sum()
    with pytest.raises(ValueError, match="X must be finite"):
        make(np.ma.MaskedArray(X, X > 1), Y, n_lags=3)


@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a + 1j, "must hold real numbers, but got dtype complex128"),
        (
            lambda a: torch.tensor(a) + 1j,
            "must hold real numbers, but got dtype torch.complex128",
        ),
        (lambda a: a.astype("datetime64[s]"), "must hold real numbers, but got dtype datetime64"),
        (lambda a: a.astype(str), "must hold real numbers, but got dtype <U"),
    ],
    ids=["complex", "complex tensor", "times", "text"],
)
@pytest.mark.parametrize("make", [LagStatistics.from_windows, LagStatistics.from_series])
def test_what_is_no_real_number_is_an_error_that_names_its_argument(make, name, change, message):
    given = {"X": X, "y": Y, "sample_weight": np.ones(len(X))}
    given[name] = change(given[name])
    with pytest.raises(TypeError, match=f"^{name} {message}"):
        make(given.pop("X"), given.pop("y"), n_lags=3, **given)


@pytest.mark.parametrize("make", [LagStatistics.from_windows, LagStatistics.from_series])
@pytest.mark.parametrize("large", ["X", "y", "sample_weight"])
def test_sums_that_overflow_are_an_error(make, large):
    given = {"X": X, "y": Y, "sample_weight": np.ones(len(X))}
    given[large] = given[large] * (1e200 if large != "sample_weight" else 1e308)
    with pytest.raises(ValueError, match="is too large: sums of their products overflow float64"):
        make(given.pop("X"), given.pop("y"), n_lags=3, **given)


def test_more_lags_than_memory_holds_are_an_error_that_names_them():
    with pytest.raises(MemoryError, match="not enough memory for the sums of n_lags=1000000000000"):
        LagStatistics.from_series(X, Y, n_lags=10**12)


def made_with(n_lags):
    yield lambda: LagStatistics.from_series(X, Y, n_lags=n_lags)
    yield lambda: LagStatistics.from_windows(X, Y, n_lags=n_lags)
    yield lambda: LagStatistics.from_windows(X, Y).first_lags(n_lags)


@pytest.mark.parametrize(
    ("n_lags", "number"), [(np.int8(2), 2), (np.uint8(3), 3), (True, 1), (np.array(2), 2)]
)
def test_any_whole_number_is_a_number_of_lags(n_lags, number):
    for made, expected in zip(made_with(n_lags), made_with(number), strict=True):
        assert_same(made(), numbers(expected()), rtol=0)
        assert type(made().n_lags) is int


@pytest.mark.parametrize("n_lags", [2.0, "2", np.array([2]), 1j])
def test_what_is_no_whole_number_is_no_number_of_lags(n_lags):
    for made in made_with(n_lags):
        with pytest.raises(TypeError, match="n_lags must be a whole number, but got"):
            made()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_an_error():
    whole = LagStatistics.from_windows(X, Y)
    for use in (
        lambda: LagStatistics.from_windows(X, Y, device="cuda"),
        lambda: LagStatistics.from_series(X, Y, n_lags=3, device="cuda:1"),
        lambda: whole.to("cuda"),
    ):
        with pytest.raises(ValueError, match=r"device='cuda.*' is not available"):
            use()


@pytest.mark.parametrize("dtype", [object, complex, str])
def test_what_is_not_a_real_number_is_an_error(dtype):
    with pytest.raises(TypeError, match="real numbers, but got dtype"):
        LagStatistics.from_series(X.astype(dtype), Y, n_lags=3)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (LagStatistics.from_series(X, Y, n_lags=4), "n_lags agree, but got 3 and 4"),
        (LagStatistics.from_series(X[:, :1], Y, n_lags=3), "n_channels agree, but got 3 and 1"),
        (LagStatistics.from_series(X, Y[:, :1], n_lags=3), "n_outputs agree, but got 3 and 1"),
    ],
)
def test_unlike_statistics_do_not_merge(other, message):
    ours = LagStatistics.from_series(X, Y, n_lags=3)
    with pytest.raises(ValueError, match=message):
        _ = ours + other
    with pytest.raises(ValueError, match=message):
        _ = ours - other


def test_no_more_can_be_taken_away_than_there_is():
    few, many = (LagStatistics.from_series(X[:n], Y[:n], n_lags=3) for n in (5, 20))
    with pytest.raises(ValueError, match="weight 20 cannot be taken away"):
        _ = few - many


def test_what_are_not_statistics_do_not_merge():
    with pytest.raises(TypeError):
        _ = LagStatistics.from_series(X, Y, n_lags=3) + 1.0


def test_means_of_weighted_rows_by_hand():
    ours = LagStatistics.from_series([1.0, 2.0, 4.0], [0.0, 1.0, 5.0], n_lags=2)
    assert_allclose(ours.input_mean, [7 / 3, 1.0])
    assert_allclose(ours.input_scatter, [[14 / 3, 3.0], [3.0, 2.0]])
    assert_allclose(ours.cross_scatter, [[8.0], [5.0]])


# -- Fewer lags, and time steps that do not count ----------------------------------------


@pytest.mark.parametrize("n_lags", [1, 4, 7])
def test_the_first_lags_of_windows_are_those_of_their_last_time_steps(n_lags):
    (x,), (y,), (w,) = make_data(20, [60], 14, 2, "random", missing=True)
    x = x.reshape(60, 7, 2)
    ours = LagStatistics.from_windows(x, y, sample_weight=w).first_lags(n_lags)
    assert (ours.n_lags, ours.n_channels) == (n_lags, 2)
    fewer = LagStatistics.from_windows(x, y, n_lags=n_lags, sample_weight=w)
    assert_same(ours, numbers(fewer), rtol=1e-13)


@pytest.mark.parametrize("n_lags", [1, 4, 7])
def test_the_first_lags_of_recordings_are_those_of_fewer_lags(path, n_lags):
    x, y, w = make_data(21, [90, 30], 2, 2, "random", missing=True)
    ours = LagStatistics.from_series(x, y, n_lags=7, sample_weight=w).first_lags(n_lags)
    assert_same(ours, dense_series(x, y, n_lags, w=w))


def test_the_first_lags_of_full_windows_keep_their_time_steps(path):
    """Not those that fewer lags would add: the same time steps, seen less far back."""
    x, y, w = make_data(22, [90], 2, 1, "random")
    ours = LagStatistics.from_series(
        x, y, n_lags=7, start="full_windows", sample_weight=w
    ).first_lags(3)
    late = [np.where(np.arange(90) < 6, 0.0, w[0])]
    assert_same(ours, dense_series(x, y, 3, w=late))


@pytest.mark.parametrize("n_lags", [0, 6])
def test_there_are_no_more_first_lags_than_lags(n_lags):
    x, y, _ = make_data(23, [50])
    with pytest.raises(ValueError, match=f"n_lags={n_lags} must lie between 1 and 5"):
        LagStatistics.from_series(x, y, n_lags=5).first_lags(n_lags)


@pytest.mark.parametrize("start", ["zero_state", "full_windows"])
@pytest.mark.parametrize("lengths", [[400], [400, 60, 90]])
@pytest.mark.parametrize(("before", "after"), [(2, 300), (100, 0), (0, 100), (150, 150), (398, 1)])
def test_time_steps_of_no_weight_at_both_ends_may_be_left_out(
    path, monkeypatch, lengths, start, before, after
):
    x, y, w = make_data(24, lengths, 2, 2, "random")
    w[0][:before] = 0.0
    w[-1][len(w[-1]) - min(after, 80) if len(lengths) > 1 else 400 - after :] = 0.0
    expected = dense_series(x, y, 6, start, w)
    assert_same(LagStatistics.from_series(x, y, n_lags=6, start=start, sample_weight=w), expected)
    monkeypatch.setattr(Series, "trimmed", lambda series, _: series)
    whole = LagStatistics.from_series(x, y, n_lags=6, start=start, sample_weight=w)
    assert_same(whole, expected)


def test_a_recording_is_read_from_its_first_weighted_time_step_to_its_last():
    (x,), (y,), (w,) = make_data(25, [1000], 1, 1)
    w[:700] = w[800:] = 0.0
    series = Series.glue(x, y, w, "cpu").trimmed(9)
    assert series.lengths.tolist() == [len(series.x)] == [109]
    assert_array_equal(series.x, x[691:800])
    assert_array_equal(series.weights, w[691:800])


def test_a_recording_without_weight_is_left_as_it_is():
    (x,), (y,), (w,) = make_data(26, [20])
    series = Series.glue(x, y, 0.0 * w, "cpu")
    assert series.trimmed(3) is series
