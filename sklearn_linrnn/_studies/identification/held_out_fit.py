"""How well a simulation from the inputs alone follows what the model has not seen."""

from __future__ import annotations

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
        Root mean square error against that of the mean of the training part.
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
        """The share of the truth within the band, and its standard error over time."""
        truth = self.frame["truth"]
        inside = truth.between(self.frame["lower"], self.frame["upper"]).to_numpy(float)
        spread = 0.0 if inside.std() == 0 else float(np.sqrt(hac_variance(inside)))
        return float(inside.mean()), spread


def held_out_fit(
    truth: pd.Series, simulated: NDArray, half_width: NDArray, mean: float, level: float
) -> HeldOutFit:
    """Return how a simulation follows the truth.

    Parameters
    ----------
    truth : Series of shape (n_timesteps,)
        The targets; NaN where none was observed.
    simulated, half_width : ndarray of shape (n_timesteps,)
        Predictions from the inputs, and half of the width of their band.
    mean : float
        Mean of the targets that the model has learned from.
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
    null = np.square(frame["truth"] - mean).to_numpy()
    return HeldOutFit(frame, compare(losses[:, None], null, level=level, seed=SEED), level)
