"""The choice of the best candidate of a grid, by its scores."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Literal

from numpy.typing import ArrayLike

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.priors.channel_priors import Prior
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn._data.training_data import AnyData
from sklearn_linrnn._estimators.base import Fit
from sklearn_linrnn._estimators.channel_descent import with_channels
from sklearn_linrnn._estimators.closed_form import MOST_DIRECT, ClosedFormRegressor
from sklearn_linrnn._estimators.cross_validation import Scoring, cv_results
from sklearn_linrnn._estimators.grid import Candidates, make_candidates, prior_of
from sklearn_linrnn._estimators.iterations import make_descent
from sklearn_linrnn._estimators.parameters import is_shared


class ChoosesCandidates(ClosedFormRegressor):
    """A closed form whose hyperparameters are those of the best of several candidates."""

    cv: Any
    memory: Literal["shared", "channel"] | ArrayLike

    def _needs_rows(self) -> str | None:
        if isinstance(self.cv, str) and self.cv != "loo":
            return None
        return f"cv={self.cv!r}, unlike cv='gcv' and cv='evidence',"

    def _n_parts(self) -> int | None:
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
        data, _, n_lags, n_channels = data.with_lags(self.n_lags)
        candidates, n_inputs = make_candidates(self, n_channels), n_lags * n_channels
        if n_inputs > MOST_DIRECT:
            raise ValueError(
                f"Cross-validation needs the spectrum of the lags' scatter, for at most "
                f"{MOST_DIRECT} coefficients, but got n_lags={n_lags} with {n_channels} "
                "channels. Lower n_lags, or compare fits of NTKConvRegressor."
            )
        with calm(n_inputs**2):
            return self._choose(data, n_lags, candidates)

    def _choose(self, data: AnyData, n_lags: int, candidates: Candidates) -> Fit:
        """Return the best candidate, fitted to all data."""
        self._say(f"{len(candidates)} candidates")
        again = not is_shared(self.memory)
        scoring = Scoring.of(self, data, n_lags, self._statistics, again=again)
        scores, whole = scoring.score(candidates), scoring.whole
        if again:
            known = candidates, scores, scoring.score
            candidates, scores = with_channels(self, *known, whole.n_channels)
        results = cv_results(candidates.params, scores, scoring.n_splits)
        best = candidates.params[results["best_index_"]]
        prior = candidates.prior_of[results["best_index_"]]
        self._say(f"best of {len(candidates)}: {best}, score {results['best_score_']:.6g}")
        solution = Solution(self._make_problem(whole, prior), float(best["alpha"]))
        if (n_steps := best.get("n_steps")) is not None:
            descent = make_descent(solution, n_steps, self.learning_rate)
            solution = Solution(solution.problem, solution.alpha, descent)
        return self._fit_of(prior, solution, data, results)
