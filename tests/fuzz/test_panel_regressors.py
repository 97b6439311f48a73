"""The time series regressor with every estimator, on panels in sktime's containers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sktime.datatypes import convert

from sklearn_linrnn.regression import LagTimeSeriesRegressor

from .arrays import Array, mostly
from .cases import Part, parts
from .invariants import error_of, fitted, is_finite, listening, same, unchanged
from .profiles import every_profile
from .subjects import REGRESSORS, Subject, inner

ARGUMENTS = {"X", "y", "estimator"}


def _instances(panel: Array) -> list[pd.DataFrame]:
    names = [f"c{place}" for place in range(panel.shape[1])]
    return [pd.DataFrame(instance.T, columns=names) for instance in panel]


CONTAINERS: dict[str, Callable[[Array], Any]] = {
    "array": lambda panel: panel,
    "one index": lambda panel: convert(panel, "numpy3D", "pd-multiindex", "Panel"),
    "nested": lambda panel: convert(panel, "numpy3D", "nested_univ", "Panel"),
    "list of frames": _instances,
    "ragged": lambda panel: [part[i % 2 :] for i, part in enumerate(_instances(panel))],
    "flat": lambda panel: panel[:, 0],
}


@dataclass(frozen=True)
class PanelCase:
    """What the calls of a time series regressor are made from."""

    n: int
    n_channels: int
    n_timesteps: int
    n_outputs: int
    X: Part
    y: Part
    container: str
    spare_targets: int
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    def call(self) -> tuple[Any, Any]:
        """Return X and y."""
        rng = np.random.default_rng(self.seed)
        panel = self.X.numbers(rng, (self.n, self.n_channels, self.n_timesteps))
        outputs = (self.n_outputs,) if self.n_outputs else ()
        y = self.y.numbers(rng, (self.n + self.spare_targets, *outputs))
        try:
            X = CONTAINERS[self.container](panel)
        except (TypeError, ValueError, IndexError):  # sktime has no such container of it
            X = panel
        return X, self.y.contain(y)


def panel_cases(parameters: dict[str, list]) -> st.SearchStrategy[PanelCase]:
    """Return cases of a regressor that has such parameters, each with a few values of them."""
    pairs = [(name, value) for name, values in parameters.items() for value in values]
    return st.builds(
        PanelCase,
        n=mostly(list(range(8, 24)), [1, 2, 4], 6),
        n_channels=mostly([1, 2], [3], 6),
        n_timesteps=mostly([3, 4, 5], [1, 2, 9], 5),
        n_outputs=mostly([0, 0, 1], [2, 3], 5),
        X=parts(),
        y=parts().filter(lambda part: part.container not in ("list", "tuples", "interface")),
        container=mostly(["array", "one index", "nested", "list of frames"], list(CONTAINERS), 6),
        spare_targets=mostly([0], [1], 20),
        seed=st.integers(0, 2**16),
        parameters=st.lists(st.sampled_from(pairs), max_size=3).map(dict),
    )


class PanelTrial:
    """A time series regressor with the parameters of a case, and what is passed to it."""

    def __init__(self, subject: Subject, case: PanelCase) -> None:
        self.case, self.subject = case, subject
        names = {name.removeprefix("estimator__") for name in inner(subject)}
        self.names = ARGUMENTS | names

    def run(self) -> str:
        """Check all that must hold; return what happened."""
        case = self.case
        X, y = case.call()
        with unchanged(X, y):
            if error := error_of(self.build, self.names):
                return type(error).__name__
            model = self.build()
            before = fitted(model.estimator)
            if error := error_of(lambda: model.fit(X, y), self.names):
                assert not model.is_fitted
                return type(error).__name__
            with listening():
                found = model.predict(X)
            assert is_finite(found), found
            assert same(fitted(model.estimator), before), "the estimator is a component"
        back = pickle.loads(pickle.dumps(model))
        again = model.clone()
        with listening():
            assert same(back.predict(X), found), "a pickle predicts something else"
            if case.parameters.get("estimator__max_time") is None:
                again.fit(X, y)
                np.testing.assert_allclose(again.predict(X), found, rtol=1e-7, atol=1e-12)
        return "fitted"

    def build(self) -> LagTimeSeriesRegressor:
        """Return the regressor of the case."""
        return LagTimeSeriesRegressor(self.subject.make()).set_params(**self.case.parameters)


@every_profile
@pytest.mark.parametrize("subject", REGRESSORS, ids=lambda subject: subject.name)
def test_panel_regressors(subject, profile, counting):
    with counting(f"LagTimeSeriesRegressor({subject.name})") as counts:

        @profile.panels
        @given(case=panel_cases(inner(subject)))
        def holds(case: PanelCase) -> None:
            counts[PanelTrial(subject, case).run()] += 1

        holds()
