"""What the forecasters share: what sktime calls, and what it gets."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.datatypes import convert_to
from sktime.utils.validation.forecasting import check_fh

from sklearn_linrnn.forecasting._forecasting import ForecastsFromModels
from sklearn_linrnn.forecasting._history import History, check_columns
from sklearn_linrnn.forecasting._learning import Histories
from sklearn_linrnn.forecasting._panels import Key, each_series, join

CHOICES = {
    "strategy": ("direct", "recursive"),
    "normalize": (None, "last", "mean"),
    "pooling": ("local", "global"),
    "intervals": ("gaussian", "conformal"),
}


class LagForecaster(ForecastsFromModels):
    """Forecasts that are linear in the last steps of series, learned from sums over windows."""

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

    def _restore_frequency(self) -> None:
        """Give the cutoff the frequency that sktime cannot infer from a few new steps."""
        clock = next(iter(self._histories.values())).clock
        if clock.frequency is not None:
            self._set_cutoff(clock.cutoff(self.cutoff[0]))


def _histories(y: pd.DataFrame, X: pd.DataFrame | None) -> Histories:
    return {key: History(series, exogenous) for key, series, exogenous in each_series(y, X)}
