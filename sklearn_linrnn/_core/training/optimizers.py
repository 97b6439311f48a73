"""Optimisers of the full batch: one step each, from the gradients that the parameters hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sklearn_linrnn._core.training.decisions import clear_unless, copy_if, subtract

# A loss this many times its start will not come back: gradient descent past its stable step grows
# geometrically, and stopping here keeps every number finite.
DIVERGED = 1e3
ROUNDING = 1e-9  # a rise of the loss that is none, as a share of the loss at the start
LBFGS_LOSSES = 25  # most that a search along a line asks for
LBFGS_MEMORY = 10  # pairs of steps and gradients, each as large as the parameters


class Optimizer:
    """A rule that moves parameters along their gradients.

    Attributes
    ----------
    parameters : list of Tensor
        What is moved, in place.
    adaptive : bool
        Whether a step that raises the loss is taken back, and the next ones are halved.
    searches : bool
        Whether a step asks for losses along its way. Such steps run on the host, and end where
        they find no lower loss for a while.
    """

    adaptive = False
    searches = False

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters

    def step(self, rate: Any, evaluate: Callable[[], Tensor]) -> None:
        """Take a step of size ``rate``; ``evaluate`` sets the gradients and returns the loss."""
        raise NotImplementedError

    def limit(self, start: Any) -> Any:
        """Return the loss past which training that began at ``start`` has diverged."""
        return math.inf

    def rises(self, loss: Any, before: Any, start: Any) -> Any:
        """Return whether a step raised the loss by more than is put up with."""
        return False

    def undo(self, condition: Any) -> None:
        """Take the last step back and begin anew from there, if the condition holds."""

    def memory(self) -> list[Tensor]:
        """Return what is remembered of earlier steps."""
        return []

    def remember(self, memory: list[Tensor]) -> None:
        """Go on from what another optimiser remembered, if it was of the same kind."""


class GradientDescent(Optimizer):
    """Gradient descent: ``v <- momentum v + g``, ``p <- p - eta v``.

    Nesterov's momentum goes along ``g + momentum v`` instead (Sutskever et al. 2013). Where
    ``adaptive``, a step that raises the loss is taken back (with momentum: one that raises it above
    twice its start). The stable step of a network is that of its infinite-width limit only as long
    as it has not moved far; where it is, nothing is taken back.
    """

    def __init__(
        self,
        parameters: list[Tensor],
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        adaptive: bool = False,
    ) -> None:
        super().__init__(parameters)
        self.momentum = momentum
        self.nesterov = nesterov
        self.adaptive = adaptive
        self.velocities = [torch.zeros_like(p) for p in parameters] if momentum else []
        self.previous = [p.clone() for p in parameters] if adaptive else []

    def step(self, rate: Any, evaluate: Callable[[], Tensor]) -> None:
        """Take a step of size ``rate``."""
        if self.adaptive:
            copy_if(True, self.parameters, self.previous)
        directions = [self._direction(index) for index in range(len(self.parameters))]
        subtract(self.parameters, rate, directions)

    def _direction(self, index: int) -> Tensor:
        gradient = self.parameters[index].grad
        assert gradient is not None
        if not self.momentum:
            return gradient
        velocity = self.velocities[index].mul_(self.momentum).add_(gradient)
        return gradient.add(velocity, alpha=self.momentum) if self.nesterov else velocity

    def limit(self, start: Any) -> Any:
        """Return a loss that gradient descent does not come back from."""
        return DIVERGED * start

    def rises(self, loss: Any, before: Any, start: Any) -> Any:
        """Return whether a step raised the loss by more than rounding, or momentum, does."""
        allowed = 2.0 * start if self.momentum else before
        # So put that it holds for NaN, of numbers and of tensors.
        return self.adaptive and (loss <= allowed + ROUNDING * start) ^ True

    def undo(self, condition: Any) -> None:
        """Take the last step back and forget the momentum, if the condition holds."""
        if self.adaptive:
            copy_if(condition, self.previous, self.parameters)
            clear_unless(condition ^ True, self.velocities)

    def memory(self) -> list[Tensor]:
        """Return the velocities."""
        return self.velocities

    def remember(self, memory: list[Tensor]) -> None:
        """Go on with these velocities."""
        if len(memory) == len(self.velocities):
            copy_if(True, memory, self.velocities)


class Adam(Optimizer):
    """PyTorch's Adam."""

    def __init__(self, parameters: list[Tensor], beta: float) -> None:
        super().__init__(parameters)
        device = parameters[0].device
        self.captured = device.type == "cuda"
        # The rate of a captured step is read where it lies whenever the step is run again.
        rate = torch.zeros((), device=device) if self.captured else 0.0
        self.rule = torch.optim.Adam(
            parameters, lr=rate, betas=(beta, 0.999), capturable=self.captured
        )

    def step(self, rate: Any, evaluate: Callable[[], Tensor]) -> None:
        """Take a step of size ``rate``."""
        group = self.rule.param_groups[0]
        if self.captured:
            group["lr"].copy_(rate)
        else:
            group["lr"] = float(rate)
        self.rule.step()

    def memory(self) -> list[Tensor]:
        """Return the number of steps and the two moments, for each parameter."""
        return [value for p in self.parameters for value in self.rule.state[p].values()]

    def remember(self, memory: list[Tensor]) -> None:
        """Go on with this number of steps and these moments."""
        if len(memory) != 3 * len(self.parameters):
            return
        for index, parameter in enumerate(self.parameters):
            step, *moments = memory[3 * index : 3 * index + 3]
            step = step.to(parameter.device if self.captured else "cpu", copy=True)
            values = [step, *(moment.to(parameter, copy=True) for moment in moments)]
            names = "step", "exp_avg", "exp_avg_sq"
            self.rule.state[parameter] = dict(zip(names, values, strict=True))


class LBFGS(Optimizer):
    """PyTorch's L-BFGS with a search for the strong Wolfe conditions; a direction a step."""

    searches = True

    def __init__(self, parameters: list[Tensor]) -> None:
        super().__init__(parameters)
        self.rule = torch.optim.LBFGS(
            parameters,
            max_iter=1,
            max_eval=LBFGS_LOSSES,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=LBFGS_MEMORY,
            line_search_fn="strong_wolfe",
        )

    def step(self, rate: Any, evaluate: Callable[[], Tensor]) -> None:
        """Take a step along the direction, whose first try is ``rate`` times its length."""
        self.rule.param_groups[0]["lr"] = float(rate)
        self.rule.step(evaluate)
