"""Forecasts that need no settings: many ways to look at a series, combined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._data.season import seasons_of
from sklearn_linrnn.forecasting._automatic.auto_state import AutoState
from sklearn_linrnn.forecasting._automatic.followed import forecasts_from_ends
from sklearn_linrnn.forecasting._calls.backtesting import Backtesting
from sklearn_linrnn.forecasting._calls.own_clock import OnItsOwnClock
from sklearn_linrnn.forecasting._calls.predicting import Predicting
from sklearn_linrnn.forecasting._calls.series_by_series import PANEL_CLOCK, SeriesBySeries
from sklearn_linrnn.forecasting._calls.settings import is_count
from sklearn_linrnn.forecasting._calls.simulation import Simulating, StepsAhead
from sklearn_linrnn.forecasting._calls.whole_calls import unchanged_by_failures
from sklearn_linrnn.forecasting._distributions.intervals import Prediction
from sklearn_linrnn.forecasting._series.origins import Origins
from sklearn_linrnn.forecasting._series.panels import Key, Panel

LEAST_HORIZON = 6  # that candidates are judged by where none is asked for


@unchanged_by_failures
class AutoLagForecaster(
    SavedState, Predicting, Simulating, Backtesting, OnItsOwnClock, SeriesBySeries
):
    r"""Forecasts without settings: a combination of regressions on the past.

    The series is looked at as it is and by its logarithm, in differences, in differences over a
    season, and with the pattern of its season as an input. Each view is regressed on its last
    steps with priors that decay from lag to lag, and from season to season. The forecasts of all
    are averaged with weights from the errors that they made at earlier origins.

    Parameters
    ----------
    sp : int, list of int or None, default=None
        Time steps of a season, or of several. ``None`` for what the frequency of the index says:
        12 of months, 4 of quarters, 24 and 168 of hours, and so on. 1 for none.

    Attributes
    ----------
    seasons_ : tuple of int
        Time steps of the seasons that were looked for. One is used from two of its lengths on.
    horizon_ : int
        Steps ahead that the candidates were judged by: the furthest one that `fit` was asked for,
        else one and a half of the shortest season, at least 6.
    n_origins_ : int
        Number of origins that they were judged at; zero for a series that is too short.
    candidates_ : DataFrame
        What was combined, see `summary`.
    has_learned_ : bool
        Whether the series was long enough to learn from. One of a panel may be too short.

    See Also
    --------
    LagForecaster : One regression, of the settings that you choose.

    Notes
    -----
    **Candidates** are on the scale of the series and, if it is positive, of its logarithm. Without
    a season they are its differences with a free drift, one by the evidence for it and none, and
    its second differences; with seasons the series and its differences with the pattern as an
    input, or with lags around the season, and differences over the season. Of seasons of more than
    200 steps the pattern alone is learned, from twelve harmonics of each.

    **Memory.** A difference is taken from the last value, or from a mean of the past whose weights
    fall by the factor ``memory``, 0.5 or 0.8, from one value to the next: the error of exponential
    smoothing [1]_. A regression on such errors goes from noise around a level that hardly moves to
    a random walk, as an autoregression and moving average does. That mean starts at the first value
    and lags behind a drift only after some steps: what a drift adds to the errors grows with them.

    **Hyperparameters** are not chosen. Forecasts are the mean over memories, each with its evidence
    as weight, and responses the mean over decays of the prior and penalties. Roots of a recursion
    outside the unit circle are reflected into it.

    **Weights** are the inverse squares of the mean absolute errors at up to six origins over the
    last six horizons, at each of which all is learned anew from sums of the steps before. They
    count as much as the horizons that were seen, equal weights as much as six. Of the weighted
    forecasts a tenth at each end is left out.

    **Variances** are mean squares of the errors as if one of the candidates were true: the variance
    of its noise, carried through its recursion, and the square of how far it is from the forecast.
    How likely each is, a fifth of the evidence says; the weights count as much as one step more. A
    tenth at each end is left out. After ``n`` steps the variances are ``1 + 30 / n`` times as
    large, times the mean square of the errors at earlier origins in these units, where one origin
    counts as 10 at most, and eight times 1 as if of eight origins more. Quantiles are normal; they
    keep their digits where variances are too small for float64.

    **Paths** of `simulate` have these variances. From one step ahead to another their errors
    correlate as in the mean over all candidates by how likely they are: by what the noise of each
    adds up to, and by how far it is from the forecast. Errors of columns correlate as those of one
    step did on the series.

    **Range.** On its scale no candidate moves further than the series ever did in as many steps. On
    that of the series it leaves the range by no more than five times its width, and once more for
    each time that the series fits into the horizon, ten times in all.

    **Columns** are forecast each by itself, as the series of a panel are. Of a panel, those series
    that have less than three observations in a column are named in a warning and forecast by their
    last value.

    **Updates.** What `update` learns is what a fit to the whole would learn, late and revised
    values included. Without ``update_params`` what was learned forecasts from the end of what is
    new. A call that fails changes nothing.

    All constants were chosen on the series of the M1 competition, those of the variances on
    simulated processes too. Missing values are interpolated.

    References
    ----------
    .. [1] J. F. Muth (1960). Optimal properties of exponentially weighted forecasts. Journal of the
       American Statistical Association 55(290), 299-306.

    Examples
    --------
    >>> import numpy as np
    >>> from sktime.datasets import load_airline
    >>> from sklearn_linrnn.forecasting import AutoLagForecaster
    >>> y = load_airline()
    >>> forecaster = AutoLagForecaster().fit(y[:-12], fh=range(1, 13))
    >>> forecaster.seasons_
    (12,)
    >>> error = forecaster.predict() / y[-12:] - 1
    >>> float(np.abs(error).mean()) < 0.05
    True
    >>> list(forecaster.summary().columns)  # doctest: +NORMALIZE_WHITESPACE
    ['scale', 'differences', 'seasonal_lags', 'pattern', 'drift', 'memory', 'weight',
     'mean_absolute_error']
    """

    _tags = {
        "authors": "The sklearn-linrnn developers",
        "maintainers": "The sklearn-linrnn developers",
        "y_inner_mtype": "pd.DataFrame",
        "requires-fh-in-fit": False,
        "capability:multivariate": True,
        "capability:exogenous": False,
        "capability:missing_values": True,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:update": True,
        "capability:unequal_length": True,
    }

    # The forecaster keeps what it needs itself.
    _config = {"remember_data": False}
    _y = _X = None  # sktime expects them where a user chooses remember_data=True

    def __init__(self, sp: int | Sequence[int] | None = None) -> None:
        self.sp = sp
        super().__init__()

    def __post_init__(self) -> None:
        """Raise unless the parameters are what they must be."""
        if self.sp is not None and not all(map(is_count, _as_list(self.sp))):
            raise ValueError(
                f"sp must be None, an int of at least 1 or a list of them, but got {self.sp!r}."
            )

    def _fit(self, y: pd.DataFrame, X: Any, fh: Any) -> Self:
        clock = PANEL_CLOCK.get()
        panel = Panel.of(y, None, clock)
        seasons = seasons_of(panel.cutoff) if self.sp is None else _as_list(self.sp)
        seasons = tuple(sorted({int(season) for season in seasons if season > 1}))
        horizon = max(LEAST_HORIZON, 3 * min(seasons, default=1) // 2)
        if fh is not None:
            horizon = max(1, int(panel.first.steps_ahead(fh).max(initial=1)))
        state = AutoState(panel, seasons, horizon, [])
        self._publish(state.learning(may_be_short=clock is not None))
        return self

    def _update(self, y: pd.DataFrame, X: Any = None, update_params: bool = True) -> Self:
        state = self._known.seeing(y)
        self._publish(state.learning(may_be_short=True) if update_params else state)
        # sktime takes the end of what arrived last, which may be late.
        self._set_cutoff(state.panel.cutoff)
        return self

    def _publish(self, state: AutoState) -> None:
        self._known, self.has_learned_ = state, state.has_learned
        self.seasons_, self.horizon_ = state.seasons, state.horizon
        self.n_origins_ = max((len(one.origins) for one in state.ensembles), default=0)
        tables = [one.summary() for one in state.ensembles]
        columns = state.panel.first.columns
        if not tables:
            self.candidates_ = pd.DataFrame()
        elif len(columns) == 1:
            self.candidates_ = tables[0]
        else:
            self.candidates_ = pd.concat(dict(zip(columns, tables, strict=True)))

    def summary(self) -> pd.DataFrame:
        """Return what was combined, the heaviest candidate first.

        Returns
        -------
        summary : DataFrame
            Of each candidate ``scale``, ``differences`` (the steps that they are over),
            ``seasonal_lags`` (the seasons around which lags are inputs), ``pattern`` (the seasons
            whose patterns are inputs), ``drift``, ``memory`` (of each difference, its mean by the
            evidence), ``weight`` and ``mean_absolute_error`` at earlier origins, NaN if there are
            none. Of several columns the tables are one below the other, their names the first
            level of the index. It is empty for a series of a panel that is too short.
        """
        self.check_is_fitted()
        return self.candidates_.copy()

    def _forecast(self, fh: Any, X: Any, *, uncertain: bool) -> dict[Key, Prediction]:
        return {(): self._known.prediction(fh)}

    def _from_ends(self, y: pd.DataFrame, X: Any, origins: Origins) -> NDArray:
        return forecasts_from_ends(self._known.seeing(y), origins)

    def _draw(
        self, steps: StepsAhead, X: Any, n_paths: int, rng: np.random.RandomState
    ) -> dict[Key, NDArray]:
        return {(): self._known.draw(steps[()], n_paths, rng)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict]:
        """Return small settings for sktime's contract tests."""
        return [{}, {"sp": [2, 4]}]


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, np.ndarray)) else [value]
