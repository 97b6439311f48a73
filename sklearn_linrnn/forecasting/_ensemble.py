"""All candidates of a series, fitted and combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn.forecasting._combination import Combination, choose_origins
from sklearn_linrnn.forecasting._forms import Drift, make_forms
from sklearn_linrnn.forecasting._rolling_fits import Paths, RollingForm

LEAST_STEPS = 6  # to judge candidates from


@dataclass(frozen=True, eq=False)
class Member:
    """A form with a drift, fitted at several origins; the last one has seen all."""

    fits: RollingForm
    drift: Drift

    def paths(self, n_ahead: int) -> Paths:
        """Return forecasts from all origins, (n_origins, n_ahead)."""
        return self.fits.paths(self.drift, n_ahead)

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
        The series.
    candidates : list of Member
        What is combined.
    combination : Combination
        How.
    origins : ndarray of int, shape (n_origins,)
        Numbers of steps at which candidates were judged.
    """

    y: NDArray
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
        n_steps = len(y)
        forms = make_forms(y, seasons, n_steps)
        longest = max(form.season for form, _ in forms)
        longest = max([longest, *(max(form.pattern, default=1) for form, _ in forms)])
        least = max(LEAST_STEPS, min(2 * longest + 2, n_steps // 2))
        origins = choose_origins(n_steps, least, horizon)
        ends = np.append(origins, n_steps)
        with one_thread():
            rolling = [(RollingForm.of(form, y, ends), drifts) for form, drifts in forms]
            candidates = [Member(fits, drift) for fits, drifts in rolling for drift in drifts]
            paths = [candidate.paths(horizon) for candidate in candidates]
        usable = [bool(np.isfinite(path.mean[-1]).all()) for path in paths]
        candidates = [one for one, is_usable in zip(candidates, usable, strict=True) if is_usable]
        if not len(origins):
            return cls(y, candidates, Combination.equal(len(candidates)), origins)
        mean = np.array([path.mean for path in paths])[usable, :-1]
        variance = np.array([path.variance for path in paths])[usable, :-1]
        truth = _what_followed(y, origins, horizon)
        span = (n_steps - origins[0]) / horizon
        return cls(y, candidates, Combination.of(mean, variance, truth, span), origins)

    def forecast(self, n_ahead: int) -> tuple[NDArray, NDArray]:
        """Return the next steps and the variances of their errors, (n_ahead,) each."""
        with one_thread():
            paths = [candidate.paths(n_ahead) for candidate in self.candidates]
        mean = np.array([path.mean[-1] for path in paths])
        return self.combination.combine(mean, np.array([path.variance[-1] for path in paths]))

    def fitted(self) -> NDArray:
        """Return one-step forecasts of all steps that were seen, (n_timesteps,)."""
        forms = [candidate.fits.data.form for candidate in self.candidates]
        errors = [candidate.fitted_errors(len(self.y)) for candidate in self.candidates]
        values = [
            form.restore(form.prepare(self.y) - error)
            for form, error in zip(forms, errors, strict=True)
        ]
        whole = np.isfinite(values).all(axis=0)
        fitted = np.full(len(self.y), np.nan)
        some = np.array(values)[:, whole]
        fitted[whole] = self.combination.combine(some, np.zeros_like(some))[0]
        return fitted

    def summary(self) -> pd.DataFrame:
        """Return the candidates, the heaviest first, with their weights and errors."""
        rows = [
            candidate.fits.data.form.describe()
            | {"drift": candidate.drift, "weight": weight, "mean_absolute_error": error}
            for candidate, weight, error in zip(
                self.candidates, self.combination.weights, self.combination.errors, strict=True
            )
        ]
        frame = pd.DataFrame(rows).sort_values("weight", ascending=False, kind="stable")
        return frame.reset_index(drop=True)


def _what_followed(y: NDArray, origins: NDArray, horizon: int) -> NDArray:
    """Return the steps after each origin, (n_origins, horizon); NaN behind the end."""
    padded = np.append(y, np.full(horizon, np.nan))
    return padded[origins[:, None] + np.arange(horizon)]
