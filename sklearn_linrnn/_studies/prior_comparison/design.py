"""What is asked of a comparison of priors: one record of its parameters."""

from __future__ import annotations

from dataclasses import dataclass

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._studies.study_data import Treatment


@dataclass(frozen=True)
class ComparisonDesign:
    """The parameters of a comparison, as `compare_priors` describes them.

    Attributes
    ----------
    name : str
        Name of the series.
    priors : dict of str to LagPrior
        The priors by their labels; what is "auto" is chosen by evidence.
    n_lags, n_splits : int
        Sizes.
    season : int or None
        Time steps of a season; ``None`` for what the index says.
    treatment : Treatment
        What is done to the series first.
    has_inputs : bool
        Whether the series is predicted from inputs instead of its own past.
    level : float
        Level of intervals and confidence sets.
    random_state : int or None
        Seed, if it was a number.
    """

    name: str
    priors: dict[str, LagPrior]
    n_lags: int
    n_splits: int
    season: int | None
    treatment: Treatment
    has_inputs: bool
    level: float
    random_state: int | None
