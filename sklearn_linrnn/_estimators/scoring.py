"""R^2 of predictions that come block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_linrnn._core.scores import SummedErrors
from sklearn_linrnn._data.targets import observed_steps
from sklearn_linrnn._estimators.user_warnings import warn

Scored = tuple[NDArray, NDArray, NDArray | None]


def r2_of(blocks: Iterable[Scored]) -> float:
    """Return R^2, averaged over the outputs.

    Parameters
    ----------
    blocks : iterable of tuple
        Targets and predictions, ``(n_supervised, n_outputs)``, NaN where there is none, and weights
        ``(n_supervised,)`` or ``None``.

    Raises
    ------
    ValueError
        If there is nothing to score, or it is out of range.
    """
    errors = SummedErrors()
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
            for targets, predictions, weights in blocks:
                seen = observed_steps(targets) & observed_steps(predictions)
                shares = None if weights is None else weights[seen]
                errors.add(targets[seen], predictions[seen], shares)
        return _r2(errors)
    except FloatingPointError as error:
        raise ValueError(
            "X is too large: squares of what is predicted from it overflow. Scale it."
        ) from error


def _r2(errors: SummedErrors) -> float:
    if errors.n_rows == 0:
        raise ValueError(
            "y must be observed (not NaN) at a time step of which all lags are known, but got "
            "none. Score longer recordings."
        )
    if errors.weight == 0.0:
        raise ValueError(
            "sample_weight must contain at least one non-zero number at an observed time step, but "
            "all of these weights are zero."
        )
    if errors.n_rows == 1:
        warn("R^2 of a single observed time step is not defined.", UndefinedMetricWarning)
        return math.nan
    return errors.r2
