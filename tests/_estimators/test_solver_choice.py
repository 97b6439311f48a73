"""``solver="auto"`` finds the same response whichever way it takes, and says which did not do."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._estimators import ntk_conv, without_scatter

rng = np.random.default_rng(0)
X, Y = rng.normal([0.0, 0.3, -0.4], 1.0, size=(90, 3)), rng.normal(size=(90, 2))
Y[[4, 50]] = np.nan
WEIGHTS = rng.integers(0, 3, 90).astype(float)
IDS = np.repeat(["a", "b", "c"], [40, 5, 45])
WINDOWS = X.reshape(30, 9)


def fitted(monkeypatch, routes, data, **parameters):
    """Return a model that was fitted in one of some ways, as if it had too many coefficients."""
    monkeypatch.setattr(ntk_conv, "MOST_DIRECT", 0)
    monkeypatch.setattr(without_scatter, "by_cost", lambda *_: list(routes))
    return NTKConvRegressor(0.7, **parameters).fit(*data[:2], **data[2])


DATA = {
    "recordings": (X, Y, {"sequence_id": IDS}, {"rows": "timesteps", "n_lags": 6}),
    "weights": (X, Y, {"sample_weight": WEIGHTS}, {"rows": "timesteps", "n_lags": 6}),
    "unknown start": (
        X,
        Y,
        {"sequence_id": IDS},
        {"rows": "timesteps", "n_lags": 3, "initial_state": "unknown"},
    ),
    "windows": (WINDOWS, rng.normal(size=30), {"sample_weight": WEIGHTS[:30]}, {"n_channels": 3}),
}


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 1e-3])
@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_all_ways_lead_to_one_response(monkeypatch, data, alpha, centred):
    options = {"alpha": alpha, "fit_intercept": centred, **data[3]}
    expected = NTKConvRegressor(0.7, solver="direct", **options).fit(*data[:2], **data[2])
    size = np.abs(expected.impulse_response_).max()
    for route in ("direct", "dual", "cg"):
        found = fitted(monkeypatch, [route], data, **options)
        assert (found.solution_ is None) == (route != "direct")
        for name in ("impulse_response_", "intercept_"):
            one, other = getattr(found, name), getattr(expected, name)
            assert_allclose(one, other, rtol=0, atol=1e-8 * max(size, 1.0))
        assert_allclose(found.channel_relevance_, expected.channel_relevance_, rtol=1e-9)


def test_correlated_lags_have_a_way_without_conjugate_gradients(monkeypatch):
    options = {"prior": "tc", **DATA["recordings"][3]}
    expected = NTKConvRegressor(0.7, **options).fit(X, Y, sequence_id=IDS)
    asked = []

    def asking(size, possible, memory):
        asked.append(sorted(possible))
        return ["dual"]

    monkeypatch.setattr(ntk_conv, "MOST_DIRECT", 0)
    monkeypatch.setattr(without_scatter, "by_cost", asking)
    found = NTKConvRegressor(0.7, **options).fit(X, Y, sequence_id=IDS)
    assert asked == [["direct", "dual"]]
    assert_allclose(found.impulse_response_, expected.impulse_response_, rtol=0, atol=1e-8)


@pytest.mark.parametrize("otherwise", ["direct", "dual"])
def test_where_iterations_do_not_arrive_the_next_way_is_taken(monkeypatch, otherwise):
    monkeypatch.setattr(without_scatter, "most_iterations", lambda *_: 2)
    data = DATA["recordings"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fitted(monkeypatch, ["cg", otherwise], data, **data[3])
    expected = NTKConvRegressor(0.7, **data[3], solver="direct").fit(X, Y, sequence_id=IDS)
    assert_allclose(found.impulse_response_, expected.impulse_response_, rtol=0, atol=1e-8)


def test_without_another_way_iterations_that_do_not_arrive_say_so(monkeypatch):
    monkeypatch.setattr(without_scatter, "most_iterations", lambda *_: 2)
    data = DATA["recordings"]
    with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations with a relative resid"):
        fitted(monkeypatch, ["cg"], data, **data[3])
