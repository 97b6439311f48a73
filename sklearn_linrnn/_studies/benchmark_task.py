"""What the benchmark forecasts, and how it asks for the forecasts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter

from sklearn_linrnn._data.season import season_of
from sklearn_linrnn._studies.study_text import moment

SEASONS = {"uschange": 4}  # quarters, which its index does not say


@dataclass(frozen=True)
class Protocol:
    """How forecasts are asked for: from several origins, each for all steps up to a horizon.

    Attributes
    ----------
    horizon : int
        Number of steps ahead.
    folds : int
        Number of origins. The test parts are the last ``folds * horizon`` steps, one after another.
    window : {"expanding", "sliding"}
        Whether the training part keeps its start, or its length.
    """

    horizon: int = 12
    folds: int = 5
    window: Literal["expanding", "sliding"] = "expanding"

    def splitter(self, n_timesteps: int) -> ExpandingWindowSplitter | SlidingWindowSplitter:
        """Return sktime's splitter for a series of so many steps."""
        options = {"step_length": self.horizon, "fh": range(1, self.horizon + 1)}
        length = self.first_training_length(n_timesteps)
        if self.window == "sliding":
            return SlidingWindowSplitter(window_length=length, **options)
        return ExpandingWindowSplitter(initial_window=length, **options)

    def first_training_length(self, n_timesteps: int) -> int:
        """Return the number of steps before the first test part."""
        return n_timesteps - self.folds * self.horizon


@dataclass(frozen=True)
class Task:
    """A series without gaps to forecast.

    Attributes
    ----------
    name : str
        Name of the series.
    y : Series of shape (n_timesteps,)
        The series.
    season : int
        Steps after which it may repeat itself; 1 for none.
    X : DataFrame of shape (n_timesteps, n_inputs) or None
        Inputs, known for the steps ahead too.
    """

    name: str
    y: pd.Series
    season: int
    X: pd.DataFrame | None = None

    @property
    def checksum(self) -> str:
        """What tells these values from others of the same name."""
        data = self.y if self.X is None else pd.concat([self.y, self.X], axis=1)
        values = np.ascontiguousarray(data.to_numpy(dtype=np.float64))
        return hashlib.sha256(values.tobytes()).hexdigest()[:12]

    @property
    def inputs(self) -> str:
        """Names of the inputs."""
        return "" if self.X is None else ", ".join(map(str, self.X.columns))

    def without_inputs(self) -> Task:
        """Return the same series, to be forecast from its own past alone."""
        return replace(self, X=None)


def make_task(
    name: str,
    y: pd.Series,
    season: int | None,
    protocol: Protocol,
    X: pd.DataFrame | None = None,
) -> Task:
    """Return the task of forecasting a series.

    Parameters
    ----------
    name : str
        Name of the series.
    y : Series of shape (n_timesteps,)
        The series; missing values before its first and after its last observation are cut off.
    season : int or None
        Seasonal period; ``None`` for the one that the frequency of the index says.
    protocol : Protocol
        How it will be forecast.
    X : DataFrame of shape (n_timesteps, n_inputs), default=None
        Inputs.

    Returns
    -------
    task : Task

    Raises
    ------
    ValueError
        If the series has gaps, or is too short for the protocol.
    """
    y = y.loc[y.first_valid_index() : y.last_valid_index()]
    X = None if X is None else X.loc[y.index]
    for column in [y] if X is None else [y, *(X[each] for each in X)]:
        _refuse_gaps(name, column)
    season = season or SEASONS.get(name) or season_of(y.index)
    length, least = protocol.first_training_length(len(y)), max(10, protocol.horizon, 2 * season)
    if length < least:
        raise ValueError(
            f"{name} has {len(y)} steps: --horizon {protocol.horizon} and --folds {protocol.folds} "
            f"leave {max(length, 0)} before the first test part, but a --season of {season} and "
            f"this horizon need {least}. Lower one of them."
        )
    return Task(name, y, season, X)


def _refuse_gaps(name: str, column: pd.Series) -> None:
    gaps = column.index[column.isna()]
    if len(gaps):
        raise ValueError(
            f"{name} must have a value at every step, but {len(gaps)} of {len(column)} of "
            f"{column.name} are missing, the first at {moment(gaps[0])}: not all forecasters of "
            "the benchmark know what to do with gaps. Fill them in the file; where the steps "
            "without a row are days off, --time none takes the rows as they follow each other, and "
            "--season says the season."
        )
