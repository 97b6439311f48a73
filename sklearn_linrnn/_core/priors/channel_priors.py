"""A prior for every channel: a memory of its own, and a scale of all its variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import GaussianGroups


@dataclass(frozen=True, eq=False)
class ChannelPriors:
    """Priors of one kind, one for each channel, each with its variances times a scale.

    Attributes
    ----------
    priors : tuple of LagPrior
        One for each channel.
    scale : ndarray of shape (n_channels,)
        Factors of all variances of a channel; not negative. A channel of scale zero is not used.
    """

    priors: tuple[LagPrior, ...]
    scale: NDArray

    @classmethod
    def of(
        cls, prior: LagPrior, values: Sequence[float] | None, scale: Sequence[float] | NDArray
    ) -> ChannelPriors:
        """Return those of a prior with a decay for each channel; None for its own in all."""
        scale = np.array(scale, dtype=np.float64)
        if values is None:
            return cls((prior,) * len(scale), scale)
        return cls(tuple(prior.with_values(nu_w=float(value)) for value in values), scale)

    def __repr__(self) -> str:
        kind, n_channels = type(self.priors[0]).__name__, len(self.priors)
        return f"{kind} priors of {n_channels} channels, {np.count_nonzero(self.scale)} in use"

    @property
    def has_independent_lags(self) -> bool:
        """Whether the covariances are variances alone."""
        return self.priors[0].has_independent_lags

    def values(self, name: str) -> NDArray:
        """Return a hyperparameter of each channel, (n_channels,)."""
        return np.array([prior.hyperparameters[name] for prior in self.priors], dtype=np.float64)

    def with_values(self, **hyperparameters: float | NDArray) -> ChannelPriors:
        """Return the priors with other hyperparameters: a number, or one for each channel."""
        columns = {
            name: np.broadcast_to(value, len(self.priors)).tolist()
            for name, value in hyperparameters.items()
        }
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        pairs = zip(self.priors, rows or [{}] * len(self.priors), strict=True)
        return replace(self, priors=tuple(prior.with_values(**row) for prior, row in pairs))

    def quick_variances(self, n_lags: int) -> None:
        """Return None: the root of independent lags is no more work."""

    def root(self, n_lags: int) -> NDArray[np.float64]:
        """Return the roots of the channels' covariances.

        Parameters
        ----------
        n_lags : int
            Number of lags.

        Returns
        -------
        root : ndarray of shape (n_channels, n_lags, n_lags) or (n_channels, n_lags, 1)
            Lower triangular; of independent lags their diagonals alone, as columns.
        """
        known = {id(prior): prior.root(n_lags) for prior in self.priors}
        roots = np.stack([known[id(prior)] for prior in self.priors])
        roots = roots[:, :, None] if roots.ndim == 2 else roots
        return np.sqrt(self.scale)[:, None, None] * roots

    def ensemble_deviations(self, n_lags: int) -> NDArray[np.float64]:
        """Return what `GaussianGroups.ensemble_deviations` does, (n_lags, n_channels)."""
        priors = [prior for prior in self.priors if isinstance(prior, GaussianGroups)]
        return np.stack([prior.ensemble_deviations(n_lags) for prior in priors], axis=1)


Prior = LagPrior | ChannelPriors
