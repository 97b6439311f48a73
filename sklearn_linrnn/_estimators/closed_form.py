"""What the estimators in closed form share: how sure they are, and where else training leads."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import fields, replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_linrnn._core.closed_form.evidence import log_evidence
from sklearn_linrnn._core.closed_form.model_selection import leave_one_out
from sklearn_linrnn._core.closed_form.solution import Descent, Solution
from sklearn_linrnn._core.closed_form.spectral import generalised_cross_validation
from sklearn_linrnn._core.priors.lag_priors import HYPERPARAMETERS, LagPrior, LinearRNN
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.training.optimizers import DIVERGED
from sklearn_linrnn._data.sequences import Sequences, TrainingData
from sklearn_linrnn._estimators.base import (
    LagRegressor,
    choose_learning_rate,
    make_root,
    prior_variances,
    warn,
    warn_if_unstable,
)

MOST_DIRECT = 4096  # coefficients; their scatter takes 128 MiB


class NotComputedError(ValueError, AttributeError):
    """An attribute or method needs what this fit did not compute."""


class ExactRegressor(LagRegressor):
    """A response in closed form, with its whole path of training and its posterior.

    Subclasses say how the prior, the penalty and the number of steps are chosen (`_choose`).
    """

    _solution: Solution | None  # None where the spectrum was not computed

    @abstractmethod
    def _choose(self, data: TrainingData, n_lags: int) -> tuple[LagPrior, Solution]:
        """Return the prior and the solution."""

    def _solve(self, data: TrainingData, n_lags: int) -> tuple[Tensor, Tensor]:
        return self._accept(*self._choose(data, n_lags))

    def _accept(self, prior: LagPrior, solution: Solution) -> tuple[Tensor, Tensor]:
        """Set the fitted hyperparameters; return the response and the intercept."""
        response = self._finite(solution)
        self._publish_prior(prior, solution.statistics.n_lags)
        self.alpha_ = solution.alpha
        self.n_steps_ = None if solution.descent is None else solution.descent.n_steps
        self._solution = solution.to("cpu")
        return response, solution.statistics.intercept(response)

    def _publish_prior(self, prior: LagPrior, n_lags: int) -> None:
        self.lag_weights_ = prior_variances(prior, n_lags)
        self.prior_ = prior
        for name in HYPERPARAMETERS:
            if hasattr(prior, name):
                setattr(self, f"{name}_", getattr(prior, name))
            elif hasattr(self, f"{name}_"):  # of an earlier fit with another prior
                delattr(self, f"{name}_")

    @property
    def _n_intercepts(self) -> int:
        return int(self.fit_intercept)

    def _make_solution(
        self, statistics: LagStatistics, prior: LagPrior, alpha: float, n_steps: int | None = None
    ) -> Solution:
        solution = Solution(statistics, make_root(prior, statistics), alpha, self._n_intercepts)
        return solution if n_steps is None else self._descending(solution, n_steps)

    def _descending(self, solution: Solution, n_steps: int) -> Solution:
        """Return a solution after some steps of gradient descent."""
        return solution.changed(descent=Descent(n_steps, self._learning_rate(solution)))

    def _expected_squares(
        self, rule: str, data: TrainingData | None, solution: Solution, filters: Tensor
    ) -> Tensor:
        """Return the mean squared errors that "gcv" or "loo" expects, (n_filters, n_outputs).

        "gcv" needs no data beyond their sums.
        """
        statistics = solution.statistics
        if rule == "gcv":
            return generalised_cross_validation(
                statistics, solution.spectrum, filters, self._n_intercepts
            )
        assert data is not None
        lags = data.sequences.lags(statistics.n_lags)
        return leave_one_out(solution, filters, lags, data.targets, data.weights)

    def _learning_rate(self, solution: Solution) -> float:
        return choose_learning_rate(self.learning_rate, solution.largest_curvature)

    def _finite(self, solution: Solution) -> Tensor:
        """Return the response; warn if gradient descent diverges, raise if it overflowed."""
        response, descent = solution.response, solution.descent
        if descent is None:
            return response
        largest = solution.largest_curvature
        warn_if_unstable(descent.learning_rate, largest)
        growth = abs(1.0 - descent.learning_rate * largest)
        diverges = growth > 1.0 and math.log(DIVERGED) / math.log(growth) <= descent.n_steps
        if diverges:
            step = math.ceil(math.log(DIVERGED) / math.log(growth))
            warn(
                f"Gradient descent diverged at step {step} with learning_rate="
                f"{descent.learning_rate:.4g}. Lower it, or use learning_rate='auto'.",
                ConvergenceWarning,
            )
        if not torch.isfinite(response).all():
            raise ValueError(
                f"Gradient descent with learning_rate={self.learning_rate} left the range of "
                f"float64 within n_steps={descent.n_steps}; it is stable below {2 / largest:.4g}."
            )
        return response

    def predict(
        self,
        X: Any,
        *,
        return_std: bool = False,
        include_noise: bool = True,
        sequence_id: Any = None,
    ) -> Any:
        """Predict the targets, and how far they may be from the predictions.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        return_std : bool, default=False
            Whether to return the standard deviation of the posterior too. It is that of Bayesian
            linear regression with the prior that the penalty stands for: ``H ~ N(0, noise_variance_
            / alpha * P)`` with ``P`` the lag weights on a diagonal, or the prior's covariance.
        include_noise : bool, default=True
            Whether the deviation is that of a new target, or that of its mean.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Returns
        -------
        y : ndarray or list of ndarray
            Predictions in the shape that y had in `fit`, at every step if it had targets there.
        std : ndarray or list of ndarray
            With `return_std`, the deviations in the same shape and in the unit of y.

        Raises
        ------
        ValueError
            If X does not have the features, channels or steps that the model was fitted with, or
            there is no posterior: after `n_steps` of gradient descent, or without a penalty where
            the data leave directions unseen.
        """
        sequences, predictions = self._respond(X, sequence_id)
        if not return_std:
            return self._arrange(sequences, predictions)
        solution = self._posterior()
        spread = self._spread(sequences, solution.statistics.input_mean, solution.posterior_root)
        if self._n_intercepts:
            spread += 1.0 / solution.statistics.weight
        variance = (spread[:, None] + float(include_noise)) * solution.noise_variance.numpy()
        std = np.sqrt(variance).astype(self.dtype, copy=False)
        return self._arrange(sequences, predictions), self._arrange(sequences, std)

    def predict_ensemble(
        self, X: Any, *, sequence_id: Any = None
    ) -> tuple[NDArray | list[NDArray], NDArray | list[NDArray]]:
        """Predict the law of an ensemble of trained infinitely wide networks.

        Linear RNNs that differ in their random start alone, ``init="random"``, are different
        functions before training, and still after it. In the limit of large width the outputs of
        the trained networks are Gaussian; this is their mean and deviation after as many steps of
        gradient descent as the estimator took [1]_. Networks have no penalty, so fit with
        ``alpha=0``: at the minimum of a penalised loss nothing of the start is left.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Returns
        -------
        mean : ndarray or list of ndarray
            What `predict` returns.
        std : ndarray or list of ndarray
            Standard deviation over the networks in the same shape, for each output by itself.

        Raises
        ------
        ValueError
            If the prior is not that of a linear RNN, or X is not as in `fit`.

        References
        ----------
        .. [1] J. Lee, L. Xiao, S. Schoenholz, Y. Bahri, R. Novak, J. Sohl-Dickstein, J. Pennington,
           "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent",
           NeurIPS 2019, equation 14.
        """
        sequences, predictions = self._respond(X, sequence_id)
        if not isinstance(self.prior_, LinearRNN):
            raise ValueError(
                "predict_ensemble is about networks, so it needs prior='linear_rnn', but "
                f"{self.prior} came."
            )
        solution = self._require_solution("predict_ensemble")
        deviations = self.prior_.ensemble_deviations(solution.statistics.n_lags)
        start = torch.from_numpy(deviations).repeat_interleave(solution.statistics.n_channels)
        spread = self._spread(
            sequences, solution.statistics.input_mean, solution.ensemble_root(start)
        )
        std = np.sqrt(spread)[:, None].repeat(predictions.shape[1], axis=1)
        std = std.astype(self.dtype, copy=False)
        return self._arrange(sequences, predictions), self._arrange(sequences, std)

    def staged_predict(
        self, X: Any, n_steps: ArrayLike | None = None, *, sequence_id: Any = None
    ) -> Iterator[NDArray | list[NDArray]]:
        """Yield the predictions after each of several numbers of steps, without fitting again.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        n_steps : array-like of int, shape (n_stages,), default=None
            Numbers of steps of gradient descent from zero; ``None`` for the powers of two up to
            a million.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Yields
        ------
        y : ndarray or list of ndarray
            What `predict` would return had the estimator been fitted with that `n_steps`.
        """
        responses = self.staged_impulse_response(n_steps)
        sequences, _ = self._respond(X, sequence_id)
        statistics = self._require_solution("staged_predict").statistics
        flat = torch.from_numpy(responses.transpose(3, 2, 0, 1).astype(np.float64)).flatten(0, 1)
        intercepts = self._export(statistics.intercept(flat))
        for response, intercept in zip(responses, intercepts, strict=True):
            yield self._arrange(sequences, sequences.respond(response) + intercept)

    def staged_impulse_response(self, n_steps: ArrayLike | None = None) -> NDArray:
        """Return the impulse responses after several numbers of steps, without fitting again.

        Parameters
        ----------
        n_steps : array-like of int, shape (n_stages,), default=None
            Numbers of steps of gradient descent from zero; ``None`` for the powers of two up to
            a million.

        Returns
        -------
        impulse_responses : ndarray of shape (n_stages, n_outputs, n_channels, n_lags)
            ``H`` at each stage.
        """
        check_is_fitted(self)
        stages = 2 ** np.arange(21) if n_steps is None else np.asarray(n_steps)
        if stages.ndim != 1 or stages.dtype.kind not in "iu" or (stages < 1).any():
            raise ValueError(
                "n_steps must be whole numbers of at least 1, of shape (n_stages,), but "
                f"{n_steps!r} came."
            )
        solution = self._require_solution("staged_impulse_response")
        filters = self._filters(solution, stages)
        shape = (*solution.root.lags.shape[:1], solution.root.n_channels, *filters.shape[1:], -1)
        responses = solution.spectrum.solve(filters).view(shape)
        return self._export(responses.permute(2, 3, 1, 0))

    def _filters(self, solution: Solution, stages: NDArray) -> Tensor:
        """Return ``f(lam)`` after several numbers of steps, (p, n_stages)."""
        learning_rate = self._learning_rate(solution)
        filters = [
            solution.descent_filter(Descent(int(n_steps), learning_rate)) for n_steps in stages
        ]
        return torch.stack(filters, dim=1)

    def log_marginal_likelihood(self, **hyperparameters: float) -> float:
        """Return the logarithm of the evidence, at its best noise variances.

        Parameters
        ----------
        **hyperparameters : float
            Values of ``alpha`` and of the prior's ``nu_w``, ``nu_f``, ``nu_c``, ``correlation`` to
            use instead of the fitted ones.

        Returns
        -------
        log_likelihood : float
            ``log p(y | X)`` of all outputs together, with a flat prior on the intercept.

        Raises
        ------
        TypeError
            If the prior does not have one of the hyperparameters, or it is not a number.
        ValueError
            If ``alpha`` is not positive.
        """
        check_is_fitted(self)
        statistics = self._require_solution("log_marginal_likelihood").statistics
        own = {f.name for f in fields(self.prior_)} - {"array"}
        known = {"alpha"} | own
        for name, value in hyperparameters.items():
            if name not in known or not isinstance(value, Real):
                raise TypeError(
                    f"This prior takes numbers for {sorted(known)}, but {name}={value!r} came."
                )
        alpha = hyperparameters.pop("alpha", self.alpha_)
        if not alpha > 0:
            raise ValueError(f"The evidence needs alpha > 0, but {alpha} came.")
        prior = replace(self.prior_, **hyperparameters)
        root = make_root(prior, statistics)
        return log_evidence(statistics, root, alpha, self._n_intercepts)

    @property
    def noise_variance_(self) -> NDArray:
        """Residual sum of squares over the degrees of freedom left, (n_outputs,)."""
        return self._export(self._require_solution("noise_variance_").noise_variance)

    @property
    def effective_degrees_of_freedom_(self) -> float:
        """Trace of the hat matrix: how many free parameters the fit amounts to."""
        return self._require_solution("effective_degrees_of_freedom_").degrees_of_freedom

    @property
    def impulse_response_std_(self) -> NDArray:
        """Posterior standard deviation of the impulse response, (n_outputs, n_channels, n_lags)."""
        solution = self._posterior()
        spread = solution.posterior_root.square().sum(1).view(-1, solution.root.n_channels)
        variance = solution.noise_variance[:, None, None] * spread.T
        return self._export(variance.sqrt())

    def _posterior(self) -> Solution:
        solution = self._require_solution("The posterior")
        if solution.descent is not None:
            raise NotComputedError(
                f"The posterior belongs to the minimum of the loss, but n_steps={self.n_steps_} "
                "steps towards it were taken: fit with n_steps=None, or see predict_ensemble."
            )
        if not solution.is_determined:
            raise NotComputedError(
                "The posterior needs alpha > 0: without a penalty the data leave directions of the "
                "impulse response undetermined."
            )
        return solution

    def _require_solution(self, what: str) -> Solution:
        check_is_fitted(self)
        if self._solution is None:
            n_lags, n_channels = len(self.lag_weights_), self.impulse_response_.shape[1]
            raise NotComputedError(
                f"{what} needs the spectrum of the lags' scatter, which was not computed for "
                f"n_lags={n_lags}, n_channels={n_channels} (solver={self.solver!r}). Lower them, "
                "or fit with solver='direct' if there is memory for it."
            )
        return self._solution

    def _spread(self, sequences: Sequences, mean: Tensor, root: Tensor) -> NDArray:
        """Return ``||F^T (z_s - z_bar)||^2`` of ``root (p, k)`` at the supervised steps."""
        blocks = sequences.lags(len(self.lag_weights_))
        return np.concatenate(
            [np.square((block - mean.numpy()) @ root.numpy()).sum(axis=1) for block in blocks]
        )
