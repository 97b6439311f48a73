"""From the parameters of a forecaster and its series to what it has learned."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn.forecasting._forecasts.forecasts import needed_horizons
from sklearn_linrnn.forecasting._learning.held_out_search import searching
from sklearn_linrnn.forecasting._learning.learner import Learner, other_horizons
from sklearn_linrnn.forecasting._learning.naive import nothing_learned
from sklearn_linrnn.forecasting._learning.state import State
from sklearn_linrnn.forecasting._learning.traits import make_traits
from sklearn_linrnn.forecasting._series.panels import Panel
from sklearn_linrnn.forecasting._series.whole_windows import TooFewWindows, check_reach


@dataclass(frozen=True, eq=False)
class Pretrained:
    """What `pretrain` leaves for a fit.

    Attributes
    ----------
    sums : list of LagStatistics
        The sums of each regression.
    horizons : tuple of int
        The steps ahead.
    """

    sums: list[LagStatistics]
    horizons: tuple[int, ...]


def fitted_state(
    settings: Any, panel: Panel, fh: Any, earlier: Pretrained | None, *, may_be_short: bool
) -> State:
    """Return what series teach.

    Parameters
    ----------
    settings : LagForecaster
        Its parameters alone are read.
    panel : Panel
        The series.
    fh : ForecastingHorizon or None
        What is to be forecast.
    earlier : Pretrained or None
        What was learned before.
    may_be_short : bool
        Whether a single series from which nothing can be learned is forecast by its last value.
    """
    try:
        return _taught(settings, panel, fh, earlier)
    except TooFewWindows:
        if not may_be_short:
            raise
        return State(panel, nothing_learned(panel.first, _horizons(settings, panel, fh, earlier)))


def pretrained(settings: Any, panel: Panel, fh: Any, earlier: Pretrained | None) -> Pretrained:
    """Return what series leave for a fit, together with what was there before.

    Parameters
    ----------
    settings : LagForecaster
        Its parameters alone are read.
    panel : Panel
        The series.
    fh : ForecastingHorizon or None
        What is to be forecast, or that of before.
    earlier : Pretrained or None
        What was learned before.
    """
    learner = make_learner(settings, panel, fh, earlier)
    sums = None if earlier is None else earlier.sums
    learner.check(panel.histories, panel.lengths, sums)
    return Pretrained(learner.sums(panel.histories, {}, panel.lengths, sums), learner.horizons)


def _taught(settings: Any, panel: Panel, fh: Any, earlier: Pretrained | None) -> State:
    histories, whole = panel.histories, panel.lengths
    sums, calibration = None if earlier is None else earlier.sums, None
    learner = searching(
        make_learner(settings, panel, fh, earlier), settings.validation, settings.refit
    )
    if settings.intervals == "conformal":
        share = 1.0 - settings.calibration_fraction
        seen = {key: math.floor(share * n_steps) for key, n_steps in whole.items()}
        # Without enough to learn from, the model of the whole is taken at its word.
        with suppress(TooFewWindows):
            calibration = learner.learn(histories, seen, sums)
    return State(panel, learner.learn(histories, whole, sums), calibration)


def make_learner(settings: Any, panel: Panel, fh: Any, earlier: Pretrained | None) -> Learner:
    """Return the learner of a horizon, which goes on from earlier sums.

    Parameters
    ----------
    settings : LagForecaster
        Its parameters alone are read.
    panel : Panel
        The series.
    fh : ForecastingHorizon or None
        What is to be forecast.
    earlier : Pretrained or None
        What was learned before.
    """
    horizons, n_lags = _horizons(settings, panel, fh, earlier), settings.n_lags
    if n_lags != "auto":
        n_lags = int(n_lags)  # NumPy's may be too short for sums
    if earlier is None:
        check_reach(panel.histories, max(horizons), 1 if n_lags == "auto" else n_lags)
    elif max(horizons) != max(earlier.horizons):
        raise other_horizons(earlier.horizons, horizons)
    traits = make_traits(settings.estimator, auto_lags=n_lags == "auto")
    kind = {"normalize": settings.normalize, "joint": settings.joint}
    learner = Learner.of(traits, panel.histories, horizons, n_lags, **kind)
    return learner if earlier is None else learner.continuing(earlier.sums, earlier.horizons)


def _horizons(settings: Any, panel: Panel, fh: Any, earlier: Pretrained | None) -> tuple[int, ...]:
    """Return the steps ahead that are to be learned."""
    if settings.strategy == "recursive":
        return (1,)
    if fh is not None:
        return needed_horizons([one.steps_ahead(fh) for one in panel.histories.values()])
    if earlier is not None:
        return earlier.horizons
    raise ValueError("fh must be passed to pretrain of a forecaster of strategy='direct'.")
