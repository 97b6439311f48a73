"""Full-batch training: iterations, stopping, divergence.

On a GPU the host does not wait between iterations: the state of training is kept in tensors,
decisions are selections, and an iteration is captured once as a CUDA graph. The CPU runs the same
code on Python numbers.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from sklearn_linrnn._core.training.cuda_graph import Repeated
from sklearn_linrnn._core.training.decisions import copy_if
from sklearn_linrnn._core.training.objective import Objective
from sklearn_linrnn._core.training.optimizers import Optimizer
from sklearn_linrnn._core.training.schedules import Schedule

T = TypeVar("T")

Outcome = Literal["max_iter", "max_time", "converged", "diverged", "interrupted", "stopped"]

STRETCH = 64  # most iterations on a GPU before the host looks again


@dataclass(frozen=True)
class Stopping:
    """When training ends: after ``max_iter`` iterations, or once the loss has stopped falling.

    It has stopped when, for ``patience`` iterations in a row, it has not fallen below ``1 - tol``
    times the best one. The loss is that on the held-out part if there is one; without one, ``tol =
    0`` means all ``max_iter`` iterations, except for an optimiser that searches for lower losses.
    """

    max_iter: int
    tol: float
    patience: int


@dataclass
class Progress:
    """The state of training, in Python numbers or in 0-d tensors."""

    rate: Any  # size of a step, before the schedule
    scale: Any  # of the losses: that of no response, or the first one if it is larger
    best: Any  # lowest loss that is watched
    reference: Any  # the loss at the last iteration that counts as progress
    progress: Any = 0  # the number of that iteration
    best_step: Any = 0  # the number of the iteration with the lowest loss
    step: Any = 0  # number of iterations done
    fresh: Any = True  # whether the gradient is that of the parameters: not after an undone step
    going: Any = True
    diverged: Any = False

    def on(self, device: torch.device) -> Progress:
        """Return the same in tensors."""
        kinds = {float: torch.float64, int: torch.int64, bool: torch.bool}
        values = (getattr(self, field.name) for field in fields(self))
        return Progress(
            *(
                value.clone()
                if isinstance(value, Tensor)
                else torch.tensor(value, dtype=kinds[type(value)], device=device)
                for value in values
            )
        )

    def become(self, other: Progress) -> Progress:
        """Return the values of another; in these tensors, if they are tensors."""
        if not isinstance(self.step, Tensor):
            return other
        for field in fields(self):
            getattr(self, field.name).copy_(getattr(other, field.name))
        return self


class Training:
    """A training under way.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    optimizer : Optimizer
        How its parameters are moved.
    stopping : Stopping
        When it ends.
    rate : float
        Size of the steps.
    schedule : callable
        From the number of an iteration, the share of the rate that its step takes.
    first : Tensor, default=None
        The loss with which a training began that goes on here; ``None`` for one that begins.
    on_device : bool, default=None
        Whether to decide on the device of the sums; ``None`` for where that is a GPU.

    Attributes
    ----------
    rows : list of list of float
        After each iteration: what is minimised, what is watched, the squared errors of the outputs
        on the held-out data.
    n_kept : int
        Number of iterations that led to the parameters, once training is finished.
    outcome : str or None
        How training ended; ``None`` as long as it goes on.
    """

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer,
        stopping: Stopping,
        rate: float,
        schedule: Schedule,
        *,
        first: Tensor | None = None,
        on_device: bool | None = None,
    ) -> None:
        self.objective = objective
        self.optimizer = optimizer
        self.stopping = stopping
        self.schedule = schedule
        self.rows: list[list[float]] = []
        self.outcome: Outcome | None = None
        self.deadline = math.inf  # in the seconds of time.monotonic
        self._is_torn = False  # whether a step may have been interrupted half way
        parameters = optimizer.parameters
        keeps = objective.held_out is not None or not optimizer.adaptive
        self._best = [parameter.clone() for parameter in parameters] if keeps else []
        # Adaptive optimisers know themselves where they were before a step.
        self._before = [] if optimizer.adaptive else [p.clone() for p in parameters]

        row, self._gradient = objective.evaluate()
        self.n_kept = 0
        device = row.device
        if on_device is None:
            on_device = device.type == "cuda" and not optimizer.searches
        self._row: Any = row if on_device else row.tolist()
        loss, watched, *_ = self._row
        finite = loss < math.inf
        zero = objective.moments.loss_of_zero
        scale: Any = torch.maximum(row[0], zero)
        if first is not None:
            scale = self._scale_since(torch.maximum(first, zero), row[0], scale)
        scale = scale if on_device else scale.item()
        now = Progress(rate, scale, watched, watched, going=finite, diverged=_invert(finite))
        self._now = now.on(device) if on_device else now
        self._limit = optimizer.limit(self._now.scale)
        self._log = _DeviceLog(schedule, row) if on_device else _HostLog(schedule)
        self._repeated = Repeated(self._iterate, device) if on_device else None

    def _scale_since(self, begun: Tensor, loss: Tensor, new: Tensor) -> Tensor:
        """Return the scale with which a training began, whichever loss it goes on at.

        If by that scale it would not have come to this loss, the data are new, and so is the scale.
        """
        is_new = (begun == math.inf) | (loss > self.optimizer.limit(begun))
        return torch.where(is_new | self.optimizer.rises(loss, loss, begun), new, begun)

    @property
    def rate(self) -> float:
        """Size of a step, before the schedule."""
        return float(self._now.rate)

    @property
    def n_columns(self) -> int:
        """Length of a row."""
        return len(self._row)

    @property
    def loss(self) -> float:
        """What is minimised, at the parameters."""
        return float(self._row[0])

    def run(self, n_steps: int) -> None:
        """Do so many iterations more, or those until training ends."""
        goal = len(self.rows) + n_steps
        self._conclude()
        while self.outcome is None and len(self.rows) < goal:
            self._advance(goal - len(self.rows))
            self._conclude()

    def finish(self) -> None:
        """Set the parameters that training returns.

        They are where the last whole iteration left them; at their best on the held-out part if
        there is one, and at the best loss after divergence.
        """
        self.rows += self._log.take()  # of a stretch that was interrupted
        diverged = self.outcome == "diverged"
        self.n_kept = len(self.rows)
        if self._is_torn or (diverged and not self._best):
            self.optimizer.undo(condition=True)
            if self._before:
                copy_if(True, self._before, self.optimizer.parameters)
        if self._best and (diverged or self.objective.held_out is not None):
            copy_if(True, self._best, self.optimizer.parameters)
            self.n_kept = int(self._now.best_step)

    def _advance(self, n_steps: int) -> None:
        if self._repeated is None:
            self._iterate()
        else:
            n_steps = min(n_steps, STRETCH)
            self._log.prepare(range(len(self.rows), self.stopping.max_iter)[:n_steps])
            self._repeated.run(n_steps)
        self.rows += self._log.take()
        self._is_torn = False

    def _conclude(self) -> None:
        """See whether training has ended."""
        if not self._now.going:
            if self._now.diverged:
                self.outcome = "diverged"
            else:
                at_end = len(self.rows) >= self.stopping.max_iter
                self.outcome = "max_iter" if at_end else "converged"
        elif time.monotonic() > self.deadline:
            self.outcome = "max_time"

    def _iterate(self) -> None:
        """Take a step and evaluate it; after an undone step, evaluate without one."""
        now = self._now
        stepping = now.going & now.fresh
        self._step(stepping)
        row, gradient = self.objective.evaluate()
        self._gradient.copy_(gradient)
        self._judge(stepping, row if isinstance(stepping, Tensor) else row.tolist())

    def _step(self, stepping: Any) -> None:
        if stepping is False:
            return
        rate = self._now.rate * self._log.factor(self._now.step)
        self.objective.backward(self._gradient, needed=stepping)
        if self._before:
            copy_if(True, self.optimizer.parameters, self._before)
        self._is_torn = True
        self.optimizer.step(_select(stepping, rate, 0.0), self.objective.loss)

    def _judge(self, stepping: Any, row: Any) -> None:
        """Decide on the step just taken, whose losses are in ``row``."""
        now, stopping, optimizer = self._now, self.stopping, self.optimizer
        (loss, *_), (before, *_) = row, self._row
        rises = stepping & optimizer.rises(loss, before, now.scale)
        if rises is not False:
            optimizer.undo(rises)
        row = _select(rises, self._row, row)
        _, watched, *_ = row

        tame = (loss < math.inf) & (loss <= self._limit)
        diverged = now.diverged | (stepping & _invert(rises) & _invert(tame))
        better = _invert(diverged) & (watched < now.best)
        if self._best:
            copy_if(better, optimizer.parameters, self._best)
        advances = _invert(diverged) & (watched < (1.0 - stopping.tol) * now.reference)

        step = now.step + stepping
        progress = _select(advances, step, now.progress)
        ends = diverged | (step >= stopping.max_iter)
        if self.objective.held_out is not None or stopping.tol > 0 or optimizer.searches:
            ends = ends | (step - progress >= stopping.patience)

        self._log.record(stepping, now.step, row)
        self._keep(row)
        self._now = now.become(
            Progress(
                rate=_select(rises, 0.5 * now.rate, now.rate),
                scale=now.scale,
                best=_select(better, watched, now.best),
                reference=_select(advances, watched, now.reference),
                progress=progress,
                best_step=_select(better, step, now.best_step),
                step=step,
                fresh=_invert(rises),
                going=now.going & _invert(ends),
                diverged=diverged,
            )
        )

    def _keep(self, row: Any) -> None:
        if isinstance(row, Tensor):
            self._row.copy_(row)
        else:
            self._row = row


class _HostLog:
    """What a training on the host reads and records at each iteration."""

    def __init__(self, schedule: Schedule) -> None:
        self.factor = schedule
        self.rows: list[list[float]] = []

    def prepare(self, steps: range) -> None:
        """Do nothing: there is no stretch."""

    def record(self, stepping: bool, step: int, row: list[float]) -> None:
        """Record the losses after a step."""
        if stepping:
            self.rows.append(row)

    def take(self) -> list[list[float]]:
        """Return what was recorded since the last call."""
        rows, self.rows = self.rows, []
        return rows


class _DeviceLog:
    """The same for a stretch of iterations on a device, in tensors that stay where they are."""

    def __init__(self, schedule: Schedule, row: Tensor) -> None:
        self.schedule = schedule
        self.factors = row.new_ones(STRETCH + 1)
        self.rows = row.new_zeros(STRETCH + 1, len(row))  # the last for iterations without a step
        self.first = torch.zeros((), dtype=torch.int64, device=row.device)
        self.n_rows = torch.zeros_like(self.first)

    def prepare(self, steps: range) -> None:
        """Begin a stretch of these iterations, of which some may not be reached."""
        self.first.fill_(steps.start)
        shares = torch.tensor([self.schedule(step) for step in steps], dtype=self.factors.dtype)
        self.factors[: len(steps)].copy_(shares)

    def factor(self, step: Tensor) -> Tensor:
        """Return the share of the rate that an iteration takes."""
        return self.factors.index_select(0, (step - self.first).view(1))[0]

    def record(self, stepping: Tensor, step: Tensor, row: Tensor) -> None:
        """Record the losses after a step."""
        place = torch.where(stepping, step - self.first, STRETCH)
        self.rows.index_copy_(0, place.view(1), row[None])
        self.n_rows.add_(stepping)

    def take(self) -> list[list[float]]:
        """Return what was recorded in the stretch; waits for the device."""
        rows = self.rows[: int(self.n_rows)].tolist()
        self.n_rows.zero_()
        return rows


def _select(condition: Any, one: T, other: T) -> T:
    """Return ``one`` if the condition holds, else ``other``."""
    if isinstance(condition, Tensor):
        return torch.where(condition, one, other)  # type: ignore[call-overload]
    return one if condition else other


def _invert(condition: Any) -> Any:
    """Return whether the condition does not hold."""
    return ~condition if isinstance(condition, Tensor) else not condition
