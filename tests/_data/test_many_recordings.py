"""Many recordings together are each of them by itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._data import stretches
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.gaps import whole_windows
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.training_data import TrainingData
from sklearn_linrnn._data.zero_state import weight_of_zeros

rng = np.random.default_rng(0)
N_LAGS = 5
LENGTHS = [9, 2, 9, 1, 30, 2, 7, 9, 3, 1]
BEFORE = {"zeros": None, "known": np.array([0.3, -2.0]), "unknown": np.full(2, np.nan)}


def recordings(missing):
    parts = [rng.normal(size=(length, 2)) for length in LENGTHS]
    if missing:
        parts[4][11, 1] = parts[0][0, 0] = parts[2][8, 1] = np.nan
    return parts


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_responses_are_those_of_each_recording_alone(before, missing):
    parts, response = recordings(missing), rng.normal(size=(3, 2, N_LAGS))
    found = Recordings(parts, before=before).respond(response)
    alone = [Recordings([part], before=before).respond(response) for part in parts]
    assert_allclose(found, np.concatenate(alone), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_the_inputs_before_are_those_of_each_recording_alone(before, missing):
    parts = recordings(missing)
    found = Recordings(parts, before=before).unrolled(N_LAGS)
    alone = [Recordings([part], before=before).unrolled(N_LAGS) for part in parts]
    own = [each.recordings.own for each in alone]
    assert_array_equal(found.recordings.own, np.concatenate(own))
    assert found.n_before == [n for each in alone for n in each.n_before]
    assert_array_equal(found.whole, np.concatenate([each.whole for each in alone]))
    expected = [each.recordings.parts[0] for each in alone]
    for part, other in zip(found.recordings.parts, expected, strict=True):
        assert_array_equal(part, other)


@pytest.mark.parametrize("n_lags", [1, 2, N_LAGS, 40])
def test_windows_are_whole_where_no_lag_is_missing(n_lags):
    missing = rng.random((sum(LENGTHS), 2)) < 0.05
    found = whole_windows(missing, np.array(LENGTHS), n_lags)
    parts = np.split(missing, np.cumsum(LENGTHS)[:-1])
    expected = [
        not part[max(step - n_lags + 1, 0) : step + 1].any()
        for part in parts
        for step in range(len(part))
    ]
    assert_array_equal(found, expected)


@pytest.mark.parametrize("n_lags", [1, 2, N_LAGS, 40])
def test_zeros_weigh_on_the_heads_of_all_recordings(n_lags):
    parts = [3.0 + part for part in recordings(missing=False)]
    shares = rng.random(sum(LENGTHS))
    joined, each = np.concatenate(parts), np.split(shares, np.cumsum(LENGTHS)[:-1])
    heads = sum(share[: n_lags - 1].sum() for share in each) / shares.sum()
    mean = np.average(joined, axis=0, weights=shares)
    variance = np.average(np.square(joined - mean), axis=0, weights=shares)
    observed = np.ones(len(shares), dtype=bool)
    found = weight_of_zeros(Recordings(parts), observed, shares, n_lags)
    assert_allclose(found, np.square(mean) / variance * heads, rtol=1e-12)


@pytest.mark.parametrize("n_lags", [1, 2, 40])
def test_zeros_weigh_alike_in_stretches_of_any_length(n_lags, monkeypatch):
    """Also where a stretch ends within the head of a recording."""
    parts = [3.0 + part for part in recordings(missing=False)]
    given = Recordings(parts), rng.random(sum(LENGTHS)) < 0.8, rng.random(sum(LENGTHS)), n_lags
    whole = weight_of_zeros(*given)
    monkeypatch.setattr(stretches, "NUMBERS", 7)
    assert_allclose(weight_of_zeros(*given), whole, rtol=1e-12)


def test_parts_are_the_recordings_with_a_chosen_step():
    parts = recordings(missing=False)
    chosen = np.zeros(sum(LENGTHS), dtype=bool)
    chosen[[10, 15]] = True  # the last step of the second one, and one of the third
    steps = np.arange(len(chosen))
    every = np.ones(len(chosen), dtype=bool)
    data = TrainingData(Recordings(parts), steps[:, None], steps, every, DataForm(True))
    part = data.part(chosen)
    assert_array_equal(np.concatenate(part.sequences.parts), np.concatenate(parts[1:3]))
    assert_array_equal(part.targets[:, 0], np.arange(9, 20))
    assert_array_equal(part.weights, np.arange(9, 20))
    assert_array_equal(part.observed, chosen[9:20])
    assert_array_equal(part.shares(slice(None)), np.arange(9, 20) * chosen[9:20])


def test_a_list_of_recordings_and_one_array_with_their_names_are_one_model():
    """With residuals that remember, and lags that go beyond the short ones."""
    lengths = rng.integers(1, 60, size=80)
    inputs = [rng.normal(size=(length, 2)) for length in lengths]
    noise = [np.cumsum(rng.normal(size=length)) for length in lengths]
    targets = [x @ [1.0, -1.0] + e for x, e in zip(inputs, noise, strict=True)]
    model = NTKConvRegressor(rows="timesteps", n_lags=8)
    listed = model.fit(inputs, targets).impulse_response_std_
    assert model.noise_predictability_ > 0.1
    names = np.repeat(np.arange(80), lengths)
    model.fit(np.concatenate(inputs), np.concatenate(targets), sequence_id=names)
    assert_allclose(listed, model.impulse_response_std_, rtol=1e-10)
