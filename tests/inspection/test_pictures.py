"""What all displays share: numbers without Matplotlib, and an error that says how to get it."""

import builtins

import numpy as np
import pandas as pd
import pytest

from sklearn_linrnn import (
    ContributionDisplay,
    FrequencyResponseDisplay,
    ImpulseResponseDisplay,
    LinearRNNRegressor,
    MeasuredMemoryDisplay,
    MemoryDisplay,
    NTKGapDisplay,
    ResidualDisplay,
    StepResponseDisplay,
    TrainingDisplay,
    ntk_gap,
)

X = np.random.default_rng(0).normal(size=(30, 3))
MODEL = LinearRNNRegressor(8, max_iter=3, random_state=0).fit(X, X[:, 0])
VALUES = pd.MultiIndex.from_tuples([("y", 0), ("intercept", 0)], names=["input", "lag"])
STEPS = LinearRNNRegressor(8, max_iter=3, rows="timesteps", n_lags=2).fit(X, X[:, 0])
DISPLAYS = [
    ContributionDisplay(pd.DataFrame([[1.0, 2.0]], columns=VALUES)),
    ImpulseResponseDisplay.from_estimator(MODEL),
    StepResponseDisplay.from_estimator(MODEL),
    FrequencyResponseDisplay.from_estimator(MODEL),
    ResidualDisplay.from_estimator(STEPS, X, X[:, 0], n_lags=1),
    MemoryDisplay.from_estimator(MODEL),
    MeasuredMemoryDisplay.from_model(MODEL, X, n_lags=3),
    TrainingDisplay.from_estimator(MODEL),
    NTKGapDisplay.from_gaps([8], [[ntk_gap(MODEL)]]),
]


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: type(display).__name__)
def test_without_matplotlib_the_numbers_are_there_and_the_error_names_the_extra(
    display, monkeypatch
):
    known = builtins.__import__

    def without_matplotlib(name, *args, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return known(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    assert len(display.frame()) > 0
    with pytest.raises(ImportError) as caught:
        display.plot()
    message = f"{type(display).__name__}.plot needs Matplotlib: pip install 'sklearn-linrnn[plot]'."
    assert str(caught.value) == message
