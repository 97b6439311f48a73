"""The forecaster with every regressor, called in all ways that there are."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from sktime.forecasting.base import BaseForecaster

from .invariants import error_of, is_finite, listening, unchanged
from .profiles import every_profile
from .series import SeriesCase, series_cases
from .subjects import FORECASTERS, Subject

ARGUMENTS = {"y", "X", "fh", "estimator", "alpha", "coverage"}


class ForecastTrial:
    """A forecaster with the parameters of a case, and what is passed to it."""

    def __init__(self, subject: Subject, case: SeriesCase) -> None:
        self.case, self.heard = case, []
        self.make = subject.make
        names = {name.removeprefix("estimator__") for name in subject.make().get_params()}
        self.names = ARGUMENTS | names

    def run(self) -> str:
        """Check all that must hold; return what happened."""
        case = self.case
        y, X, fh = case.y(0, case.n), case.X(0, case.n), case.fh(case.steps)
        with unchanged(y, X):
            error = error_of(self.build, self.names)
            if error is not None:
                return type(error).__name__
            model = self.build()
            if (
                error := error_of(lambda: model.fit(y, X=X, fh=fh), self.names, self.heard)
            ) is not None:
                assert not model.is_fitted
                return type(error).__name__
        self.check_forecasts(model)
        self.check_refit(model, y, X, fh)
        self.check_update(model)
        self.check_failures(model)
        return "fitted"

    def build(self) -> BaseForecaster:
        """Return the forecaster of the case."""
        return self.make().set_params(**self.case.parameters)

    def forecasts(self, model: BaseForecaster) -> Any:
        """Return forecasts, or the error that says why there are none."""
        case, found = self.case, []
        # After a fit with a horizon, another one is asked for or none.
        fh = case.fh(case.later_steps)
        X = case.X(case.n, len(case.index))
        error = error_of(lambda: found.append(model.predict(fh=fh, X=X)), self.names)
        return str(error) if error is not None else found[0]

    def check_forecasts(self, model: BaseForecaster) -> None:
        """What is ahead is forecast, with numbers, and at the times that were asked for."""
        case = self.case
        found = self.forecasts(model)
        if isinstance(found, str):
            return
        if self.heard and not case.is_finite:
            return  # a series of which nothing is known was said to be left out
        if isinstance(found, np.ndarray):
            ahead = np.asarray(model.fh.to_relative(model.cutoff).to_pandas()) > 0
            assert is_finite(found) or not ahead.all(), found
            return
        # sktime counts horizons on a clock of its own, which not every panel has.
        if isinstance(found, list):
            assert all(is_finite(frame[frame.index > model.cutoff[0]]) for frame in found), found
            return
        assert len(found) % len(model.fh.to_pandas()) == 0
        known = np.asarray(found.index.get_level_values(-1) > model.cutoff[0])
        assert is_finite(np.asarray(found)[known]), found
        X = case.X(case.n, len(case.index))
        fh = case.fh(case.later_steps)

        def further() -> None:
            interval = model.predict_interval(fh=fh, X=X, coverage=[0.5, 0.9])
            bounds = np.asarray(interval[known])
            # Nothing is known of the noise of one step: that is said.
            endless = bool(self.heard) and not np.isnan(bounds).any()
            assert endless or is_finite(bounds), interval
            variance = model.predict_var(fh=fh, X=X)
            assert endless or is_finite(variance[known]), variance
            assert (np.asarray(variance[known]) >= 0).all(), variance

        error_of(further, self.names)

    def check_refit(self, model: BaseForecaster, y: Any, X: Any, fh: Any) -> None:
        """A second fit, a clone and a file forecast the same."""
        first = self.forecasts(model)
        if case_is_timed(self.case):
            return
        with listening():
            again = model.clone().fit(y, X=X, fh=fh)
            model.fit(y, X=X, fh=fh)
        for other in (again, model, pickle.loads(pickle.dumps(model))):
            self.check_same(self.forecasts(other), first)

    def check_update(self, model: BaseForecaster) -> None:
        """An update that fails leaves the forecasts as they were."""
        case = self.case
        first = self.forecasts(model)
        y, X = (read(case.n, case.n + case.n_new) for read in (case.y, case.X))
        with unchanged(y, X):
            error = error_of(lambda: model.update(y, X=X), self.names)
        if error is not None:
            self.check_same(self.forecasts(model), first)

    def check_failures(self, model: BaseForecaster) -> None:
        """A fit that fails leaves the forecasts as they were."""
        first = self.forecasts(model)
        y, X = self.case.y(0, 1), self.case.X(0, 1)
        if error_of(lambda: model.fit(y, X=X, fh=1), self.names) is not None:
            self.check_same(self.forecasts(model), first)

    def check_same(self, one: Any, other: Any) -> None:
        if isinstance(one, str) or isinstance(other, str):
            assert (type(one), str(one)) == (type(other), str(other))
            return
        if not isinstance(one, (np.ndarray, list)):
            assert list(one.index) == list(other.index)
        # Of a series that is forecast by next to nothing, rounding is that of the series.
        scale = np.nanmax(np.abs(np.asarray(other, dtype=np.float64)), initial=self.case.size)
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9 * scale)


def case_is_timed(case: SeriesCase) -> bool:
    """Whether the clock of the machine stops the training."""
    return case.parameters.get("estimator__max_time") is not None


@every_profile
@pytest.mark.parametrize("name", FORECASTERS)
def test_forecasters(name, profile, counting):
    subject = FORECASTERS[name]
    with counting(name) as counts:

        @profile.forecasters
        @given(case=series_cases(subject.parameters))
        def holds(case: SeriesCase) -> None:
            counts[ForecastTrial(subject, case).run()] += 1

        holds()
