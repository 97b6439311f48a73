"""What the closed-form estimators share: their uncertainty, and training up to any iteration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn._core.closed_form.evidence import log_evidence
from sklearn_linrnn._core.closed_form.solution import Problem, Solution
from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors, Prior
from sklearn_linrnn._core.priors.lag_weights import GaussianGroups
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.priors.two_sided import TwoSided
from sklearn_linrnn._core.response import as_impulse_response, as_matrix
from sklearn_linrnn._core.statistics.autoregression import Autoregression
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.tensors import row_norms
from sklearn_linrnn._data.outputs import Blocks, without_overflow
from sklearn_linrnn._data.sequences import Sequences
from sklearn_linrnn._data.training_data import AnyData
from sklearn_linrnn._estimators.base import Fit
from sklearn_linrnn._estimators.growing_sums import GrowingSumsRegressor
from sklearn_linrnn._estimators.iterations import check_descent, descent_filters
from sklearn_linrnn._estimators.parameters import TakesPrior, with_hyperparameters
from sklearn_linrnn._estimators.predictions import one_or_all, predictions_of, spreads_of
from sklearn_linrnn._estimators.response_covariance import ResponseCovarianceMixin
from sklearn_linrnn._estimators.serial_residuals import heeding_residuals

MOST_DIRECT = 4096  # coefficients; their scatter takes 128 MiB


class NotComputedError(ValueError, AttributeError):
    """An attribute or method that needs what this fit did not compute."""


class ClosedFormRegressor(TakesPrior, ResponseCovarianceMixin, GrowingSumsRegressor):
    """A response in closed form, with all iterations of its training and its posterior."""

    def _fit_of(
        self,
        prior: Prior,
        solution: Solution,
        data: AnyData,
        attributes: dict[str, Any] | None = None,
    ) -> Fit:
        """Return a solution as what was learned from data."""
        response, descent = solution.response, solution.descent
        if descent is not None and solution.penalty != math.inf:  # of which nothing moves
            check_descent(solution, self.n_steps, self.learning_rate)
        if data.form.every_step and descent is None:  # windows do not say how residuals go on
            solution = heeding_residuals(solution, data)
        statistics, stored = solution.problem.statistics, solution
        if not statistics.input_mean.is_cpu:  # what is fitted loads on any machine
            stored = solution.to("cpu")
        lag_weights = solution.problem.root.variances
        scatter = statistics.input_scatter.diagonal().cpu().numpy() / statistics.weight
        variances = scatter.reshape(lag_weights.shape[-1], -1).mean(axis=0)
        return Fit(
            response,
            statistics.intercept(response),
            lag_weights,
            {
                **prior_attributes(prior, lag_weights, variances),
                "alpha_": solution.alpha,
                "n_steps_": None if descent is None else descent.n_steps,
                "solution_": stored,
                "_past_": data.past,
                **(attributes or {}),
            },
        )

    def _make_problem(self, statistics: LagStatistics, prior: Prior) -> Problem:
        n_lags, n_channels = statistics.n_lags, statistics.n_channels
        device = statistics.input_mean.device
        return Problem(statistics, PriorRoot.of_prior(prior, n_lags, n_channels, device))

    def predict(
        self,
        X: Any,
        *,
        return_std: bool = False,
        include_noise: bool = True,
        sequence_id: Any = None,
        out: Any = None,
    ) -> Any:
        """Predict the targets, and the standard deviations of the predictions.

        Parameters
        ----------
        X : array-like, list or iterator
            Inputs, in any of the shapes that `fit` takes. Of an iterator of such inputs the
            predictions are handed out one after another, too, by an iterator; with
            ``rows="timesteps"`` they are consecutive parts of one recording.
        return_std : bool, default=False
            Whether to return the posterior standard deviation, too. It is that of Bayesian linear
            regression with the prior that corresponds to the penalty: ``H ~ N(0, noise_variance_ /
            alpha * P)``, with ``P`` the diagonal matrix of the lag weights or the prior's
            covariance; with ``noise="ar"`` the variance there is that of the innovations. Where the
            residuals of recordings are not white (`noise_predictability_`), the response and the
            noise variance are as uncertain as they then are.
        include_noise : bool, default=True
            Whether the standard deviation is that of a new target, or that of its mean.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.
        out : array-like or tuple, default=None
            An array of floats to write the predictions to, of their shape: of NumPy, or anything
            that takes slices, as memory maps and arrays in HDF5 or Zarr files do; for a list of
            recordings a list of them. With `return_std` a tuple of two. ``None`` for new arrays.

        Returns
        -------
        y : ndarray, list of ndarray or iterator
            Predictions in the shape that y had in `fit`, at every time step if it had targets
            there; NaN where a lag is missing (NaN in X), or with ``initial_state="unknown"`` not
            known. With `out`, that.
        std : ndarray or list of ndarray
            With `return_std`, the standard deviations in the same shape and in the unit of y. An
            iterator hands out pairs ``(y, std)``.

        Raises
        ------
        ValueError
            If X does not have the features, channels or time steps that the model was fitted with,
            or `out` has another shape than the predictions, or there is no posterior: after
            `n_steps` iterations of gradient descent, or without a penalty if the data do not
            determine the impulse response.
        TypeError
            If `out` is no array of floats.
        """
        if not return_std:
            return self._answer(X, sequence_id, out, self._means)
        check_is_fitted(self)
        solution = self._posterior()
        root, noise = solution.posterior_root, self._autoregression
        share = 1.0 / noise.gain
        level = solution.intercept_variance * share**2 + include_noise * noise.variances[0]

        def deviations(sequences: Sequences) -> Blocks:
            for steps, spread in spreads_of(sequences, solution.statistics, root, share):
                variance = (spread[:, None] + level) * solution.noise_variance.numpy()
                variance[np.isinf(spread)] = np.inf  # not NaN where there is no noise
                yield steps, without_overflow(np.sqrt(variance).astype(self.dtype, copy=False))

        return self._answer(X, sequence_id, out, self._means, deviations)

    def predict_ensemble(
        self, X: Any, *, sequence_id: Any = None
    ) -> tuple[NDArray | list[NDArray], NDArray | list[NDArray]]:
        """Predict the distribution of an ensemble of trained infinitely wide networks.

        Linear RNNs that differ in their random initialisation alone, ``init="random"``, are
        different functions before training, and still after it. In the limit of large width the
        outputs of the trained networks are Gaussian; this is their mean and standard deviation
        after `n_steps_` iterations of gradient descent [1]_. Networks have no penalty, so fit with
        ``alpha=0``: at the minimum of a penalised loss nothing of the initialisation is left.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.

        Returns
        -------
        mean : ndarray or list of ndarray
            What `predict` returns.
        std : ndarray or list of ndarray
            Standard deviation over the networks, in the same shape; of each output separately.

        Raises
        ------
        ValueError
            If the prior is not that of a network of random matrices ("linear_rnn", "leaky_rnn",
            "deep_linear_rnn"), or leaves some lags untrained, or X is not as in `fit`.

        References
        ----------
        .. [1] J. Lee, L. Xiao, S. Schoenholz, Y. Bahri, R. Novak, J. Sohl-Dickstein, J. Pennington,
           "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent",
           NeurIPS 2019, equation 14.
        """
        check_is_fitted(self)
        kind = self.prior_.priors[0] if isinstance(self.prior_, ChannelPriors) else self.prior_
        if not isinstance(kind, GaussianGroups):
            raise ValueError(
                "predict_ensemble is defined for networks of random matrices: it needs a prior of "
                "theirs, as is prior='linear_rnn' and n_leads=0, but got "
                f"{self.prior} and {self.n_leads}."
            )
        solution = self._require_solution("predict_ensemble")
        n_lags, n_channels = solution.statistics.n_lags, solution.statistics.n_channels
        initial = self.prior_.ensemble_deviations(n_lags).reshape(n_lags, -1)
        start = np.broadcast_to(initial, (n_lags, n_channels)).flatten()
        root = solution.ensemble_root(torch.from_numpy(start))

        def deviations(sequences: Sequences) -> Blocks:
            for steps, spread in spreads_of(sequences, solution.statistics, root):
                std = np.sqrt(spread)[:, None].repeat(len(self.intercept_), axis=1)
                yield steps, without_overflow(std.astype(self.dtype, copy=False))

        return self._answer(X, sequence_id, None, self._means, deviations)

    def staged_predict(
        self, X: Any, n_steps: ArrayLike | None = None, *, sequence_id: Any = None
    ) -> Iterator[NDArray | list[NDArray]]:
        """Yield the predictions after each of several numbers of iterations, without fitting again.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        n_steps : array-like of int, shape (n_stages,), default=None
            Numbers of iterations of gradient descent from zero; ``None`` for the powers of two up
            to a million.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.

        Yields
        ------
        y : ndarray or list of ndarray
            What `predict` would return had the estimator been fitted with that `n_steps`.
        """
        responses = self.staged_impulse_response(n_steps)
        sequences = self._read(X, sequence_id)
        statistics = self._require_solution("staged_predict").statistics
        filtered = statistics.intercept(as_matrix(responses))
        intercepts = self._export(filtered / self._autoregression.gain)
        for response, intercept in zip(responses, intercepts, strict=True):
            stage = partial(predictions_of, response, intercept)
            yield one_or_all(self._answer_to(sequences, [stage], [None]))

    def staged_impulse_response(self, n_steps: ArrayLike | None = None) -> NDArray:
        """Return the impulse responses after several numbers of iterations, without fitting again.

        Parameters
        ----------
        n_steps : array-like of int, shape (n_stages,), default=None
            Numbers of iterations of gradient descent from zero; ``None`` for the powers of two up
            to a million.

        Returns
        -------
        impulse_responses : ndarray of shape (n_stages, n_outputs, n_channels, n_lags)
            ``H`` at each stage.
        """
        check_is_fitted(self)
        stages = 2 ** np.arange(21) if n_steps is None else np.asarray(n_steps)
        if stages.ndim != 1 or stages.dtype.kind not in "iu" or (stages < 1).any():
            raise ValueError(
                "n_steps must be whole numbers of at least 1, of shape (n_stages,), but got "
                f"{n_steps!r}."
            )
        solution = self._require_solution("staged_impulse_response")
        filters = descent_filters(solution, stages, self.learning_rate)
        responses = solution.spectrum.solve(filters)
        return self._export(as_impulse_response(responses, solution.statistics.n_lags))

    def log_marginal_likelihood(self, **hyperparameters: Any) -> float:
        """Return the logarithm of the marginal likelihood (evidence), at its best noise variances.

        Parameters
        ----------
        **hyperparameters : float or array-like of shape (n_channels,)
            Values of ``alpha`` and of the prior's ``nu_w``, ``nu_f``, ``nu_c``, ``correlation`` to
            use instead of the fitted ones; of all but ``alpha`` also one for each channel, where
            the channels have priors of their own.

        Returns
        -------
        log_likelihood : float
            ``log p(y | X)`` of all outputs together, with a flat prior on the intercept.

        Raises
        ------
        TypeError
            If the prior does not have one of the hyperparameters, or a value is not a number.
        ValueError
            If ``alpha`` is not positive.
        """
        check_is_fitted(self)
        statistics = self._require_solution("log_marginal_likelihood").statistics
        alpha = hyperparameters.pop("alpha", self.alpha_)
        prior = with_hyperparameters(self.prior_, hyperparameters)
        if not isinstance(alpha, Real):
            raise TypeError(f"alpha must be a number, but got {alpha!r}.")
        if not float(alpha) > 0:
            raise ValueError(f"The evidence needs alpha > 0, but got {alpha}.")
        root = self._make_problem(statistics, prior).root
        return log_evidence(statistics, root, float(alpha))

    @property
    def delay_(self) -> int:
        """The delay."""
        return max(self.first_lag_, 0)

    @property
    def noise_variance_(self) -> NDArray:
        """Variance of the noise, (n_outputs,)."""
        innovations = self._require_solution("noise_variance_").noise_variance
        return self._export(innovations * self._autoregression.variances[0])

    @property
    def noise_predictability_(self) -> float:
        """Share of the variance of the residuals that the residuals before explain."""
        long_run = self._require_solution("noise_predictability_").long_run
        return 0.0 if long_run is None else long_run.predictability

    @property
    def effective_degrees_of_freedom_(self) -> float:
        """Trace of the hat matrix: the effective number of free parameters."""
        return self._require_solution("effective_degrees_of_freedom_").degrees_of_freedom

    @property
    def impulse_response_std_(self) -> NDArray:
        """Posterior standard deviation of the impulse response, (n_outputs, n_channels, n_lags)."""
        solution = self._posterior()
        deviation = row_norms(solution.posterior_root) * solution.noise_variance.sqrt()
        return self._export(as_impulse_response(deviation, solution.statistics.n_lags))

    @property
    def _autoregression(self) -> Autoregression:
        """The noise; `solution_` is that of data that its filter has made white."""
        return Autoregression(vars(self).get("_noise_", np.empty(0)))

    def _posterior(self) -> Solution:
        solution = self._require_solution("The posterior")
        if solution.descent is not None:
            raise NotComputedError(
                "The posterior is defined at the minimum of the loss, but this fit ended after "
                f"n_steps={self.n_steps_} iterations: fit with n_steps=None, or see "
                "predict_ensemble."
            )
        if not solution.is_determined:
            raise NotComputedError(
                "The posterior needs alpha > 0: without a penalty the data do not determine the "
                "impulse response."
            )
        return solution

    def _require_solution(self, what: str) -> Solution:
        check_is_fitted(self)
        if self.solution_ is None:
            _, n_channels, n_lags = self.impulse_response_.shape
            raise NotComputedError(
                f"{what} needs the spectrum of the lags' scatter, which was not computed for "
                f"n_lags={n_lags}, n_channels={n_channels} (solver={self.solver!r}). Lower them, "
                "or fit with solver='direct' if there is memory for it."
            )
        return self.solution_


def prior_attributes(prior: Prior, lag_weights: NDArray, variances: NDArray) -> dict[str, Any]:
    """Return the fitted attributes of a prior: itself, its hyperparameters, and its channels.

    Parameters
    ----------
    prior : LagPrior or ChannelPriors
        The prior.
    lag_weights : ndarray of shape (n_lags,) or (n_channels, n_lags)
        Its variances.
    variances : ndarray of shape (n_channels,)
        Of the inputs.
    """
    one: Any = prior.priors[0] if isinstance(prior, ChannelPriors) else prior
    one = one.one_side if isinstance(one, TwoSided) else one
    own = {f"{name}_": getattr(one, name) for name in HYPERPARAMETERS if hasattr(one, name)}
    scale = np.ones(len(variances))
    if isinstance(prior, ChannelPriors):
        own = {name: prior.values(name.removesuffix("_")) for name in own}
        scale = prior.scale
    relevance = lag_weights.sum(axis=-1) * variances
    return {"prior_": prior, **own, "channel_scale_": scale, "channel_relevance_": relevance}
