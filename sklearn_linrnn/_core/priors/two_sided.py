"""Priors of responses to inputs both before and after the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.scales import Scale


@final
@dataclass(frozen=True)
class TwoSided(LagPrior):
    r"""A prior that goes both ways from the target: on each side it is a prior of one side.

    Given lag 0, the sides are independent. With ``K`` the covariance of one side, that of the lags
    ``j`` and ``k`` is ``K[|j|, |k|]`` on one side of the target, and ``K[|j|, 0] K[0, |k|] / K[0,
    0]`` across it: zero where lags are independent, and what the tuned/correlated and the
    diagonal/correlated kernel are by their formulas at ``|j - k|``.

    Attributes
    ----------
    one_side : LagPrior
        The prior of lag 0 and those after it.
    n_leads : int
        Number of lags before lag 0.
    """

    one_side: LagPrior
    n_leads: int

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Those of one side, which both sides share."""
        return self.one_side.hyperparameters

    def with_values(self, **hyperparameters: Any) -> Self:
        """Return the prior with other hyperparameters."""
        return replace(self, one_side=self.one_side.with_values(**hyperparameters))

    def ordered(self) -> Self:
        """Return the same prior with the ends of ranges of one side in order."""
        return replace(self, one_side=self.one_side.ordered())

    def groups(self, sought: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the names of hyperparameters that share a value, as one side has them."""
        return self.one_side.groups(sought)

    def scale(self, name: str, n_lags: int) -> Scale:
        """Return the scale on which a hyperparameter of one side is sought."""
        return self.one_side.scale(name, n_lags)

    def start_grids(self, groups: Sequence[tuple[str, ...]], n_lags: int) -> list[NDArray]:
        """Return the grids of measures of one side, at which a search begins."""
        return self.one_side.start_grids(groups, n_lags)

    @property
    def has_independent_lags(self) -> bool:
        """Whether the lags of one side are independent, and so all."""
        return self.one_side.has_independent_lags

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return the covariance of lags ``-n_leads`` to ``n_lags - n_leads - 1``."""
        lag, length = self._lags(n_lags)
        one_side = self.one_side.covariance(length)
        if one_side.ndim == 1:
            return one_side[np.abs(lag)]
        first, share = one_side[0], one_side[0, 0] or 1.0
        across = np.outer(first, first) / share
        return self._on_both_sides(lag, one_side, across)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the covariance by a hyperparameter."""
        lag, length = self._lags(n_lags)
        slope = self.one_side.covariance_slope(length, name)
        if slope.ndim == 1:
            return slope[np.abs(lag)]
        first = self.one_side.covariance(length)[0]
        share, rise = first[0] or 1.0, np.outer(slope[0], first) / (first[0] or 1.0)
        across = rise + rise.T - np.outer(first, first) * slope[0, 0] / share**2
        return self._on_both_sides(lag, slope, across)

    def variances(self, n_lags: int) -> NDArray[np.float64]:
        """Return the variances of independent lags."""
        lag, length = self._lags(n_lags)
        return self.one_side.variances(length)[..., np.abs(lag)]

    def _lags(self, n_lags: int) -> tuple[NDArray, int]:
        """Return the lags, and how many of one side they are."""
        lag = np.arange(-self.n_leads, n_lags - self.n_leads)
        return lag, int(np.abs(lag).max()) + 1

    @staticmethod
    def _on_both_sides(lag: NDArray, within: NDArray, across: NDArray) -> NDArray[np.float64]:
        distance = np.abs(lag)
        places = np.ix_(distance, distance)
        return np.where(np.multiply.outer(lag, lag) < 0, across[places], within[places])
