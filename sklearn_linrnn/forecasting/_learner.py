"""From series to sums over windows, and from sums to fitted regressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd
from sklearn.base import clone

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.levels import LevelName, Levels
from sklearn_linrnn._estimators.auto_choice import most_lags
from sklearn_linrnn._estimators.parameters import check_device
from sklearn_linrnn.forecasting._fitted_regression import FittedRegression
from sklearn_linrnn.forecasting._histories import History
from sklearn_linrnn.forecasting._panels import Key
from sklearn_linrnn.forecasting._regressions import Regression, make_regressions
from sklearn_linrnn.forecasting._traits import Traits

Histories = Mapping[Key, History]
Steps = Mapping[Key, int]  # one step of each series


@dataclass(frozen=True, eq=False)
class Learner:
    """Learns regressions from the steps of series.

    Attributes
    ----------
    traits : Traits
        Of the estimator that learns each of them.
    regressions : tuple of Regression
        What is forecast from what.
    n_lags : int
        Number of lags of the sums.
    normalize : {"last", "mean"} or None
        The level that is taken from windows.
    """

    traits: Traits
    regressions: tuple[Regression, ...]
    n_lags: int
    normalize: LevelName | None

    @classmethod
    def of(
        cls,
        traits: Traits,
        histories: Histories,
        horizons: tuple[int, ...],
        n_lags: int | Literal["auto"],
        *,
        normalize: LevelName | None,
        joint: bool,
    ) -> Learner:
        """Return the learner of some steps ahead of series like these.

        Where something is chosen for all of them together, all up to the furthest are learned, so
        that a forecast does not depend on which others were asked for.
        """
        some = next(iter(histories.values()))
        apart = traits.shares_parameters or len(some.exogenous) > 0
        if traits.chooses and not apart:
            horizons = tuple(range(1, max(horizons) + 1))
        regressions = make_regressions(
            len(some.columns), len(some.exogenous), horizons, joint=joint, apart=apart
        )
        if n_lags == "auto":
            longest = max(map(len, histories.values())) - max(horizons)
            n_lags = most_lags(regressions[0].n_channels, longest)
        return cls(traits, regressions, int(n_lags), normalize)

    @property
    def horizons(self) -> tuple[int, ...]:
        """The steps ahead that are learned."""
        return tuple(sorted({h for one in self.regressions for h in one.horizons}))

    def continuing(self, sums: Sequence[LagStatistics], horizons: tuple[int, ...]) -> Learner:
        """Return the learner that adds to the sums of `pretrain`, or raise if it cannot."""
        if self.horizons != horizons:
            raise ValueError(
                f"fh must be that of pretrain for strategy='direct': steps ahead {horizons} were "
                f"learned there, but got {self.horizons}."
            )
        shapes = [(one.n_channels, len(one.target_channels)) for one in self.regressions]
        if shapes != [(one.n_channels, len(one.target_mean)) for one in sums]:
            raise ValueError(
                "y and X must have as many columns as in pretrain, but got "
                f"{len(self.regressions)} regressions of {shapes[0][0]} channels."
            )
        return replace(self, n_lags=sums[0].n_lags)

    def learn(
        self, histories: Histories, ends: Steps, earlier: list[LagStatistics] | None
    ) -> Learned:
        """Return what the first steps of series teach, together with earlier sums."""
        return self.fit(self.sums(histories, {}, ends, earlier), histories)

    def sums(
        self,
        histories: Histories,
        starts: Steps,
        ends: Steps,
        earlier: list[LagStatistics] | None,
    ) -> list[LagStatistics]:
        """Return earlier sums with those added whose furthest target lies between two steps."""
        device = check_device(self.traits.estimator.device)
        new = []
        for regression in self.regressions:
            reach = max(regression.horizons) + self.n_lags - 1
            # What is added to a whole series leaves windows less their level, but costs digits.
            parts = [
                history.part(starts.get(key, 0) - reach, ends[key], levelled=bool(self.normalize))
                for key, history in histories.items()
            ]
            new.append(regression.sums(parts, self.n_lags, device))
        return new if earlier is None else [a + b for a, b in zip(earlier, new, strict=True)]

    def fit(self, sums: list[LagStatistics], histories: Histories) -> Learned:
        """Return what sums teach; the series that they are of are for the error message."""
        pairs = list(zip(self.regressions, sums, strict=True))
        for regression, some in pairs:
            if some.weight < 2:
                furthest = max(regression.horizons)
                raise ValueError(
                    f"y must have {self.n_lags + furthest + 1} observed steps in a row, two "
                    f"windows of n_lags={self.n_lags} with a target {furthest} steps ahead, but "
                    f"its longest series has {max(map(len, histories.values()))} steps. Lower "
                    "n_lags or the horizon."
                )
        return Learned(self, sums, [self._fit_one(*pair) for pair in pairs])

    def _fit_one(self, regression: Regression, sums: LagStatistics) -> FittedRegression:
        if self.traits.lag_counter is not None:
            counter = clone(self.traits.lag_counter)
            counter.fit_statistics(self.levelled(regression, sums)[0])
            sums = sums.first_lags(len(counter.lag_weights_))
        sums, levels = self.levelled(regression, sums)
        estimator = clone(self.traits.estimator).fit_statistics(sums)
        return FittedRegression(regression, estimator, sums, levels)

    def levelled(
        self, regression: Regression, sums: LagStatistics
    ) -> tuple[LagStatistics, Levels | None]:
        """Return the sums of windows less their level, and the levels if there are some."""
        if self.normalize is None:
            return sums, None
        levels = regression.levels(self.normalize, sums.n_lags)
        return levels.normalised(sums), levels


@dataclass(frozen=True, eq=False)
class Choice:
    """The candidate that was chosen on held-out windows.

    Attributes
    ----------
    estimator : LagRegressor
        The estimator of the candidate, not fitted.
    results : DataFrame
        The scores of all candidates.
    index : int
        The candidate's row among them.
    score : float
        Its mean squared error.
    params : dict
        Its hyperparameters.
    """

    estimator: Any
    results: pd.DataFrame
    index: int
    score: float
    params: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Learned:
    """What a learner has learned, and from what.

    Attributes
    ----------
    learner : Learner
        Who learned it.
    sums : list of LagStatistics
        The sums of each regression.
    models : list of FittedRegression
        The regressions.
    choice : Choice or None
        What was chosen on held-out windows.
    """

    learner: Learner
    sums: list[LagStatistics]
    models: list[FittedRegression]
    choice: Choice | None = None

    def updated(self, histories: Histories, starts: Steps, ends: Steps) -> Learned:
        """Return what is learned with the steps between two of each series added."""
        return self.learner.fit(self.learner.sums(histories, starts, ends, self.sums), histories)
