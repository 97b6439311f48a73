"""The study: what the memory bias of linear RNNs costs on a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from rich.console import Console
from rich.progress import track
from sklearn.model_selection import TimeSeriesSplit

from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.weighted_conv import WeightedConv1DRegressor
from sklearn_linrnn.inspection import effective_memory, response_energy

RNN, LIMIT, SCALED, FLAT = "linear RNN", "infinite width", "scaled convolution", "flat convolution"


def memory_bias(
    y: ArrayLike,
    X: ArrayLike | None = None,
    *,
    n_lags: int = 24,
    nu_w: float | Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9),
    n_hidden: int = 512,
    max_iter: int = 500,
    n_splits: int = 5,
    random_state: int | np.random.RandomState | None = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Measure what the memory bias of linear RNNs costs on a series.

    A linear RNN, its infinite-width limit and the scaled convolution, each from several initial
    variances `nu_w` of the transition matrix, and the flat convolution, which has no bias, take
    the same number of steps of gradient descent and predict the steps that follow their training
    data.

    Parameters
    ----------
    y : array-like of shape (n_timesteps,)
        Series to predict, one step ahead from its own past unless `X` is given.
    X : array-like of shape (n_timesteps, n_inputs), default=None
        Inputs to predict `y` from, at the same step and before; then the past of `y` is not used.
    n_lags : int, default=24
        Number of lags.
    nu_w : float or sequence of float, default=(0.1, 0.3, 0.5, 0.7, 0.9)
        Initial variances of the transition matrix.
    n_hidden : int, default=512
        Number of hidden units of the RNN. It starts at zero (``init="centered"``).
    max_iter : int, default=500
        Steps of gradient descent of every model.
    n_splits : int, default=5
        Number of test parts; each follows the steps that its models were trained on, as in
        `sklearn.model_selection.TimeSeriesSplit`.
    random_state : int, RandomState instance or None, default=0
        Seed of the RNN's start.
    progress : bool, default=False
        Whether to show a progress bar, on standard error.

    Returns
    -------
    frame : pandas.DataFrame
        One row for each model and `nu_w`, with the columns

        ``model``, ``nu_w``
            the model; ``nu_w`` is NaN for the flat convolution;
        ``rmse``
            root mean square error over all test steps, in the unit of `y`;
        ``cost``
            ``rmse`` relative to that of the flat convolution, minus one;
        ``prior_memory``, ``fit_memory``
            lag that holds 90 % of the energy of the lag weights, and of the impulse response after
            the last training part; lag 0 is the newest input;
        ``gap``
            distance of the impulse response from that of the infinite-width limit, relative to the
            latter's norm; median over the training parts; NaN for the flat convolution.

    Raises
    ------
    ValueError
        If the series are not of one length, or too short for `n_lags` and `n_splits`.

    Notes
    -----
    Inputs and targets are standardised by their mean and deviation in each training part; steps
    whose window or target has a NaN are left out. All lags of a channel share one scale, so that
    the prior stays what it is.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import memory_bias
    >>> y = np.sin(np.arange(200) / 3)
    >>> frame = memory_bias(y, n_lags=8, nu_w=[0.2, 0.8], n_hidden=50, max_iter=20)
    >>> frame["model"].tolist()[:3]
    ['linear RNN', 'infinite width', 'scaled convolution']
    """
    variances = np.atleast_1d(np.asarray(nu_w, dtype=np.float64)).tolist()
    if len(variances) == 0:
        raise ValueError("nu_w must name one variance at least, but it is empty.")
    windows, targets = make_windows(y, X, n_lags)
    if len(targets) < 2 * (n_splits + 1):
        raise ValueError(
            f"n_lags={n_lags} leaves {len(targets)} windows without a missing value in "
            f"{np.size(y)} steps, but n_splits={n_splits} needs at least {2 * (n_splits + 1)}. "
            "Lower n_lags, or predict y from inputs X that have no gaps."
        )
    models = make_models(variances, n_hidden, max_iter, random_state)
    jobs = [(part, key) for part in TimeSeriesSplit(n_splits).split(windows) for key in models]
    trials: dict[tuple[str, float], list[Trial]] = {key: [] for key in models}
    console = Console(stderr=True)
    for part, key in track(jobs, "Training", console=console, transient=True, disable=not progress):
        trials[key].append(run_trial(models[key], windows, targets, *part))
    return summarise(trials)


@dataclass(frozen=True)
class Trial:
    """Squared errors on one test part, the response, and the memory of the prior."""

    squared_errors: NDArray
    response: NDArray
    prior_memory: int


def make_windows(y: ArrayLike, X: ArrayLike | None, n_lags: int) -> tuple[NDArray, NDArray]:
    """Return complete windows ``(n_windows, n_lags, n_channels)`` and their targets."""
    target = np.asarray(y, dtype=np.float64)
    if target.ndim != 1:
        raise ValueError(f"y must have shape (n_timesteps,), but shape {target.shape} came.")
    if X is None:
        inputs, target = target[:-1, None], target[1:]
    else:
        inputs = np.asarray(X, dtype=np.float64)
        inputs = inputs[:, None] if inputs.ndim == 1 else inputs
        if inputs.ndim != 2 or len(inputs) != len(target):
            raise ValueError(
                f"X must have shape ({len(target)}, n_inputs), as many steps as y, but shape "
                f"{inputs.shape} came."
            )
    if not 1 <= n_lags <= len(target):
        raise ValueError(f"n_lags={n_lags} must lie between 1 and the {len(target)} steps of y.")
    windows = sliding_window_view(inputs, n_lags, axis=0).swapaxes(1, 2)
    target = target[n_lags - 1 :]
    complete = np.isfinite(target) & np.isfinite(windows).all(axis=(1, 2))
    return windows[complete], target[complete]


def make_models(
    nu_w: Sequence[float], n_hidden: int, max_iter: int, random_state: Any
) -> dict[tuple[str, float], LagRegressor]:
    """Return the models of the study by name and ``nu_w``."""
    models: dict[tuple[str, float], LagRegressor] = {}
    for variance in nu_w:
        models[RNN, variance] = LinearRNNRegressor(
            n_hidden,
            nu_w=variance,
            init="centered",
            max_iter=max_iter,
            dtype="float32",
            random_state=random_state,
        )
        models[LIMIT, variance] = NTKConvRegressor(variance, alpha=0.0, n_steps=max_iter)
        models[SCALED, variance] = WeightedConv1DRegressor(nu_w=variance, max_iter=max_iter)
    models[FLAT, np.nan] = WeightedConv1DRegressor("flat", max_iter=max_iter)
    return models


def run_trial(
    model: LagRegressor, windows: NDArray, targets: NDArray, train: NDArray, test: NDArray
) -> Trial:
    """Return how a model, trained on some windows, predicts others."""
    level, unit = windows[train].mean(axis=(0, 1)), _deviation(windows[train], axis=(0, 1))
    scaled = (windows - level) / unit
    target_level, target_unit = targets[train].mean(), _deviation(targets[train], axis=0)
    model.fit(scaled[train], (targets[train] - target_level) / target_unit)
    prediction = model.predict(scaled[test]) * target_unit + target_level
    return Trial(
        (targets[test] - prediction) ** 2,
        np.copy(model.impulse_response_),
        effective_memory(model.lag_weights_),
    )


def _deviation(values: NDArray, axis: Any) -> NDArray:
    deviation = values.std(axis=axis)
    return np.where(deviation > 0, deviation, 1.0)


def summarise(trials: dict[tuple[str, float], list[Trial]]) -> pd.DataFrame:
    """Return the frame of `memory_bias`."""

    def rmse(key: tuple[str, float]) -> float:
        return float(np.sqrt(np.concatenate([t.squared_errors for t in trials[key]]).mean()))

    flat = next(key for key in trials if key[0] == FLAT)
    rows = [
        {
            "model": model,
            "nu_w": nu_w,
            "rmse": rmse((model, nu_w)),
            "cost": rmse((model, nu_w)) / rmse(flat) - 1.0 if rmse(flat) > 0 else np.nan,
            "prior_memory": found[-1].prior_memory,
            "fit_memory": effective_memory(response_energy(found[-1].response)),
            "gap": _gap(found, trials[LIMIT, nu_w]) if model != FLAT else np.nan,
        }
        for (model, nu_w), found in trials.items()
    ]
    return pd.DataFrame(rows)


def _gap(found: list[Trial], limits: list[Trial]) -> float:
    gaps = [
        np.linalg.norm(one.response - limit.response) / norm
        for one, limit in zip(found, limits, strict=True)
        if (norm := np.linalg.norm(limit.response)) > 0
    ]
    return float(np.median(gaps)) if gaps else 0.0
