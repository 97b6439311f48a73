"""R^2 of predictions that come block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_linrnn._core.scores import SummedErrors
from sklearn_linrnn._data.targets import observed_steps
from sklearn_linrnn._data.user_line import warn

Scored = tuple[NDArray, NDArray, NDArray | None]


def errors_of(blocks: Iterable[Scored]) -> SummedErrors:
    """Return the errors of predictions, of which those of parts add up.

    Parameters
    ----------
    blocks : iterable of tuple
        Targets and predictions, ``(n_supervised, n_outputs)``, NaN where there is none, and weights
        ``(n_supervised,)`` or ``None``.

    Raises
    ------
    ValueError
        If they are out of range.
    """
    errors = SummedErrors()
    with _explained(), np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
        for targets, predictions, weights in blocks:
            seen = observed_steps(targets) & observed_steps(predictions)
            shares = None if weights is None else weights[seen]
            errors.add(targets[seen], predictions[seen], shares)
    return errors


def r2_of(errors: SummedErrors) -> float:
    """Return R^2, averaged over the outputs.

    Parameters
    ----------
    errors : SummedErrors
        The errors of all predictions.

    Raises
    ------
    ValueError
        If there is nothing to score, or it is out of range.
    """
    with _explained():
        return _r2(errors)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
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
