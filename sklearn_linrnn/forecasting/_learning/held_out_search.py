"""Hyperparameters chosen on the held-out end of each series, by sums alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import clone

from sklearn_linrnn._core.closed_form.model_selection import first_best
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._estimators.grid import parameters_of
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.ntk_conv_cv import NTKConvRegressorCV
from sklearn_linrnn.forecasting._learning.learner import Choice, Learned, Learner
from sklearn_linrnn.forecasting._learning.traits import Traits
from sklearn_linrnn.forecasting._series.coverage import Coverage, Span
from sklearn_linrnn.forecasting._series.panels import Histories, Steps, name
from sklearn_linrnn.forecasting._series.regressions import Regression
from sklearn_linrnn.forecasting._series.whole_windows import TooFewWindows

SHARED = ("fit_intercept", "learning_rate", "device", "dtype", "verbose")


@dataclass(frozen=True, eq=False)
class HeldOutSearch:
    """A learner that chooses the candidate of the least error on held-out windows.

    The error is the mean square over all windows of the end of each series, all regressions and all
    their targets. Candidates learn from sums and are scored by sums: no forecast is made.

    Attributes
    ----------
    learner : Learner
        Its estimator has the grid.
    validation : int or float
        Size of the held-out end: a number of time steps, or a share of the series.
    refit : bool
        Whether the best candidate learns from the held-out end as well.
    """

    learner: Learner
    validation: int | float
    refit: bool

    def learn(
        self, histories: Histories, ends: Steps, earlier: list[LagStatistics] | None
    ) -> Learned:
        """Return what the best candidate learns from the first steps of series."""
        learner = self.learner
        learner.check(histories, ends, earlier)
        starts = {key: max(n_steps - self._n_held_out(n_steps), 0) for key, n_steps in ends.items()}
        if not any(starts.values()):
            longest = max(ends, key=lambda key: ends[key])
            raise TooFewWindows(
                f"validation={self.validation} leaves nothing to learn from: {name(longest)} has "
                f"{ends[longest]} steps."
            )
        early = learner.sums(histories, {}, starts, earlier)
        # Sums count a window where its furthest target lies; its nearest one is held out as well.
        horizons = learner.regressions[0].horizons
        spread = max(horizons) - min(horizons)
        first = {key: start + spread for key, start in starts.items()}
        choice = self._choose(early, learner.sums(histories, first, ends, None))
        chosen = replace(learner, traits=Traits(choice.estimator))
        sums = chosen.sums(histories, starts, ends, early) if self.refit else early
        coverage = Coverage((Span({}, ends if self.refit else starts),), ends, earlier)
        return replace(chosen.fit(sums, coverage, histories), choice=choice)

    def _n_held_out(self, n_steps: int) -> int:
        """Return how many steps of a series are held out."""
        if isinstance(self.validation, (int, np.integer)):
            return int(self.validation)
        return math.ceil(self.validation * n_steps)

    def _choose(self, early: list[LagStatistics], held_out: list[LagStatistics]) -> Choice:
        """Return the candidate of the least error over all regressions."""
        squares, n_targets = np.zeros(1), 0.0
        for regression, sums, late in zip(self.learner.regressions, early, held_out, strict=True):
            search = self._search(regression, sums, late)
            weight = late.weight * len(late.target_mean)
            squares = squares - weight * search.cv_results_["mean_test_score"]
            n_targets += weight
        return _best(search, squares / n_targets)

    def _search(
        self, regression: Regression, early: LagStatistics, late: LagStatistics
    ) -> NTKConvRegressorCV:
        """Return the scores of one regression's candidates."""
        for sums, where in ((early, "before"), (late, "within")):
            if sums.weight == 0:
                raise TooFewWindows(
                    f"validation={self.validation} leaves no complete window with all targets "
                    f"{where} the held-out end of y: n_lags={sums.n_lags} and the furthest horizon "
                    f"is {max(regression.horizons)}."
                )
        early, _ = self.learner.levelled(regression, early)
        late, _ = self.learner.levelled(regression, late)
        return clone(self.learner.traits.estimator).fit_statistics(early, late)


def searching(learner: Learner, validation: int | float, refit: bool) -> Learner | HeldOutSearch:
    """Return the search of a learner whose estimator is a grid, or the learner itself."""
    return HeldOutSearch(learner, validation, refit) if learner.traits.searches else learner


def _best(search: NTKConvRegressorCV, errors: NDArray) -> Choice:
    """Return the choice among the candidates of a search by their mean squared errors."""
    order = np.nan_to_num(errors, nan=np.inf)  # gradient descent diverged
    candidates = search.cv_results_["params"]
    results = pd.DataFrame(
        {
            "params": candidates,
            "mean_test_MeanSquaredError": errors,
            "rank_test_MeanSquaredError": rankdata(order, method="min").astype(int),
        }
    )
    index = first_best(-order)
    params = dict(candidates[index])
    estimator = NTKConvRegressor(
        **parameters_of(search, params),
        alpha=params["alpha"],
        n_steps=params.get("n_steps"),
        **{name: getattr(search, name) for name in SHARED},
    )
    return Choice(estimator, results, index, float(errors[index]), params)
