"""The forecaster: what sktime calls, and what it gets."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.ntk_conv_cv import NTKConvRegressorCV
from sklearn_linrnn._estimators.weighted_conv import WeightedConv1DRegressor
from sklearn_linrnn.forecasting._calls.backtesting import Backtesting
from sklearn_linrnn.forecasting._calls.explanations import Explaining
from sklearn_linrnn.forecasting._calls.own_clock import OnItsOwnClock
from sklearn_linrnn.forecasting._calls.predicting import Predicting
from sklearn_linrnn.forecasting._calls.series_by_series import PANEL_CLOCK, SeriesBySeries
from sklearn_linrnn.forecasting._calls.settings import check_settings
from sklearn_linrnn.forecasting._calls.simulation import Simulating, StepsAhead
from sklearn_linrnn.forecasting._calls.whole_calls import unchanged_by_failures
from sklearn_linrnn.forecasting._distributions.intervals import Prediction, predictions
from sklearn_linrnn.forecasting._distributions.joint_paths import draw_paths
from sklearn_linrnn.forecasting._distributions.rolling import Rolling
from sklearn_linrnn.forecasting._forecasts.moved_roots import moved_roots
from sklearn_linrnn.forecasting._learning.fitting import Pretrained, fitted_state, pretrained
from sklearn_linrnn.forecasting._learning.panel_regressions import (
    PanelRegressions,
    panel_regressions,
)
from sklearn_linrnn.forecasting._learning.rolling_regressions import rolling_forecasts
from sklearn_linrnn.forecasting._learning.state import State
from sklearn_linrnn.forecasting._learning.traits import make_traits
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.joined_series import JoinedSeries
from sklearn_linrnn.forecasting._series.origins import Origins
from sklearn_linrnn.forecasting._series.panels import Key, Panel, warn_of_short


@unchanged_by_failures
class LagForecaster(
    SavedState,
    Predicting,
    Simulating,
    Explaining,
    Rolling,
    Backtesting,
    OnItsOwnClock,
    SeriesBySeries,
):
    r"""Forecasts that are linear in the last time steps, by any regressor of the package.

    The next steps of a series are regressed on the last `n_lags` ones. The estimator learns from
    sums over windows that are never formed, so that a fit costs the same for a thousand series as
    for one, and an update the same after ten steps as after a hundred thousand.

    Parameters
    ----------
    estimator : estimator object, default=None
        The regressor, cloned for each regression: `NTKConvRegressor` (closed form, with a
        posterior), `NTKConvRegressorCV` (the same, its hyperparameters chosen on held-out windows),
        `WeightedConv1DRegressor` (any lag weights, by gradient descent) or `LinearRNNRegressor`
        (the network of finite width). Its ``n_lags``, ``rows``, ``layout``, ``lag_order`` and
        ``n_channels`` stay at their defaults, as the ``cv`` and ``scoring`` of
        `NTKConvRegressorCV` do. ``None`` for `NTKConvRegressor` with the ``nu_w``, ``nu_f``,
        ``nu_c`` and ``alpha`` of the highest evidence.
    n_lags : int or "auto", default="auto"
        Number of last time steps to forecast from. "auto" considers as many as a quarter of the
        steps of the longest series, fewer where values are missing, so that enough windows stay
        whole: `NTKConvRegressor` takes the number of the highest evidence,
        the estimators that are trained by gradient descent that of their infinite-width limit, and
        `NTKConvRegressorCV` all of them, so that the memory is left to ``nu_w``.
    strategy : {"direct", "recursive"}, default="recursive"
        A model for every step ahead that is asked for in `fit`, or one of a single step, iterated.
    normalize : {"last", "mean", None}, default="last"
        The level taken from each window, and added to its forecast again: the newest value, the
        mean, or none. Exogenous series have none.
    joint : bool, default=False
        Whether all columns of y are inputs for each of them, or its own past alone.
    pooling : {"local", "global"}, default="local"
        For panels and hierarchies: a model, and hyperparameters, for every series, or one for all.
    intervals : {"gaussian", "conformal"}, default="gaussian"
        Quantiles of the normal distribution, with the variance of the errors and, in closed form,
        that of what was learned; or split-conformal ones: the errors that a model of the first part
        of the series makes in the last part.
    calibration_fraction : float, default=0.2
        Size of that last part.
    validation : int or float, default=0.2
        With `NTKConvRegressorCV`, the end of each series on which candidates are scored: a number
        of time steps, or a share of the series. All targets of a held-out window lie there; the
        window itself may reach back.
    refit : bool, default=True
        With `NTKConvRegressorCV`, whether the best candidate learns from all data in the end. If
        not, it is left as it was scored, with what is before the held-out end, and what `update`
        brings.

    Attributes
    ----------
    estimators_ : list of estimator objects
        The fitted estimators: one, or one for every column of y that is not `joint`; with exogenous
        series and with `LinearRNNRegressor` one for every horizon. Those of `normalize` know
        windows less their level. Those of `NTKConvRegressorCV` are `NTKConvRegressor` with the best
        candidate.
    n_lags_ : int
        Number of time steps that forecasts are made from.
    stabilized_ : DataFrame
        What of "recursive" was changed because it would blow up: a row for each root (or conjugate
        pair) of a fitted recursion that is larger than 1 and than the growth that the series shows,
        with its ``columns``, the ``root``, its ``modulus`` (its growth in one step), its ``period``
        in steps and the ``growth`` in one step that is certain of the series, at least 1. The
        modulus is now ``growth ** 2 / modulus``. No row if nothing was changed.
    noise_predictability_ : Series
        Of each column of y, the share of the variance of the errors of one step that the errors
        before explain. 0 where they are white; else the model leaves something to be learned, and
        intervals heed it. Empty for "direct".
    forecasters_ : DataFrame
        Of a panel whose series have a model each their forecasters, which alone have the other
        attributes. Where all series are learned at once, they are made when first asked for.
    has_learned_ : bool
        Whether the series was long enough to learn from. One of a panel may be too short.
    best_params_ : dict
        With `NTKConvRegressorCV`, the best candidate, as parameters of `NTKConvRegressor`; those
        of one value are left out.
    best_score_ : float
        Its mean squared error on the held-out windows, all regressions together.
    best_index_ : int
        Its row in ``cv_results_``.
    cv_results_ : DataFrame
        ``params``, ``mean_test_MeanSquaredError`` and ``rank_test_MeanSquaredError`` of all
        candidates, in the names of sktime's `ForecastingGridSearchCV`.

    See Also
    --------
    sklearn_linrnn.NTKConvRegressor : The regressor in closed form.
    sklearn_linrnn.regression.LagTimeSeriesRegressor : The same for sktime's reductions.

    Notes
    -----
    Grids of sktime reach the estimator's parameters as ``estimator__nu_w``.

    Evidence takes errors to be white, which those of several steps ahead are not: where it matters,
    choose by held-out windows (`NTKConvRegressorCV`). There one eigendecomposition for each prior
    has all penalties, and no forecast is made; "recursive" is scored by its one-step forecast. What
    is chosen from the data is chosen for all steps up to the furthest together, so that a forecast
    does not depend on which others were asked for.

    Horizons of "direct" learn from the same windows, those with a target for the furthest, and are
    one solve with many right-hand sides. A network shared by several horizons would serve them all
    at once, so each has its own, on all windows that have its target. So it is with exogenous
    series: their lags count from the time that is forecast, so that their future is needed as far
    as the horizon reaches.

    "recursive" keeps to its recursion, unless that would blow up: a root outside the unit circle is
    reflected into it, or at the growth that the series shows along its eigenvector with confidence,
    the others stay. What trends or cycles has roots on the circle.

    Variances are, for each step ahead, that of the residuals and, where there is one, that of the
    posterior: in closed form, but not after ``n_steps``. Those of "recursive" go through the
    model's own response: errors correlate as those that were made on the series, between columns
    and, unless they are white, from step to step, as an autoregression of the lowest BIC; the
    parameters are wrong by the same at all steps: a path of `simulate` has them drawn once, those
    of regressions apart independently.

    Conformal intervals need ``coverage / (1 - coverage)`` errors at least. Where there are fewer,
    the model's own standard deviation stands in, rescaled by the errors of the shortest forecasts,
    with the quantile of Student's t distribution; as it is where there is no such error.

    A window that touches a missing value (NaN) is left out; the newest one carries the last value
    across a gap. Forecasts up to the cutoff are those of one step from the window before, NaN where
    that is not full.

    What `update` learns is what a fit to the whole would learn, late and revised values included,
    except that "auto" keeps the most lags that it considered at first, and the candidate that was
    chosen stays. A call that fails changes nothing. `pretrain` keeps the sums of a panel, and `fit`
    adds those of the series.

    With a model for each series by `NTKConvRegressor`, the series of a panel without exogenous
    series are learned and forecast at once: a thousand times faster with given hyperparameters,
    fifty times with those of the highest evidence, for which lags must be independent beforehand
    and an intercept be fitted. Series that need more than a Cholesky factorisation, and those that
    are long, have a fit by themselves, and so has each where variances, intervals or updates are
    asked for.

    Series of a panel that are too short are named in a warning and stop no other: a shared model
    forecasts them from a window in which the first value stands in for what was before it, and
    those that were to have a model of their own are forecast by their last value.

    Examples
    --------
    >>> import numpy as np
    >>> from sktime.datasets import load_airline
    >>> from sklearn_linrnn import NTKConvRegressorCV
    >>> from sklearn_linrnn.forecasting import LagForecaster
    >>> y = np.log(load_airline())
    >>> forecaster = LagForecaster().fit(y[:-12])
    >>> float(np.abs(forecaster.predict(fh=range(1, 13)) - y[-12:]).mean()) < 0.05
    True
    >>> forecaster.predict_interval(coverage=0.9).shape
    (12, 2)

    A search on the last three years:

    >>> grid = NTKConvRegressorCV(nu_w=[0.5, 0.9], alphas=[0.1, 1, 10])
    >>> search = LagForecaster(grid, n_lags=24, strategy="direct", validation=36)
    >>> sorted(search.fit(y, fh=range(1, 13)).best_params_)
    ['alpha', 'nu_w']
    """

    _tags = {
        "authors": "The sklearn-linrnn developers",
        "maintainers": "The sklearn-linrnn developers",
        "y_inner_mtype": "pd.DataFrame",
        "X_inner_mtype": "pd.DataFrame",
        "X-y-must-have-same-index": True,
        "requires-fh-in-fit": True,
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": False,
        "capability:non_contiguous_X": False,
        "capability:missing_values": True,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:update": True,
        "capability:pretrain": True,
        "pretrain:fitted_params": ["pretrained_sums_", "pretrained_horizons_"],
        "capability:unequal_length": True,
    }

    # The forecaster keeps what it needs itself, at a cost that the past does not set.
    _config = {"remember_data": False}
    _y = _X = None  # sktime expects them where a user chooses remember_data=True
    _remedy_for_short = (
        " Lower n_lags, or take pooling='global', whose model is learned from all series."
    )

    def __init__(
        self,
        estimator: LagRegressor | None = None,
        n_lags: int | Literal["auto"] = "auto",
        *,
        strategy: Literal["direct", "recursive"] = "recursive",
        normalize: Literal["last", "mean"] | None = "last",
        joint: bool = False,
        pooling: Literal["local", "global"] = "local",
        intervals: Literal["gaussian", "conformal"] = "gaussian",
        calibration_fraction: float = 0.2,
        validation: int | float = 0.2,
        refit: bool = True,
    ) -> None:
        self.estimator = estimator
        self.n_lags = n_lags
        self.strategy = strategy
        self.normalize = normalize
        self.joint = joint
        self.pooling = pooling
        self.intervals = intervals
        self.calibration_fraction = calibration_fraction
        self.validation = validation
        self.refit = refit
        super().__init__()

    def __dynamic_tags__(self) -> None:
        """Set the tags that depend on parameters."""
        self.set_tags(**{"requires-fh-in-fit": self.strategy == "direct"})
        if self.pooling == "global":
            panels = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]
            self.set_tags(y_inner_mtype=panels, X_inner_mtype=panels)

    def __post_init__(self) -> None:
        """Raise unless the parameters are what they must be."""
        check_settings(self)
        if self.estimator is not None:
            make_traits(self.estimator, auto_lags=self.n_lags == "auto")

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> Self:
        clock = PANEL_CLOCK.get()
        panel = Panel.of(y, X, clock)
        state = fitted_state(self, panel, fh, self._pretrained, may_be_short=clock is not None)
        self._publish(state)
        if clock is None:  # else the panel's forecaster warns
            warn_of_short(panel, self.n_lags_)
        return self

    def _update(self, y: pd.DataFrame, X: pd.DataFrame | None, update_params: bool = True) -> Self:
        before = self._known
        state = before.seeing(y, X)
        if update_params and state.has_learned:
            state = state.learning()
        elif update_params:
            earlier = self._pretrained
            state = fitted_state(self, state.panel, self._fh, earlier, may_be_short=True)
        self._publish(state)
        warn_of_short(state.panel, self.n_lags_, known=before.panel)
        # sktime takes the end of what arrived last, which may be late.
        self._set_cutoff(state.panel.cutoff)
        return self

    def _pretrain(self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: Any = None) -> Self:
        found = pretrained(self, Panel.of(y, X), fh, self._pretrained)
        self.pretrained_sums_, self.pretrained_horizons_ = found.sums, found.horizons
        return self

    @property
    def _pretrained(self) -> Pretrained | None:
        if not hasattr(self, "pretrained_sums_"):
            return None
        return Pretrained(self.pretrained_sums_, self.pretrained_horizons_)

    def _publish(self, state: State) -> None:
        self._known, learned = state, state.learned
        self.has_learned_ = state.has_learned
        self.estimators_ = learned.estimators
        self.n_lags_ = max(model.n_lags for model in learned.models)
        if (choice := learned.choice) is not None:
            self.cv_results_, self.best_index_ = choice.results, choice.index
            self.best_params_, self.best_score_ = choice.params, choice.score

    @property
    def stabilized_(self) -> pd.DataFrame:
        """What was changed because it would blow up."""
        models = self._known.learned.models if self.strategy == "recursive" else []
        return moved_roots(models, self._known.panel.first.columns)

    def _forecast(
        self, fh: Any, X: pd.DataFrame | None, *, uncertain: bool
    ) -> dict[Key, Prediction]:
        recursive = self.strategy == "recursive"
        return predictions(self._known, fh, X, recursive=recursive, uncertain=uncertain)

    def _learn_at_once(self, series: JoinedSeries, fh: Any) -> PanelRegressions | None:
        return panel_regressions(self, series, fh)

    @property
    def noise_predictability_(self) -> pd.Series:
        """Share of the variance of errors of one step that the errors before explain."""
        if self.strategy != "recursive":
            return pd.Series(dtype=np.float64)
        return pd.Series(self._known.noise.predictability, self._known.panel.first.columns)

    def _draw(
        self, steps: StepsAhead, X: pd.DataFrame | None, n_paths: int, rng: np.random.RandomState
    ) -> dict[Key, NDArray]:
        recursive = self.strategy == "recursive"
        return draw_paths(self._known, steps, X, n_paths, rng, recursive=recursive)

    def _rolling(self, history: History, origins: Origins) -> NDArray:
        return rolling_forecasts(self, history, origins)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict]:
        """Return small settings for sktime's contract tests."""
        given = NTKConvRegressor(0.5, alpha=1.0)
        grid = NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 10.0])
        pooled = {"n_lags": 4, "strategy": "direct", "normalize": None, "pooling": "global"}
        joint = {"n_lags": 3, "normalize": "mean", "joint": True}
        return [
            {},
            {"estimator": given, **pooled},
            {"estimator": given, **joint, "intervals": "conformal"},
            {"estimator": grid, **joint, "validation": 0.4, "refit": False},
            {"estimator": WeightedConv1DRegressor(max_iter=5)},
            {"estimator": LinearRNNRegressor(8, max_iter=5, random_state=0), **pooled},
        ]
