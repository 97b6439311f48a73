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
ROUNDING = 1e-9  # a rise of the loss that is none, as a share of the loss at the start


class Model(Protocol):
    """A parametrisation of the response ``H``, a matrix (n_lags * n_channels, n_outputs)."""

    parameters: list[Tensor]

    def response(self) -> Tensor:
        """Return ``H`` in float64."""

    def backward(self, gradient: Tensor) -> None:
        """Set every parameter's ``grad`` from ``d loss / d H`` at the last `response`."""


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
    """What happened: the losses after each step, those that were watched, and how it ended."""

    outcome: Literal["max_iter", "converged", "diverged"] = "max_iter"
    losses: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)

    def record(self, loss: float, watched: float) -> None:
        """Note the losses after a step."""
        self.losses.append(loss)
        self.watched.append(watched)


class GradientDescent:
    """Gradient descent with Polyak's momentum: ``v <- momentum v + grad``, ``p <- p - eta v``.

    Where ``adaptive``, it takes back a step that raises the loss (with momentum: above twice its
    start) and halves the next ones. The stable step of a network is that of its infinite-width
    limit only as long as it has not moved far; where it is, nothing is taken back.
    """

    def __init__(
        self, parameters: list[Tensor], learning_rate: float, momentum: float, *, adaptive: bool
    ) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.adaptive = adaptive
        self.bound = DIVERGED  # in units of the loss at the start
        self.velocities = [torch.zeros_like(p) for p in parameters]
        self.previous = [p.clone() for p in parameters] if adaptive else []

    def step(self) -> None:
        """Take one step."""
        for copy, parameter in zip(self.previous, self.parameters, strict=False):
            copy.copy_(parameter)
        for parameter, velocity in zip(self.parameters, self.velocities, strict=True):
            assert parameter.grad is not None
            velocity.mul_(self.momentum).add_(parameter.grad)
            parameter.add_(velocity, alpha=-self.learning_rate)

    def rose(self, loss: float, before: float, start: float) -> bool:
        """Whether the last step raised the loss more than this optimiser puts up with."""
        allowed = 2.0 * start if self.momentum else before
        return self.adaptive and not loss <= allowed + ROUNDING * start

    def retreat(self) -> None:
        """Take the last step back, forget the momentum and halve the next steps."""
        for parameter, copy in zip(self.parameters, self.previous, strict=True):
            parameter.copy_(copy)
        for velocity in self.velocities:
            velocity.zero_()
        self.learning_rate /= 2.0


class Adam(torch.optim.Adam):
    """PyTorch's Adam."""

    adaptive = False  # a step that fails is not taken back
    bound = math.inf  # its first steps have a size of their own, however small the loss

    @property
    def learning_rate(self) -> float:
        """Size of the steps."""
        return float(self.param_groups[0]["lr"])


def train(
    model: Model,
    moments: Moments,
    held_out: Moments | None,
    optimizer: GradientDescent | Adam,
    stopping: Stopping,
    report: Callable[[int, float], None],
) -> Training:
    """Train on ``moments`` until ``stopping`` or divergence says so; returns what happened.

    Parameters end where the last step left them; at their best on the held-out part if there is
    one, and at their best on the training loss after divergence.
    """
    training = Training()
    best = _Best(model.parameters, keeps=held_out is not None or not optimizer.adaptive)
    start = before = before_watched = math.inf
    moved = False
    while True:
        response = model.response()
        loss, gradient = moments.profile_loss(response)
        watched = loss
        if held_out is not None:
            watched = held_out.loss(response, moments.intercept(response))
        step = len(training.losses) + moved
        if moved and isinstance(optimizer, GradientDescent) and optimizer.rose(loss, before, start):
            optimizer.retreat()
            training.record(before, before_watched)
            moved = False
            continue
        if moved:
            training.record(loss, watched)
        elif step == 0:
            start = loss
        before, before_watched = loss, watched
        report(step, loss)
        if not (math.isfinite(loss) and loss <= optimizer.bound * start):
            training.outcome = "diverged"
            break
        best.update(watched, step, stopping.tol)
        watches = held_out is not None or stopping.tol > 0
        if watches and step - best.step >= stopping.patience:
            training.outcome = "converged"
            break
        if step >= stopping.max_iter:
            break
        model.backward(gradient)
        optimizer.step()
        moved = True
    if held_out is not None or training.outcome == "diverged":
        best.restore()
    return training


class _Best:
    """The parameters at the lowest loss so far, and the step at which it last fell by ``tol``."""

    def __init__(self, parameters: list[Tensor], *, keeps: bool) -> None:
        self.parameters = parameters
        self.copies = [p.clone() for p in parameters] if keeps else []
        self.loss = self.reference = math.inf
        self.step = 0

    def update(self, loss: float, step: int, tol: float) -> None:
        if loss < self.loss:
            self.loss = loss
            for copy, parameter in zip(self.copies, self.parameters, strict=False):
                copy.copy_(parameter)
        if loss < (1.0 - tol) * self.reference:
            self.reference, self.step = loss, step

    def restore(self) -> None:
        for copy, parameter in zip(self.copies, self.parameters, strict=False):
            parameter.copy_(copy)
