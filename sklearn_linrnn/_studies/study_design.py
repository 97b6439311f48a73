"""What is asked of the study: one record of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from sklearn_linrnn._studies.study_data import Treatment

LEAST_LEVEL = 0.5  # of intervals: quantiles nearer to each other may both lie beside the estimate


@dataclass(frozen=True)
class StudyDesign:
    """The parameters of a study, as `memory_bias` describes them.

    Attributes
    ----------
    name : str
        Name of the series.
    n_lags, n_hidden, n_seeds, max_iter, n_splits : int
        Sizes.
    nu_w : tuple of float
        Initial variances.
    season : int or None
        Time steps of a season; ``None`` for what the index says.
    treatment : Treatment
        What is done to the series first.
    has_inputs : bool
        Whether the series is predicted from inputs instead of its own past.
    level : float
        Level of the intervals.
    random_state : int or None
        Seed, if it was a number.
    """

    name: str
    n_lags: int
    nu_w: tuple[float, ...]
    n_hidden: int
    n_seeds: int
    max_iter: int
    n_splits: int
    season: int | None
    treatment: Treatment
    has_inputs: bool
    level: float
    random_state: int | None

    def __post_init__(self) -> None:
        if len(self.nu_w) == 0:
            raise ValueError("nu_w must name one variance at least, but it is empty.")
        checked_level(self.level)


def checked_level(level: object) -> float:
    """Return the level of intervals, or raise a ValueError."""
    if not (isinstance(level, Real) and LEAST_LEVEL <= float(level) < 1.0):
        raise ValueError(f"level must be within [{LEAST_LEVEL}, 1), but got {level!r}.")
    return float(level)


def checked_count(name: str, value: object, least: int = 1) -> int:
    """Return a number of something as Python's, or raise a ValueError."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, but got {value!r}.")
    return int(value)


def checked_switch(name: str, value: object) -> bool:
    """Return True or False, or raise a ValueError."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, but got {value!r}.")
    return bool(value)
