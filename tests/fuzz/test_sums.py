"""The sums of windows and series, and the estimators that learn from them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import torch
from hypothesis import given

from sklearn_linrnn import LagStatistics

from .cases import WEIGHTS, Case, cases
from .invariants import check_close, error_of, fitted, is_finite, listening, same, unchanged
from .learned import check_learned, earlier
from .profiles import every_profile
from .subjects import COUNT, REGRESSORS

ARGUMENTS = {"X", "y", "sample_weight", "n_lags", "start", "device"}
WINDOWS = {"windows", "panel", "no axis", "four axes", "ragged"}
NESTED = {"list", "tuples"}  # which are several recordings, where arrays are one
SERIES = {
    "n_lags": [2, 3, *COUNT, 1000, 10**12],
    "start": ["zero_state", "full_windows", "unknown", None],
    "device": ["cpu", "auto", torch.device("cpu"), "cuda:7", "mps", 0, None],
}
PARTS = ("weight", "input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")


def numbers(sums: LagStatistics) -> list[Any]:
    """Return the sums as arrays."""
    return [np.asarray(getattr(sums, name)) for name in PARTS]


class SumsTrial:
    """The sums of what is in a case."""

    def __init__(self, case: Case) -> None:
        self.case, self.call = case, case.call()
        self.of_windows = case.form in WINDOWS
        self.weights = self.call.sample_weight
        if isinstance(self.call.inputs, list) and self.weights is not None:
            rng = np.random.default_rng(case.seed)
            self.weights = [WEIGHTS[case.weights](rng, len(part)) for part in self.call.inputs]

    def run(self) -> str:
        """Check all that must hold; return what happened."""
        found: list[LagStatistics] = []
        with unchanged(self.call.X, self.call.y, self.weights):
            error = error_of(lambda: found.append(self.sums(self.call.X, self.call.y)), ARGUMENTS)
            if error is not None:
                return type(error).__name__
            (sums,) = found
            self.check_containers(sums)
        assert is_finite(numbers(sums)), sums
        assert (np.diagonal(sums.input_scatter) >= 0).all()
        assert (np.asarray(sums.target_scatter) >= 0).all()
        assert same(numbers(pickle.loads(pickle.dumps(sums))), numbers(sums))
        self.check_arithmetic(sums)
        self.check_fits(sums)
        return "fitted"

    def sums(self, X: Any, y: Any) -> LagStatistics:
        options = dict(self.case.parameters)
        if not self.of_windows:
            return LagStatistics.from_series(
                X, y, sample_weight=self.weights, **{"n_lags": 2} | options
            )
        options.pop("start", None)
        return LagStatistics.from_windows(X, y, sample_weight=self.weights, **options)

    def check_containers(self, sums: LagStatistics) -> None:
        """Raise unless arrays of the same numbers have the same sums."""
        if not self.of_windows and {self.case.X.container, self.case.y.container} & NESTED:
            return
        plain = self.case.plain(self.call)
        if plain is not None:
            assert same(numbers(self.sums(plain.X, plain.y)), numbers(sums)), "containers"

    def check_arithmetic(self, sums: LagStatistics) -> None:
        """Raise unless sums twice have twice the scatter, and half of them is left of it."""
        found: list[LagStatistics] = []
        names = ARGUMENTS | {"Statistics"}
        if error_of(lambda: found.append(sums + sums), names):
            return
        (both,) = found
        assert both.weight == 2 * sums.weight
        for name, power in (("input_mean", 1), ("input_scatter", 2), ("target_scatter", 2)):
            size = float(getattr(sums, name).abs().max())
            factor = 1 if power == 1 else 2
            check_close(getattr(both, name), factor * getattr(sums, name), size, name)
        if error_of(lambda: found.append(both - sums), names) is None:
            assert is_finite(numbers(found[-1]))
            assert found[-1].weight == sums.weight

    def check_fits(self, sums: LagStatistics) -> None:
        """Raise unless an estimator learns numbers from the sums, or says what is wrong."""
        subject = REGRESSORS[self.case.seed % len(REGRESSORS)]
        model, heard = pickle.loads(earlier(subject.make)), []
        before = fitted(pickle.loads(pickle.dumps(model)))
        names = ARGUMENTS | set(model.get_params()) | {"statistics"}
        if error_of(lambda: model.fit_statistics(sums), names, heard) is not None:
            assert same(fitted(model), before), "a fit that failed changed an earlier one"
            return
        check_learned(model, heard)
        with listening():
            again = pickle.loads(earlier(subject.make)).fit_statistics(sums)
        assert same(again.impulse_response_, model.impulse_response_)


@every_profile
def test_sums(profile, counting):
    with counting("LagStatistics") as counts:

        @profile.sums
        @given(case=cases(SERIES))
        def holds(case: Case) -> None:
            counts[SumsTrial(case).run()] += 1

        holds()
