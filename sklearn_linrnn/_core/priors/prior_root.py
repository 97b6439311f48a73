"""The root of a prior as a linear map of responses: ``H = L theta``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.priors.lag_priors import LagPrior
from sklearn_linrnn._core.tensors import StoredAsNumPy
from sklearn_linrnn._core.threads import spread

IRRELEVANT = 1e-18  # signal that a prior expects of a lag, as a share of alpha, to leave it out


@dataclass(frozen=True, eq=False)
class PriorRoot(StoredAsNumPy):
    """``L`` over the lags, the same for each of ``n_channels`` channels.

    Attributes
    ----------
    lags : Tensor of shape (n_lags,) or (n_lags, n_lags)
        The diagonal of ``L`` where lags are independent, else ``L``, lower triangular.
    n_channels : int
        Number of channels.
    """

    lags: Tensor
    n_channels: int

    @classmethod
    def of(cls, root: NDArray, n_channels: int, device: torch.device) -> PriorRoot:
        """Return the map of a root (n_lags,) or (n_lags, n_lags)."""
        return cls(torch.from_numpy(root).to(device), n_channels)

    @classmethod
    def of_prior(
        cls, prior: LagPrior, n_lags: int, n_channels: int, device: torch.device
    ) -> PriorRoot:
        """Return the map of a prior for so many lags and channels."""
        return cls(torch.from_numpy(prior.root(n_lags)).to(device), n_channels)

    @cached_property
    def is_diagonal(self) -> bool:
        """Whether lags are independent."""
        return self.lags.ndim == 1

    @cached_property
    def scale(self) -> Tensor:
        """Prior deviations of the inputs' coefficients, (p, 1)."""
        deviations = self.lags if self.is_diagonal else self.lags.square().sum(1).sqrt()
        return deviations.repeat_interleave(self.n_channels)[:, None]

    @property
    def variances(self) -> NDArray:
        """Prior variances of the lags, (n_lags,)."""
        squares = self.lags.square() if self.is_diagonal else self.lags.square().sum(1)
        return squares.cpu().numpy()

    def first(self, n_lags: int) -> PriorRoot:
        """Return the map of the first lags."""
        lags = self.lags[:n_lags] if self.is_diagonal else self.lags[:n_lags, :n_lags]
        return PriorRoot(lags, self.n_channels)

    def relevant(self, scatter: Tensor, alpha: float) -> PriorRoot:
        """Return the map of the first lags, up to the last one that can matter.

        Parameters
        ----------
        scatter : Tensor of shape (p,)
            Diagonal of the inputs' scatter.
        alpha : float
            Strength of the penalty.
        """
        signal = self.scale[:, 0].square() * scatter
        inputs = torch.nonzero(signal > IRRELEVANT * alpha)
        last = int(inputs[-1]) if len(inputs) else 0
        return self.first(last // self.n_channels + 1)

    def respond(self, theta: Tensor) -> Tensor:
        """Return ``L theta`` of ``theta (p, k)``."""
        return self._apply(self.lags, theta)

    def pull(self, gradient: Tensor) -> Tensor:
        """Return ``L^T g`` of ``gradient (p, k)``."""
        return self._apply(self.lags if self.is_diagonal else self.lags.mT, gradient)

    def congruence(self, matrix: Tensor) -> Tensor:
        """Return ``L^T M L`` of a symmetric ``matrix (p, p)``."""
        if self.is_diagonal:
            return (matrix * self.scale).mul_(self.scale.T)
        return self.pull(self.pull(matrix).mT)

    def _apply(self, lags: Tensor, columns: Tensor) -> Tensor:
        if self.is_diagonal:
            return self.scale * columns
        with spread(len(lags) * columns.numel()):
            return (lags @ columns.reshape(len(lags), -1)).view(columns.shape)
