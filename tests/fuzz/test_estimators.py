"""Every estimator and transformer, called in all ways that there are."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from sklearn.base import BaseEstimator, clone

from sklearn_linrnn._estimators.closed_form import ClosedFormRegressor

from .cases import Call, Case, cases
from .invariants import (
    check_close,
    error_of,
    fitted,
    is_finite,
    listening,
    same,
    unchanged,
)
from .learned import check_learned, earlier
from .profiles import every_profile
from .subjects import FORM, SUBJECTS, Subject

ARGUMENTS = {"X", "y", "sample_weight", "sequence_id", "alpha"}
WELL_BEHAVED = {"normal", "integers", "walk", "bits"}
SAME_IN_PIECES = {*FORM, "fit_intercept", "verbose"}  # others may be chosen by looking at all rows


class Trial:
    """An estimator with the parameters of a case, and what is passed to it."""

    def __init__(self, subject: Subject, case: Case) -> None:
        self.model: BaseEstimator = pickle.loads(earlier(subject.make)).set_params(**case.settings)
        self.is_transformer = hasattr(self.model, "transform")
        if self.is_transformer and case.form == "panel of steps":
            case = replace(case, form="panel")  # without a y there are no targets at every step
        self.case, self.heard = case, []
        self.call = case.call()
        self.names = ARGUMENTS | set(self.model.get_params())

    def run(self) -> str:
        """Check all that must hold; return what happened."""
        before = fitted(pickle.loads(pickle.dumps(self.model)))
        with unchanged(self.call.X, self.call.y, self.call.sample_weight, self.call.sequence_id):
            error = error_of(lambda: self.fit(self.model), self.names, self.heard)
            if error is not None:
                assert same(fitted(self.model), before), "a fit that failed changed an earlier one"
                return type(error).__name__
            self.check_fitted()
            self.check_refit()
            self.check_pieces()
            self.check_predictions()
        self.check_further_methods()
        return "fitted"

    def fit(self, model: BaseEstimator, call: Call | None = None) -> BaseEstimator:
        call = call or self.call
        return model.fit(**call.fit_arguments(weighted=not self.is_transformer))

    def act(self, model: BaseEstimator, call: Call) -> Any:
        """Return what the model makes of inputs."""
        method = model.transform if self.is_transformer else model.predict
        return method(**call.predict_arguments())

    def check_fitted(self) -> None:
        """What was learned is finite, or there is an error when it is asked for."""
        check_learned(self.model, self.heard)
        params = self.model.get_params()
        assert same(clone(self.model).get_params(), params)
        assert repr(self.model)

    def check_refit(self) -> None:
        """An earlier fit leaves nothing behind, and what a user passed it in does not matter."""
        if self.model.get_params().get("warm_start") or self.is_timed:
            return
        with listening():
            again = self.fit(clone(self.model))
        for name in ("impulse_response_", "intercept_", "lag_weights_"):
            if hasattr(self.model, name):
                one, other = getattr(self.model, name), getattr(again, name)
                check_close(one, other, np.abs(one).max(), f"{name} of a second fit")
        plain = self.case.plain(self.call)
        if plain is None or not {self.case.X.fill, self.case.y.fill} <= WELL_BEHAVED:
            return
        with listening():
            other = self.fit(clone(self.model), plain)
            response = self.response
            check_close(
                response, self.response_of(other), 10 * np.abs(response).max(), "containers"
            )

    def check_pieces(self) -> None:
        """Two pieces teach what the whole does, where no more than sums is needed."""
        pieces = self.case.pieces(self.call)
        if pieces is None or not self.case.parameters.keys() <= SAME_IN_PIECES:
            return
        if self.is_transformer or not {self.case.X.fill, self.case.y.fill} <= WELL_BEHAVED:
            return
        model = clone(self.model)
        error = error_of(lambda: model.fit(pieces), self.names)
        if error is not None:
            assert re.search("needs the rows|needs the mean", str(error)), error
            return
        check_close(self.response, model.impulse_response_, np.abs(self.response).max(), "pieces")

    @property
    def is_timed(self) -> bool:
        return self.model.get_params().get("max_time") is not None

    @property
    def response(self) -> Any:
        return self.response_of(self.model)

    def response_of(self, model: BaseEstimator) -> Any:
        return getattr(model, "impulse_response_", model.lag_weights_)

    def check_predictions(self) -> None:
        """Predictions are finite, the same for rows alone, and go through files."""
        answers: list[Any] = []
        if error_of(lambda: answers.append(self.act(self.model, self.call)), self.names):
            return
        (found,) = answers
        if not self.case.may_be_unknown(self.call):
            assert is_finite(found), f"predictions are {found}"
        if not self.is_transformer:
            out = [part * np.nan for part in found] if isinstance(found, list) else found * np.nan
            with listening():
                assert self.model.predict(**self.call.predict_arguments(), out=out) is out
            check_close(out, found, self.size_of_predictions(), "predictions in an array")
        back = pickle.loads(pickle.dumps(self.model))
        with listening():
            assert same(self.act(back, self.call), found), "a pickle predicts something else"
        if (part := self.case.part(self.call)) is None:
            return
        call, place = part
        with listening():
            some = self.act(self.model, call)
        check_close(some, found[place], self.size_of_predictions(), "rows alone")

    def size_of_predictions(self) -> float:
        """Return what rounding of predictions is measured by."""
        inputs = self.call.inputs
        parts = inputs if isinstance(inputs, list) else [inputs]
        largest = max(np.abs(part.astype(np.float64)).max(initial=0.0) for part in parts)
        intercept = np.abs(getattr(self.model, "intercept_", 0.0)).max()
        with np.errstate(over="ignore"):
            size = largest * np.abs(self.response).sum(dtype=np.float64) + intercept
        return size if self.model.get_params().get("dtype", "float64") == "float64" else 1e4 * size

    def check_further_methods(self) -> None:
        """All else that a user may do with what was fitted."""
        model, call = self.model, self.call
        given = call.fit_arguments()
        if isinstance(model, ClosedFormRegressor):
            error_of(self._check_deviations, self.names)
        if not self.is_transformer:
            error_of(lambda: self._check_score(given), self.names)
        if hasattr(model, "partial_fit"):
            before = fitted(pickle.loads(pickle.dumps(model)))
            if error_of(lambda: model.partial_fit(**given), self.names) is not None:
                assert same(fitted(model), before)
            self.check_fitted()

    def _check_deviations(self) -> None:
        mean, deviation = self.model.predict(**self.call.predict_arguments(), return_std=True)
        if not self.case.may_be_unknown(self.call):
            assert is_finite(mean), mean
            assert is_finite(deviation), deviation

    def _check_score(self, given: dict[str, Any]) -> None:
        with listening() as said:
            score = self.model.score(**given)
        assert said or np.isfinite(score), score


@every_profile
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_estimators(subject, profile, counting):
    with counting(subject.name) as counts:

        @profile.estimators
        @given(case=cases(subject.parameters))
        def holds(case: Case) -> None:
            counts[Trial(subject, case).run()] += 1

        holds()
