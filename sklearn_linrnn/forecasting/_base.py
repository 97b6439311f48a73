"""What the forecasters share: the plumbing from sktime's series to sums, and back to forecasts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.datatypes import convert_to
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.utils.validation.forecasting import check_fh

from sklearn_linrnn._base import LagRegressor
from sklearn_linrnn._core.lag_statistics import LagStatistics
from sklearn_linrnn._core.levels import Levels
from sklearn_linrnn._ntk_conv import MOST_COEFFICIENTS, STEPS_PER_COEFFICIENT
from sklearn_linrnn._validation.parameters import check_device
from sklearn_linrnn.forecasting._history import History, check_columns
from sklearn_linrnn.forecasting._models import Model
from sklearn_linrnn.forecasting._panels import Key, each_series, join, name, split
from sklearn_linrnn.forecasting._predictions import Prediction, mean_square
from sklearn_linrnn.forecasting._regressions import Regression, make_regressions
from sklearn_linrnn.forecasting._rolling import Forecasts, forecast

Histories = dict[Key, History]

CHOICES = {
    "strategy": ("direct", "recursive"),
    "normalize": (None, "last", "mean"),
    "pooling": ("local", "global"),
    "intervals": ("gaussian", "conformal"),
}


class LagForecaster(BaseForecaster):
    """Forecasts that are linear in the last steps of series, learned from sums over windows.

    Subclasses name the estimator that learns from the sums (`_estimator_class`) and have its
    parameters by their own names.
    """

    _estimator_class: ClassVar[type[LagRegressor]]
    _horizons_apart: ClassVar[bool] = False  # whether an estimator's outputs shape each other

    _histories: Histories
    _regressions: list[Regression]
    _sums: list[LagStatistics]
    _models: list[Model]

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
        "pretrain:fitted_params": [
            "pretrained_sums_",
            "pretrained_horizons_",
        ],
        "capability:unequal_length": True,
    }

    # The forecasters keep what they need themselves, at a cost that the past does not set.
    _config = {"remember_data": False}
    _y = _X = None  # sktime expects them where a user chooses remember_data=True

    def __dynamic_tags__(self) -> None:
        """Set the tags that depend on parameters."""
        self.set_tags(**{"requires-fh-in-fit": self.strategy == "direct"})
        if self.pooling == "global":
            panels = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]
            self.set_tags(y_inner_mtype=panels, X_inner_mtype=panels)

    def __post_init__(self) -> None:
        """Raise unless the parameters that are not the estimator's are what they must be."""
        for parameter, choices in CHOICES.items():
            if (value := getattr(self, parameter)) not in choices:
                raise ValueError(f"{parameter} must be one of {choices}, but {value!r} came.")
        if self.n_lags != "auto" and not (
            isinstance(self.n_lags, (int, np.integer)) and self.n_lags > 0
        ):
            raise ValueError(
                f"n_lags must be 'auto' or an int of at least 1, but {self.n_lags!r} came."
            )
        if not 0 < self.calibration_fraction < 1:
            raise ValueError(
                "calibration_fraction must lie between 0 and 1, but "
                f"{self.calibration_fraction!r} came."
            )

    # -- What sktime calls

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> Self:
        self._index_names = list(y.index.names) if isinstance(y.index, pd.MultiIndex) else None
        self._histories = _histories(y, X)
        self._plan(self._horizons(fh, self._histories), self._histories)
        pretrained = getattr(self, "pretrained_sums_", None)
        whole = {key: len(history) for key, history in self._histories.items()}
        if self.intervals == "conformal":
            share = 1.0 - self.calibration_fraction
            self._seen = {key: math.floor(share * n_steps) for key, n_steps in whole.items()}
            self._learn_until(self._seen, pretrained)
            self._calibrating = self._models
        self._learn_until(whole, pretrained)
        return self

    def _update(self, y: pd.DataFrame, X: pd.DataFrame | None, update_params: bool = True) -> Self:
        before = {key: len(history) for key, history in self._histories.items()}
        for key, series, exogenous in each_series(y, X):
            if key in before:
                self._histories[key].append(series, exogenous)
            else:
                self._histories[key] = self._known_columns(History(series, exogenous))
        self._restore_frequency()
        if update_params:
            now = {key: len(history) for key, history in self._histories.items()}
            self._sums = self._sum_up(self._histories, before, now, self._sums)
            self._learn()
        return self

    def _pretrain(self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: Any = None) -> Self:
        histories = _histories(y, X)
        horizons = getattr(self, "pretrained_horizons_", None)
        if fh is not None or self.strategy == "recursive":
            horizons = self._horizons(fh, histories)
        if horizons is None:
            raise ValueError("fh must be passed to pretrain of a forecaster of strategy='direct'.")
        self._plan(horizons, histories)
        whole = {key: len(history) for key, history in histories.items()}
        pretrained = getattr(self, "pretrained_sums_", None)
        self.pretrained_sums_ = self._sum_up(histories, {}, whole, pretrained)
        self.pretrained_horizons_ = horizons
        return self

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> pd.DataFrame:
        found = self._forecast(fh, X, uncertain=False)
        return self._join({key: (one.index, one.mean) for key, one in found.items()})

    def _predict_var(
        self, fh: Any, X: pd.DataFrame | None = None, cov: bool = False
    ) -> pd.DataFrame:
        if cov:
            raise NotImplementedError("Variances come for each time by itself: use cov=False.")
        found = self._forecast(fh, X, uncertain=True)
        return self._join({key: (one.index, one.variance) for key, one in found.items()})

    def _predict_quantiles(
        self, fh: Any, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        levels = np.array(alpha, dtype=np.float64)
        parts = {}
        for key, one in self._forecast(fh, X, uncertain=True).items():
            quantiles = one.quantiles(levels)  # (n_steps, n_columns, n_levels)
            parts[key] = one.index, quantiles.reshape(len(quantiles), -1)
        return self._join(parts, self._get_columns(method="predict_quantiles", alpha=alpha))

    def _predict_proba(self, fh: Any, X: pd.DataFrame | None, marginal: bool = True) -> Any:
        # That there is a method tells sktime that its own normal distribution is enough.
        return super()._predict_proba(fh=fh, X=X, marginal=marginal)

    def predict_rolling(self, y: Any, X: Any = None, fh: Any = None) -> NDArray:
        """Return the forecasts from every full window of a series, without fitting again.

        Parameters
        ----------
        y : series in a format of sktime
            One series, of as many columns as that of `fit`. Windows that touch a missing value
            give NaN.
        X : DataFrame, default=None
            Exogenous series, if the forecaster was fitted with them, at the times of y. Rows after
            its end count as known future; where they are needed and missing, forecasts are NaN.
        fh : int, list or ForecastingHorizon, default=None
            Steps ahead, at least 1; ``None`` for those of `fit`.

        Returns
        -------
        forecasts : ndarray of shape (n_origins, n_horizons, n_columns)
            Forecasts from the first full window on, that is from step ``n_lags_ - 1``, up to the
            last step of y.

        Raises
        ------
        ValueError
            If y is shorter than a window, or a step ahead is not one that was learned.
        """
        self.check_is_fitted()
        if self._is_vectorized:
            raise ValueError(
                "predict_rolling needs one model, but each series was fitted with its own: take "
                "pooling='global', or one of `forecasters_`."
            )
        frame = convert_to(y, "pd.DataFrame", as_scitype="Series")
        history = self._known_columns(History(frame, X))
        horizon = self.fh.to_relative(self.cutoff) if fh is None else check_fh(fh)
        steps = np.asarray(horizon.to_numpy())
        if not horizon.is_relative or (steps < 1).any():
            raise ValueError(f"fh must be relative, steps ahead of at least 1, but {fh} came.")
        self._check_length(history, "y")
        origins = np.arange(self.n_lags_ - 1, len(history))
        x = np.vstack([history.x, history.known_future(X, int(steps.max()))])
        return self._roll(self._models, history.y, x, origins, steps, uncertain=False).mean

    # -- From histories to models

    def _plan(self, horizons: tuple[int, ...], histories: Histories) -> None:
        """Settle the regressions and the number of lags that their sums have."""
        some = next(iter(histories.values()))
        n_columns, n_exogenous = len(some.columns), len(some.exogenous)
        self._regressions = make_regressions(
            n_columns, n_exogenous, horizons, joint=self.joint, apart=self._horizons_apart
        )
        pretrained = getattr(self, "pretrained_sums_", None)
        if pretrained is not None:
            self._check_pretrained(horizons, pretrained)
            self._most_lags = pretrained[0].n_lags
        elif self.n_lags != "auto":
            self._most_lags = int(self.n_lags)
        else:
            longest = max(map(len, histories.values())) - max(horizons)
            most = min(MOST_COEFFICIENTS, longest // STEPS_PER_COEFFICIENT)
            self._most_lags = max(most // self._regressions[0].n_channels, 1)

    def _sum_up(
        self,
        histories: Histories,
        first: Mapping[Key, int],
        last: Mapping[Key, int],
        sums: list[LagStatistics] | None,
    ) -> list[LagStatistics]:
        """Return sums with those added whose furthest target lies in ``first <= step < last``."""
        device = check_device(self.device)
        new = []
        for regression in self._regressions:
            reach = max(regression.horizons) + self._most_lags - 1
            parts = []
            for key, history in histories.items():
                steps = slice(max(first.get(key, 0) - reach, 0), last[key])
                # What is added to a whole series leaves windows less their level, but costs digits.
                y = history.y[steps] - (history.level if self.normalize is not None else 0.0)
                parts.append((y, history.x[steps]))
            new.append(regression.sums(parts, self._most_lags, device))
        return new if sums is None else [a + b for a, b in zip(sums, new, strict=True)]

    def _learn_until(self, last: Mapping[Key, int], pretrained: list[LagStatistics] | None) -> None:
        """Learn from the first steps of the series, and from the sums of `pretrain`."""
        self._sums = self._sum_up(self._histories, {}, last, pretrained)
        self._learn()

    def _learn(self) -> None:
        """Learn from the sums that there are, and publish it."""
        for regression, some in zip(self._regressions, self._sums, strict=True):
            if some.weight < 2:
                furthest = max(regression.horizons)
                raise ValueError(
                    f"y must have {self._most_lags + furthest + 1} observed steps in a row, two "
                    f"windows of n_lags={self._most_lags} with a target {furthest} steps ahead, "
                    f"but its longest series has {max(map(len, self._histories.values()))} steps. "
                    "Lower n_lags or the horizon."
                )
        pairs = zip(self._regressions, self._sums, strict=True)
        self._models = [self._fit_model(regression, sums) for regression, sums in pairs]
        self.estimators_ = [model.estimator for model in self._models]
        self.n_lags_ = max(model.n_lags for model in self._models)

    def _fit_model(self, regression: Regression, sums: LagStatistics) -> Model:
        """Return the model of one regression."""
        if self.n_lags == "auto":
            sums = sums.first_lags(self._count_lags(regression, sums))
        levels = self._levels(regression, sums.n_lags)
        if levels is not None:
            sums = levels.normalised(sums)
        return Model(regression, self._make_estimator().fit_statistics(sums), sums, levels)

    def _count_lags(self, regression: Regression, sums: LagStatistics) -> int:
        """Return the number of lags that the estimator gets where ``n_lags="auto"``."""
        return sums.n_lags

    def _levels(self, regression: Regression, n_lags: int) -> Levels | None:
        if self.normalize is None:
            return None
        return Levels.of(
            self.normalize,
            n_lags,
            regression.n_channels,
            regression.target_channels,
            regression.exogenous_channels,
        )

    def _make_estimator(self) -> LagRegressor:
        """Return an estimator with those of its parameters that the forecaster has too."""
        names = set(self._estimator_class._get_param_names()) & set(self.get_param_names())
        parameters = {name: getattr(self, name) for name in names - {"n_lags"}}
        return self._estimator_class(**parameters)

    # -- From models to forecasts

    def _forecast(
        self, fh: Any, X: pd.DataFrame | None, *, uncertain: bool
    ) -> dict[Key, Prediction]:
        """Return the forecasts of all series."""
        exogenous = {} if X is None else split(X)
        steps = {key: self._steps(fh, history) for key, history in self._histories.items()}
        calibrate = uncertain and self.intervals == "conformal"
        horizons = _learned_horizons(steps.values())
        errors = self._calibration_errors(horizons) if calibrate else None
        found = {}
        for key, history in self._histories.items():
            forecasts = self._forecast_steps(key, exogenous.get(key), steps[key], uncertain)
            seen = None
            if errors is not None:
                seen = errors[:, [horizons.index(max(step, 1)) for step in steps[key]]]
                forecasts = Forecasts(forecasts.mean, mean_square(seen))
            index = fh.to_absolute_index(history.cutoff)
            found[key] = Prediction(index, forecasts.mean, forecasts.variance, seen)
        return found

    def _forecast_steps(
        self, key: Key, X: pd.DataFrame | None, steps: NDArray, uncertain: bool
    ) -> Forecasts:
        """Return the forecasts (n_steps, n_columns) of a series at steps after its cutoff.

        Up to the cutoff they are those of one step ahead, from the window before; NaN where that
        window is not full.
        """
        history = self._histories[key]
        found = Forecasts.unknown(len(steps), len(history.columns))
        ahead = steps > 0
        if ahead.any():
            self._check_length(history, name(key))
            newest = history.newest(self.n_lags_)
            y, x = np.split(newest, [len(history.columns)], axis=1)
            x = np.vstack([x, history.future(X, int(steps.max()))])
            origin = np.array([self.n_lags_ - 1])
            part = self._roll(self._models, y, x, origin, steps[ahead], uncertain)
            found[ahead] = Forecasts(part.mean[0], part.variance[0])
        target = len(history) - 1 + steps
        back = ~ahead & (target >= self.n_lags_)
        if back.any():
            one = np.array([1])
            part = self._roll(self._models, history.y, history.x, target[back] - 1, one, uncertain)
            found[back] = Forecasts(part.mean[:, 0], part.variance[:, 0])
        return found

    def _roll(
        self,
        models: list[Model],
        y: NDArray,
        x: NDArray,
        origins: NDArray,
        steps: NDArray,
        uncertain: bool,
    ) -> Forecasts:
        recursive = self.strategy == "recursive"
        if not recursive:
            known = {h for model in models for h in model.regression.horizons}
            if unknown := sorted(set(steps.tolist()) - known):
                raise ValueError(
                    f"fh asks for {unknown} steps ahead, but this forecaster of strategy='direct' "
                    f"was fitted for {sorted(known)}. Fit it again, or take strategy='recursive'."
                )
        return forecast(
            models, y, x, origins, steps.tolist(), recursive=recursive, uncertain=uncertain
        )

    def _calibration_errors(self, horizons: tuple[int, ...]) -> NDArray:
        """Return the errors that the early model makes on later data.

        They have shape (n_errors, n_horizons, n_columns); NaN where the truth is not known.
        """
        parts = []
        n_lags = max(model.n_lags for model in self._calibrating)
        for key, history in self._histories.items():
            origins = np.arange(max(self._seen.get(key, 0), n_lags) - 1, len(history) - 1)
            beyond = np.full((max(horizons), history.y.shape[1]), np.nan)
            x = np.vstack([history.x, np.full((max(horizons), history.x.shape[1]), np.nan)])
            steps = np.array(horizons)
            mean = self._roll(self._calibrating, history.y, x, origins, steps, False).mean
            parts.append(np.vstack([history.y, beyond])[origins[:, None] + steps] - mean)
        return np.concatenate(parts)

    # -- Times, columns and series

    def _horizons(self, fh: Any, histories: Histories) -> tuple[int, ...]:
        """Return the steps ahead to learn.

        Where something is chosen for all of them together, all up to the furthest are learned, so
        that a forecast does not depend on which others were asked for.
        """
        if self.strategy == "recursive":
            return (1,)
        horizons = _learned_horizons(self._steps(fh, history) for history in histories.values())
        driven = any(len(history.exogenous) for history in histories.values())
        if self._chooses_from_data and not (driven or self._horizons_apart):
            return tuple(range(1, max(horizons) + 1))
        return horizons

    @property
    def _chooses_from_data(self) -> bool:
        """Whether a hyperparameter is chosen for all outputs of a regression together."""
        return self.n_lags == "auto"

    def _steps(self, fh: ForecastingHorizon, history: History) -> NDArray:
        """Return a horizon in steps after the end of a series."""
        return np.asarray(fh.to_relative(history.cutoff).to_numpy(), dtype=np.int64)

    def _join(
        self, parts: dict[Key, tuple[pd.Index, NDArray]], columns: pd.Index | None = None
    ) -> pd.DataFrame:
        """Return values of all series as one frame."""
        columns = next(iter(self._histories.values())).columns if columns is None else columns
        frames = {
            key: pd.DataFrame(values, index=index, columns=columns)
            for key, (index, values) in parts.items()
        }
        return join(frames, self._index_names)

    def _known_columns(self, history: History) -> History:
        """Return a new series if it has the columns of those that were fitted, else raise."""
        some = next(iter(self._histories.values()))
        check_columns(history.columns, some.columns, "y")
        check_columns(history.exogenous, some.exogenous, "X")
        return history

    def _check_length(self, history: History, series: str) -> None:
        if len(history) < self.n_lags_:
            raise ValueError(
                f"{series} must have n_lags={self.n_lags_} steps at least, a window to forecast "
                f"from, but it has {len(history)}."
            )

    def _check_pretrained(self, horizons: tuple[int, ...], sums: list[LagStatistics]) -> None:
        """Raise unless a fit can go on from the sums of `pretrain`."""
        if horizons != self.pretrained_horizons_:
            raise ValueError(
                f"fh must be that of pretrain for strategy='direct': steps ahead "
                f"{self.pretrained_horizons_} were learned there, but {horizons} came."
            )
        shapes = [(r.n_channels, len(r.target_channels)) for r in self._regressions]
        if shapes != [(one.n_channels, len(one.target_mean)) for one in sums]:
            raise ValueError(
                "y and X must have as many columns as in pretrain; there are "
                f"{len(self._regressions)} regressions of {shapes[0][0]} channels now."
            )

    def _restore_frequency(self) -> None:
        """Give the cutoff the frequency that sktime cannot infer from a few new steps."""
        clock = next(iter(self._histories.values())).clock
        if clock.frequency is not None:
            self._set_cutoff(clock.cutoff(self.cutoff[0]))


def _histories(y: pd.DataFrame, X: pd.DataFrame | None) -> Histories:
    return {key: History(series, exogenous) for key, series, exogenous in each_series(y, X)}


def _learned_horizons(steps: Iterable[NDArray]) -> tuple[int, ...]:
    """Return the steps ahead that models must know: in-sample forecasts are of one step."""
    return tuple(sorted({max(int(step), 1) for some in steps for step in some}))
