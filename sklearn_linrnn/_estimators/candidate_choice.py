"""The choice of the best candidate of a grid, by its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.priors.channel_priors import Prior
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn._data.training_data import AnyData
from sklearn_linrnn._estimators.base import Fit
from sklearn_linrnn._estimators.channel_descent import with_channels
from sklearn_linrnn._estimators.closed_form import MOST_DIRECT, ClosedFormRegressor
from sklearn_linrnn._estimators.cross_validation import Scoring, cv_results
from sklearn_linrnn._estimators.grid import Candidates, best_place, make_candidates, prior_of
from sklearn_linrnn._estimators.iterations import make_descent
from sklearn_linrnn._estimators.parameters import is_shared

Part = tuple[AnyData, int]  # data, and their number of lags


class ChoosesCandidates(ClosedFormRegressor):
    """A closed form whose hyperparameters are those of the best of several candidates."""

    cv: Any
    memory: Literal["shared", "channel"] | ArrayLike

    def _needs_rows(self) -> str | None:
        if not isinstance(self.delay, Integral):
            return f"delay={self.delay!r}"
        if isinstance(self.cv, str) and self.cv != "loo":
            return None
        return f"cv={self.cv!r}, unlike cv='gcv' and cv='evidence',"

    def _n_parts(self) -> int | None:
        if not isinstance(self.delay, Integral):
            return None
        n_parts = 5 if self.cv is None else self.cv  # as scikit-learn has by default
        return int(n_parts) if isinstance(n_parts, Integral) else None

    def make_prior(self, candidate: Mapping[str, Any]) -> Prior:
        """Return the prior of a candidate.

        Parameters
        ----------
        candidate : mapping of str to object
            Parameters of `NTKConvRegressor`, as in ``cv_results_["params"]``.

        Returns
        -------
        prior : LagPrior or ChannelPriors
            With the candidate's hyperparameters, and the estimator's where it has none; of a fitted
            estimator if channels may differ.
        """
        n_channels = len(getattr(self, "channel_scale_", [1.0]))
        return prior_of(self, candidate, n_channels)

    def _learn(self, data: AnyData) -> Fit:
        candidates = make_candidates(self, data.n_channels)
        self._say(f"{len(candidates)} candidates")
        parts = {delay: self._at(data, delay) for delay in candidates.by_delay()}
        most = max(n_lags for _, n_lags in parts.values()) * data.n_channels
        with calm(most**2):
            return self._choose(parts, candidates)

    def _at(self, data: AnyData, delay: int | None) -> Part:
        """Return the data with a delay of the grid, and their lags."""
        moved = data if delay is None else data.rows(f"delay={self.delay!r}").from_lag(delay)
        known, _, n_lags, n_channels = moved.with_lags(self.n_lags)
        if n_lags * n_channels > MOST_DIRECT:
            raise ValueError(
                f"Cross-validation needs the spectrum of the lags' scatter, for at most "
                f"{MOST_DIRECT} coefficients, but got n_lags={n_lags} with {n_channels} "
                "channels. Lower n_lags, or compare fits of NTKConvRegressor."
            )
        return known, n_lags

    def _choose(self, parts: Mapping[int | None, Part], candidates: Candidates) -> Fit:
        """Return the best candidate, fitted to all data."""
        again = not is_shared(self.memory)
        scores, scorings = self._scores_by_delay(parts, candidates, again=again)
        best = candidates.params[best_place(scores)]
        whole = scorings[best.get("delay")].whole
        if again:
            known = candidates, scores, scorings[best.get("delay")].score
            candidates, scores = with_channels(self, *known, whole.n_channels)
        results = cv_results(candidates.params, scores, scorings[best.get("delay")].n_splits)
        best = results["best_params_"]
        prior = candidates.prior_of[results["best_index_"]]
        self._say(f"best of {len(candidates)}: {best}, score {results['best_score_']:.6g}")
        solution = Solution(self._make_problem(whole, prior), float(best["alpha"]))
        if (n_steps := best.get("n_steps")) is not None:
            descent = make_descent(solution, n_steps, self.learning_rate)
            solution = Solution(solution.problem, solution.alpha, descent)
        data, _ = parts[best.get("delay")]
        fit = self._fit_of(prior, solution, data, results)
        return replace(fit, data=data) if "delay" in best else fit

    def _scores_by_delay(
        self, parts: Mapping[int | None, Part], candidates: Candidates, *, again: bool
    ) -> tuple[NDArray, dict[int | None, Scoring]]:
        """Return the scores (n_parts, n_candidates), and on what those of each delay are."""
        scorings: dict[int | None, Scoring] = {}
        columns: list[NDArray] = []
        order: list[int] = []
        for delay, (places, some) in candidates.by_delay().items():
            scoring = Scoring.of(self, *parts[delay], self._statistics, again=again)
            columns.append(scoring.score(some))
            scorings[delay], order = scoring, [*order, *places]
        return np.hstack(columns)[:, np.argsort(order)], scorings
