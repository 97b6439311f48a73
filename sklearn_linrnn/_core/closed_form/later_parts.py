"""Whether a model predicts what comes after its data better than their mean does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_linrnn._core.closed_form.solution import Problem, Solution
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.scores import r2
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics


def r2_of_later_parts(parts: Sequence[LagStatistics], root: PriorRoot, alpha: float) -> float:
    """Return the share of the squared error of the mean that a ridge saves on later parts.

    Each part but the first is predicted from those before it; errors of all parts together, the
    outputs in equal shares.

    Parameters
    ----------
    parts : sequence of LagStatistics
        Consecutive parts of the data; about the origin for a model without intercept.
    root : PriorRoot
        ``L``.
    alpha : float
        The penalty.
    """
    n_outputs = len(parts[0].target_mean)
    errors = torch.zeros(2, n_outputs, dtype=torch.float64)  # of the model, and of the mean
    past = parts[0]
    for part in parts[1:]:
        response = Solution(Problem(past, root), alpha).response
        both = (response, torch.zeros_like(response))
        errors += torch.stack([_squared_errors(past, each, part) for each in both]).cpu()
        past = past + part
    seen = errors[1] > 0
    return float(r2(errors[:1, seen], errors[1, seen])) if seen.any() else 0.0


def _squared_errors(past: LagStatistics, response: Tensor, part: LagStatistics) -> Tensor:
    """Return the squared errors on a part, (n_outputs,), written out.

    They lose the digits that a share of the targets' own squares does not need, and no scatter is
    decomposed for them.
    """
    fitted = part.input_scatter @ response - 2.0 * part.cross_scatter
    around = part.target_scatter + (response * fitted).sum(0)
    miss = part.target_mean - part.input_mean @ response - past.intercept(response)
    return around.clamp(min=0.0) + part.weight * miss.square()
