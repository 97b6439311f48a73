"""All that a fitted forecaster knows, as one record: an update returns another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import pandas as pd

from sklearn_linrnn.forecasting._forecasts.noise import Noise
from sklearn_linrnn.forecasting._forecasts.seen_errors import one_step_noise
from sklearn_linrnn.forecasting._learning.learner import Learned
from sklearn_linrnn.forecasting._learning.naive import NothingLearned
from sklearn_linrnn.forecasting._series.panels import Panel


@dataclass(frozen=True, eq=False)
class State:
    """The series, and what they taught.

    Attributes
    ----------
    panel : Panel
        The series.
    learned : Learned or NothingLearned
        What forecasts are made with.
    calibration : Learned or None
        What the first part of the series taught, for conformal intervals.
    is_revised : bool
        Whether steps have changed since they were learned.
    """

    panel: Panel
    learned: Learned | NothingLearned
    calibration: Learned | None = None
    is_revised: bool = False

    @property
    def has_learned(self) -> bool:
        """Whether the series were long enough to learn from."""
        return isinstance(self.learned, Learned)

    @cached_property
    def noise(self) -> Noise:
        """The noise of a recursion; found by a pass over the series when it is first asked for."""
        return one_step_noise(self.learned.models, self.panel.histories)

    def seeing(self, y: pd.DataFrame, X: pd.DataFrame | None) -> State:
        """Return the state that has seen new, late and revised steps, and learned nothing."""
        panel, changes = self.panel.updated(y, X)
        upto = self.learned.coverage.upto
        revised = any(
            change.n_before > 0
            or (change.first_revised is not None and change.first_revised < upto.get(key, 0))
            for key, change in changes.items()
        )
        before = {key: change.n_before for key, change in changes.items()}
        calibration = None if self.calibration is None else self.calibration.shifted(before)
        learned = self.learned.shifted(before)
        return State(panel, learned, calibration, self.is_revised or revised)

    def learning(self) -> State:
        """Return the state that has learned all that was seen."""
        learned, histories = cast(Learned, self.learned), self.panel.histories
        if not self.is_revised:
            return replace(self, learned=learned.updated(histories))
        calibration = self.calibration
        return State(
            self.panel,
            learned.again(histories).updated(histories),
            None if calibration is None else calibration.again(histories),
        )
