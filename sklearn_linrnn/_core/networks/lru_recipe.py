"""How a linear recurrent unit in training begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.lru import LRUModel, LRUParameters, draw_lru
from sklearn_linrnn._core.networks.lru_tangent import PoleProducts
from sklearn_linrnn._core.networks.recipes import NetworkRecipe
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.priors.lru_kernel import check_ring


@dataclass(frozen=True, kw_only=True)
class LRURecipe(NetworkRecipe):
    """A linear recurrent unit at its initialisation.

    Attributes
    ----------
    ring : tuple of float
        ``r_min``, ``r_max`` and ``max_phase``.
    variances : tuple of float
        ``nu_f`` and ``nu_c``.
    normalise : bool
        Whether there is a norm.
    """

    ring: tuple[float, float, float]
    variances: tuple[float, float]
    normalise: bool

    def limit(self, n_lags: int) -> NDArray:
        """Return the tangent kernel at the initialisation of wide networks."""
        check_ring(*self.ring)
        return LRU(*self.ring, *self.variances, normalise=self.normalise).covariance(n_lags)

    def mean_lag_weights(self, n_lags: int) -> NDArray:
        """Return the mean of the lag weights over the initialisation: the limit's at any width.

        The kernel is a mean over poles that are drawn independently of each other.
        """
        return self.limit(n_lags).diagonal().copy()

    def draw(self, n_channels: int, n_outputs: int) -> list[Tensor]:
        """Return the parameters at initialisation in float64, on the CPU."""
        shape = self.n_hidden, n_channels, n_outputs
        generator = torch.Generator().manual_seed(self.seed)
        drawn = draw_lru(*shape, self.ring, self.variances, generator, normalise=self.normalise)
        return drawn.trained()

    def network(self, start: Sequence[Tensor], n_lags: int) -> LRUModel:
        """Return the network of some parameters, which are trained in place."""
        return LRUModel(LRUParameters(*start), n_lags)

    def kernel(self, parameters: Sequence[Tensor], n_lags: int) -> Tensor:
        """Return the tangent kernel of the network of some parameters."""
        return PoleProducts.of(LRUParameters(*parameters), n_lags).kernel()

    def lag_weights(self, parameters: Sequence[Tensor], n_lags: int) -> Tensor:
        """Return the diagonal of that kernel."""
        return PoleProducts.of(LRUParameters(*parameters), n_lags).lag_weights()
