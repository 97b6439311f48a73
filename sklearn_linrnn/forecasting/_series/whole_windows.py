"""How many windows gaps leave whole, and how many lags they allow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._estimators.auto_choice import STEPS_PER_COEFFICIENT, most_lags
from sklearn_linrnn.forecasting._series.panels import Histories, Steps, name
from sklearn_linrnn.forecasting._series.regressions import Regression, run_lengths


class TooFewWindows(ValueError):
    """Series have too few whole windows to learn from."""


def check_reach(histories: Histories, furthest: int, n_lags: int) -> None:
    """Raise unless a series is long enough for a horizon, before its steps are listed.

    Parameters
    ----------
    histories : mapping of tuple to History
        The series.
    furthest : int
        The furthest step ahead.
    n_lags : int
        The least number of lags.
    """
    if max(map(len, histories.values())) <= n_lags + furthest:
        n_columns = len(next(iter(histories.values())).columns)
        regression = Regression(tuple(range(n_columns)), (furthest,), n_lags=n_lags)
        raise too_few_windows(regression, histories, {})


def n_whole_windows(regression: Regression, histories: Histories, ends: Steps) -> int:
    """Return the number of windows of a regression's lags that the first steps of series have."""
    counts = _counts(regression, histories, ends, regression.n_lags)
    return int(counts[-1])


def considered_lags(regression: Regression, histories: Histories) -> int:
    """Return the number of lags to choose from: the most that leave enough windows whole.

    They are a quarter of the steps of the longest series. Where steps are missing, they are no more
    than a quarter of as many steps as have the windows that stay whole, nor as many as would cost
    half of the windows beyond those that the lengths of the series do.

    Parameters
    ----------
    regression : Regression
        What is forecast from what.
    histories : mapping of tuple to History
        The series.
    """
    lengths = np.array([len(history) - regression.furthest for history in histories.values()])
    most = most_lags(regression.n_channels, int(lengths.max()))
    n_lags = np.arange(1, most + 1)
    whole = _counts(regression, histories, {}, most)
    without_gaps = np.maximum(lengths[:, None] - n_lags + 1, 0).sum(axis=0)
    enough = whole + n_lags - 1 >= STEPS_PER_COEFFICIENT * regression.n_channels * n_lags
    enough &= 2 * whole * without_gaps[0] >= whole[0] * without_gaps
    return int(n_lags[enough].max(initial=1))


def too_few_windows(regression: Regression, histories: Histories, ends: Steps) -> TooFewWindows:
    """Return the error that says what was needed, and what the longest observed run is.

    Parameters
    ----------
    regression : Regression
        What is forecast from what.
    histories : mapping of tuple to History
        The series.
    ends : mapping of tuple to int
        How many of their first steps were to teach it.
    """
    n_lags, furthest = regression.n_lags, regression.furthest
    needed = n_lags + furthest + 1
    windows = f"two windows of n_lags={n_lags} with a target {furthest} steps ahead"
    n_steps, where = _longest_run(regression, histories, ends, with_inputs=False)
    if n_steps < needed:
        return TooFewWindows(
            f"y must have {needed} observed steps in a row, {windows}, but its longest observed "
            f"run has {n_steps} steps{where}. Lower n_lags or the horizon."
        )
    n_steps, where = _longest_run(regression, histories, ends, with_inputs=True)
    return TooFewWindows(
        f"X must have {needed} observed steps in a row where y has them, {windows}, but the "
        f"longest run in which X and y are observed has {n_steps} steps{where}. Lower n_lags or "
        "the horizon, or fill the gaps of X."
    )


def _counts(regression: Regression, histories: Histories, ends: Steps, most: int) -> NDArray:
    """Return the number of whole windows of each number of lags from 1 to ``most``."""
    counts = np.zeros(most + 1, dtype=np.int64)
    for key, history in histories.items():
        y, x = history.part(0, ends.get(key, len(history)), levelled=False)
        lengths = np.minimum(regression.longest_windows(y, x), most)
        counts += np.bincount(lengths, minlength=most + 1)
    return counts[::-1].cumsum()[::-1][1:]


def _longest_run(
    regression: Regression, histories: Histories, ends: Steps, *, with_inputs: bool
) -> tuple[int, str]:
    """Return the most steps in a row that are observed, and where they are, in words."""
    longest, where = 0, ""
    for key, history in histories.items():
        y, x = history.part(0, ends.get(key, len(history)), levelled=False)
        observed = ~np.isnan(y[:, list(regression.columns)]).any(axis=1)
        if with_inputs:
            observed &= ~np.isnan(x).any(axis=1)
        lengths = run_lengths(observed)
        last = int(lengths.argmax())
        if lengths[last] > longest:
            longest = int(lengths[last])
            steps = np.array([last - longest, last - 1]) + 2 - len(history)
            times = history.clock.at(history.last, steps)
            where = f", {times[0]} to {times[1]}" + (f" of {name(key)}" if key else "")
    return longest, where
