"""The errors that models make on series, and the noise that they show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._forecasts.forecasts import (
    forecast,
    longest_window,
    one_step_variances,
)
from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._forecasts.noise import Noise
from sklearn_linrnn.forecasting._series.panels import Histories, Steps


def errors_of_each(
    models: Sequence[LinearForecast],
    seen: Steps,
    histories: Histories,
    horizons: tuple[int, ...],
    *,
    recursive: bool,
    standardised: bool = False,
) -> list[NDArray]:
    """Return the errors that models make on each series after its first steps.

    They have shape (n_errors, n_horizons, n_columns), one origin after another; NaN where the truth
    is not known.

    Parameters
    ----------
    models : sequence of LinearForecast
        All of a forecaster.
    seen : mapping of tuple to int
        Number of first steps of each series; none of a series that is missing.
    histories : mapping of tuple to History
        The series.
    horizons : tuple of int
        Steps ahead.
    recursive : bool
        Whether one-step models are iterated.
    standardised : bool, default=False
        Whether they are in standard deviations that the models give them; NaN where that is zero.
    """
    parts = []
    n_lags = longest_window(models)
    for key, history in histories.items():
        origins = np.arange(max(seen.get(key, 0), n_lags) - 1, len(history) - 1)
        errors = np.full((len(origins), len(horizons), len(history.columns)), np.nan)
        known = [place for place, h in enumerate(horizons) if h <= len(origins)]
        if known:
            steps = np.array(horizons)[known]
            y, x = (
                np.pad(rows, ((0, steps.max()), (0, 0)), constant_values=np.nan)
                for rows in (history.y, history.x)
            )
            found = forecast(
                models,
                y,
                x,
                origins,
                steps.tolist(),
                recursive=recursive,
                uncertain=standardised,
            )
            deviation = np.sqrt(found.variance) if standardised else 1.0
            with np.errstate(invalid="ignore", divide="ignore"):
                errors[:, known] = (y[origins[:, None] + steps] - found.mean) / deviation
        parts.append(errors)
    return parts


def errors_after(
    models: Sequence[LinearForecast],
    seen: Steps,
    histories: Histories,
    horizons: tuple[int, ...],
    **kind: bool,
) -> NDArray:
    """Return the errors of `errors_of_each`, one series after another."""
    return np.concatenate(errors_of_each(models, seen, histories, horizons, **kind))


def one_step_noise(models: Sequence[LinearForecast], histories: Histories) -> Noise:
    """Return the noise of a recursion, which is like the errors of single steps on series.

    These correlate between columns and, where the models leave something to be learned, from step
    to step.

    Parameters
    ----------
    models : sequence of LinearForecast
        Models of one step, all of a forecaster.
    histories : mapping of tuple to History
        The series.
    """
    models = [model.iterated for model in models]
    errors = errors_of_each(models, {}, histories, (1,), recursive=True)
    return Noise.serial([part[:, 0] for part in errors], one_step_variances(models))
