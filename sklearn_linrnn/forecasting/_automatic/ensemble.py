"""All candidates of a series, fitted and combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn.forecasting._automatic.combination import Combination, choose_origins
from sklearn_linrnn.forecasting._automatic.forms import make_forms
from sklearn_linrnn.forecasting._automatic.mixture import StepsExplained
from sklearn_linrnn.forecasting._automatic.rolling_fits import Paths, RollingForm
from sklearn_linrnn.forecasting._forecasts.room import check_room

LEAST_STEPS = 6  # to judge candidates from
ARRAYS_OF_CANDIDATE, ARRAYS_OF_WAVE = 3, 2  # times what `check_room` takes for a path and an input


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Candidates with their weights. Make it with `fit`.

    Attributes
    ----------
    y : ndarray of shape (n_timesteps,)
        The series in its unit.
    unit : float
        A power of two near its largest value, so that squares of no series are out of range.
    members : list of RollingForm
        What is combined: the candidates of each form, one after another.
    combination : Combination
        How.
    origins : ndarray of int, shape (n_origins,)
        Numbers of steps at which candidates were judged.
    """

    y: NDArray
    unit: float
    members: list[RollingForm]
    combination: Combination
    origins: NDArray

    @classmethod
    def fit(cls, y: NDArray, seasons: Sequence[int], horizon: int) -> Ensemble:
        """Return the combination for a series (n_timesteps,).

        Parameters
        ----------
        y : ndarray of shape (n_timesteps,)
            The series.
        seasons : sequence of int
            Time steps of its seasons.
        horizon : int
            Steps ahead that candidates are judged by.
        """
        unit = _unit(y)
        y = y / unit
        views = make_forms(y, seasons)
        longest = max(max(form.season, *form.pattern, 1) for form, _ in views)
        least = max(LEAST_STEPS, min(2 * longest + 2, len(y) // 2))
        origins = choose_origins(len(y), least, horizon)
        ends = np.append(origins, len(y))
        n_ahead = min(horizon, len(y) - int(origins.min(initial=0)))  # no truth is further ahead
        with one_thread():
            rolling = [RollingForm.of(*view, y, ends) for view in views]
            paths = [member.paths(n_ahead) for member in rolling]
        usable = [np.isfinite(path.mean[:, -1]).all(axis=1) for path in paths]
        known = [
            replace(member, drifts=tuple(compress(member.drifts, some))).followed_to(y, ends[-1:])
            for member, some in zip(rolling, usable, strict=True)
            if some.any()
        ]
        is_usable = np.concatenate(usable)
        said = np.concatenate([member.evidence() for member in rolling], axis=1)
        evidence = StepsExplained(ends, *said[:, is_usable])
        if not len(origins):
            return cls(y, unit, known, Combination.equal(evidence), origins)
        mean, variance = (part[is_usable] for part in _joined(paths))
        span = (len(y) - origins[0]) / horizon
        truth = _what_followed(y, origins, n_ahead)
        combination = Combination.of(mean[:, :-1], variance[:, :-1], truth, evidence, span)
        return cls(y, unit, known, combination, origins)

    def followed_to(self, y: NDArray, ends: NDArray | None = None) -> Ensemble:
        """Return what was learned, to forecast another series.

        Parameters
        ----------
        y : ndarray of shape (n_timesteps,)
            The series.
        ends : ndarray of int, shape (n_origins,), default=None
            Numbers of its steps after which forecasts begin; ``None`` for all of them.
        """
        y = y / self.unit
        ends = np.array([len(y)]) if ends is None else ends
        return replace(self, y=y, members=[one.followed_to(y, ends) for one in self.members])

    @property
    def n_needed(self) -> int:
        """Number of last steps that forecasts are made from."""
        return max(member.n_needed for member in self.members)

    @property
    def n_waves(self) -> int:
        """Number of inputs of the candidate that has the most."""
        return max(member.data.form.n_waves for member in self.members)

    @property
    def n_candidates(self) -> int:
        """Number of candidates."""
        return len(self.combination.weights)

    def forecast(self, n_ahead: int) -> tuple[NDArray, NDArray]:
        """Return forecasts from all ends and the deviations of errors, (n_origins, n_ahead)."""
        mean, variance = self.paths(n_ahead)
        combined, spread = self.combination.combine(mean, variance)
        return self.unit * combined, self.unit * np.sqrt(spread)

    def paths(self, n_ahead: int) -> tuple[NDArray, NDArray]:
        """Return forecasts and variances of all candidates in units of the series.

        They have shape (n_candidates, n_origins, n_ahead) each.
        """
        n_paths = ARRAYS_OF_CANDIDATE * self.n_candidates
        check_room(n_ahead, n_paths, ARRAYS_OF_WAVE * self.n_waves, uncertain=False)
        with one_thread():
            return _joined([member.paths(n_ahead) for member in self.members])

    def fitted(self) -> NDArray:
        """Return one-step forecasts of all steps that were seen, (n_timesteps,)."""
        values = np.concatenate([_fitted(member) for member in self.members])
        whole = np.isfinite(values).all(axis=0)
        fitted = np.full(len(self.y), np.nan)
        some = values[:, whole]
        fitted[whole] = self.combination.combine(some, np.zeros_like(some))[0]
        return self.unit * fitted

    def summary(self) -> pd.DataFrame:
        """Return the candidates, the heaviest first, with their weights and errors."""
        frame = pd.DataFrame([said for member in self.members for said in member.describe()])
        frame["weight"] = self.combination.weights
        frame["mean_absolute_error"] = self.unit * self.combination.errors
        return frame.sort_values("weight", ascending=False, kind="stable", ignore_index=True)


def _unit(y: NDArray) -> float:
    """Return the power of two that a series (n_timesteps,) reaches; 1/2 for zeros."""
    return float(np.ldexp(1.0, np.frexp(np.abs(y).max())[1] - 1))


def _joined(paths: list[Paths]) -> tuple[NDArray, NDArray]:
    """Return forecasts and variances of candidates, (n_candidates, n_origins, n_ahead) each."""
    mean = np.concatenate([path.mean for path in paths])
    return mean, np.concatenate([path.variance for path in paths])


def _fitted(member: RollingForm) -> NDArray:
    """Return one-step forecasts of a form's candidates, (n_drifts, n_timesteps); NaN for none."""
    form, y, errors = member.data.form, member.data.y, member.residuals()
    n_before = len(y) - errors.shape[1]
    errors = np.pad(errors, ((0, 0), (n_before, 0)), constant_values=np.nan)
    return form.restore(form.prepare(y) - errors)


def _what_followed(y: NDArray, origins: NDArray, horizon: int) -> NDArray:
    """Return the steps after each origin, (n_origins, horizon); NaN behind the end."""
    padded = np.append(y, np.full(horizon, np.nan))
    return padded[origins[:, None] + np.arange(horizon)]
