"""The candidates of a grid search, in scikit-learn's order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid

from sklearn_linrnn._core.closed_form.model_selection import first_best
from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS, PRIORS
from sklearn_linrnn._core.priors.channel_priors import Prior
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import is_float64_number
from sklearn_linrnn._estimators.parameters import make_priors


@dataclass(frozen=True)
class Candidates:
    """Candidates in scikit-learn's order, and which of them share a prior.

    Attributes
    ----------
    params : list of dict
        Parameters of `NTKConvRegressor`, without those of a single value and those that no prior
        uses.
    priors : list of LagPrior or ChannelPriors
        The different priors.
    paths : list of list of int
        For each prior the places of its candidates, which differ in `alpha` and `n_steps`.
    """

    params: list[dict[str, Any]]
    priors: list[Prior]
    paths: list[list[int]]

    @property
    def prior_of(self) -> dict[int, Prior]:
        """The prior of each candidate, by its place."""
        pairs = zip(self.priors, self.paths, strict=True)
        return {place: prior for prior, places in pairs for place in places}

    def __len__(self) -> int:
        return len(self.params)

    def by_delay(self) -> dict[int | None, tuple[list[int], Candidates]]:
        """Return the places of the candidates of each delay, and these; None for the only one."""
        found: dict[int | None, list[int]] = {}
        for index, places in enumerate(self.paths):
            found.setdefault(self.params[places[0]].get("delay"), []).append(index)
        return {delay: self._some(indices) for delay, indices in found.items()}

    def _some(self, indices: list[int]) -> tuple[list[int], Candidates]:
        """Return the places of the candidates of some priors, and these."""
        places = [place for index in indices for place in self.paths[index]]
        ends = np.cumsum([0, *(len(self.paths[index]) for index in indices)]).tolist()
        paths = [list(range(first, end)) for first, end in pairwise(ends)]
        params = [self.params[place] for place in places]
        return places, Candidates(params, [self.priors[index] for index in indices], paths)


def comparable_means(scores: NDArray) -> NDArray:
    """Return the means of scores (n_parts, n_candidates), the least where descent diverged."""
    return np.nan_to_num(scores.mean(axis=0), nan=-np.inf)


def best_place(scores: NDArray) -> int:
    """Return the place of the candidate of the best mean score, (n_parts, n_candidates)."""
    return first_best(comparable_means(scores))


def make_candidates(estimator: BaseEstimator, n_channels: int) -> Candidates:
    """Return the candidates of an estimator whose parameters are grids, for so many channels."""
    grid = _make_grid(estimator)
    places = list(ParameterGrid({name: range(len(values)) for name, values in grid.items()}))
    paths: dict[tuple[int, ...], list[int]] = {}
    for index, place in enumerate(places):
        key = tuple(k for name, k in place.items() if name not in ("alpha", "n_steps"))
        paths.setdefault(key, []).append(index)
    params = [_params({name: grid[name][k] for name, k in place.items()}) for place in places]
    firsts = [params[indices[0]] for indices in paths.values()]
    priors = [prior_of(estimator, candidate, n_channels) for candidate in firsts]
    return Candidates(params, priors, list(paths.values()))


def _make_grid(estimator: BaseEstimator) -> dict[str, list]:
    """Return the values to try of each parameter."""
    grid = {"alpha": _check("alphas", estimator.alphas, _is_variance, "numbers of at least 0")}
    given = estimator.prior if isinstance(estimator.prior, (list, tuple)) else [estimator.prior]
    priors = _check("prior", given, _is_prior, f"names among {sorted(PRIORS)}, or priors")
    named = [PRIORS[prior] for prior in priors if isinstance(prior, str)]
    used = {field.name for prior in named for field in fields(prior)}
    for name in HYPERPARAMETERS:
        is_valid, need = _is_variance, "numbers of at least 0"
        if name == "nu_w":
            is_valid, need = _is_decay, "numbers of at least 0, or arrays (n_channels,) of them"
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
    if not isinstance(estimator.delay, Integral):
        need = "whole numbers of at least 0"
        grid["delay"] = _check("delay", estimator.delay, _is_delay, need)
    if estimator.cv == "evidence" and (0 in grid["alpha"] or "n_steps" in grid):
        raise ValueError(
            "cv='evidence' is defined at the minimum of a penalised loss: it needs alphas > 0 and "
            "n_steps=None."
        )
    if estimator.shape is not None:
        if "nu_f" in grid or "nu_c" in grid:
            raise ValueError("shape sets nu_f and nu_c, so that these cannot be grids as well.")
        grid["shape"] = _check("shape", estimator.shape, _is_positive, "positive numbers")
    return grid


def _params(candidate: dict[str, Any]) -> dict[str, Any]:
    """Return a candidate in the parameters of `NTKConvRegressor`, which has no ``shape``."""
    if "shape" not in candidate:
        return candidate
    variance = 2.0 * candidate.pop("shape")
    return {**candidate, "nu_f": variance, "nu_c": variance}


def prior_of(estimator: BaseEstimator, candidate: Mapping[str, Any], n_channels: int) -> Prior:
    """Return the prior of a candidate, with the estimator's parameters where it has none."""
    known = parameters_of(estimator, candidate)
    return make_priors(
        n_channels=n_channels, n_leads=estimator.n_leads, memory=estimator.memory, **known
    )


def parameters_of(estimator: BaseEstimator, candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes the prior of a candidate, as parameters of `NTKConvRegressor`."""
    names = ("prior", "channel_scale", *HYPERPARAMETERS)
    own = {name: candidate.get(name, getattr(estimator, name)) for name in names}
    grids = [n for n in HYPERPARAMETERS if n not in candidate and not isinstance(own[n], Real)]
    return {**own, **dict.fromkeys(grids, 0.5)}  # of which no prior among the candidates has any


def values_of(given: Any) -> list:
    """Return the values of a parameter that is one of them or an array-like of several."""
    values = given.tolist() if hasattr(given, "tolist") else given
    return [values] if isinstance(values, (str, Real)) else list(values)


def _check(name: str, given: Any, is_valid: Callable[[Any], bool], need: str) -> list:
    """Return the values of a parameter, all of which must be valid."""
    values = values_of(given)
    if not values:
        raise ValueError(f"{name} must have at least one value, but got an empty grid.")
    for value in values:
        if not is_valid(value):
            raise ValueError(f"{name} must be {need}, but got {value!r}.")
    return values


def _is_number(value: Any) -> bool:
    return is_float64_number(value) and not isinstance(value, bool) and math.isfinite(value)


def _is_variance(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_decay(value: Any) -> bool:
    if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value) == 1:
        return len(value) > 0 and all(map(_is_variance, value))
    return _is_variance(value)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_correlation(value: Any) -> bool:
    return _is_number(value) and -1 < value < 1


def _is_number_of_steps(value: Any) -> bool:
    return value is None or (isinstance(value, Integral) and int(value) >= 1)


def _is_delay(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0


def _is_prior(value: Any) -> bool:
    named = isinstance(value, str) and value in PRIORS
    return named or isinstance(value, (LagPrior, np.ndarray))
