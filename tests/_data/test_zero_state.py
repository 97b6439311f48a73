"""How much zeros before recordings weigh is told from some of the time steps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn._data import zero_state
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.zero_state import weight_of_zeros

N_STEPS, N_LAGS = 4000, 21


@pytest.mark.parametrize("observed_at", [slice(None), slice(None, None, 4), slice(2, None, 4)])
@pytest.mark.parametrize("has_gaps", [False, True])
def test_it_is_that_of_all_time_steps(monkeypatch, observed_at, has_gaps):
    """Also where the steps at equal distances are none of those that are observed."""
    rng = np.random.default_rng(0)
    inputs = 10.0 + rng.normal(size=(N_STEPS, 2)) * [1.0, 3.0]
    if has_gaps:
        inputs[rng.random(N_STEPS) < 0.1] = np.nan
    observed = np.zeros(N_STEPS, dtype=bool)
    observed[observed_at] = True
    given = Recordings([inputs]), observed, None, N_LAGS
    found = weight_of_zeros(*given)
    monkeypatch.setattr(zero_state, "ENOUGH_STEPS", N_STEPS // 4)
    assert_allclose(weight_of_zeros(*given), found, rtol=0.1)
    share = observed[: N_LAGS - 1].mean() * (N_LAGS - 1) / N_STEPS / observed.mean()
    assert_allclose(found, share * np.square(10.0 / np.array([1.0, 3.0])), rtol=0.15)
