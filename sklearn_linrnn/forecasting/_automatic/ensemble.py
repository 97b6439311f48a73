"""All candidates of a series, fitted and combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn.forecasting._automatic.combination import Combination, choose_origins
from sklearn_linrnn.forecasting._automatic.forms import Drift, make_forms
from sklearn_linrnn.forecasting._automatic.mixture import StepsExplained
from sklearn_linrnn.forecasting._automatic.rolling_fits import Paths, RollingForm
from sklearn_linrnn.forecasting._forecasts.room import check_room

LEAST_STEPS = 6  # to judge candidates from
ARRAYS_OF_CANDIDATE, ARRAYS_OF_WAVE = 3, 2  # times what `check_room` takes for a path and an input


@dataclass(frozen=True, eq=False)
class Member:
    """A form with a drift, fitted at several origins; the last one has seen all."""

    fits: RollingForm
    drift: Drift

    def followed_to(self, y: NDArray, ends: NDArray) -> Member:
        """Return what was learned from all, to forecast y (n_timesteps,) after some of its steps.

        Parameters
        ----------
        y : ndarray of shape (n_timesteps,)
            The series.
        ends : ndarray of int, shape (n_origins,)
            Numbers of steps.
        """
        return replace(self, fits=self.fits.followed_to(y, ends))

    def describe(self) -> dict[str, object]:
        """Return the candidate in the words of a summary."""
        said = {"drift": self.drift, "memory": self.fits.memory(self.drift)}
        return self.fits.data.form.describe() | said

    def paths(self, n_ahead: int) -> Paths:
        """Return forecasts from all origins, (n_origins, n_ahead)."""
        return self.fits.paths(self.drift, n_ahead)

    def evidence(self) -> NDArray:
        """Return what it says of the steps before each origin, see `RollingForm.evidence`."""
        return self.fits.evidence(self.drift)

    def fitted_errors(self, n_steps: int) -> NDArray:
        """Return one-step errors on the scale of the form, (n_steps,); NaN where there is none."""
        errors = self.fits.residuals(self.drift)
        return np.concatenate([np.full(n_steps - len(errors), np.nan), errors])


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Candidates with their weights. Make it with `fit`.

    Attributes
    ----------
    y : ndarray of shape (n_timesteps,)
        The series in its unit.
    unit : float
        A power of two near its largest value, so that squares of no series are out of range.
    candidates : list of Member
        What is combined.
    combination : Combination
        How.
    origins : ndarray of int, shape (n_origins,)
        Numbers of steps at which candidates were judged.
    """

    y: NDArray
    unit: float
    candidates: list[Member]
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
            rolling = [(RollingForm.of(form, y, ends), drifts) for form, drifts in views]
            members = [Member(fits, drift) for fits, drifts in rolling for drift in drifts]
            paths = [member.paths(n_ahead) for member in members]
        usable = [i for i, path in enumerate(paths) if np.isfinite(path.mean[-1]).all()]
        known = [members[i].followed_to(y, ends[-1:]) for i in usable]
        evidence = StepsExplained(ends, *np.stack([members[i].evidence() for i in usable], axis=1))
        if not len(origins):
            return cls(y, unit, known, Combination.equal(evidence), origins)
        mean, variance = _stacked([paths[i] for i in usable])
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
        return replace(self, y=y, candidates=[one.followed_to(y, ends) for one in self.candidates])

    @property
    def n_needed(self) -> int:
        """Number of last steps that forecasts are made from."""
        return max(member.fits.n_needed for member in self.candidates)

    @property
    def n_waves(self) -> int:
        """Number of inputs of the candidate that has the most."""
        return max(member.fits.data.form.n_waves for member in self.candidates)

    def forecast(self, n_ahead: int) -> tuple[NDArray, NDArray]:
        """Return forecasts from all ends and the deviations of errors, (n_origins, n_ahead)."""
        mean, variance = self.paths(n_ahead)
        combined, spread = self.combination.combine(mean, variance)
        return self.unit * combined, self.unit * np.sqrt(spread)

    def paths(self, n_ahead: int) -> tuple[NDArray, NDArray]:
        """Return forecasts and variances of all candidates in units of the series.

        They have shape (n_candidates, n_origins, n_ahead) each.
        """
        n_paths = ARRAYS_OF_CANDIDATE * len(self.candidates)
        check_room(n_ahead, n_paths, ARRAYS_OF_WAVE * self.n_waves, uncertain=False)
        with one_thread():
            return _stacked([member.paths(n_ahead) for member in self.candidates])

    def fitted(self) -> NDArray:
        """Return one-step forecasts of all steps that were seen, (n_timesteps,)."""
        forms = [member.fits.data.form for member in self.candidates]
        errors = [member.fitted_errors(len(self.y)) for member in self.candidates]
        values = [
            form.restore(form.prepare(self.y) - error)
            for form, error in zip(forms, errors, strict=True)
        ]
        whole = np.isfinite(values).all(axis=0)
        fitted = np.full(len(self.y), np.nan)
        some = np.array(values)[:, whole]
        fitted[whole] = self.combination.combine(some, np.zeros_like(some))[0]
        return self.unit * fitted

    def summary(self) -> pd.DataFrame:
        """Return the candidates, the heaviest first, with their weights and errors."""
        rows = [
            member.describe() | {"weight": weight, "mean_absolute_error": error}
            for member, weight, error in zip(
                self.candidates,
                self.combination.weights,
                self.unit * self.combination.errors,
                strict=True,
            )
        ]
        frame = pd.DataFrame(rows).sort_values("weight", ascending=False, kind="stable")
        return frame.reset_index(drop=True)


def _unit(y: NDArray) -> float:
    """Return the power of two that a series (n_timesteps,) reaches; 1/2 for zeros."""
    return float(np.ldexp(1.0, np.frexp(np.abs(y).max())[1] - 1))


def _stacked(paths: list[Paths]) -> tuple[NDArray, NDArray]:
    """Return forecasts and variances of candidates, (n_candidates, n_origins, n_ahead) each."""
    return np.array([path.mean for path in paths]), np.array([path.variance for path in paths])


def _what_followed(y: NDArray, origins: NDArray, horizon: int) -> NDArray:
    """Return the steps after each origin, (n_origins, horizon); NaN behind the end."""
    padded = np.append(y, np.full(horizon, np.nan))
    return padded[origins[:, None] + np.arange(horizon)]
