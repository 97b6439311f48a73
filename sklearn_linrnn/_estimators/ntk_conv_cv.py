"""The infinitely wide linear RNN with cross-validated hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from types import SimpleNamespace
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.model_selection import check_cv
from torch import Tensor

from sklearn_linrnn._core.closed_form.evidence import log_evidence
from sklearn_linrnn._core.closed_form.model_selection import first_best
from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.closed_form.spectral import held_out_squares
from sklearn_linrnn._core.priors.lag_priors import HYPERPARAMETERS, LagPrior
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._data.folds import fold_statistics, n_samples
from sklearn_linrnn._data.sequences import TrainingData
from sklearn_linrnn._estimators.base import check_sums, make_root
from sklearn_linrnn._estimators.closed_form import MOST_DIRECT, ExactRegressor
from sklearn_linrnn._estimators.grid import make_candidates
from sklearn_linrnn._estimators.parameters import (
    COMPUTING,
    SHAPES,
    Interval,
    StrOptions,
    check_device,
    make_prior,
)

Candidates = Sequence[Mapping[str, Any]]

SMALLEST_PENALTY = 1e-9  # of the largest eigenvalue, down to which all penalties share one spectrum


class NTKConvRegressorCV(ExactRegressor):
    r"""Infinitely wide linear RNN with cross-validation over its hyperparameters.

    It finds what `sklearn.model_selection.GridSearchCV` over `NTKConvRegressor` finds, in one pass
    over the data: the statistics of a training part are those of the whole less those of the test
    part, and one eigendecomposition for each part and prior has all penalties and all numbers of
    steps.

    Parameters
    ----------
    nu_w, nu_f, nu_c : float or array-like, default=(0.1, 0.3, 0.5, 0.7, 0.9), 1.0, 1.0
        Initial variances of the network's transition matrix, input matrix and readout to try.
    shape : float or array-like of shape (n_values,), default=None
        Values of ``nu_f nu_c / (nu_f + nu_c)`` to try instead of `nu_f` and `nu_c`, which are then
        equal: the only other shape that the network's lag weights have, besides `nu_w`.
    alphas : array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        Penalties to try, as `alpha` of `NTKConvRegressor`; not negative.
    n_steps : array-like of shape (n_values,), default=None
        Numbers of steps of gradient descent to try, None among them for the minimum; ``None`` for
        the minimum alone.
    prior : str, LagPrior, ndarray or list of them, default="linear_rnn"
        Priors to try, as in `NTKConvRegressor`.
    correlation : float or array-like of shape (n_values,), default=0.9
        Correlations to try in the prior "dc".
    cv : int, cross-validation generator, iterable, "gcv", "loo" or "evidence", default=None
        How to judge a candidate: the mean score of the test parts of a splitter, ``None`` for five
        consecutive folds, an int for that many; minus the mean squared error that generalised
        cross-validation [2]_ expects; minus that of leaving out each supervised step in turn [1]_;
        or the logarithm of the evidence.
    scoring : {"r2", "neg_mean_squared_error", "neg_root_mean_squared_error"}, default="r2"
        Score of a test part, as scikit-learn's scorer of that name has it; not used where `cv` is
        a name.
    learning_rate : "auto" or float, default="auto"
        Size of the steps; "auto" is the inverse of the largest curvature of the loss. Used with
        `n_steps` only.
    fit_intercept : bool, default=True
        Whether to learn ``b``; it is not penalised.
    n_lags : int, default=None
        Number of lags, the present step included; ``None`` for the length of the windows.
    rows : {"windows", "timesteps"}, default="windows"
        What a row of a 2-D X is: a flattened window, or one step of a recording.
    layout : {"ntc", "nct"}, default="ntc"
        Order of the axes of a 3-D X and of flattened windows: sample, time, channel or, as in
        sktime, sample, channel, time.
    lag_order : {"infer", "oldest_first", "newest_first"}, default="infer"
        Order of time in windows. "infer" takes arrays as oldest first and reads the lags of a
        DataFrame from column names such as ``y_lag_3``.
    n_channels : int, default=None
        Number of channels in flattened windows; ``None`` for one.
    device : str or torch.device, default="auto"
        Where to compute: "cpu", "cuda", "cuda:N"; "auto" is CUDA where there is one.
    dtype : {"float64", "float32"}, default="float64"
        Type of the fitted arrays. The fit itself is always float64.
    verbose : bool or int, default=False
        Whether to print what is done.

    Attributes
    ----------
    best_params_ : dict
        The best candidate, as parameters of `NTKConvRegressor`.
    best_score_ : float
        Its score.
    best_index_ : int
        Its place in ``cv_results_``.
    cv_results_ : dict of ndarray
        ``params``, ``param_NAME``, ``mean_test_score`` and ``rank_test_score`` of all candidates,
        and with a splitter ``std_test_score`` and ``splitK_test_score``; in the order of
        `sklearn.model_selection.GridSearchCV`.
    n_splits_ : int
        Number of splits; 0 if there is no splitter.
    alpha_, nu_w_, nu_f_, nu_c_, correlation_, n_steps_, prior_
        What the final fit, to all data, uses.
    impulse_response_ : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first.
    intercept_ : ndarray of shape (n_outputs,)
        ``b``.
    lag_weights_ : ndarray of shape (n_lags,)
        ``rho``, or the variances of another prior.
    noise_variance_ : ndarray of shape (n_outputs,)
        Residual sum of squares over the degrees of freedom that are left.
    effective_degrees_of_freedom_ : float
        Trace of the hat matrix, the intercept included.
    impulse_response_std_ : ndarray of shape (n_outputs, n_channels, n_lags)
        Posterior standard deviation of ``H``.
    n_features_in_ : int
        Number of columns of X; for a 3-D X of a flattened window, or of channels if there is a
        target at every step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X has names that are all strings.

    See Also
    --------
    NTKConvRegressor : One candidate, or the one of the highest evidence on no grid.
    sklearn.linear_model.RidgeCV : Cross-validated ridge.

    Notes
    -----
    Parts of a recording (``rows="timesteps"``) keep the inputs before them, and a training part
    never joins steps that were not neighbours. Rows that `GridSearchCV` hands over have lost their
    past, so that its scores there differ at the first steps of each part. ``sample_weight`` counts
    in the fits and in the scores.

    With ``cv="loo"`` steps of gradient descent are judged by the formula of linear smoothers,
    which is exact for the minimum.

    References
    ----------
    .. [1] D. M. Allen, "The relationship between variable selection and data augmentation and a
       method for prediction", Technometrics 16, 1974.
    .. [2] P. Craven, G. Wahba, "Smoothing noisy data with spline functions", Numerische Mathematik
       31, 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import NTKConvRegressorCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 20))
    >>> y = X[:, -1] + 0.5 * X[:, -2] + rng.normal(size=300)
    >>> model = NTKConvRegressorCV(nu_w=[0.1, 0.5, 0.9], alphas=[1, 10], cv=5).fit(X, y)
    >>> model.best_params_
    {'alpha': 10, 'nu_w': 0.1}
    """

    _held_out: LagStatistics | None = None  # but while `fit_statistics` learns

    _parameter_constraints: dict[str, list] = {
        **SHAPES,
        **COMPUTING,
        **{name: [Real, "array-like"] for name in HYPERPARAMETERS},
        "shape": [Real, "array-like", None],
        "alphas": [Real, "array-like"],
        "n_steps": [Integral, "array-like", None],
        "prior": [str, LagPrior, np.ndarray, list, tuple],
        "cv": ["cv_object", StrOptions({"gcv", "loo", "evidence"})],
        "scoring": [StrOptions({"r2", "neg_mean_squared_error", "neg_root_mean_squared_error"})],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        nu_w: float | ArrayLike = (0.1, 0.3, 0.5, 0.7, 0.9),
        nu_f: float | ArrayLike = 1.0,
        nu_c: float | ArrayLike = 1.0,
        *,
        shape: float | ArrayLike | None = None,
        alphas: float | ArrayLike = (0.1, 1.0, 10.0),
        n_steps: int | Sequence[int | None] | None = None,
        prior: str | LagPrior | Sequence[str | LagPrior] = "linear_rnn",
        correlation: float | ArrayLike = 0.9,
        cv: Any = None,
        scoring: Literal["r2", "neg_mean_squared_error", "neg_root_mean_squared_error"] = "r2",
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        n_lags: int | None = None,
        rows: Literal["windows", "timesteps"] = "windows",
        layout: Literal["ntc", "nct"] = "ntc",
        lag_order: Literal["infer", "oldest_first", "newest_first"] = "infer",
        n_channels: int | None = None,
        device: Any = "auto",
        dtype: Literal["float64", "float32"] = "float64",
        verbose: bool | int = False,
    ) -> None:
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.shape = shape
        self.alphas = alphas
        self.n_steps = n_steps
        self.prior = prior
        self.correlation = correlation
        self.cv = cv
        self.scoring = scoring
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.n_lags = n_lags
        self.rows = rows
        self.layout = layout
        self.lag_order = lag_order
        self.n_channels = n_channels
        self.device = device
        self.dtype = dtype
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        sequence_id: Any = None,
        groups: Any = None,
    ) -> Self:
        """Choose the hyperparameters and learn the impulse response.

        Parameters
        ----------
        X : array-like or list
            Inputs, as in `NTKConvRegressor`.
        y : array-like or list
            Targets, as in `NTKConvRegressor`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, in the fits and in the scores.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.
        groups : array-like of shape (n_samples,), default=None
            For a group splitter, the group of each row, or of each sequence of a panel or list.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        self._groups = groups
        try:
            return super().fit(X, y, sample_weight, sequence_id=sequence_id)
        finally:
            del self._groups

    def fit_statistics(
        self, statistics: LagStatistics, held_out: LagStatistics | None = None
    ) -> Self:
        """Choose the hyperparameters and learn the impulse response from sums.

        Parameters
        ----------
        statistics : LagStatistics
            Sums of recordings or windows to learn from.
        held_out : LagStatistics, default=None
            Sums of others, on which candidates are scored; ``None`` to judge them by the sums that
            they learn from, with ``cv="gcv"`` or ``cv="evidence"``.

        Returns
        -------
        self : object
            The fitted estimator. It predicts at every step of the recordings that it gets.

        Raises
        ------
        TypeError
            If something else than `LagStatistics` came.
        ValueError
            If a parameter is not of the form it must have or needs more than sums, or the two sums
            are not of the same lags, channels and outputs. An earlier fit then stays as it was.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import LagStatistics, NTKConvRegressorCV
        >>> x = np.random.default_rng(0).normal(size=600)
        >>> y = x + 0.5 * np.roll(x, 1)
        >>> early = LagStatistics.from_series(x[:400], y[:400], n_lags=5)
        >>> late = LagStatistics.from_series(x[400:], y[400:], n_lags=5)
        >>> model = NTKConvRegressorCV(0.5, alphas=[1e-3, 1e3])
        >>> model.fit_statistics(early, held_out=late).best_params_
        {'alpha': 0.001}
        """
        self._held_out = held_out
        try:
            return super().fit_statistics(statistics)
        finally:
            del self._held_out

    def _choose(self, data: TrainingData, n_lags: int) -> tuple[LagPrior, Solution]:
        candidates = make_candidates(self)
        n_coefficients = n_lags * data.sequences.n_channels
        if n_coefficients > MOST_DIRECT:
            raise ValueError(
                f"Cross-validation needs the spectrum of the lags' scatter, for at most "
                f"{MOST_DIRECT} coefficients, but n_lags={n_lags} with "
                f"{data.sequences.n_channels} channels came. Lower n_lags, or compare fits of "
                "NTKConvRegressor."
            )
        if isinstance(self.cv, str):
            whole = self._statistics(data, n_lags)
            return self._choose_best(candidates, whole, self._judge(whole, data, candidates)[None])
        whole, scores = self._cross_validate(data, n_lags, candidates)
        return self._choose_best(candidates, self._about(whole), scores)

    def _learn(self, statistics: LagStatistics) -> tuple[Tensor, Tensor]:
        candidates = make_candidates(self)
        if self._held_out is not None:
            held_out = self._check_held_out(self._held_out, statistics)
            scores = self._score_fold(statistics, held_out, candidates)[None]
        elif self.cv in ("gcv", "evidence"):
            scores = self._judge(statistics, None, candidates)[None]
        else:
            raise ValueError(
                f"cv={self.cv!r} needs the rows of the data; sums know cv='gcv' and 'evidence', "
                "or are judged by sums that are held out."
            )
        return self._accept(*self._choose_best(candidates, statistics, scores))

    def _check_held_out(self, held_out: LagStatistics, statistics: LagStatistics) -> LagStatistics:
        if not isinstance(held_out, LagStatistics):
            raise TypeError(f"held_out must be LagStatistics, but {type(held_out).__name__} came.")
        if held_out.weight <= 0:
            raise ValueError("held_out must have one row at least, but its weight is 0.")
        held_out = held_out.to(statistics.input_mean.device)
        statistics.check_alike(held_out)
        return held_out

    def _choose_best(
        self, candidates: Candidates, whole: LagStatistics, scores: NDArray
    ) -> tuple[LagPrior, Solution]:
        by_whole = isinstance(self.cv, str) and self._held_out is None
        self.n_splits_ = 0 if by_whole else len(scores)
        self._publish_scores(candidates, scores)
        best = candidates[self.best_index_]
        prior, steps = self.make_prior(best), best.get("n_steps")
        return prior, self._make_solution(whole, prior, float(best["alpha"]), steps)

    def make_prior(self, candidate: Mapping[str, Any]) -> LagPrior:
        """Return the prior of a candidate.

        Parameters
        ----------
        candidate : mapping of str to object
            Parameters of `NTKConvRegressor`, as in ``cv_results_["params"]``.

        Returns
        -------
        prior : LagPrior
            With the candidate's hyperparameters, and the estimator's where it has none.
        """
        values = {name: getattr(self, name) for name in (*HYPERPARAMETERS, "prior")}
        values.update(candidate)
        return make_prior(values["prior"], SimpleNamespace(**values))

    def _cross_validate(
        self, data: TrainingData, n_lags: int, candidates: Candidates
    ) -> tuple[LagStatistics, NDArray]:
        """Return the statistics of all data, and the scores (n_splits, n_candidates)."""
        splitter = check_cv(self.cv, classifier=False)
        rows = np.arange(n_samples(data))
        splits = list(splitter.split(rows, rows, self._groups))
        if not splits:
            raise ValueError("cv has no splits; it needs one at least.")
        samples_are_steps = n_samples(data) == data.sequences.n_supervised
        if self.scoring == "r2" and samples_are_steps and min(len(test) for _, test in splits) < 2:
            raise ValueError(
                "scoring='r2' needs two samples at least in each test part of cv; take "
                "scoring='neg_mean_squared_error'."
            )
        device = check_device(self.device)
        whole, folds = fold_statistics(data, splits, n_lags, device)
        check_sums(whole)
        self._say(f"{len(splits)} splits, {len(candidates)} candidates")
        scores = np.array([self._score_fold(*fold, candidates) for fold in folds])
        return whole, scores

    def _score_fold(
        self, train: LagStatistics, test: LagStatistics, candidates: Candidates
    ) -> NDArray:
        """Return the scores on a test part, (n_candidates,)."""
        train = train if self.fit_intercept else train.uncentred()
        scores = np.empty(len(candidates))
        for solution, filters, indices in self._paths(train, candidates):
            part = test.first_lags(solution.statistics.n_lags)
            group = [candidates[index] for index in indices]
            scores[indices] = self._score_path(solution, filters, group, part).cpu().numpy()
        return scores

    def _score_path(
        self, solution: Solution, filters: Tensor, candidates: Candidates, part: LagStatistics
    ) -> Tensor:
        """Return the scores on a test part of the candidates of one prior, (n_candidates,)."""
        seen, digits = solution.statistics, self._short_of_digits(solution, candidates)
        n_outputs = len(seen.target_mean)
        many = n_outputs * len(candidates) > len(filters)
        if many and self.scoring == "neg_mean_squared_error" and not digits:
            squares = held_out_squares(solution.spectrum, filters, seen, part)
            return -squares / (part.weight * n_outputs)
        responses = solution.spectrum.solve(filters)
        for place in digits:
            alpha = float(candidates[place]["alpha"])
            responses[:, place] = replace(solution, alpha=alpha).response
        return SCORES[self.scoring](part.squared_errors(responses, seen.intercept(responses)), part)

    def _judge(
        self, statistics: LagStatistics, data: TrainingData | None, candidates: Candidates
    ) -> NDArray:
        """Return the candidates' scores without a splitter, (n_candidates,)."""
        if self.cv == "evidence":
            local = statistics.to("cpu")
            return np.array([self._evidence(local, candidate) for candidate in candidates])
        scores = np.empty(len(candidates))
        for solution, filters, indices in self._paths(statistics, candidates):
            squares = self._expected_squares(str(self.cv), data, solution, filters)
            scores[indices] = -squares.mean(dim=1).cpu().numpy()
        return scores

    def _evidence(self, statistics: LagStatistics, candidate: Mapping[str, Any]) -> float:
        root = make_root(self.make_prior(candidate), statistics)
        return log_evidence(statistics, root, float(candidate["alpha"]), self._n_intercepts)

    def _paths(
        self, statistics: LagStatistics, candidates: Candidates
    ) -> Iterator[tuple[Solution, Tensor, list[int]]]:
        """Yield a solution for each prior, its filters (p, k), and the places of those candidates.

        Lags that cannot matter under a prior are left out.
        """
        groups: dict[tuple, list[int]] = {}
        for index, candidate in enumerate(candidates):
            # The same object stands for the same value, whether it can be hashed or not.
            prior = (id(v) for k, v in candidate.items() if k not in ("alpha", "n_steps"))
            groups.setdefault(tuple(prior), []).append(index)
        scatter = statistics.input_scatter.diagonal()
        for indices in groups.values():
            root = make_root(self.make_prior(candidates[indices[0]]), statistics)
            root = root.relevant(scatter, min(candidates[index]["alpha"] for index in indices))
            seen = statistics.first_lags(len(root.lags))
            solution = Solution(seen, root, 0.0, self._n_intercepts)
            filters = [self._filter(solution, candidates[index]) for index in indices]
            yield solution, torch.stack(filters, dim=1), indices

    def _short_of_digits(self, solution: Solution, candidates: Candidates) -> list[int]:
        """Return the places of the ridges of so small a penalty that rounding would show."""
        smallest = SMALLEST_PENALTY * solution.largest_curvature * solution.statistics.weight
        return [
            place
            for place, candidate in enumerate(candidates)
            if candidate.get("n_steps") is None and candidate["alpha"] < smallest
        ]

    def _filter(self, solution: Solution, candidate: Mapping[str, Any]) -> Tensor:
        penalised = solution.changed(alpha=float(candidate["alpha"]))
        if (n_steps := candidate.get("n_steps")) is None:
            return penalised.descent_filter(None)
        return self._filters(penalised, np.array([n_steps]))[:, 0]

    def _publish_scores(self, candidates: Candidates, scores: NDArray) -> None:
        mean = scores.mean(axis=0)
        order = np.nan_to_num(mean, nan=-np.inf)  # gradient descent diverged
        self.best_index_ = first_best(order)
        self.best_score_ = float(mean[self.best_index_])
        self.best_params_ = dict(candidates[self.best_index_])
        results: dict[str, Any] = {
            f"param_{name}": _masked([candidate[name] for candidate in candidates])
            for name in candidates[0]
        }
        results["params"] = candidates
        if self.n_splits_ > 0:
            results |= {f"split{k}_test_score": row for k, row in enumerate(scores)}
        results["mean_test_score"] = mean
        if self.n_splits_ > 0:
            results["std_test_score"] = scores.std(axis=0)
        results["rank_test_score"] = rankdata(-order, method="min").astype(np.int32)
        self.cv_results_ = results
        self._say(f"best of {len(candidates)}: {self.best_params_}, score {self.best_score_:.6g}")


def _masked(values: list) -> np.ma.MaskedArray:
    """Return the values of a parameter as `GridSearchCV` has them."""
    numbers = all(isinstance(value, Real) for value in values)
    array = np.array(values) if numbers else np.empty(len(values), dtype=object)
    array[:] = values
    return np.ma.MaskedArray(array, mask=False)


def _r2(squares: Tensor, part: Moments) -> Tensor:
    """Return R^2 for squared errors (n_candidates, n_outputs), averaged over outputs."""
    scatter = part.target_scatter
    constant = torch.where(squares > 0, 0.0, 1.0)  # as scikit-learn has it
    return torch.where(scatter > 0, 1.0 - squares / scatter, constant).mean(dim=1)


def _neg_mean_squared_error(squares: Tensor, part: Moments) -> Tensor:
    return -(squares / part.weight).mean(dim=1)


def _neg_root_mean_squared_error(squares: Tensor, part: Moments) -> Tensor:
    return -(squares / part.weight).sqrt().mean(dim=1)


SCORES: dict[str, Callable[[Tensor, Moments], Tensor]] = {
    "r2": _r2,
    "neg_mean_squared_error": _neg_mean_squared_error,
    "neg_root_mean_squared_error": _neg_root_mean_squared_error,
}
