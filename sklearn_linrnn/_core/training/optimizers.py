"""Optimisers of the full batch: one step each, from the gradients that the parameters hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sklearn_linrnn._core.training.decisions import clear_unless, copy_if, subtract

# A loss of so many times its scale does not fall again: above its stable step size gradient descent
# grows geometrically, and stopping here keeps every number finite.
DIVERGED = 1e3
ROUNDING = 1e-9  # a rise of the loss that counts as rounding, as a share of the losses' scale
LBFGS_LOSSES = 25  # most that a line search evaluates
LBFGS_MEMORY = 10  # pairs of steps and gradients, each as large as the parameters


class Optimizer:
    """A rule that moves parameters along their gradients.

    Attributes
    ----------
    parameters : list of Tensor
        What is moved, in place.
    rates : list of float
        Factors of the step size for each of them.
    adaptive : bool
        Whether a step that raises the loss is undone, and the next ones are halved.
    searches : bool
        Whether a step evaluates losses along a line. Such training runs on the host, and ends
        when it has found no lower loss for some iterations.
    """

    adaptive = False
    searches = False

    def __init__(self, parameters: list[Tensor], rates: list[float] | None = None) -> None:
        self.parameters = parameters
        self.rates = [1.0] * len(parameters) if rates is None else rates

    def step(self, rate: Any, evaluate: Callable[[], Tensor]) -> None:
        """Take a step of size ``rate``; ``evaluate`` sets the gradients and returns the loss."""
        raise NotImplementedError

    def limit(self, scale: Any) -> Any:
        """Return the loss above which training of losses of a ``scale`` has diverged."""
        return math.inf

    def rises(self, loss: Any, before: Any, scale: Any) -> Any:
        """Return whether a step raised the loss by more than is allowed."""
        return False

    def undo(self, condition: Any) -> None:
        """Undo the last step and begin anew from there, if the condition holds."""

    def memory(self) -> list[Tensor]:
        """Return what is remembered of earlier iterations."""
        return []

    def remember(self, memory: list[Tensor]) -> None:
        """Continue from what another optimiser remembered, if it was of the same kind."""


class GradientDescent(Optimizer):
    """Gradient descent: ``v <- momentum v + g``, ``p <- p - eta v``.

    Nesterov's momentum goes along ``g + momentum v`` instead (Sutskever et al. 2013). Where
    ``adaptive``, a step that raises the loss is undone (with momentum: one that raises it above
    twice the scale of the losses). The stable step size of a network is that of its infinite-width
    limit only while the network has moved little; until then no step is undone.
    """

    def __init__(
        self,
        parameters: list[Tensor],
        momentum: float = 0.0,
        *,
        rates: list[float] | None = None,
        nesterov: bool = False,
        adaptive: bool = False,
    ) -> None:
        super().__init__(parameters, rates)
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
        subtract(self.parameters, [share * rate for share in self.rates], directions)

    def _direction(self, index: int) -> Tensor:
        gradient = self.parameters[index].grad
        assert gradient is not None
        if not self.momentum:
            return gradient
        velocity = self.velocities[index].mul_(self.momentum).add_(gradient)
        return gradient.add(velocity, alpha=self.momentum) if self.nesterov else velocity

    def limit(self, scale: Any) -> Any:
        """Return a loss from which gradient descent does not recover."""
        return DIVERGED * scale

    def rises(self, loss: Any, before: Any, scale: Any) -> Any:
        """Return whether a step raised the loss by more than rounding, or momentum, explains."""
        allowed = 2.0 * scale if self.momentum else before
        # Written so that it holds for NaN, of numbers and of tensors.
        return self.adaptive and (loss <= allowed + ROUNDING * scale) ^ True

    def undo(self, condition: Any) -> None:
        """Undo the last step and forget the momentum, if the condition holds."""
        if self.adaptive:
            copy_if(condition, self.previous, self.parameters)
            clear_unless(condition ^ True, self.velocities)

    def memory(self) -> list[Tensor]:
        """Return the velocities."""
        return self.velocities

    def remember(self, memory: list[Tensor]) -> None:
        """Continue with these velocities."""
        if len(memory) == len(self.velocities):
            copy_if(True, memory, self.velocities)


class Adam(Optimizer):
    """PyTorch's Adam."""

    def __init__(
        self, parameters: list[Tensor], beta: float, *, rates: list[float] | None = None
    ) -> None:
        super().__init__(parameters, rates)
        self.captured = parameters[0].is_cuda
        groups: dict[float, list[Tensor]] = {}
        for parameter, share in zip(parameters, self.rates, strict=True):
            groups.setdefault(share, []).append(parameter)
        self.shares = list(groups)
        # A captured step reads its rates from these tensors whenever it is run again.
        options = [
            {"params": group, "lr": parameters[0].new_zeros(()) if self.captured else 0.0}
            for group in groups.values()
        ]
        self.rule = torch.optim.Adam(options, betas=(beta, 0.999), capturable=self.captured)
        if self.captured:  # it computes with the number of iterations, which PyTorch makes single
            self.remember([p.new_zeros(size) for p in parameters for size in ((), *2 * [p.shape])])

    def step(self, rate: Any, evaluate: Callable[[], Tensor]) -> None:
        """Take a step of size ``rate``."""
        for group, share in zip(self.rule.param_groups, self.shares, strict=True):
            if self.captured:
                group["lr"].copy_(share * rate)
            else:
                group["lr"] = share * float(rate)
        self.rule.step()

    def memory(self) -> list[Tensor]:
        """Return the number of iterations and the two moments, for each parameter."""
        return [value for p in self.parameters for value in self.rule.state[p].values()]

    def remember(self, memory: list[Tensor]) -> None:
        """Continue with this number of iterations and these moments."""
        if len(memory) != 3 * len(self.parameters):
            return
        for index, parameter in enumerate(self.parameters):
            step, *moments = memory[3 * index : 3 * index + 3]
            step = step.to(parameter if self.captured else "cpu", copy=True)
            values = [step, *(moment.to(parameter, copy=True) for moment in moments)]
            names = "step", "exp_avg", "exp_avg_sq"
            self.rule.state[parameter] = dict(zip(names, values, strict=True))


class LBFGS(Optimizer):
    """PyTorch's L-BFGS: one direction per iteration, its length by the strong Wolfe conditions."""

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
        """Take a step along the direction; the first one tried is ``rate`` times its length."""
        if rate < torch.finfo(torch.float64).tiny:  # no search along no way
            return
        self.rule.param_groups[0]["lr"] = float(rate)
        self.rule.step(evaluate)
