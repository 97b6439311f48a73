"""The root of a prior as a linear map of responses: ``H = L theta``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.priors.channel_priors import Prior
from sklearn_linrnn._core.tensors import StoredAsNumPy
from sklearn_linrnn._core.threads import spread

IRRELEVANT = 1e-18  # signal that a prior expects of a lag, as a share of alpha, to leave it out


@dataclass(frozen=True, eq=False)
class PriorRoot(StoredAsNumPy):
    """``L`` over the lags, the same for each of ``n_channels`` channels or one for each.

    Attributes
    ----------
    lags : Tensor of shape (n_lags,) or (n_lags, n_lags)
        The diagonal of ``L`` where lags are independent, else ``L``, lower triangular. Where
        channels differ there is one for each: ``(n_channels, n_lags, 1)``, the diagonals as
        columns, or ``(n_channels, n_lags, n_lags)``.
    n_channels : int
        Number of channels.
    """

    lags: Tensor
    n_channels: int

    @classmethod
    def of(cls, root: NDArray, n_channels: int, device: torch.device) -> PriorRoot:
        """Return the map of a root, in one of the shapes of `lags`."""
        return cls(torch.from_numpy(root).to(device), n_channels)

    @classmethod
    def of_prior(
        cls,
        prior: Prior,
        n_lags: int,
        n_channels: int,
        device: torch.device,
    ) -> PriorRoot:
        """Return the map of a prior for so many lags and channels."""
        return cls(torch.from_numpy(prior.root(n_lags)).to(device), n_channels)

    @cached_property
    def is_diagonal(self) -> bool:
        """Whether lags are independent."""
        return self.lags.ndim == 1 or self.lags.shape[2:] == (1,)

    @property
    def n_lags(self) -> int:
        """Number of lags."""
        return self.lags.shape[self.lags.ndim == 3]

    @cached_property
    def scale(self) -> Tensor:
        """Prior deviations of the inputs' coefficients, (p, 1)."""
        rows = self._diagonal if self.is_diagonal else self.lags.square().sum(-1).sqrt()
        by_channel = rows.T.flatten() if rows.ndim == 2 else rows.repeat_interleave(self.n_channels)
        return by_channel[:, None]

    @property
    def variances(self) -> NDArray:
        """Prior variances of the lags, (n_lags,), or (n_channels, n_lags) where channels differ."""
        rows = self._diagonal.square() if self.is_diagonal else self.lags.square().sum(-1)
        return rows.cpu().numpy()

    @property
    def _diagonal(self) -> Tensor:
        return self.lags if self.lags.ndim == 1 else self.lags[..., 0]

    def first(self, n_lags: int) -> PriorRoot:
        """Return the map of the first lags."""
        if self.lags.ndim == 1:
            return PriorRoot(self.lags[:n_lags], self.n_channels)
        return PriorRoot(self.lags[..., :n_lags, :n_lags], self.n_channels)

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
        with spread(self.n_lags * columns.numel()):
            if lags.ndim == 2:
                return (lags @ columns.reshape(len(lags), -1)).view(columns.shape)
            channels = columns.reshape(self.n_lags, self.n_channels, -1).transpose(0, 1)
            return (lags @ channels).transpose(0, 1).reshape(columns.shape)
