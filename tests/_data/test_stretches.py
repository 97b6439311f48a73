"""Stretches of recordings: all time steps once, with what is before them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_linrnn._data import stretches as module
from sklearn_linrnn._data.stretches import stretch_length, stretches
from sklearn_linrnn._data.zero_state import head_steps


@pytest.mark.parametrize("n_before", [0, 1, 4])
@pytest.mark.parametrize("length", [5, 7, 100])
@pytest.mark.parametrize("lengths", [[1], [23], [5, 1, 3, 22, 7, 7, 2, 14, 1], [40, 40]])
def test_stretches_are_all_time_steps_once(monkeypatch, lengths, length, n_before):
    monkeypatch.setattr(module, "NUMBERS", 3 * length)
    monkeypatch.setattr(module, "LEAST_SHARE", 1)
    flat = np.arange(sum(lengths))
    recordings = np.split(flat, np.cumsum(lengths)[:-1])
    found = stretches(lengths, 3, n_before)
    np.testing.assert_array_equal(np.concatenate([flat[cut.steps] for cut in found]), flat)
    for cut in found:
        assert 0 < cut.steps.stop - cut.steps.start <= length
        read = [part[cut.inputs] for part in recordings[cut.recordings]]
        np.testing.assert_array_equal(np.concatenate(read), flat[cut.read])
        begins = cut.steps.start in np.cumsum([0, *lengths])
        assert cut.goes_on == (not begins)
        assert cut.n_before == (n_before if cut.goes_on else 0)


def test_a_stretch_outweighs_what_is_read_before_it_and_what_is_made_of_it():
    assert stretch_length(1, 10**7) >= 10 * 10**7
    assert stretch_length(4, 3, least=10**8) * 4 >= 10**8
    assert 4 * stretch_length(4, 3) < 10**7


@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), n_steps=st.integers(0, 8))
def test_first_time_steps_of_recordings_are_found(lengths, n_steps):
    ends = np.cumsum(lengths)
    expected = [
        place
        for end, length in zip(ends, lengths, strict=True)
        for place in range(end - length, end - length + min(length, n_steps))
    ]
    assert head_steps(np.array(lengths), n_steps).tolist() == expected
