"""Panels whose series have a forecaster each: paired by name, and none stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.datatypes import VectorizedDF
from sktime.forecasting.base import BaseForecaster

from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn.forecasting._calls.at_once import AtOnce, ManyModels
from sklearn_linrnn.forecasting._calls.named_series import NamedSeries, key_of
from sklearn_linrnn.forecasting._series.clocks import Clock
from sklearn_linrnn.forecasting._series.joined_series import (
    JoinedSeries,
    panel_frame,
    series_numbers,
    with_frequency,
)
from sklearn_linrnn.forecasting._series.panels import (
    Key,
    common_clock,
    name,
    naming_series,
    split,
)

# The clock of the panel while one of its series is fitted, in the thread that does it.
PANEL_CLOCK: ContextVar[Clock | None] = ContextVar("PANEL_CLOCK", default=None)


class SeriesBySeries(BaseForecaster):
    """A forecaster that has one for each series of a panel, if it takes no panel itself.

    sktime pairs forecasters, series and exogenous series by their places. Here they are paired by
    the names of the series, and an `update` may leave some out or bring others.
    """

    _yvec: VectorizedDF
    _made: pd.DataFrame  # the forecasters that there are
    _at_once: AtOnce | None  # what was learned of series without one
    has_learned_: bool  # whether the series was long enough, set by fit and update
    _remedy_for_short = ""  # what a warning of series that were not says can be done

    @property
    def forecasters_(self) -> pd.DataFrame:
        """The forecasters of the series, which are made when they are first asked for."""
        if "_made" not in vars(self):
            raise AttributeError("Series have a forecaster each after the fit of a panel alone.")
        if (known := self._at_once) is not None:
            y, forecasters = self._yvec, self._each(self._yvec, known.unfitted, "clone")
            forecasters.iloc[np.flatnonzero(known.own), 0] = self._made.iloc[:, 0].to_numpy()
            self._made = self._fit_all(forecasters, y, None, fh=known.fh, clock=known.times.common)
            self._at_once = None
        return self._made

    def _vectorize(self, methodname: str, **kwargs: Any) -> Any:
        if methodname == "fit":
            return self._fit_each(**kwargs)
        if methodname == "update":
            return self._update_each(**kwargs)
        if methodname == "update_predict_single":
            self._update_each(kwargs.pop("y"), kwargs["X"], kwargs.pop("update_params"))
            methodname = "predict"
        X = kwargs.pop("X", None)
        if methodname == "predict" and X is None and self._at_once is not None:
            steps = self._at_once.times.steps_ahead(kwargs["fh"])
            if (steps > 0).all():
                return self._predict_at_once(self._at_once, steps, kwargs["fh"])
        return super()._vectorize(methodname, X=_in_order(X, self._by_key), **kwargs)

    def _fit_each(self, y: VectorizedDF, X: VectorizedDF | None, fh: Any) -> Self:
        if y.X_multiindex.empty:
            raise ValueError("y must have a series to learn from, but it has no row.")
        y = _vectorized(with_frequency(y.X_multiindex), y)
        series = JoinedSeries.of(y.X_multiindex)
        self._yvec, self._at_once = y, None
        models = self._learn_at_once(series, fh) if X is None else None
        if models is not None:
            self._yvec = _vectorized(y.X_multiindex.copy(), y)  # what is asked for later learns it
            self._at_once = AtOnce(models, series.times, self.clone(), fh)
            y = self._series_with_their_own(self._at_once)
        forecasters, X = self._each(y, self, "clone"), _in_order(X, _keys(y))
        self._made = self._fit_all(forecasters, y, X, fh=fh, clock=series.times.common)
        self._warn_of_naive(dict(zip(_keys(y), self._made.iloc[:, 0], strict=True)))
        return self

    def _learn_at_once(self, series: JoinedSeries, fh: Any) -> ManyModels | None:
        """Return models of series that are learned at once; None if each has a fit by itself."""
        return None

    def _fit_all(
        self, forecasters: pd.DataFrame, y: VectorizedDF, X: VectorizedDF | None, **kind: Any
    ) -> pd.DataFrame:
        """Return the forecasters of series, those fitted that were not."""
        return self._each(y, forecasters, "_fit_one_of_many", y=y, args_rowvec={"X": X}, **kind)

    def _fit_one_of_many(self, y: Any, X: Any, fh: Any, clock: Clock) -> Self:
        if not self.is_fitted:
            with _one_of_many(clock):
                self.fit(y, X, fh)
        return self

    def _predict_at_once(self, known: AtOnce, steps: NDArray, fh: Any) -> pd.DataFrame:
        y = self._series_with_their_own(known)
        own = self._each(y, self._made, "predict", return_type="list", fh=fh)
        values = known.predict(steps, np.array([part.to_numpy() for part in own]))
        labels, columns = self._yvec.get_iter_indices()[0], own[0].columns
        names, times = self._yvec.X_multiindex.index.names, known.times.following(steps)
        return panel_frame(labels, names, times, values, columns)

    def _series_with_their_own(self, known: AtOnce) -> VectorizedDF:
        """Return the series of a panel that are fitted by themselves."""
        frame = self._yvec.X_multiindex
        return _vectorized(frame[known.own[series_numbers(frame)]], self._yvec)

    def _each(self, series: VectorizedDF, forecasters: Any, method: str, **kind: Any) -> Any:
        """Return what a method of a forecaster for each series returns."""
        config = self.get_config()
        return series.vectorize_est(
            forecasters,
            method=method,
            rowname_default="forecasters",
            colname_default="forecasters",
            backend=config["backend:parallel"],
            backend_params=config["backend:parallel:params"],
            **kind,
        )

    def _update_each(self, y: VectorizedDF, X: VectorizedDF | None, update_params: bool) -> Self:
        series, forecasters = split(y.X_multiindex), self._by_key
        inputs = {} if X is None else split(X.X_multiindex)
        new = {}
        for key, part in series.items():
            with naming_series(key):
                if key in forecasters:
                    forecasters[key].update(part, inputs.get(key), update_params)
                else:
                    with _one_of_many(common_clock(split(self._yvec.X_multiindex))):
                        new[key] = self.clone().fit(part, inputs.get(key), self._fh)
        if new:
            rows = [self._yvec.X_multiindex, *(_with_key(series[key], key, y) for key in new)]
            self._yvec = _vectorized(pd.concat(rows), y)
            column = {"forecasters": [*forecasters.values(), *new.values()]}
            self._made = pd.DataFrame(column, self._yvec.get_iter_indices()[0])
            self._warn_of_naive(new)
        cutoffs = [one.cutoff for one in self._by_key.values()]
        self._set_cutoff(max(cutoffs, key=lambda cutoff: cutoff[0]))
        return self

    def _warn_of_naive(self, forecasters: Mapping[Key, Any]) -> None:
        short = [name(key) for key, one in forecasters.items() if not one.has_learned_]
        if short:
            warn(
                f"Too short, or with too many gaps, to learn from: {', '.join(short)}. Forecasts "
                "are the last value, NaN where there is none, until an update brings enough."
                f"{self._remedy_for_short}"
            )

    def _ask_each(self, ask: Callable[[Key, Any], pd.DataFrame]) -> dict[Key, pd.DataFrame]:
        """Return what is made of the key of each series and its forecaster."""
        parts = {}
        for key, one in self._by_key.items():
            with naming_series(key):
                parts[key] = ask(key, one)
        return parts

    @property
    def _by_key(self) -> dict[Key, Any]:
        """The forecasters of the series."""
        return dict(zip(_keys(self._yvec), self.forecasters_.iloc[:, 0], strict=True))


@contextmanager
def _one_of_many(clock: Clock) -> Iterator[None]:
    token = PANEL_CLOCK.set(clock)
    try:
        yield
    finally:
        PANEL_CLOCK.reset(token)


def _keys(y: VectorizedDF) -> list[Key]:
    """Return the keys of series."""
    return [key_of(label) for label in y.get_iter_indices()[0]]


def _in_order(X: VectorizedDF | None, keys: Iterable[Key]) -> VectorizedDF | None:
    """Return exogenous series in the order of some keys."""
    if X is None:
        return None
    inputs = split(X.X_multiindex)
    for key in keys:
        if key not in inputs:
            raise ValueError(f"X must have every series of y, but {name(key)} is missing.")
    frame = pd.concat([_with_key(inputs[key], key, X) for key in keys])
    return _vectorized(frame, X)


def later(data: pd.DataFrame | VectorizedDF, n_steps: int) -> pd.DataFrame | VectorizedDF:
    """Return series on integers, one of them or several, some steps later.

    Parameters
    ----------
    data : DataFrame or VectorizedDF
        The series.
    n_steps : int
        How much is added to their integers.
    """
    if isinstance(data, VectorizedDF):
        return _vectorized(later(data.X_multiindex, n_steps), data)
    index = data.index
    if isinstance(index, pd.MultiIndex):
        return data.set_axis(index.set_levels(index.levels[-1] + n_steps, level=-1))
    return data.set_axis(index + n_steps)


def _vectorized(frame: pd.DataFrame, like: VectorizedDF) -> NamedSeries:
    return NamedSeries(frame, iterate_as=like.iterate_as, is_scitype=like.is_scitype)


def _with_key(series: pd.DataFrame, key: Key, like: VectorizedDF) -> pd.DataFrame:
    """Return a series as a part of a panel."""
    frame = pd.concat({key: series})
    frame.index.names = like.X_mi_index.names
    return frame
