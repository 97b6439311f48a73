"""The rule of a training: how parameters are moved, and until when."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.training.loop import Stopping, Training
from sklearn_linrnn._core.training.objective import Model, Objective
from sklearn_linrnn._core.training.optimizers import LBFGS, Adam, GradientDescent, Optimizer
from sklearn_linrnn._core.training.schedules import Schedule, checked_schedule, scheduled_share
from sklearn_linrnn._core.training.step_size import choose_learning_rate, stable_limit

LEARNING_RATES = {
    "adam": 1e-3,  # Kingma and Ba 2015, as in PyTorch and scikit-learn
    "lbfgs": 1.0,  # the length that the curvature suggests
}


@dataclass(frozen=True)
class TrainingRule:
    """How parameters are moved, and until when.

    Attributes
    ----------
    solver : {"gd", "adam", "lbfgs"}
        Name of the optimiser.
    learning_rate : "auto" or float
        Size of the steps.
    schedule : str, callable or tuple of float
        What becomes of it: by name, by a function of the number of iterations, or the shares of
        it that each iteration takes.
    momentum : float
        Of gradient descent, or the decay of Adam's first moment.
    nesterov : bool
        Whether the momentum is Nesterov's.
    weight_decay : float
        Strength of the penalty on the squared parameters.
    max_grad_norm : float or None
        Longest gradient.
    stopping : Stopping
        When training ends.
    adaptive : bool
        Whether gradient descent takes back a step that raises the loss.
    """

    solver: Literal["gd", "adam", "lbfgs"]
    learning_rate: float | Literal["auto"]
    schedule: str | Callable[[int], float] | tuple[float, ...]
    momentum: float
    nesterov: bool
    weight_decay: float
    max_grad_norm: float | None
    stopping: Stopping
    adaptive: bool

    def rate(self, curvature: float, model: Model) -> float:
        """Return the size of the steps, for the largest ``curvature`` of the loss of a model.

        That is with the rates of its parameters; the penalty is steepest for the fastest of them.
        """
        if self.solver == "gd":
            steepest = curvature + self._steepness_of_penalty(model)
            return choose_learning_rate(self.learning_rate, steepest)
        automatic = self.learning_rate == "auto"
        return LEARNING_RATES[self.solver] if automatic else float(self.learning_rate)

    def limit(self, curvature: float, model: Model) -> float:
        """Return the size from which on gradient descent diverges; others have no such limit."""
        if self.solver != "gd":
            return math.inf
        steepest = curvature + self._steepness_of_penalty(model)
        return stable_limit(steepest, self.momentum, nesterov=self.nesterov)

    def _steepness_of_penalty(self, model: Model) -> float:
        return self.weight_decay * max(model.rates.get("gd", [1.0]))

    def begin(
        self,
        model: Model,
        moments: Moments,
        rate: float,
        held_out: Moments | None = None,
        trained: Sequence[NDArray] | None = None,
    ) -> Training:
        """Return the training of a model before its first iteration.

        Parameters
        ----------
        model : Model
            The model at initialisation.
        moments : Moments
            Sums of the training data.
        rate : float
            Size of the steps.
        held_out : Moments, default=None
            Sums of data that are watched.
        trained : sequence of ndarray, default=None
            The parameters with which an earlier training goes on; ``None`` if there was none.
        """
        longest = self.max_grad_norm or math.inf
        objective = Objective(model, moments, held_out, self.weight_decay, longest)
        first = None
        if trained is not None:
            first = objective.evaluate()[0][0]
            for parameter, array in zip(model.parameters, trained, strict=True):
                parameter.copy_(torch.tensor(array))
        optimizer, schedule = self._make_optimizer(model), self._make_schedule()
        return Training(objective, optimizer, self.stopping, rate, schedule, first=first)

    def recorded(self, training: Training) -> TrainingRule:
        """Return the rule that a training followed, with the shares that a function returned."""
        if not callable(self.schedule):
            return self
        return replace(self, schedule=tuple(map(training.schedule, range(len(training.rows)))))

    def _make_schedule(self) -> Schedule:
        if isinstance(self.schedule, tuple):
            return self.schedule.__getitem__
        if callable(self.schedule):
            return checked_schedule(self.schedule)
        return partial(scheduled_share, self.schedule, max_iter=self.stopping.max_iter)

    def _make_optimizer(self, model: Model) -> Optimizer:
        if self.nesterov and (self.solver != "gd" or not self.momentum):
            raise ValueError(
                "nesterov=True is a kind of momentum for solver='gd': it needs momentum > 0, but "
                f"got solver={self.solver!r} with momentum={self.momentum}."
            )
        rates = model.rates.get(self.solver)
        if self.solver == "adam":
            return Adam(model.parameters, self.momentum or 0.9, rates=rates)
        if self.solver == "lbfgs":
            if rates is not None:
                raise ValueError(
                    "rates are for solver='gd' and 'adam': solver='lbfgs' has one step for all "
                    f"parameters, and needs rates of 1, but got {tuple(rates[:3])}."
                )
            return LBFGS(model.parameters)
        return GradientDescent(
            model.parameters,
            self.momentum,
            rates=rates,
            nesterov=self.nesterov,
            adaptive=self.adaptive,
        )
