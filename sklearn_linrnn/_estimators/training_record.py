"""What a training leaves for the next one, and for inspection."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from sklearn_linrnn._core.networks.recipes import Recipe
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.training.rule import TrainingRule
from sklearn_linrnn._data.sequences import Past


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """A training that is over.

    Attributes
    ----------
    statistics : LagStatistics
        The sums that were learned from, on the CPU.
    held_out : LagStatistics or None
        The sums that were held out.
    recipe : Recipe
        How the model began.
    rule : TrainingRule
        How it was trained.
    seed : int or None
        Of its random numbers, if it drew some.
    parameters : list of ndarray
        Where they stay.
    memory : list of ndarray
        What the optimiser remembers of earlier iterations.
    curves : dict of str to ndarray
        The fitted attributes that have a value for each iteration.
    n_kept : int
        Number of iterations, of the last fit, that led to the parameters.
    stable_rate : float
        The size of the steps, if a step of the first size raised the loss; else infinite. A step
        that was too large once is not tried again.
    went_on : bool
        Whether the training went on from an earlier one.
    past : Past or None
        What later pieces of the recordings go on from.
    """

    statistics: LagStatistics
    held_out: LagStatistics | None
    recipe: Recipe
    rule: TrainingRule
    seed: int | None
    parameters: list[NDArray]
    memory: list[NDArray]
    curves: dict[str, NDArray]
    n_kept: int
    stable_rate: float
    went_on: bool
    past: Past | None
