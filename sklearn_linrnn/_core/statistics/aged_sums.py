"""Sums of consecutive time steps whose weights halve as later time steps come."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.moments import no_rows
from sklearn_linrnn._core.threads import calm


@dataclass(frozen=True, eq=False)
class AgedSums:
    """The sums of consecutive time steps as they are at the last of them.

    Weights halve with the half-lives that pass. Between time steps of the past their ratio never
    changes, so that a factor ages all of their sums, and nothing is ever taken away.

    Attributes
    ----------
    statistics : LagStatistics
        The sums.
    span : float
        Half-lives that pass during these time steps.
    """

    statistics: LagStatistics
    span: float = 0.0

    @classmethod
    def of_nothing(
        cls, n_lags: int, n_channels: int, n_outputs: int, device: torch.device | str = "cpu"
    ) -> AgedSums:
        """Return the sums of no time steps.

        Parameters
        ----------
        n_lags, n_channels, n_outputs : int
            The shape of the statistics.
        device : torch.device or str, default="cpu"
            Where to keep them.
        """
        sizes = n_lags * n_channels, n_outputs
        means = (torch.zeros(size, dtype=torch.float64, device=device) for size in sizes)
        return cls(LagStatistics(**vars(no_rows(*means)), n_lags=n_lags, n_channels=n_channels))

    def followed_by(self, later: AgedSums) -> AgedSums:
        """Return the sums of these time steps and of those that come next.

        Parameters
        ----------
        later : AgedSums
            The sums of the next ones.
        """
        with calm(self.statistics.input_scatter.numel()):
            together = _weakened(self.statistics, later.span) + later.statistics
        return AgedSums(together, self.span + later.span)


def _weakened(statistics: LagStatistics, span: float) -> LagStatistics:
    """Return the statistics after ``span`` half-lives."""
    if span == 0.0:
        return statistics
    share = 2.0**-span
    return replace(
        statistics,
        weight=share * statistics.weight,
        input_scatter=share * statistics.input_scatter,
        cross_scatter=share * statistics.cross_scatter,
        target_scatter=share * statistics.target_scatter,
    )
