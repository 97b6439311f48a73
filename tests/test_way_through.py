"""How often one call changes from module to module: what a reader has to follow."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sklearn_linrnn
from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

PACKAGE = str(Path(sklearn_linrnn.__file__).parent)
rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 6)), rng.normal(size=40)
SERIES = pd.Series(rng.normal(size=60).cumsum())


def changes_of_module(call):
    """Return how many calls from one module of the package into another a call makes."""
    stack, changes = [], 0

    def follow(frame, event, _):
        nonlocal changes
        path = frame.f_code.co_filename
        if not path.startswith(PACKAGE) or frame.f_code.co_name.startswith("<"):
            return
        if event == "call":
            changes += bool(stack) and stack[-1] != path
            stack.append(path)
        elif event == "return" and stack:
            stack.pop()

    before = sys.getprofile()
    sys.setprofile(follow)
    try:
        call()
    finally:
        sys.setprofile(before)
    return changes


@pytest.mark.parametrize(
    ("call", "most"),
    [
        (lambda: NTKConvRegressor(device="cpu").fit(X, y), 36),
        (lambda: LinearRNNRegressor(8, max_iter=2, random_state=0, device="cpu").fit(X, y), 100),
        (lambda: LagForecaster(n_lags=4).fit(SERIES, fh=[1, 2]), 700),
    ],
    ids=["closed form", "network", "forecaster"],
)
def test_a_fit_is_followed_through_few_changes_of_module(call, most):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two iterations of training are few
        call()  # lazy imports are not the way through
        assert 0 < changes_of_module(call) <= most


def test_a_prediction_is_followed_through_few_changes_of_module():
    model = NTKConvRegressor(device="cpu").fit(X, y)
    assert 0 < changes_of_module(lambda: model.predict(X)) <= 12
