"""From series to sums over windows, and from sums to fitted regressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import pandas as pd
from sklearn.base import clone

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.levels import LevelName, Levels
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.parameters import check_device
from sklearn_linrnn.forecasting._learning.fitted_regression import FittedRegression
from sklearn_linrnn.forecasting._learning.traits import Traits
from sklearn_linrnn.forecasting._series.coverage import Coverage, Span
from sklearn_linrnn.forecasting._series.panels import Histories, Steps
from sklearn_linrnn.forecasting._series.regressions import Regression, make_regressions
from sklearn_linrnn.forecasting._series.seen_steps import SeenSteps
from sklearn_linrnn.forecasting._series.whole_windows import (
    considered_lags,
    n_whole_windows,
    too_few_windows,
)


@dataclass(frozen=True, eq=False)
class Learner:
    """Learns regressions from the steps of series.

    Attributes
    ----------
    traits : Traits
        Of the estimator that learns each of them.
    regressions : tuple of Regression
        What is forecast from what.
    normalize : {"last", "mean"} or None
        The level that is taken from windows.
    """

    traits: Traits
    regressions: tuple[Regression, ...]
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
        lags = [considered_lags(r, histories) if n_lags == "auto" else n_lags for r in regressions]
        regressions = tuple(map(Regression.with_lags, regressions, lags))
        return cls(traits, regressions, normalize)

    @property
    def horizons(self) -> tuple[int, ...]:
        """The steps ahead that are learned."""
        return tuple(sorted({h for one in self.regressions for h in one.horizons}))

    def continuing(self, sums: Sequence[LagStatistics], horizons: tuple[int, ...]) -> Learner:
        """Return the learner that adds to the sums of `pretrain`, or raise if it cannot."""
        if self.horizons != horizons:
            raise other_horizons(horizons, self.horizons)
        shapes = [(one.n_channels, len(one.target_channels)) for one in self.regressions]
        if shapes != [(one.n_channels, len(one.target_mean)) for one in sums]:
            raise ValueError(
                "y and X must have as many columns as in pretrain, but got "
                f"{len(self.regressions)} regressions of {shapes[0][0]} channels."
            )
        lags = [one.n_lags for one in sums]
        return replace(self, regressions=tuple(map(Regression.with_lags, self.regressions, lags)))

    def learn(
        self, histories: Histories, ends: Steps, earlier: list[LagStatistics] | None
    ) -> Learned:
        """Return what the first steps of series teach, together with earlier sums."""
        self.check(histories, ends, earlier)
        coverage = Coverage((Span({}, ends),), ends, earlier)
        return self.fit(self.sums_over(coverage, histories), coverage, histories)

    def check(self, histories: Histories, ends: Steps, earlier: list[LagStatistics] | None) -> None:
        """Raise unless there are two windows to learn from, before sums take any room."""
        for number, regression in enumerate(self.regressions):
            n_earlier = 0.0 if earlier is None else earlier[number].weight
            if n_earlier + n_whole_windows(regression, histories, ends) < 2:
                raise too_few_windows(regression, histories, ends)

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
            reach = regression.furthest + regression.n_lags - 1
            # What is added to a whole series leaves windows less their level, but costs digits.
            parts = [
                histories[key].part(starts.get(key, 0) - reach, end, levelled=bool(self.normalize))
                for key, end in ends.items()
            ]
            new.append(regression.sums(parts, device))
        return new if earlier is None else [a + b for a, b in zip(earlier, new, strict=True)]

    def sums_over(self, coverage: Coverage, histories: Histories) -> list[LagStatistics]:
        """Return the sums over all that is covered."""
        sums = coverage.earlier
        for span in coverage.spans:
            sums = self.sums(histories, span.starts, span.ends, sums)
        return cast(list[LagStatistics], sums)

    def fit(self, sums: list[LagStatistics], coverage: Coverage, histories: Histories) -> Learned:
        """Return what sums teach; the series that they are of are for the error message."""
        pairs = list(zip(self.regressions, sums, strict=True))
        for regression, some in pairs:
            if some.weight < 2:
                raise too_few_windows(regression, histories, coverage.spans[-1].ends)
        seen = SeenSteps(histories, coverage.spans[-1].ends)
        return Learned(self, sums, [self._fit_one(*pair, seen) for pair in pairs], coverage)

    def _fit_one(
        self, regression: Regression, sums: LagStatistics, seen: SeenSteps
    ) -> FittedRegression:
        if self.traits.lag_counter is not None:
            counter = clone(self.traits.lag_counter)
            counter.fit_statistics(self.levelled(regression, sums)[0])
            sums = sums.first_lags(counter.lag_weights_.shape[-1])
        sums, levels = self.levelled(regression, sums)
        estimator = clone(self.traits.estimator).fit_statistics(sums)
        return FittedRegression(regression, estimator, sums, levels, seen)

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
    coverage : Coverage
        What the sums are over.
    choice : Choice or None
        What was chosen on held-out windows.
    """

    learner: Learner
    sums: list[LagStatistics]
    models: list[FittedRegression]
    coverage: Coverage
    choice: Choice | None = None

    @property
    def estimators(self) -> list[LagRegressor]:
        """The fitted estimators."""
        return [model.estimator for model in self.models]

    def updated(self, histories: Histories) -> Learned:
        """Return what is learned with the steps added that are not covered yet."""
        ends = {key: len(history) for key, history in histories.items()}
        coverage = self.coverage.up_to(ends)
        sums = self.learner.sums(histories, self.coverage.upto, ends, self.sums)
        return replace(self.learner.fit(sums, coverage, histories), choice=self.choice)

    def again(self, histories: Histories) -> Learned:
        """Return what the same steps teach now.

        All sums are formed anew: taken away, a value that was wrong by far would leave its rounding
        behind.
        """
        sums = self.learner.sums_over(self.coverage, histories)
        return replace(self.learner.fit(sums, self.coverage, histories), choice=self.choice)

    def shifted(self, n_before: Steps) -> Learned:
        """Return the same where other steps have come before the first ones."""
        return replace(self, coverage=self.coverage.shifted(n_before))


def other_horizons(learned: tuple[int, ...], found: tuple[int, ...]) -> ValueError:
    """Return the error of a horizon that is not the one of `pretrain`."""
    return ValueError(
        f"fh must be that of pretrain for strategy='direct': steps ahead {learned} were learned "
        f"there, but got {found}."
    )
