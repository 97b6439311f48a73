"""Scores of candidates: on held-out sums, or as expected from the sums that they learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.model_selection import check_cv
from torch import Tensor

from sklearn_linrnn._core.closed_form.evidence import log_evidence
from sklearn_linrnn._core.closed_form.solution import Problem, Solution
from sklearn_linrnn._core.closed_form.spectral import held_out_squares
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.scores import SCORES
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.folds import Fold, fold_statistics, folds_of_parts, n_samples
from sklearn_linrnn._data.known_sums import KnownSums
from sklearn_linrnn._data.training_data import AnyData, TrainingData
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._estimators.grid import Candidates, best_place, comparable_means
from sklearn_linrnn._estimators.iterations import (
    descent_filters,
    expected_squares,
    expected_squares_of_ridge,
)
from sklearn_linrnn._estimators.parameters import check_device

SumUp = Callable[[AnyData, int], LagStatistics]

Path = tuple[Solution, Tensor, list[int]]


@dataclass(frozen=True)
class CandidateScorer:
    """How candidates are scored.

    Attributes
    ----------
    candidates : Candidates
        The candidates.
    scoring : str
        Name of the score on held-out data.
    learning_rate : "auto" or float
        Step size of candidates that are gradient descent.
    """

    candidates: Candidates
    scoring: str
    learning_rate: float | Literal["auto"]

    def score(self, train: LagStatistics, test: LagStatistics) -> NDArray:
        """Return the scores on a test part, (n_candidates,)."""
        scores = np.empty(len(self.candidates))
        for solution, filters, places in self._paths(train):
            part = test.first_lags(solution.statistics.n_lags)
            scores[places] = self._score_path(solution, filters, places, part).cpu().numpy()
        return scores

    def expect(self, rule: str, data: AnyData, statistics: LagStatistics) -> NDArray:
        """Return the scores that "gcv", "loo" or "evidence" expects, (n_candidates,)."""
        if rule == "evidence":
            return self._evidence(statistics.to("cpu"))
        scores = np.empty(len(self.candidates))
        for solution, filters, places in self._paths(statistics):
            squares = expected_squares(rule, data, solution, filters)
            for column, exact in self._short_of_digits(solution, places).items():
                squares[column] = expected_squares_of_ridge(rule, data, exact)
            scores[places] = -squares.mean(dim=1).cpu().numpy()
        return scores

    def _evidence(self, statistics: LagStatistics) -> NDArray:
        values = np.empty(len(self.candidates))
        n_lags, n_channels = statistics.n_lags, statistics.n_channels
        for prior, places in zip(self.candidates.priors, self.candidates.paths, strict=True):
            root = PriorRoot.of_prior(prior, n_lags, n_channels, torch.device("cpu"))
            for place in places:
                alpha = float(self.candidates.params[place]["alpha"])
                values[place] = log_evidence(statistics, root, alpha)
        return values

    def _paths(self, statistics: LagStatistics) -> Iterator[Path]:
        """Yield a solution for each prior, its filters (p, k), and the places of those candidates.

        Lags that cannot matter under a prior are left out.
        """
        scatter, params = statistics.input_squares, self.candidates.params
        n_lags, n_channels, device = statistics.n_lags, statistics.n_channels, scatter.device
        for prior, places in zip(self.candidates.priors, self.candidates.paths, strict=True):
            root = PriorRoot.of_prior(prior, n_lags, n_channels, device)
            root = root.relevant(scatter, min(params[place]["alpha"] for place in places))
            solution = Solution(Problem(statistics.first_lags(root.n_lags), root), 0.0)
            filters = [self._filter(solution, params[place]) for place in places]
            yield solution, torch.stack(filters, dim=1), places

    def _filter(self, solution: Solution, candidate: Mapping[str, Any]) -> Tensor:
        penalised = replace(solution, alpha=float(candidate["alpha"]))
        if (n_steps := candidate.get("n_steps")) is None:
            return penalised.descent_filter(None)
        return descent_filters(penalised, np.array([n_steps]), self.learning_rate)[:, 0]

    def _score_path(
        self, solution: Solution, filters: Tensor, places: list[int], part: LagStatistics
    ) -> Tensor:
        """Return the scores on a test part of the candidates of one prior, (n_candidates,)."""
        seen, exact = solution.statistics, self._short_of_digits(solution, places)
        n_outputs = len(seen.target_mean)
        many = n_outputs * len(places) > len(filters)
        if many and self.scoring == "neg_mean_squared_error" and not exact:
            squares = held_out_squares(solution.spectrum, filters, seen, part)
            return -squares / (part.weight * n_outputs)
        responses = solution.spectrum.solve(filters)
        for column, one in exact.items():
            responses[:, column] = one.response
        return SCORES[self.scoring](part.squared_errors(responses, seen.intercept(responses)), part)

    def _short_of_digits(self, solution: Solution, places: list[int]) -> dict[int, Solution]:
        """Return the columns of ridges with a penalty too small for the spectrum, and these."""
        found = {}
        for column, place in enumerate(places):
            candidate = self.candidates.params[place]
            one = replace(solution, alpha=float(candidate["alpha"]))
            if candidate.get("n_steps") is None and one.shows_rounding:
                found[column] = one
        return found


@dataclass(frozen=True, eq=False)
class Scoring:
    """What candidates are scored on. Make it with `of`.

    Attributes
    ----------
    whole : LagStatistics
        The sums of all data.
    n_splits : int
        Number of splits; 0 where candidates are scored by the sums that they learn from.
    scores : callable
        From a scorer to the scores of its candidates, (n_parts, n_candidates).
    rule : tuple
        Name of the score on held-out data, and the step size of gradient descent.
    """

    whole: LagStatistics
    n_splits: int
    scores: Callable[[CandidateScorer], NDArray]
    rule: tuple[str, float | Literal["auto"]]

    def score(self, candidates: Candidates) -> NDArray:
        """Return the scores of candidates, (n_parts, n_candidates)."""
        return self.scores(CandidateScorer(candidates, *self.rule))

    @classmethod
    def of(
        cls, estimator: Any, data: AnyData, n_lags: int, sum_up: SumUp, *, again: bool
    ) -> Scoring:
        """Return that of an estimator's ``cv`` on data.

        Parameters
        ----------
        estimator : NTKConvRegressorCV
            Whose candidates are to be scored.
        data : TrainingData or KnownSums
            The data.
        n_lags : int
            Number of lags.
        sum_up : callable
            From data and a number of lags to their sums.
        again : bool
            Whether scores will be asked for more than once: then the sums of the parts are kept.
        """
        centred, how = estimator.fit_intercept, (estimator.scoring, estimator.learning_rate)
        if isinstance(data, KnownSums) and data.held_out is not None:
            whole = sum_up(data, n_lags)
            held_out = data.held_out.to(whole.input_mean.device)
            return cls(whole, 1, lambda scorer: scorer.score(whole, held_out)[None], how)
        if isinstance(data, KnownSums) and data.parts:
            whole = sum_up(data, n_lags)
            each = [part.to(whole.input_mean.device) for part in data.parts]
            scores = partial(_scores_of_parts, each, centred)
            return cls(whole, len(each), scores, how)
        if isinstance(rule := estimator.cv, str):
            whole = sum_up(data, n_lags)
            return cls(whole, 0, lambda scorer: scorer.expect(rule, data, whole)[None], how)
        rows, device = data.rows(f"cv={estimator.cv!r}"), check_device(estimator.device)
        splits = _splits(rows, estimator.cv, estimator.scoring)
        whole, folds = fold_statistics(rows, splits, n_lags, device)
        whole.check_usable()
        whole = whole if centred else whole.uncentred()
        parts = list(folds) if again else folds
        scores = partial(score_folds, parts, centred=centred)
        return cls(whole, len(splits), scores, how)


def _scores_of_parts(parts: list[LagStatistics], centred: bool, scorer: CandidateScorer) -> NDArray:
    return score_folds(folds_of_parts(parts), scorer, centred=centred)


def _splits(data: TrainingData, cv: Any, scoring: str) -> list[tuple[NDArray, NDArray]]:
    """Return the rows to learn from and to score on of each split."""
    splitter = check_cv(cv, classifier=False)
    rows = np.arange(n_samples(data))
    splits = list(splitter.split(rows, rows, data.groups))
    if not splits:
        raise ValueError("cv must have at least one split, but got none.")
    samples_are_steps = getattr(data.sequences, "rows", ()) is not None
    if scoring == "r2" and samples_are_steps and min(len(test) for _, test in splits) < 2:
        raise ValueError(
            "scoring='r2' needs at least two samples in each test part of cv; use "
            "scoring='neg_mean_squared_error'."
        )
    return splits


def score_folds(folds: Iterable[Fold], scorer: CandidateScorer, *, centred: bool) -> NDArray:
    """Return the scores (n_splits, n_candidates) on the test parts of folds.

    Parameters
    ----------
    folds : iterable of tuple of LagStatistics
        Sums of the training part and of the test part of each.
    scorer : CandidateScorer
        How to score.
    centred : bool
        Whether candidates have an intercept.
    """
    scores = [scorer.score(train if centred else train.uncentred(), test) for train, test in folds]
    return np.array(scores)


def cv_results(params: list[dict[str, Any]], scores: NDArray, n_splits: int) -> dict[str, Any]:
    """Return the fitted attributes that describe scores (n_parts, n_candidates)."""
    mean = scores.mean(axis=0)
    best = best_place(scores)
    if not np.isfinite(mean[best]):
        warn(
            "No candidate has a score that is a number, so that cv cannot tell them apart and the "
            "first one is taken: X and y may have too few samples, or gradient descent diverged."
        )
    results: dict[str, Any] = {
        f"param_{name}": _masked([candidate[name] for candidate in params]) for name in params[0]
    }
    results["params"] = params
    if n_splits > 0:
        results |= {f"split{k}_test_score": row for k, row in enumerate(scores)}
    results["mean_test_score"] = mean
    if n_splits > 0:
        results["std_test_score"] = scores.std(axis=0)
    ranks = rankdata(-comparable_means(scores), method="min")
    results["rank_test_score"] = ranks.astype(np.int32)
    return {
        "n_splits_": n_splits,
        "best_index_": best,
        "best_score_": float(mean[best]),
        "best_params_": dict(params[best]),
        "cv_results_": results,
    }


def _masked(values: list) -> np.ma.MaskedArray:
    """Return the values of a parameter as `GridSearchCV` has them."""
    numbers = all(isinstance(value, Real) for value in values)
    array = np.array(values) if numbers else np.empty(len(values), dtype=object)
    for place, value in enumerate(values):  # one by one, since some may be arrays
        array[place] = value
    return np.ma.MaskedArray(array, mask=False)
