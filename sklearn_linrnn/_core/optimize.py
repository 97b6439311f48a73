"""Full-batch training: steps, stopping, divergence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

from sklearn_linrnn._core.moments import Moments

# A loss this many times its start will not come back: gradient descent past its stable step grows
# geometrically, and stopping here keeps every number finite.
DIVERGED = 1e3


class Model(Protocol):
    """A parametrisation of the response ``H``, a matrix (n_lags * n_channels, n_outputs)."""

    parameters: list[Tensor]

    def response(self) -> Tensor:
        """Return ``H`` in float64."""

    def backward(self, gradient: Tensor) -> None:
        """Set every parameter's ``grad`` from ``d loss / d H`` at the last `response`."""


class Optimizer(Protocol):
    """Moves parameters along their ``grad``."""

    @property
    def learning_rate(self) -> float:
        """Size of the steps."""

    def step(self) -> object:
        """Take one step."""

    def slow_down(self) -> bool:
        """Halve the steps after a failure; False if that is not this optimiser's to do."""


@dataclass(frozen=True)
class Stopping:
    """When training ends: after ``max_iter`` steps, or once the loss has stopped falling.

    It has stopped when, for ``patience`` steps in a row, it has not fallen below ``1 - tol`` times
    the best one. The loss is that on the held-out part if there is one; without one, ``tol = 0``
    means all ``max_iter`` steps.
    """

    max_iter: int
    tol: float
    patience: int


@dataclass
class Training:
    """What happened: losses after each step, and how it ended."""

    outcome: Literal["max_iter", "converged", "diverged"] = "max_iter"
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)


class GradientDescent:
    """Gradient descent with Polyak's momentum: ``v <- momentum v + grad``, ``p <- p - eta v``.

    Where ``adaptive``, it may halve its step: the stable step of a network is that of its
    infinite-width limit only as long as it has not moved far.
    """

    def __init__(
        self, parameters: list[Tensor], learning_rate: float, momentum: float, *, adaptive: bool
    ) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.adaptive = adaptive
        self.velocities = [torch.zeros_like(p) for p in parameters] if momentum else []

    def step(self) -> None:
        """Take one step."""
        moves = [p.grad for p in self.parameters if p.grad is not None]
        for velocity, move in zip(self.velocities, moves, strict=False):
            velocity.mul_(self.momentum).add_(move)
        for parameter, move in zip(self.parameters, self.velocities or moves, strict=True):
            parameter.add_(move, alpha=-self.learning_rate)

    def slow_down(self) -> bool:
        """Halve the step and forget the momentum, if adaptive."""
        if self.adaptive:
            self.learning_rate /= 2.0
            for velocity in self.velocities:
                velocity.zero_()
        return self.adaptive


class Adam(torch.optim.Adam):
    """PyTorch's Adam."""

    @property
    def learning_rate(self) -> float:
        """Size of the steps."""
        return float(self.param_groups[0]["lr"])

    def slow_down(self) -> bool:
        """Adam's step is the user's."""
        return False


def train(
    model: Model,
    moments: Moments,
    held_out: Moments | None,
    optimizer: Optimizer,
    stopping: Stopping,
    report: Callable[[int, float], None],
) -> Training:
    """Train on ``moments`` until ``stopping`` or divergence says so; returns what happened.

    Parameters end where the last step left them; at their best on the held-out part if there is
    one, and at their best on the training loss after divergence. If the loss rises above its
    start, training goes on from the best parameters with a slower optimiser, if it may be slowed.
    """
    training = Training()
    best = _Best(model.parameters)
    start = math.nan
    for step in range(stopping.max_iter + 1):
        response = model.response()
        loss, gradient = moments.profile_loss(response)
        if step == 0:
            start = loss
        else:
            training.losses.append(loss)
        watched = loss
        if held_out is not None:
            watched = held_out.loss(response, moments.intercept(response))
            training.validation_losses += [watched] if step else []
        report(step, loss)
        if not loss <= start and optimizer.slow_down():
            best.restore()
            continue
        if not loss <= DIVERGED * start:
            training.outcome = "diverged"
            break
        best.update(watched, step, stopping.tol)
        watches = held_out is not None or stopping.tol > 0
        if watches and step - best.step >= stopping.patience:
            training.outcome = "converged"
            break
        if step < stopping.max_iter:
            model.backward(gradient)
            optimizer.step()
    if held_out is not None or training.outcome == "diverged":
        best.restore()
    return training


class _Best:
    """The parameters at the lowest loss so far, and the step at which it last fell by ``tol``."""

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.copies = [p.clone() for p in parameters]
        self.loss = self.reference = math.inf
        self.step = 0

    def update(self, loss: float, step: int, tol: float) -> None:
        if loss < self.loss:
            self.loss = loss
            for copy, parameter in zip(self.copies, self.parameters, strict=True):
                copy.copy_(parameter)
        if loss < (1.0 - tol) * self.reference:
            self.reference, self.step = loss, step

    def restore(self) -> None:
        for copy, parameter in zip(self.copies, self.parameters, strict=True):
            parameter.copy_(copy)
