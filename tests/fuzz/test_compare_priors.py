"""The comparison of priors: what goes in, and that its numbers can be read."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given

from sklearn_linrnn import compare_priors
from sklearn_linrnn.priors import TC, Flat, LinearRNN

from .arrays import to_numbers
from .invariants import check_close, error_of, is_finite, same, unchanged
from .profiles import every_profile
from .subjects import COUNT, SWITCH
from .test_memory_bias import StudyCase, study_cases

COMPARISON = partial(compare_priors, priors=["tc", "linear_rnn"], n_lags=3, n_splits=2)
PARAMETERS = {
    "priors": [  # without None: all named ones take their time
        "flat", ["di", "di"], [], 0.5, {"a": TC(0.3), "b": Flat()}, [LinearRNN(2.0)], "lur",
        [TC("many")], [None], {1: "ss"},
    ],
    "n_lags": [*COUNT, 1000, 10**12],
    "n_splits": [*COUNT, 1000],
    "season": [*COUNT, 4, 1000, 10**12],
    "log": SWITCH,
    "difference": SWITCH,
    "level": [0.5, 0.99, 0, 1, 2.0, -1, np.nan, "0.9", None],
    "random_state": [0, None, np.int32(1), -1, 2.0, "seed"],
}  # fmt: skip
ARGUMENTS = {"y", "X", "nu_w", *PARAMETERS}


def run(case: StudyCase) -> str:
    """Check all that must hold; return what happened."""
    y, X = case.call()
    found: list[Any] = []
    with unchanged(y, X):
        error = error_of(lambda: found.append(COMPARISON(y, X, **case.parameters)), ARGUMENTS)
        if error is not None:
            return type(error).__name__
        (result,) = found
        check_result(result)
        plain = [None if part is None else to_numbers(part) for part in (y, X)]
        if case.parameters.get("random_state", 0) is not None and plain[0] is not None:
            again = COMPARISON(*plain, **case.parameters)
            scale = float(np.nanmax(result.errors.to_numpy(), initial=0.0))
            names = list(result.errors)
            check_close(result.errors, again.errors[names], scale, "containers")
    assert same(pickle.loads(pickle.dumps(result)).table, result.table)
    return "compared"


def check_result(result: Any) -> None:
    """Raise unless the numbers are finite, where there are any, and there are sentences."""
    assert is_finite(result.errors), result.errors
    assert is_finite(result.log_densities), result.log_densities
    rows = result.of_priors
    assert is_finite(rows[["evidence", "below", "evidence_p", "rmse", "held_out_p"]]), rows
    assert (rows["below"] >= -1e-6).all()
    assert result.best in result.evidence_set
    assert result.held_out_set
    assert "nan" not in result.summary
    assert repr(result)


@every_profile
def test_compare_priors(profile, counting):
    with counting("compare_priors") as counts:

        @profile.studies
        @given(case=study_cases(PARAMETERS))
        def holds(case: StudyCase) -> None:
            counts[run(case)] += 1

        holds()
