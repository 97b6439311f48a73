"""What training minimises: the loss of a model on sums, and a penalty on its parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.training.decisions import clear_unless

StepRates = dict[str, list[float]]  # factors of the learning rate, by the name of the optimiser


class Model(Protocol):
    """A parametrisation of the response ``H``, a matrix (n_lags * n_channels, n_outputs)."""

    parameters: list[Tensor]
    rates: StepRates  # of the parameters, where they differ

    @property
    def shown(self) -> list[Tensor]:
        """The parameters as they stand in the equations of the model."""

    def response(self) -> Tensor:
        """Return ``H`` in float64."""

    def backward(self, gradient: Tensor) -> None:
        """Set every parameter's ``grad`` from ``d loss / d H`` at the last `response`."""


@dataclass(frozen=True)
class Objective:
    """The loss on sums, with half of ``weight_decay`` times the squared parameters.

    Attributes
    ----------
    model : Model
        What is trained.
    moments : Moments
        Sums of the training data.
    held_out : Moments or None
        Sums of data that are watched, and not trained on.
    weight_decay : float
        Strength of the penalty.
    max_grad_norm : float
        Longest gradient of all parameters together; longer ones are cut to it.
    """

    model: Model
    moments: Moments
    held_out: Moments | None = None
    weight_decay: float = 0.0
    max_grad_norm: float = math.inf

    def evaluate(self) -> tuple[Tensor, Tensor]:
        """Return the losses of the parameters, and the gradient of the response.

        Returns
        -------
        row : Tensor of shape (2,) or (2 + n_outputs,)
            What is minimised; the loss that is watched, on the held-out data if there are any; the
            squared errors of the outputs on that data.
        gradient : Tensor of shape (n_lags * n_channels, n_outputs)
            ``d loss / d H``, for `backward`.
        """
        response = self.model.response()
        loss, gradient = self.moments.profile_loss(response)
        if self.weight_decay:
            squares = [parameter.square().sum() for parameter in self.model.parameters]
            loss = loss + 0.5 * self.weight_decay * torch.stack(squares).sum()
        if self.held_out is None:
            return _ordered(torch.stack([loss, loss])), gradient
        intercept = self.moments.intercept(response)
        errors = self.held_out.squared_errors(response[:, None], intercept[None])[0]
        watched = errors.sum() / (2.0 * self.held_out.weight)
        return _ordered(torch.cat([torch.stack([loss, watched]), errors])), gradient

    def backward(self, gradient: Tensor, needed: Any = True) -> None:
        """Set the gradients of the parameters; to zero, or the penalty's, if not needed."""
        self.model.backward(gradient)
        parameters = self.model.parameters
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if needed is not True:
            clear_unless(needed, gradients)  # those of losses that diverged may not be finite
        if self.weight_decay:
            for slope, parameter in zip(gradients, parameters, strict=True):
                slope.add_(parameter, alpha=self.weight_decay)
        if self.max_grad_norm < math.inf:
            clip_grad_norm_(parameters, self.max_grad_norm)

    def loss(self) -> Tensor:
        """Return what is minimised, and set the gradients of the parameters."""
        row, gradient = self.evaluate()
        self.backward(gradient)
        return row[0]


def _ordered(row: Tensor) -> Tensor:
    """Return losses with infinity in place of NaN, so that they compare as worse than any other."""
    return row.nan_to_num(nan=math.inf, posinf=math.inf)
