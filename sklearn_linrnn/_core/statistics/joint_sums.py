"""Sums of inputs and targets with those before: those of any filter of both follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.moments import Moments


@dataclass(frozen=True, eq=False)
class JointSums:
    """Sums over time steps that have ``order`` targets right before them.

    Attributes
    ----------
    lagged : LagStatistics
        With ``n_lags + order`` lags of the inputs; its targets are those of the time step, of the
        one before, and so on, ``(order + 1) * n_outputs``. On the CPU.
    targets : Moments
        The same targets, as if they were inputs, without others.
    order : int
        Greatest order of a filter.
    """

    lagged: LagStatistics
    targets: Moments
    order: int

    @property
    def n_lags(self) -> int:
        """Number of lags of what is filtered."""
        return self.lagged.n_lags - self.order

    @property
    def n_channels(self) -> int:
        """Number of input channels."""
        return self.lagged.n_channels

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.lagged.target_mean) // (self.order + 1)

    def first_lags(self, n_lags: int) -> JointSums:
        """Return the sums for filtered data of the first lags alone."""
        return replace(self, lagged=self.lagged.first_lags(n_lags + self.order))

    def uncentred(self) -> JointSums:
        """Return the sums for a model without intercept, as `Moments.uncentred`."""
        return replace(self, lagged=self.lagged.uncentred())

    @cached_property
    def inputs(self) -> NDArray:
        """Products of inputs about the origin of the loss, of all lags."""
        mean = self.lagged.mean_row[0].numpy()
        return self.lagged.input_scatter.numpy() + self.lagged.weight * np.outer(mean, mean)

    @cached_property
    def cross(self) -> NDArray:
        """Products of inputs and targets, (n_inputs, order + 1, n_outputs)."""
        means = (mean.numpy() for mean in self.lagged.mean_row)
        products = self.lagged.cross_scatter.numpy() + self.lagged.weight * np.outer(*means)
        return products.reshape(len(products), self.order + 1, self.n_outputs)

    @cached_property
    def products(self) -> NDArray:
        """Products of targets, (n_outputs, order + 1, order + 1)."""
        mean = self.lagged.mean_row[1].numpy()
        products = self.target_scatters
        by_output = mean.reshape(-1, self.n_outputs).T
        return products + self.lagged.weight * by_output[:, :, None] * by_output[:, None]

    @cached_property
    def target_scatters(self) -> NDArray:
        """Products of targets about their means, (n_outputs, order + 1, order + 1)."""
        shape = (self.order + 1, self.n_outputs, self.order + 1, self.n_outputs)
        return np.einsum("ikjk->kij", self.targets.input_scatter.numpy().reshape(shape))

    def filtered(self, polynomial: NDArray) -> LagStatistics:
        """Return the sums of inputs and targets that have been filtered.

        Parameters
        ----------
        polynomial : ndarray of shape (k,)
            The filter, at most of the greatest order.
        """
        known, shift = self.lagged, self.n_channels
        size = self.n_lags * shift
        scatter, cross = known.input_scatter.numpy(), known.cross_scatter.numpy()
        cross = cross.reshape(len(cross), self.order + 1, self.n_outputs)
        used = len(polynomial)
        means = known.target_mean.numpy().reshape(self.order + 1, -1)[:used]
        scatter = shifted(shifted(scatter, polynomial, shift, size).T, polynomial, shift, size)
        cross = shifted(np.tensordot(cross[:, :used], polynomial, (1, 0)), polynomial, shift, size)
        targets = self.target_scatters[:, :used, :used] @ polynomial @ polynomial
        return replace(
            known,
            input_mean=_tensor(shifted(known.input_mean.numpy(), polynomial, shift, size)),
            target_mean=_tensor(polynomial @ means),
            input_scatter=_tensor(scatter),
            cross_scatter=_tensor(cross),
            target_scatter=_tensor(targets).clamp(min=0.0),
            n_lags=self.n_lags,
        )


def shifted(
    values: NDArray, polynomial: Sequence[float] | NDArray, shift: int, size: int
) -> NDArray:
    """Return ``sum_i a_i values[i * shift : i * shift + size]``."""
    found = polynomial[0] * values[:size]
    for place, coefficient in enumerate(polynomial[1:], start=1):
        found = found + coefficient * values[place * shift : place * shift + size]
    return found


def _tensor(array: NDArray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
