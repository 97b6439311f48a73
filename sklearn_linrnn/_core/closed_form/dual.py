"""Ridges on fewer windows than coefficients, by the Gram matrix of the windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_linrnn._core.closed_form.mean_row import append_row
from sklearn_linrnn._core.closed_form.rank_revealing import rank_tolerance
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.series import check_weights, observed
from sklearn_linrnn._core.tensors import as_float64, finite
from sklearn_linrnn._core.threads import calm


def dual_ridge(
    X: Any, y: Any, sample_weight: Any, root: PriorRoot, alpha: float, *, centred: bool
) -> tuple[Tensor, Tensor]:
    """Return the response and the intercept of a ridge, ``H = L F^T (F F^T + alpha)^{-1} y``.

    The rows of ``F`` are the weighted windows in units of the prior, ``sqrt(w_s) L^T (z_s -
    z_bar)``. Saunders, Gammerman and Vovk 1998, "Ridge regression learning algorithm in dual
    variables". With ``alpha = 0`` it is the response of least norm. Without an intercept the means
    are a row of their own, in coordinates of the rows of ``F`` and what it has beside them.

    Parameters
    ----------
    X : array-like of shape (n_windows, n_lags, n_channels)
        Windows, oldest step first.
    y : array-like of shape (n_windows, n_outputs)
        Targets; NaN where they were not observed.
    sample_weight : array-like of shape (n_windows,) or None
        Weights.
    root : PriorRoot
        ``L``.
    alpha : float
        The penalty.
    centred : bool
        Whether there is an intercept.

    Returns
    -------
    response : Tensor of shape (p, n_outputs)
        ``H``.
    intercept : Tensor of shape (n_outputs,)
        ``b``.
    """
    device = root.lags.device
    windows = finite(as_float64(X, device), "X").flip(1).flatten(1)
    weights = check_weights(sample_weight, len(windows), device)
    targets, weights = observed(as_float64(y, device), weights)
    share = weights / weights.sum()
    input_mean, target_mean = share @ windows, share @ targets
    scale = weights.sqrt()[:, None]
    features = root.pull((scale * (windows - input_mean)).T).T
    goal = scale * (targets - target_mean)
    with calm(features.numel()):
        gram = _products(features)
    if centred and (places := _solved(gram, goal, alpha)) is not None:
        response = root.respond(features.T @ places)
        return response, target_mean - input_mean @ response
    with calm(gram.numel()):
        eigenvalues, vectors = torch.linalg.eigh(gram)
    shown = eigenvalues > rank_tolerance(len(eigenvalues)) * eigenvalues[-1]
    roots = eigenvalues[shown].sqrt()
    basis = vectors[:, shown] / roots  # F^T takes its columns to orthonormal ones
    goals = vectors[:, shown].T @ goal
    if centred:
        theta = features.T @ (basis @ _ridge(roots, goals, alpha))
        response = root.respond(theta)
        return response, target_mean - input_mean @ response
    mass = weights.sum().sqrt()
    row = mass * root.pull(input_mean[:, None])
    along = basis.T @ (features @ row)
    beside = row - features.T @ (basis @ along)
    length = beside.norm()
    beside = beside / torch.where(length > 0, length, 1.0)
    turns = torch.eye(len(roots) + 1, len(roots)).to(roots)
    row = torch.cat([along[:, 0], length[None]])
    roots, turns, goals, _ = append_row(roots, turns, goals, row, mass * target_mean)
    shown = roots > 10 * len(roots) * torch.finfo(roots.dtype).eps * roots.amax()
    places = turns[:, shown] @ _ridge(roots[shown], goals[shown], alpha)
    theta = features.T @ (basis @ places[:-1]) + beside * places[-1]
    return root.respond(theta), torch.zeros_like(target_mean)


def _products(features: Tensor) -> Tensor:
    """Return ``F F^T``, of which NumPy computes one half alone, unlike PyTorch."""
    if not features.is_cpu:
        return features @ features.T
    rows = np.ascontiguousarray(features.numpy())
    return torch.from_numpy(rows @ rows.T)


def _solved(gram: Tensor, goal: Tensor, alpha: float) -> Tensor | None:
    """Return ``(F F^T + alpha)^{-1} y``, or None if a Cholesky factorisation loses digits."""
    matrix = gram.clone()
    matrix.diagonal().add_(alpha)
    size = matrix.diagonal().clone()
    unit = torch.where(size > 0, size, 1.0).rsqrt()[:, None]
    matrix.mul_(unit).mul_(unit.T)
    with calm(matrix.numel()):
        factor, info = torch.linalg.cholesky_ex(matrix)
    if info or not factor.diagonal().square().min() > torch.finfo(factor.dtype).eps ** 0.5:
        return None
    return unit * torch.cholesky_solve(unit * goal, factor)


def _ridge(roots: Tensor, goals: Tensor, alpha: float) -> Tensor:
    """Return the ridge of rows ``diag(roots)``, (k, n_outputs)."""
    return roots[:, None] * goals / (roots.square() + alpha)[:, None]
