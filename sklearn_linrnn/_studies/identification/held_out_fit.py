"""How well a simulation from the inputs alone follows what the model has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._studies.inference import Comparison, compare, hac_variance

SEED = 0  # of the bootstrap


@dataclass(frozen=True, eq=False)
class HeldOutFit:
    """A simulation beside the truth.

    Attributes
    ----------
    frame : DataFrame of shape (n_timesteps, 4)
        ``truth``, ``simulated``, ``lower`` and ``upper``, of the time steps that were observed.
    against_mean : Comparison
        Root mean square error against that of the mean of the training part, or of what the model
        has of it, whichever is nearer: a level alone is no response.
    level : float
        Probability of the band.
    """

    frame: pd.DataFrame
    against_mean: Comparison
    level: float

    @property
    def fit(self) -> tuple[float, float, float]:
        """The fit, ``1 - RMSE / RMSE of the mean``, and its interval: of one for no error."""
        found = self.against_mean
        return -found.cost, -found.high, -found.low

    @property
    def has_learned(self) -> bool:
        """Whether the simulation is better than the mean, beyond noise."""
        return self.against_mean.is_significant and self.against_mean.cost < 0

    @property
    def covered(self) -> tuple[float, float]:
        """The share of the truth within the band, and its standard error over time.

        The error is that of draws at the band's probability at the least, as many as there are
        independent squares of errors: where all are within, the share itself does not vary.
        """
        truth, n = self.frame["truth"], len(self.frame)
        inside = truth.between(self.frame["lower"], self.frame["upper"]).to_numpy(float)
        squares = np.square(truth - self.frame["simulated"]).to_numpy()
        own = 0.0 if inside.std() == 0 else hac_variance(inside)
        by_chance = self.level * (1.0 - self.level) / n * _memory(squares)
        return float(inside.mean()), float(np.sqrt(max(own, by_chance)))


def _memory(values: NDArray) -> float:
    """Return how many values in a row tell as much of their mean as an independent one."""
    alone = values.var() / len(values)
    return max(hac_variance(values) / alone, 1.0) if alone > 0 else 1.0


def held_out_fit(
    truth: pd.Series,
    simulated: NDArray,
    half_width: NDArray,
    *,
    levels: Sequence[float],
    level: float,
) -> HeldOutFit:
    """Return how a simulation follows the truth.

    Parameters
    ----------
    truth : Series of shape (n_timesteps,)
        The targets; NaN where none was observed.
    simulated, half_width : ndarray of shape (n_timesteps,)
        Predictions from the inputs, and half of the width of their band.
    levels : sequence of float
        Constants that the simulation is held against: the best of them.
    level : float
        Probability of the band, and level of the interval.

    Returns
    -------
    fit : HeldOutFit
    """
    columns = {"truth": truth, "simulated": simulated}
    frame = pd.DataFrame(columns, index=truth.index)
    frame["lower"], frame["upper"] = simulated - half_width, simulated + half_width
    frame = frame[np.isfinite(frame).all(axis=1)]
    losses = np.square(frame["truth"] - frame["simulated"]).to_numpy()
    nulls = [np.square(frame["truth"] - constant).to_numpy() for constant in levels]
    null = min(nulls, key=np.mean)
    return HeldOutFit(frame, compare(losses[:, None], null, level=level, seed=SEED), level)
