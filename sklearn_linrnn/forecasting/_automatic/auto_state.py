"""All that a fitted automatic forecaster knows, as one record: an update returns another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._automatic.correlated_forecasts import draw_around
from sklearn_linrnn.forecasting._automatic.ensemble import Ensemble
from sklearn_linrnn.forecasting._distributions.intervals import Prediction
from sklearn_linrnn.forecasting._distributions.joint_paths import draw_paths
from sklearn_linrnn.forecasting._forecasts.forecasts import forecast_series
from sklearn_linrnn.forecasting._forecasts.noise import Noise
from sklearn_linrnn.forecasting._learning.naive import nothing_learned
from sklearn_linrnn.forecasting._learning.state import State
from sklearn_linrnn.forecasting._series.gaps import without_gaps
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.panels import Panel

LEAST_OBSERVATIONS = 3
LARGEST = 1e140  # whose squares, and those of forecasts far out of reach, are numbers


@dataclass(frozen=True, eq=False)
class AutoState:
    """The series, and what they taught.

    Attributes
    ----------
    panel : Panel
        A single series, of one column or several.
    seasons : tuple of int
        Time steps of seasons.
    horizon : int
        Steps ahead that candidates are judged by.
    ensembles : list of Ensemble
        What each column taught; none if one of them is too short.
    first : int
        The step at which that began: others may have come before it since.
    """

    panel: Panel
    seasons: tuple[int, ...]
    horizon: int
    ensembles: list[Ensemble]
    first: int = 0

    @property
    def has_learned(self) -> bool:
        """Whether the series was long enough to learn from."""
        return bool(self.ensembles)

    def seeing(self, y: pd.DataFrame) -> AutoState:
        """Return the state that has seen new, late and revised steps, and learned nothing."""
        panel, changes = self.panel.updated(y, None)
        _check_range(panel.first)
        first = self.first + changes[()].n_before
        ensembles = [
            ensemble.followed_to(without_gaps(column[first:]))
            for ensemble, column in zip(self.ensembles, panel.first.y.T, strict=False)
        ]
        return replace(self, panel=panel, ensembles=ensembles, first=first)

    def learning(self, *, may_be_short: bool) -> AutoState:
        """Return the state that has learned all that was seen.

        Parameters
        ----------
        may_be_short : bool
            Whether a series that is too short is forecast by its last value, rather than refused.
        """
        history = self.panel.first
        _check_range(history)
        counts = np.isfinite(history.y).sum(axis=0)
        if (counts < LEAST_OBSERVATIONS).any():
            if may_be_short:
                return replace(self, ensembles=[], first=0)
            column = int(counts.argmin())
            raise ValueError(
                f"y must have {LEAST_OBSERVATIONS} observations at least in each column, but "
                f"column {history.columns[column]!r} has {counts[column]}."
            )
        ensembles = [
            Ensemble.fit(without_gaps(column), self.seasons, self.horizon) for column in history.y.T
        ]
        return replace(self, ensembles=ensembles, first=0)

    def prediction(self, fh: Any) -> Prediction:
        """Return forecasts; up to the cutoff those of one step ahead, NaN where there is none."""
        history = self.panel.first
        steps = history.steps_ahead(fh)
        index = history.clock.at(history.last, steps)
        if not self.has_learned:
            models = nothing_learned(history, (1,)).models
            found = forecast_series(models, history, None, steps, recursive=True, uncertain=True)
            return Prediction(index, found.mean, np.sqrt(found.variance))
        place = len(history) - self.first - 1 + steps
        parts = [_at(ensemble, place) for ensemble in self.ensembles]
        mean, deviation = np.stack(parts, axis=-1)
        return Prediction(index, mean, deviation)

    def draw(self, steps: tuple[int, ...], n_paths: int, rng: np.random.RandomState) -> NDArray:
        """Return paths that go on from the end, (n_paths, n_horizons, n_columns).

        Parameters
        ----------
        steps : tuple of int
            Steps ahead that they consist of, at least 1 each.
        n_paths : int
            Number of paths.
        rng : RandomState
            What draws.
        """
        history = self.panel.first
        if not self.has_learned:
            state = State(self.panel, nothing_learned(history, (1,)))
            at = dict.fromkeys(self.panel.histories, steps)
            (paths,) = draw_paths(state, at, None, n_paths, rng, recursive=True).values()
            return paths
        fitted = np.column_stack([ensemble.fitted() for ensemble in self.ensembles])
        noise = Noise.of(history.y[self.first :] - fitted, np.ones(len(self.ensembles)))
        return draw_around(self.ensembles, noise, np.array(steps), n_paths, rng)


def _check_range(history: History) -> None:
    if np.nanmax(np.abs(history.y), initial=0.0) > LARGEST:
        raise ValueError("y is too large: its squares overflow float64. Scale it.")


def _at(ensemble: Ensemble, place: NDArray) -> tuple[NDArray, NDArray]:
    """Return forecasts and deviations at steps from the first one learned, (n_times,) each."""
    n_known = len(ensemble.y)
    n_ahead = max(1, int(place.max(initial=0)) + 1 - n_known)
    (mean,), (deviation,) = ensemble.forecast(n_ahead)
    found = np.full((2, len(place)), np.nan)
    later = place >= n_known
    found[:, later] = mean[place[later] - n_known], deviation[place[later] - n_known]
    seen = (place >= 0) & ~later
    if seen.any():
        found[0, seen] = ensemble.fitted()[place[seen]]
        found[1, seen] = np.where(np.isnan(found[0, seen]), np.nan, deviation[0])
    return found[0], found[1]
