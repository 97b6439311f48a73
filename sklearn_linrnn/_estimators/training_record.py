"""What training leaves for the next one, and for inspection."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.recipes import NetworkRecipe, Recipe
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.training.rule import TrainingRule
from sklearn_linrnn._data.sequences import Past


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """A training that has ended.

    Attributes
    ----------
    statistics : LagStatistics
        The sums that were learned from, on the CPU.
    held_out : LagStatistics or None
        The sums that were held out.
    recipe : Recipe
        How the model was initialised.
    rule : TrainingRule
        How it was trained.
    seed : int or None
        Of the random numbers, if any were drawn.
    parameters : list of ndarray
        The trained parameters.
    memory : list of ndarray
        The state of the optimiser.
    curves : dict of str to ndarray
        The fitted attributes that have a value for each iteration.
    n_kept : int
        Number of iterations of the last fit that led to the parameters.
    stable_rate : float
        The learning rate at the end, if the first one raised the loss; else infinite. A learning
        rate that was too large once is not tried again.
    went_on : bool
        Whether the training continued an earlier one.
    past : Past or None
        Inputs with which the recordings go on in `partial_fit`.
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


def initial_network(record: TrainingRecord) -> list[Tensor]:
    """Return the parameters of a network at initialisation, in the dtype of the trained ones."""
    n_channels, n_outputs = record.statistics.n_channels, len(record.statistics.target_mean)
    drawn = network_recipe(record).draw(n_channels, n_outputs)
    return [
        start.to(trained) for start, trained in zip(drawn, trained_network(record), strict=True)
    ]


def trained_network(record: TrainingRecord) -> list[Tensor]:
    """Return the parameters of a network after training."""
    return [torch.tensor(parameter) for parameter in record.parameters]


def subtracted_network(record: TrainingRecord) -> list[Tensor] | None:
    """Return the initial parameters of a network whose initial response is subtracted.

    They are those of the network to inputs that are not scaled.
    """
    recipe = record.recipe
    if not (isinstance(recipe, NetworkRecipe) and recipe.is_centred):
        return None
    return recipe.shown(initial_network(record))


def network_recipe(record: TrainingRecord) -> NetworkRecipe:
    """Return the recipe of a network."""
    assert isinstance(record.recipe, NetworkRecipe)
    return record.recipe
