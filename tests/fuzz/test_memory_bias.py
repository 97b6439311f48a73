"""The study of a series: what goes in, and that its numbers can be read."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sklearn_linrnn import memory_bias

from .arrays import mostly, to_numbers
from .cases import Part, parts
from .invariants import check_close, error_of, is_finite, same, unchanged
from .profiles import every_profile
from .subjects import COUNT, SWITCH, VARIANCE

STUDY = partial(memory_bias, n_lags=3, nu_w=0.3, n_hidden=4, n_seeds=2, max_iter=5, n_splits=2)
PARAMETERS = {
    "n_lags": [*COUNT, 1000, 10**12],
    "nu_w": [*VARIANCE, [0.1, 0.5], [], [[0.5]], ["a"]],
    "n_hidden": COUNT,
    "n_seeds": COUNT,
    "max_iter": COUNT,
    "n_splits": [*COUNT, 1000],
    "season": [*COUNT, 4, 1000, 10**12],
    "log": SWITCH,
    "difference": SWITCH,
    "level": [0.5, 0.99, 0, 1, 2.0, -1, np.nan, "0.9", None],
    "random_state": [0, None, np.int32(1), -1, 2.0, "seed"],
}
ARGUMENTS = {"y", "X", *PARAMETERS}


@dataclass(frozen=True)
class StudyCase:
    """A series, its inputs if there are any, and the parameters of a study."""

    n: int
    n_inputs: int
    axes: int  # of y
    y: Part
    X: Part
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    def call(self) -> tuple[Any, Any]:
        """Return y and X."""
        rng = np.random.default_rng(self.seed)
        y = self.y.contain(self.y.numbers(rng, (self.n, 1, 1)[: self.axes]))
        if self.n_inputs == 0:
            return y, None
        return y, self.X.contain(self.X.numbers(rng, (self.n, self.n_inputs)))


def study_cases(parameters: dict[str, list]) -> st.SearchStrategy[StudyCase]:
    """Return cases of a study with some values of its parameters."""
    pairs = [(name, value) for name, values in parameters.items() for value in values]
    return st.builds(
        StudyCase,
        n=mostly(list(range(24, 40)), [0, 1, 2, 8], 8),
        n_inputs=mostly([0, 0, 1], [2], 6),
        axes=mostly([1], [0, 2, 3], 10),
        y=parts(),
        X=parts(),
        seed=st.integers(0, 2**16),
        parameters=st.lists(st.sampled_from(pairs), max_size=2).map(dict),
    )


def run(case: StudyCase) -> str:
    """Check all that must hold; return what happened."""
    y, X = case.call()
    found: list[Any] = []
    with unchanged(y, X):
        error = error_of(lambda: found.append(STUDY(y, X, **case.parameters)), ARGUMENTS)
        if error is not None:
            return type(error).__name__
        (result,) = found
        check_result(result)
        plain = [None if part is None else to_numbers(part) for part in (y, X)]
        if case.parameters.get("random_state", 0) is not None and plain[0] is not None:
            again = STUDY(*plain, **case.parameters)
            # Numbers that lie otherwise in memory are added in another order.
            scale = float(np.nanmax(result.errors.to_numpy(), initial=0.0))
            check_close(result.errors, again.errors, scale, "containers")
    assert same(pickle.loads(pickle.dumps(result)).table, result.table)
    return "studied"


def check_result(result: Any) -> None:
    """Raise unless the numbers are finite, where there are any, and there are sentences."""
    assert is_finite(result.errors), result.errors
    assert is_finite(result.p_value)
    if (result.parts["flat_rmse"] > 0).all():  # what the cost is relative to
        assert is_finite([result.cost, *result.cost_interval]), result
    assert is_finite(result.table[["rmse", "cost", "prior_memory", "fit_memory"]].dropna())
    assert result.table["rmse"].notna().all()
    assert result.summary
    assert repr(result)


@every_profile
def test_memory_bias(profile, counting):
    with counting("memory_bias") as counts:

        @profile.studies
        @given(case=study_cases(PARAMETERS))
        def holds(case: StudyCase) -> None:
            counts[run(case)] += 1

        holds()
