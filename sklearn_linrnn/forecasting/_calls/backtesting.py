"""Forecasts from every origin of a splitter, with a fit at each of them or without."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.datatypes import convert_to
from sktime.forecasting.base import BaseForecaster

from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.origins import Origins, origins_of
from sklearn_linrnn.forecasting._series.panels import (
    Key,
    Panel,
    each_series,
    naming_series,
    split,
)

FRAMES = ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"]


class Backtesting(BaseForecaster):
    """A forecaster that is judged at many origins."""

    @abstractmethod
    def _from_ends(self, y: pd.DataFrame, X: pd.DataFrame | None, origins: Origins) -> NDArray:
        """Return what was learned forecasts from the ends of windows of a series.

        The shape is (n_origins, n_horizons, n_columns); NaN where a window is too short.
        """

    def backtest(
        self,
        y: Any,
        cv: Any,
        X: Any = None,
        refit: bool = True,
        coverage: float | None = None,
    ) -> pd.DataFrame:
        """Forecast from every window of a splitter, learning from that window alone.

        The forecasts are those of a loop over `fit` and `predict` of clones; the forecaster itself
        stays as it is. With an `NTKConvRegressor`, a number of lags and hyperparameters that are
        given the loop is one pass over sums that overlap.

        Parameters
        ----------
        y : series, panel or hierarchy in a format of sktime
            The whole series, with what is to be forecast.
        cv : splitter of sktime
            Windows to learn from, and the steps ahead that are forecast from their ends.
        X : DataFrame, default=None
            Exogenous series at the times of y. Their future counts as known.
        refit : bool, default=True
            Whether to learn at each origin. If not, what the first window teaches forecasts from
            all, in one pass; NaN from windows that are too short for that.
        coverage : float, default=None
            Probability of an interval around each forecast, as in `predict_interval`, between 0 and
            1; ``None`` for no intervals. Every origin is then a fit of its own.

        Returns
        -------
        forecasts : DataFrame
            A row for each forecast, ordered by origin, then by steps ahead, with the columns
            ``cutoff``, the last time of the window, ``steps_ahead``, ``forecast`` and ``truth``,
            NaN where it is not known; ``lower`` and ``upper`` with `coverage`. If y has several
            columns they follow each other in ``column``. The rows of a panel or a hierarchy are
            ordered by series first, whose names are the index.

        Raises
        ------
        ValueError
            If `cv` makes no window, a window is too short to learn from, series that share a model
            have different windows, `coverage` is not between 0 and 1 or comes without `refit`, or
            without `refit` a step ahead is less than 1.
        """
        if coverage is not None and not (refit and 0.0 < coverage < 1.0):
            raise ValueError(
                "coverage must be None or lie between 0 and 1, with refit=True, but got "
                f"coverage={coverage!r} and refit={refit!r}."
            )
        X = None if X is None else convert_to(X, FRAMES)
        panel = Panel.of(y := convert_to(y, FRAMES), X)
        series = {key: each for key, *each in each_series(y, X)}
        takes_panels = "pd-multiindex" in self.get_tag("y_inner_mtype")
        groups = [list(series)] if takes_panels else [[key] for key in series]
        tables: dict[Key, pd.DataFrame] = {}
        for group in groups:
            some = {key: series[key] for key in group}
            together = Together(self, self._rolling, panel, some)
            with naming_series(group[0] if len(group) == 1 else ()):
                tables |= together.tables(cv, refit=refit, coverage=coverage)
        if panel.levels is None:
            return tables[()]
        return pd.concat(tables, names=panel.levels[:-1]).droplevel(-1)

    def _rolling(self, history: History, origins: Origins) -> NDArray:
        """Return forecasts of one series, (n_origins, n_horizons, n_columns).

        They are NaN at origins that need a fit of their own.
        """
        return np.full((len(origins), len(origins.steps), len(history.columns)), np.nan)


@dataclass(frozen=True, eq=False)
class Together:
    """Series that one model is learned from.

    Attributes
    ----------
    forecaster : Backtesting
        Cloned for each fit.
    rolling : callable
        What forecasts one series from many origins, NaN where a fit of its own is needed.
    panel : Panel
        All series.
    series : dict of tuple to list
        Frames of those that are learned from together, each with its exogenous series or None.
    """

    forecaster: BaseForecaster
    rolling: Callable[[History, Origins], NDArray]
    panel: Panel
    series: dict[Key, list[Any]]

    def tables(self, cv: Any, *, refit: bool, coverage: float | None) -> dict[Key, pd.DataFrame]:
        """Return the table of each series; see `Backtesting.backtest`."""
        runs = [origins_of(cv, y.index) for y, _ in self.series.values()]
        _check_alike(runs)
        if not refit:
            _check_ahead(runs)
        parts: list[dict[Key, pd.DataFrame]] = []
        fitted = None if refit else self.fitted([run[0] for run in runs], 0)
        for origins in zip(*runs, strict=True):
            if fitted is not None:
                values = self._without_refit(fitted, origins)
            else:
                values = self._refitted(origins, coverage)
            frames = [y for y, _ in self.series.values()]
            tables = map(_table, frames, origins, values)
            parts.append(dict(zip(self.series, tables, strict=True)))
        return {
            key: pd.concat([part[key] for part in parts], ignore_index=True) for key in self.series
        }

    def fitted(self, origins: Sequence[Origins], number: int) -> Any:
        """Return a clone that is fitted to the window of one origin of each series."""
        windows, inputs = {}, {}
        for (key, (y, X)), some in zip(self.series.items(), origins, strict=True):
            windows[key] = y.iloc[some.starts[number] : some.ends[number]]
            inputs[key] = None if X is None else X.loc[windows[key].index]
        one = self.forecaster.clone()
        return one.fit(self._joined(windows), self._joined(inputs), fh=origins[0].steps)

    def _refitted(self, origins: Sequence[Origins], coverage: float | None) -> list[NDArray]:
        """Return the forecasts of each series, (n_origins, n_horizons, n_columns, 1 or 3).

        The last axis has the bounds of intervals after the forecast.
        """
        n_columns, n_values = len(self.panel.first.columns), 1 if coverage is None else 3
        shape = len(origins[0]), len(origins[0].steps), n_columns, n_values
        found = [np.full(shape, np.nan) for _ in self.series]
        if coverage is None and len(found) == 1:
            history = self.panel.histories[next(iter(self.series))]
            found[0][..., 0] = self.rolling(history, origins[0])
        X = self._joined({key: X for key, (_, X) in self.series.items()})
        missing = np.isnan(found[0]).any(axis=(1, 2, 3))
        for number in np.flatnonzero(missing).tolist():
            one = self.fitted(origins, number)
            for place, values in enumerate(self._predicted(one, X, coverage)):
                found[place][number] = values
        return found

    def _predicted(self, one: Any, X: pd.DataFrame | None, coverage: float | None) -> list[NDArray]:
        """Return the forecasts of a fitted clone, (n_horizons, n_columns, 1 or 3)."""
        mean = [part.to_numpy()[:, :, None] for part in split(one.predict(X=X)).values()]
        if coverage is None:
            return mean
        bounds = split(one.predict_interval(X=X, coverage=coverage)).values()
        return [
            np.concatenate([part, both.to_numpy().reshape(*part.shape[:2], 2)], axis=2)
            for part, both in zip(mean, bounds, strict=True)
        ]

    def _without_refit(self, fitted: Any, origins: Sequence[Origins]) -> list[NDArray]:
        """Return the forecasts of each series by a model that is there."""
        one = fitted.forecasters_.iloc[0, 0] if hasattr(fitted, "forecasters_") else fitted
        return [
            one._from_ends(y, X, some)[..., None]  # noqa: SLF001 - the class's own, of its clone
            for (y, X), some in zip(self.series.values(), origins, strict=True)
        ]

    def _joined(self, frames: dict[Key, Any]) -> pd.DataFrame | None:
        """Return frames of the series as one; None if there are none."""
        if self.panel.levels is None:
            return frames[()]
        known = {key: frame for key, frame in frames.items() if frame is not None}
        return pd.concat(known, names=self.panel.levels[:-1]) if known else None


def _check_alike(runs: Sequence[list[Origins]]) -> None:
    """Raise unless series that learn together have their windows at the same places."""
    first, *others = ([(len(some), some.steps.tolist()) for some in run] for run in runs)
    for other in others:
        if other != first:
            raise ValueError(
                "cv must make as many windows of each series that a model is shared by, with the "
                f"same steps ahead, but got numbers and steps ahead {first} of one and {other} of "
                "another."
            )


def _check_ahead(runs: Sequence[list[Origins]]) -> None:
    """Raise unless all steps are after the ends of windows."""
    for some in chain(*runs):
        if (some.steps < 1).any():
            raise ValueError(
                "cv must have steps ahead of at least 1 with refit=False, but got "
                f"{some.steps.tolist()}."
            )


def _table(y: pd.DataFrame, origins: Origins, values: NDArray) -> pd.DataFrame:
    """Return the rows of a series from values (n_origins, n_horizons, n_columns, 1 or 3)."""
    n_origins, n_horizons, n_columns, n_values = values.shape
    last = np.repeat(origins.ends - 1, n_horizons * n_columns)
    targets = origins.targets
    known = (targets >= 0) & (targets < len(y))
    truth = y.to_numpy(dtype=np.float64)[np.where(known, targets, 0)]
    columns: dict[str, Any] = {
        "cutoff": y.index[last],
        "steps_ahead": np.tile(np.repeat(origins.steps, n_columns), n_origins),
        "forecast": values[..., 0].ravel(),
        "truth": np.where(known[:, :, None], truth, np.nan).ravel(),
    }
    if n_columns > 1:
        columns["column"] = np.tile(y.columns, n_origins * n_horizons)
    if n_values > 1:
        columns["lower"], columns["upper"] = values[..., 1].ravel(), values[..., 2].ravel()
    return pd.DataFrame(columns)
