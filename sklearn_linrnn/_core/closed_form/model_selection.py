"""How many steps of gradient descent to take, from the whole path at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.closed_form.spectral import Spectrum
from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.tensors import as_float64
from sklearn_linrnn._core.threads import spread

MOST_STEPS = 2**30
ROUNDING = 1e-10  # of a leverage
SHARE_ROUNDING = 1e-14  # of a squared error, as a share of the targets'
SCORE_ROUNDING = 1e-10  # of a score, relative to it
COARSE_GRID = 12  # numbers between two bounds
GRID = 256  # numbers of steps looked at in each of two rounds


def first_best(scores: NDArray, rounding: float = SCORE_ROUNDING) -> int:
    """Return the place of the highest score, or of the first that equals it but for rounding.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates,)
        Scores, the more the better.
    rounding : float, default=1e-10
        What rounding may change a score by, relative to it.
    """
    best = float(scores.max())
    return int(np.argmax(scores >= best - rounding * abs(best)))


def values_near_best(value: Callable[[int], float], most: int, cost: float) -> NDArray:
    """Return a function of 1 to ``most`` on a grid that gets finer around the best value less cost.

    Parameters
    ----------
    value : callable
        The function.
    most : int
        Greatest argument.
    cost : float
        What an argument costs more than the one before.

    Returns
    -------
    values : ndarray of shape (most,)
        Minus infinity where it was not asked for: others have been seen to be worse.
    """
    low, high = 1, most
    values, costs = np.full(most, -np.inf), cost * np.arange(most)
    best = low
    while True:
        points = [*np.geomspace(low, high, COARSE_GRID).round().astype(int), best]
        grid = np.unique(points).tolist()
        for point in grid:
            if values[point - 1] == -np.inf:
                values[point - 1] = value(point)
        if len(grid) == high - low + 1:
            return values
        best = int((values - costs).argmax()) + 1
        place = grid.index(best)
        low, high = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]


def best_n_steps(expected_error: Callable[[NDArray], NDArray]) -> int:
    """Return the number of steps of the least expected error: of equal ones, the smallest.

    Numbers of steps on a geometric grid come first, then those between the neighbours of the best.

    Parameters
    ----------
    expected_error : callable
        From numbers of steps, (n_stages,), to errors, (n_stages,).
    """
    low, high = 1.0, float(MOST_STEPS)
    best = 1
    for _ in range(2):
        stages = np.unique(np.geomspace(low, high, GRID).round().astype(np.int64))
        errors = np.nan_to_num(expected_error(stages), nan=np.inf)  # diverged
        index = first_best(-errors)
        best = int(stages[index])
        low, high = stages[max(index - 1, 0)], stages[min(index + 1, len(stages) - 1)]
    return best


def mean_error(squares: Tensor, moments: Moments) -> Tensor:
    """Return mean squared errors (n_stages, n_outputs) as shares of the outputs' variances.

    Shares that are but rounding are equal.
    """
    variances = moments.target_squares / moments.weight
    seen = variances > 0
    return (squares[:, seen] / variances[seen]).clamp(min=SHARE_ROUNDING).sum(1)


class Smoother(NamedTuple):
    """Linear smoothers that share coordinates.

    Attributes
    ----------
    basis : Tensor of shape (p, k)
        ``F``: rows ``z`` have the coordinates ``z F``.
    filters : Tensor of shape (k, n_filters)
        Factors ``f`` of the coordinates: their leverage is ``sum_i f_i (z F)_i^2``.
    projections : Tensor of shape (k, n_outputs)
        What is fitted is ``sum_i f_i (z F)_i c_i``.
    """

    basis: Tensor
    filters: Tensor
    projections: Tensor

    @classmethod
    def of_spectrum(cls, spectrum: Spectrum, filters: Tensor) -> Smoother:
        """Return those of filters ``f(lam)``, (p, n_filters)."""
        return cls(spectrum.root.respond(spectrum.vectors), filters, spectrum.projections)


def leave_one_out(
    moments: Moments,
    smoother: Smoother,
    lags: Iterable[NDArray],
    targets: NDArray,
    shares: Callable[[slice], NDArray | None],
) -> Tensor:
    """Return the mean squared error of leaving out one supervised step, (n_filters, n_outputs).

    ``e_s / (1 - h_s)`` with the residual ``e_s`` and the leverage ``h_s`` of each step; exact for
    ridges (Allen 1974), the formula of linear smoothers for steps of gradient descent. Infinite
    where a step has a leverage of one, so that nothing else speaks for its prediction, and where
    gradient descent diverges, so that leverages are negative.

    Parameters
    ----------
    moments : Moments
        The data.
    smoother : Smoother
        The ridges, or steps of gradient descent.
    lags : iterable of ndarray of shape (n_steps, p)
        The lags of the supervised steps, in blocks.
    targets : ndarray of shape (n_supervised, n_outputs)
        Targets; NaN where they were not observed.
    shares : callable
        From some of the steps to their weights, or to ``None`` for ones.
    """
    basis, filters, projections = smoother
    input_origin, target_origin = moments.origin
    total = filters.new_zeros(filters.shape[1], targets.shape[1])
    first = 0
    for block in lags:
        steps = slice(first, first + len(block))
        first += len(block)
        goal, given = as_float64(targets[steps], filters.device), shares(steps)
        weight = as_float64(goal.new_ones(len(block)) if given is None else given, filters.device)
        seen = ~torch.isnan(goal).any(1) & (weight > 0)
        weight = weight[seen, None]
        inputs = as_float64(block, filters.device)[seen] - input_origin
        with spread(len(inputs) * basis.numel()):
            coordinates = inputs @ basis
        leverage = coordinates.square() @ filters + moments.n_intercepts
        left = 1.0 - weight * leverage / moments.weight
        for output in range(targets.shape[1]):
            fitted = coordinates @ (filters * projections[:, output, None])
            miss = goal[seen, output, None] - target_origin[output] - fitted
            error = torch.where((left > ROUNDING) & (left <= 1.0), miss / left, torch.inf)
            total[:, output] += (weight * error.square()).sum(0)
    return total / moments.weight
