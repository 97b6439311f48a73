"""What the study predicts, and from what: windows, targets, and forecasts without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import TimeSeriesSplit

from sklearn_linrnn._data.containers import check_numbers
from sklearn_linrnn._data.season import season_of
from sklearn_linrnn._data.time_steps import even_times

MEAN, LAST, SEASONAL = "training mean", "last value", "seasonal last value"
LARGEST, SMALLEST = 1e30, 1e-30  # whose eighth powers, variances of squares squared, have digits


@dataclass(frozen=True)
class Treatment:
    """What is done to a series before it is studied.

    Attributes
    ----------
    log : bool
        Whether its logarithms are taken.
    difference : bool
        Whether differences of neighbouring steps are taken, of the logarithms if they are; those
        of inputs too.
    """

    log: bool = False
    difference: bool = False

    def of_target(self, y: NDArray) -> NDArray:
        """Return the treated series, as long as before; NaN where there is no difference."""
        if self.log:
            if (y <= 0).any():
                raise ValueError(
                    f"log=True needs a y that is positive, but its smallest value is "
                    f"{np.nanmin(y):g}."
                )
            y = np.log(y)
        return self.of_inputs(y)

    def of_inputs(self, values: NDArray) -> NDArray:
        """Return differences, or the values as they are."""
        if not self.difference:
            return values
        return np.concatenate([np.full_like(values[:1], np.nan), np.diff(values, axis=0)])


@dataclass(frozen=True)
class StudyData:
    """Complete windows, what follows them, and what would be forecast without a model.

    Attributes
    ----------
    windows : ndarray of shape (n_windows, n_lags, n_channels)
        Inputs, oldest step first.
    targets : ndarray of shape (n_windows,)
        The value to predict from each.
    times : Index of shape (n_windows,)
        Labels of the targets' time steps.
    naive : dict of str to ndarray of shape (n_windows,)
        Forecasts that need no training, by name: none where `y` is predicted from inputs, because
        they would know its past, which the models do not.
    season : int
        Time steps of a season; 1 for none.
    """

    windows: NDArray
    targets: NDArray
    times: pd.Index
    naive: dict[str, NDArray]
    season: int

    def parts(self, n_splits: int) -> list[tuple[NDArray, NDArray]]:
        """Return training parts and the test parts that follow them."""
        least = 2 * (n_splits + 1)
        if len(self.targets) < least:
            raise ValueError(
                f"n_lags={self.windows.shape[1]} leaves {len(self.targets)} windows without a "
                f"missing value, but n_splits={n_splits} needs at least {least}. Lower n_lags, or "
                "predict y from inputs X that have no gaps."
            )
        return list(TimeSeriesSplit(n_splits).split(self.windows))

    def null_errors(self, train: NDArray, test: NDArray) -> dict[str, NDArray]:
        """Return the squared errors of forecasts without a model, by name."""
        targets = self.targets[test]
        forecasts = {name: values[test] for name, values in self.naive.items()}
        forecasts = {MEAN: np.full(len(test), self.targets[train].mean()), **forecasts}
        return {name: (targets - values) ** 2 for name, values in forecasts.items()}


def make_data(
    y: ArrayLike, X: ArrayLike | None, n_lags: int, treatment: Treatment, season: int | None
) -> StudyData:
    """Return the data of the study of a series.

    Parameters
    ----------
    y : array-like of shape (n_timesteps,)
        Series to predict.
    X : array-like of shape (n_timesteps, n_inputs) or None
        Inputs to predict it from; ``None`` for its own past.
    n_lags : int
        Number of lags.
    treatment : Treatment
        What is done to the series first.
    season : int or None
        Time steps of a season; ``None`` for what the index of `y` says.

    Returns
    -------
    data : StudyData

    Raises
    ------
    TypeError, ValueError
        If the series are not of numbers of one length, have times that are not even, are shorter
        than `n_lags`, or out of range.
    """
    target = _check_target(y)
    index = _times_of(y, "y", len(target))
    season = season_of(index) if season is None else season
    own = _in_range(treatment.of_target(target), "y")
    if X is None:
        inputs, future, times = own[:-1, None], own[1:], index[1:]
    else:
        inputs = _in_range(treatment.of_inputs(_check_inputs(X, len(own))), "X")
        future, times = own, index
    if n_lags > len(future):
        least = n_lags + (X is None)  # its own past begins a step later
        raise ValueError(
            f"n_lags={n_lags} needs a series of at least {least} time steps, but got {len(own)}. "
            "Lower n_lags."
        )
    windows = sliding_window_view(inputs, n_lags, axis=0).swapaxes(1, 2)
    naive = {} if X is not None else _naive_forecasts(own, season)
    complete = np.isfinite(future[n_lags - 1 :]) & np.isfinite(windows).all(axis=(1, 2))
    steps = np.flatnonzero(complete) + n_lags - 1
    return StudyData(
        windows[complete],
        future[steps],
        times[steps],
        {name: forecasts[steps] for name, forecasts in naive.items()},
        season,
    )


def _naive_forecasts(y: NDArray, season: int) -> dict[str, NDArray]:
    """Return forecasts of ``y[1:]``; before the first season is over, the last value."""
    last = y[:-1]
    if season == 1:
        return {LAST: last}
    earlier = np.concatenate([np.full(min(season - 1, len(last)), np.nan), y[:-season]])
    return {LAST: last, SEASONAL: np.where(np.isfinite(earlier), earlier, last)}


def _times_of(values: ArrayLike, name: str, n_timesteps: int) -> pd.Index:
    """Return the labels of time steps: those of a series or frame, else their numbers."""
    if isinstance(values, pd.Series | pd.DataFrame):
        return even_times(values.index, name)
    return pd.RangeIndex(n_timesteps)


def _check_target(y: ArrayLike) -> NDArray:
    target = _read(y, "y")
    if target.ndim != 1:
        raise ValueError(
            f"y must have shape (n_timesteps,), but got shape {target.shape}. Pass one column."
        )
    return target


def _check_inputs(X: ArrayLike, n_timesteps: int) -> NDArray:
    inputs = _read(X, "X")
    inputs = inputs[:, None] if inputs.ndim == 1 else inputs
    if inputs.ndim != 2 or len(inputs) != n_timesteps:
        raise ValueError(
            f"X must have shape ({n_timesteps}, n_inputs), as many steps as y, but got "
            f"shape {inputs.shape}."
        )
    _times_of(X, "X", n_timesteps)
    return inputs


def _read(values: ArrayLike, name: str) -> NDArray:
    """Return numbers, NaN where one is missing."""
    return check_numbers(
        values,
        name,
        dtype=np.float64,
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite="allow-nan",
        ensure_min_samples=0,
        ensure_min_features=0,
    )


def _in_range(values: NDArray, name: str) -> NDArray:
    """Return values, or raise if their squares, or those of these, leave the range of float64."""
    size = np.nanmax(np.abs(values), initial=0.0)
    if size > LARGEST:
        raise ValueError(f"{name} is too large: its squares overflow float64. Scale it.")
    if 0.0 < size < SMALLEST:
        raise ValueError(f"{name} is too small: its squares underflow float64. Scale it.")
    return values
