"""Squared errors from sums, as the squares of a few residuals.

Written out, ``s_yy - 2 H^T B + H^T G H`` cancels where errors are small against the targets. With
``G = R^T R`` and ``B = R^T t`` the same is

    |t - R H|^2 + (s_yy - |t|^2),

and differences are taken before squares. What the second term cancels is the same for every ``H``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from sklearn_linrnn._core.threads import calm


@dataclass(frozen=True, eq=False)
class ResidualForm:
    """Rows that have the same squared errors as the data, but for a constant.

    Attributes
    ----------
    rows : Tensor of shape (rank, p)
        ``R``.
    goals : Tensor of shape (rank, n_outputs)
        ``t``.
    rest : Tensor of shape (n_outputs,)
        What no response explains, not less than zero.
    """

    rows: Tensor
    goals: Tensor
    rest: Tensor

    @classmethod
    def of(cls, input_scatter: Tensor, cross_scatter: Tensor, target_scatter: Tensor) -> Self:
        """Return the form of ``G``, ``B`` and ``s_yy``, by the correlations of the inputs."""
        deviations = input_scatter.diagonal().clamp(min=0.0).sqrt()[:, None]
        deviations = torch.where(deviations > 0, deviations, 1.0)
        with calm(input_scatter.numel()):
            eigenvalues, vectors = torch.linalg.eigh(input_scatter / deviations / deviations.T)
        rounding = len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps * eigenvalues[-1]
        roots = torch.where(eigenvalues > rounding, eigenvalues, 0.0).sqrt()[:, None]
        goals = vectors.T @ (cross_scatter / deviations)
        goals = torch.where(roots > 0, goals / roots, 0.0)
        rest = (target_scatter - goals.square().sum(0)).clamp(min=0.0)
        return cls(roots * (vectors * deviations).T, goals, rest)

    def squared_errors(self, responses: Tensor) -> Tensor:
        """Return the errors, (n_responses, n_outputs), of responses (p, n_responses, n_outputs)."""
        fitted = (self.rows @ responses.flatten(1)).view(-1, *responses.shape[1:])
        return (self.goals[:, None] - fitted).square_().sum(0) + self.rest
