"""The iterations of a trained network done again: in its limit, to first order, and as it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.networks.linearised import LinearisedNetwork
from sklearn_linrnn._core.networks.scaled_convolution import ScaledConvolution
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.training.loop import Stopping
from sklearn_linrnn._core.training.objective import Model
from sklearn_linrnn._core.units import binary_unit
from sklearn_linrnn._estimators.training_record import (
    TrainingRecord,
    initial_network,
    network_recipe,
    trained_network,
)


class Retraced(NamedTuple):
    """Responses (n_lags * n_channels, n_outputs) after the iterations of a network.

    Attributes
    ----------
    start : Tensor
        At initialisation.
    limit : Tensor
        Of the infinitely wide network.
    linearised : Tensor
        Of the network's first-order expansion at its initialisation.
    kernel_change : float
        Change of the network's tangent kernel, relative to that at initialisation.
    """

    start: Tensor
    limit: Tensor
    linearised: Tensor
    kernel_change: float


def retrace(record: TrainingRecord) -> Retraced:
    """Do the iterations of a network's training again, with its expansion and in its limit."""
    sums, recipe = record.statistics, network_recipe(record)
    prior, cpu = recipe.prior(sums.n_lags), torch.device("cpu")
    root = PriorRoot.of_prior(prior, sums.n_lags, sums.n_channels, cpu)
    n_outputs = len(sums.target_mean)
    linearised = LinearisedNetwork(recipe.model(root, n_outputs, torch.float64))
    begun = linearised.initial_response
    limit = ScaledConvolution(root, n_outputs, torch.float64, begun)
    before, after = (
        recipe.kernel(each(record), sums.n_lags) for each in (initial_network, trained_network)
    )
    curvature = Quadratic.of(sums, root).largest_eigenvalue()
    return Retraced(
        start=begun,
        limit=_train(limit, record, curvature),
        linearised=_train(linearised, record, curvature),
        kernel_change=_relative_change(before, after),
    )


def kernel_changes(record: TrainingRecord, iterations: Iterable[int]) -> NDArray:
    """Return how far the tangent kernel of a network has changed by some of its iterations.

    Parameters
    ----------
    record : TrainingRecord
        Of a network that was trained in one fit.
    iterations : iterable of int
        Increasing numbers of iterations, at most that of the fit.

    Returns
    -------
    changes : ndarray of shape (n_iterations,)
        Relative to the kernel at initialisation, in Frobenius norm.
    """
    sums, recipe = record.statistics, network_recipe(record)
    root = PriorRoot.of_prior(
        recipe.prior(sums.n_lags), sums.n_lags, sums.n_channels, torch.device("cpu")
    )
    dtype = torch.from_numpy(record.parameters[0]).dtype
    model = recipe.model(root, len(sums.target_mean), dtype)
    rate = record.rule.rate(Quadratic.of(sums, root).largest_eigenvalue(), model)
    training = record.rule.begin(model, sums, rate)
    before, changes = recipe.kernel(model.parameters, sums.n_lags), []
    for iteration in iterations:
        training.run(iteration - len(training.rows))
        after = recipe.kernel(model.parameters, sums.n_lags)
        changes.append(_relative_change(before, after))
    return np.array(changes)


def _relative_change(before: Tensor, after: Tensor) -> float:
    """Return the norm of a change over the norm before, however small both are."""
    unit = binary_unit(before.numpy())
    return float(((after - before) / unit).norm() / (before / unit).norm())


def _train(model: Model, record: TrainingRecord, curvature: float) -> Tensor:
    """Return the response of a model after as many iterations as the network was trained for."""
    if record.n_kept > 0:
        stopping = Stopping(record.n_kept, tol=0.0, patience=1)
        rule = replace(record.rule, stopping=stopping)
        rule.begin(model, record.statistics, rule.rate(curvature, model)).run(record.n_kept)
    return model.response()
