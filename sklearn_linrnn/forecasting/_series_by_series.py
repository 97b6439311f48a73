"""Panels whose series have a forecaster each: paired by name, and none stops the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

import pandas as pd
from sktime.datatypes import VectorizedDF
from sktime.forecasting.base import BaseForecaster

from sklearn_linrnn._estimators.user_warnings import warn
from sklearn_linrnn.forecasting._clocks import Clock
from sklearn_linrnn.forecasting._panels import Key, common_clock, name, split

# The clock of the panel while one of its series is fitted, in the thread that does it.
PANEL_CLOCK: ContextVar[Clock | None] = ContextVar("PANEL_CLOCK", default=None)


class SeriesBySeries(BaseForecaster):
    """A forecaster that has one for each series of a panel, if it takes no panel itself.

    sktime pairs forecasters, series and exogenous series by their places. Here they are paired by
    the names of the series, and an `update` may leave some out or bring others.
    """

    has_learned_: bool  # whether the series was long enough, set by fit and update
    _remedy_for_short = ""  # what a warning of series that were not says can be done

    def _vectorize(self, methodname: str, **kwargs: Any) -> Any:
        if methodname == "fit":
            return self._fit_each(**kwargs)
        if methodname == "update":
            return self._update_each(**kwargs)
        if methodname == "update_predict_single":
            self._update_each(kwargs.pop("y"), kwargs["X"], kwargs.pop("update_params"))
            methodname = "predict"
        X = kwargs.pop("X", None)
        return super()._vectorize(methodname, X=_in_order(X, self._by_key), **kwargs)

    def _fit_each(self, y: VectorizedDF, X: VectorizedDF | None, fh: Any) -> Self:
        if y.X_multiindex.empty:
            raise ValueError("y must have a series to learn from, but it has no row.")
        self._yvec = y
        config = self.get_config()
        call = {
            "rowname_default": "forecasters",
            "colname_default": "forecasters",
            "backend": config["backend:parallel"],
            "backend_params": config["backend:parallel:params"],
        }
        series = split(y.X_multiindex)
        forecasters = y.vectorize_est(self, method="clone", **call)
        self.forecasters_ = y.vectorize_est(
            forecasters,
            method="_fit_one_of_many",
            args_rowvec={"X": _in_order(X, series)},
            y=y,
            fh=fh,
            clock=common_clock(series),
            **call,
        )
        self._warn_of_naive(self._by_key)
        return self

    def _fit_one_of_many(self, y: Any, X: Any, fh: Any, clock: Clock) -> Self:
        with _one_of_many(clock):
            fitted: Self = self.fit(y, X, fh)
        return fitted

    def _update_each(self, y: VectorizedDF, X: VectorizedDF | None, update_params: bool) -> Self:
        series, forecasters = split(y.X_multiindex), self._by_key
        inputs = {} if X is None else split(X.X_multiindex)
        new = {}
        for key, part in series.items():
            if key in forecasters:
                forecasters[key].update(part, inputs.get(key), update_params)
            else:
                with _one_of_many(common_clock(split(self._yvec.X_multiindex))):
                    new[key] = self.clone().fit(part, inputs.get(key), self._fh)
        if new:
            rows = [self._yvec.X_multiindex, *(_with_key(series[key], key, y) for key in new)]
            self._yvec = _vectorized(pd.concat(rows), y)
            column = {"forecasters": [*forecasters.values(), *new.values()]}
            self.forecasters_ = pd.DataFrame(column, self._yvec.get_iter_indices()[0])
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

    @property
    def _by_key(self) -> dict[Key, Any]:
        """The forecasters of the series."""
        labels = self._yvec.get_iter_indices()[0]
        keys = [label if isinstance(label, tuple) else (label,) for label in labels]
        return dict(zip(keys, self.forecasters_.iloc[:, 0], strict=True))


@contextmanager
def _one_of_many(clock: Clock) -> Iterator[None]:
    token = PANEL_CLOCK.set(clock)
    try:
        yield
    finally:
        PANEL_CLOCK.reset(token)


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


def _vectorized(frame: pd.DataFrame, like: VectorizedDF) -> VectorizedDF:
    return VectorizedDF(frame, iterate_as=like.iterate_as, is_scitype=like.is_scitype)


def _with_key(series: pd.DataFrame, key: Key, like: VectorizedDF) -> pd.DataFrame:
    """Return a series as a part of a panel."""
    frame = pd.concat({key: series})
    frame.index.names = like.X_mi_index.names
    return frame
