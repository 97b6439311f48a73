"""The candidates of a grid search, in scikit-learn's order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid

from sklearn_linrnn._core.priors.lag_priors import HYPERPARAMETERS, PRIORS, LagPrior


def make_candidates(estimator: BaseEstimator) -> list[Mapping[str, Any]]:
    """Return the candidates as parameters of `NTKConvRegressor`.

    Parameters that are a single value are not in them, nor those that no prior uses.
    """
    grid = {"alpha": _check("alphas", estimator.alphas, _is_variance, "numbers of at least 0")}
    given = estimator.prior if isinstance(estimator.prior, (list, tuple)) else [estimator.prior]
    priors = _check("prior", given, _is_prior, f"names among {sorted(PRIORS)}, or priors")
    named = [PRIORS[prior] for prior in priors if isinstance(prior, str)]
    used = {field.name for prior in named for field in fields(prior)}
    for name in HYPERPARAMETERS:
        is_valid, need = _is_variance, "numbers of at least 0"
        if name == "correlation":
            is_valid, need = _is_correlation, "numbers between -1 and 1"
        values = _check(name, getattr(estimator, name), is_valid, need)
        if name in used and not isinstance(getattr(estimator, name), Real):
            grid[name] = values
    if isinstance(estimator.prior, (list, tuple)):
        grid["prior"] = priors
    if estimator.n_steps is not None:
        need = "whole numbers of at least 1, or None"
        grid["n_steps"] = _check("n_steps", estimator.n_steps, _is_number_of_steps, need)
    if estimator.cv == "evidence" and (0 in grid["alpha"] or "n_steps" in grid):
        raise ValueError(
            "cv='evidence' is about the minimum of a penalised loss: it needs alphas > 0 and "
            "n_steps=None."
        )
    candidates = list(ParameterGrid(grid))
    if estimator.shape is None:
        return candidates
    if "nu_f" in grid or "nu_c" in grid:
        raise ValueError("shape sets nu_f and nu_c, so that they cannot have grids as well.")
    shapes = _check("shape", estimator.shape, _is_positive, "positive numbers")
    variances = [2.0 * shape for shape in shapes]
    return [
        {**candidate, "nu_f": variance, "nu_c": variance}
        for candidate in candidates
        for variance in variances
    ]


def _check(name: str, given: Any, is_valid: Callable[[Any], bool], need: str) -> list:
    """Return the values of a parameter, a single one or several."""
    if isinstance(given, (str, Real)):
        values = [given]
    else:
        values = given.tolist() if isinstance(given, np.ndarray) else list(given)
    if not values:
        raise ValueError(f"{name} is an empty grid; it needs one value at least.")
    for value in values:
        if not is_valid(value):
            raise ValueError(f"{name} must be {need}, but {value!r} came.")
    return values


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_variance(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_correlation(value: Any) -> bool:
    return _is_number(value) and -1 < value < 1


def _is_number_of_steps(value: Any) -> bool:
    return value is None or (isinstance(value, Integral) and int(value) >= 1)


def _is_prior(value: Any) -> bool:
    named = isinstance(value, str) and value in PRIORS
    return named or isinstance(value, (LagPrior, np.ndarray))
