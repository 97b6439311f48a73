"""What each prior makes of a series: its evidence, its memory and its errors on what follows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.empirical_bayes import Candidate, Search
from sklearn_linrnn._core.closed_form.plausible_priors import plausible_priors
from sklearn_linrnn._core.closed_form.sequential_evidence import (
    prior_features,
    sequential_log_densities,
)
from sklearn_linrnn._core.closed_form.solution import Problem, Solution
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._studies.prior_comparison.design import ComparisonDesign
from sklearn_linrnn._studies.study_data import StudyData
from sklearn_linrnn._studies.study_models import Part

N_POINTS = 100  # hyperparameters that are looked at, for the interval of a prior's memory


@dataclass(frozen=True, eq=False)
class Lesson:
    """A part of a series to learn from, with its sums, and the part to be predicted from it."""

    part: Part

    @cached_property
    def statistics(self) -> LagStatistics:
        """The sums, which all priors share."""
        return LagStatistics.from_windows(self.part.inputs, self.part.targets)

    def search(self, prior: LagPrior) -> Candidate:
        """Return the hyperparameters and the penalty of the highest evidence."""
        return Search(self.statistics, prior.settled(), prior.sought, None, False).run()

    def solution(self, found: Candidate) -> Solution:
        """Return the response, and its posterior."""
        sums = self.statistics
        root = PriorRoot.of_prior(found.prior, sums.n_lags, sums.n_channels, sums.input_mean.device)
        return Solution(Problem(sums, root), found.alpha)

    def squared_errors(self, found: Candidate) -> NDArray:
        """Return the squared errors on the part that follows, in the unit of the series."""
        response = self.solution(found).response
        inputs = self.part.test_inputs[:, ::-1].reshape(len(self.part.test_inputs), -1)
        predictions = inputs @ response.numpy()[:, 0] + float(self.statistics.intercept(response))
        return self.part.squared_errors(predictions)

    def log_densities(self, found: Candidate) -> NDArray:
        """Return how well each target but the first is predicted, in the unit of the series."""
        features = prior_features(self.part.inputs, found.prior.root(self.statistics.n_lags))
        own = sequential_log_densities(features, self.part.targets, found.alpha)
        return own - np.log(self.part.unit)

    def plausible_priors(
        self, found: Candidate, prior: LagPrior, level: float, seed: int
    ) -> list[LagPrior]:
        """Return the prior with all hyperparameters that the data do not refuse."""
        rng = np.random.default_rng(seed)
        return plausible_priors(self.statistics, found, prior.sought, level, N_POINTS, rng)


@dataclass(frozen=True, eq=False)
class PriorTrials:
    """The trials of all priors.

    Attributes
    ----------
    data : StudyData
        What is predicted.
    design : ComparisonDesign
        Parameters of the comparison.
    seed : int
        Seed of all draws.
    whole : dict of str to Candidate
        By label, what has the highest evidence on the whole series.
    by_part : dict of str to list of Candidate
        The same for each training part.
    losses : dict of str to ndarray of shape (n_test,)
        Squared errors on all test parts.
    """

    data: StudyData
    design: ComparisonDesign
    seed: int
    whole: dict[str, Candidate]
    by_part: dict[str, list[Candidate]]
    losses: dict[str, NDArray]

    @cached_property
    def splits(self) -> list[tuple[NDArray, NDArray]]:
        """Windows of the training parts and of the test parts after them."""
        return self.data.parts(self.design.n_splits)

    @cached_property
    def lesson(self) -> Lesson:
        """The whole series."""
        return whole_lesson(self.data)

    @cached_property
    def ranking(self) -> list[str]:
        """Labels from the highest evidence down; equal ones by their names."""
        return sorted(self.whole, key=lambda label: (-round(self.whole[label].value, 6), label))

    @cached_property
    def log_densities(self) -> pd.DataFrame:
        """How well each step of the series is predicted from those before, by prior."""
        columns = {label: self.lesson.log_densities(self.whole[label]) for label in self.ranking}
        return pd.DataFrame(columns, index=self.data.times[1:].rename("time"))

    @cached_property
    def part_of_step(self) -> NDArray:
        """Number of the test part of each time step, (n_test,)."""
        return np.concatenate([np.full(len(test), k) for k, (_, test) in enumerate(self.splits)])

    def chosen(self) -> list[str]:
        """Return the prior of the highest evidence in each training part."""
        return [
            min(self.by_part, key=lambda label: (-round(self.by_part[label][part].value, 6), label))
            for part in range(self.design.n_splits)
        ]

    def chosen_losses(self) -> NDArray:
        """Return the squared errors of those."""
        parts = self.part_of_step
        each = [self.losses[label][parts == part] for part, label in enumerate(self.chosen())]
        return np.concatenate(each)

    def null_losses(self) -> dict[str, NDArray]:
        """Return the squared errors of the forecasts without a model, by name."""
        by_part = [self.data.null_errors(*indices) for indices in self.splits]
        return {name: np.concatenate([errors[name] for errors in by_part]) for name in by_part[0]}

    def errors(self) -> pd.DataFrame:
        """Return all squared errors, by part and time step."""
        columns = {label: self.losses[label] for label in self.ranking} | self.null_losses()
        steps = np.concatenate([test for _, test in self.splits])
        index = pd.MultiIndex.from_arrays(
            [self.part_of_step, self.data.times[steps]], names=["part", "time"]
        )
        return pd.DataFrame(columns, index=index)


def whole_lesson(data: StudyData) -> Lesson:
    """Return the whole series to learn from, with nothing to predict."""
    steps = np.arange(len(data.targets))
    return Lesson(Part.of(data, steps, steps[:0]))
