"""Estimators as components of forecasters and time series regressors, which lay out their data."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_linrnn._estimators.base import LagRegressor

LAYOUT = ("rows", "layout", "lag_order", "n_channels", "initial_state")


def cloned_component(estimator: Any, untouched: Sequence[str], why: str) -> LagRegressor:
    """Return a clone of an estimator that leaves the layout of its data to what it is part of.

    Parameters
    ----------
    estimator : LagRegressor
        A regressor of the package.
    untouched : sequence of str
        Parameters that must be at their defaults.
    why : str
        Who decides them instead, for the message.

    Returns
    -------
    clone : LagRegressor
        Not fitted.

    Raises
    ------
    TypeError
        If the estimator is not a regressor of the package.
    ValueError
        If one of the parameters is not at its default.
    """
    if not isinstance(estimator, LagRegressor):
        raise TypeError(
            f"estimator must be a regressor of sklearn_linrnn, but got {type(estimator).__name__}."
        )
    given, defaults = estimator.get_params(deep=False), signature(type(estimator)).parameters
    for name in untouched:
        if name in given and not np.array_equal(given[name], defaults[name].default):
            raise ValueError(
                f"{name} of estimator must be left at {defaults[name].default!r}, but got "
                f"{given[name]!r}: {why}"
            )
    return clone(estimator)
