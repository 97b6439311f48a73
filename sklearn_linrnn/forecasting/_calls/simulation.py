"""A forecaster's joint distribution, by paths that are drawn from it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sklearn_linrnn.forecasting._calls.series_by_series import SeriesBySeries
from sklearn_linrnn.forecasting._calls.settings import is_count
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.panels import Key, split

StepsAhead = dict[Key, tuple[int, ...]]  # of each series


class Simulating(SeriesBySeries):
    """A forecaster that knows how the errors of all steps ahead go together."""

    _known: Any  # its `panel` is read

    @abstractmethod
    def _draw(
        self, steps: StepsAhead, X: pd.DataFrame | None, n_paths: int, rng: np.random.RandomState
    ) -> dict[Key, NDArray]:
        """Return paths that go on from the end of each series, (n_paths, n_horizons, n_columns)."""

    def simulate(
        self, fh: Any = None, n_paths: int = 1000, X: Any = None, random_state: Any = None
    ) -> pd.DataFrame:
        """Draw paths from the joint distribution of all steps ahead, all columns together.

        What depends on several steps or columns, such as the sum over a month, has the quantiles
        that it has among the paths.

        Parameters
        ----------
        fh : int, list or ForecastingHorizon, default=None
            Steps after the cutoff; ``None`` for those of `fit`.
        n_paths : int, default=1000
            Number of paths.
        X : DataFrame, default=None
            Future of the exogenous series, as in `predict`.
        random_state : int, RandomState instance or None, default=None
            What draws. An int draws the same paths each time.

        Returns
        -------
        paths : DataFrame of shape (n_paths * n_horizons, n_columns)
            The columns of y; the index is ``path``, from 0 on, then that of the forecasts of
            `predict`. Each path of a panel is one of all its series.

        Raises
        ------
        ValueError
            If `n_paths` is not a positive int, a time is not after the cutoff, or a step ahead is
            not one that was learned.

        Notes
        -----
        Paths are normal around `predict` with the variances of `predict_var`. Errors of columns
        correlate as those that were made on the series, and errors of steps ahead as the models
        carry them on. The series of a panel are independent.
        """
        self.check_is_fitted()
        if not is_count(n_paths):
            raise ValueError(f"n_paths must be an int of at least 1, but got {n_paths!r}.")
        fh, rng = self._check_fh(fh), check_random_state(random_state)
        if self._is_vectorized:
            return self._simulate_each(fh, int(n_paths), X, rng)
        histories = self._known.panel.histories
        steps = {key: steps_after(history, fh) for key, history in histories.items()}
        paths = self._draw(steps, None if X is None else self._check_X(X=X), int(n_paths), rng)
        times = {
            key: history.clock.at(history.last, np.array(steps[key]))
            for key, history in histories.items()
        }
        index = self._known.panel.join({key: (times[key], paths[key][0]) for key in paths}).index
        values = np.concatenate(list(paths.values()), axis=1)
        columns = self._known.panel.first.columns
        rows = values.reshape(-1, len(columns))
        return pd.DataFrame(rows, index=_for_each_path(index, int(n_paths)), columns=columns)

    def _simulate_each(
        self, fh: Any, n_paths: int, X: Any, rng: np.random.RandomState
    ) -> pd.DataFrame:
        """Return the paths of series with a forecaster each."""
        exogenous = {} if X is None else split(X)
        frame = pd.concat(
            self._ask_each(lambda key, one: one.simulate(fh, n_paths, exogenous.get(key), rng))
        )
        names = self._yvec.X_multiindex.index.names
        n_levels = len(names) - 1
        order = [n_levels, *range(n_levels), n_levels + 1]
        frame = frame.reorder_levels(order)
        frame.index.names = ["path", *names]
        return frame.iloc[frame.index.get_level_values("path").argsort(kind="stable")]


def steps_after(history: History, fh: Any) -> tuple[int, ...]:
    """Return a horizon in steps after the end of a series, or raise if it begins before.

    Parameters
    ----------
    history : History
        The series.
    fh : ForecastingHorizon
        The times.
    """
    steps = tuple(history.steps_ahead(fh).tolist())
    if min(steps) < 1:
        raise ValueError(
            f"fh must be after the cutoff of the series, but got {min(steps)} steps ahead."
        )
    return steps


def _for_each_path(index: pd.Index, n_paths: int) -> pd.MultiIndex:
    """Return an index with the number of the path before it, repeated for each."""
    again = index.take(np.tile(np.arange(len(index)), n_paths))
    number = np.repeat(np.arange(n_paths), len(index))
    levels = [again.get_level_values(level) for level in range(index.nlevels)]
    return pd.MultiIndex.from_arrays([number, *levels], names=["path", *index.names])
