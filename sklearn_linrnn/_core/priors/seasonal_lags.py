"""Lags that decay, and those at multiples of a season, which decay from season to season."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.identification import check_decay
from sklearn_linrnn._core.priors.lag_prior import LagPrior, structure
from sklearn_linrnn._core.priors.lag_weights import powers


@final
@dataclass(frozen=True)
class SeasonalLags(LagPrior):
    """Independent lags whose variance decays, with more of it where a season has passed.

    Lag ``j`` of a one-step forecast is ``j + 1`` steps before its target, so that the ``k``-th
    season ago is at lag ``k season - 1``.

    Attributes
    ----------
    season : int
        Time steps of a season, at least 2.
    nu_w : float
        Decay from lag to lag.
    season_share : float
        Variance of the lag one season ago over that of the newest lag.
    season_decay : float
        Decay from season to season.
    """

    season: int = structure()
    nu_w: float = 0.5
    season_share: float = 1.0
    season_decay: float = 0.5

    def covariance(self, n_lags: int) -> NDArray[np.float64]:
        """Return ``nu_w^j``, and ``season_share season_decay^(k-1)`` more at seasons, (n_lags,)."""
        check_decay("seasonal lags", self.nu_w)
        return powers(self.nu_w, n_lags) + self.season_share * self._at_seasons(n_lags, 0)

    def covariance_slope(self, n_lags: int, name: str) -> NDArray[np.float64]:
        """Return the derivative of the variances, (n_lags,)."""
        if name == "nu_w":
            return powers(self.nu_w, n_lags, 1)
        if name == "season_share":
            return self._at_seasons(n_lags, 0)
        return self.season_share * self._at_seasons(n_lags, 1)

    def _at_seasons(self, n_lags: int, order: int) -> NDArray[np.float64]:
        """Return a derivative of ``season_decay^(k-1)``, with zeros between the seasons."""
        spread = np.zeros(n_lags)
        spread[self.season - 1 :: self.season] = powers(
            self.season_decay, n_lags // self.season, order
        )
        return spread
