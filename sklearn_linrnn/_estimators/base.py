"""What the estimators share: from arrays to statistics, and from a response to predictions."""

from __future__ import annotations

import math
import sys
import warnings
from abc import ABC, abstractmethod
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_linrnn._core.priors.lag_priors import LagPrior
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.tensors import all_finite
from sklearn_linrnn._data.inputs import check_inputs, check_n_lags, check_window_length
from sklearn_linrnn._data.sequences import Recordings, Sequences, TrainingData, observed_steps
from sklearn_linrnn._data.targets import check_targets, check_training_data, check_weights
from sklearn_linrnn._estimators.parameters import (
    check_device,
    numpy_dtype,
    restored_on_failure,
    validate_parameters,
)

INSIDE = ("sklearn_linrnn.", "sklearn.", "contextlib")


class LagRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator, ABC):
    """A linear model on lagged inputs: one impulse response and an intercept.

    Subclasses say how the response is learned from the data (`_solve`) and, where that is
    possible, from its sums alone (`_learn`).
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, sequence_id: Any = None) -> Self:
        """Learn the impulse response.

        Parameters
        ----------
        X : array-like or list
            Inputs, in one of the shapes of the :ref:`user guide <data_shapes>`: windows
            ``(n_samples, n_timesteps * n_channels)``, the steps of recordings
            ``(n_samples, n_channels)`` with ``rows="timesteps"``, a panel ``(n_sequences,
            n_timesteps, n_channels)``, or a list of recordings ``(n_timesteps_i, n_channels)``.
        y : array-like or list
            Targets, ``(n_samples,)`` or ``(n_samples, n_outputs)``; for a panel also one at every
            step, ``(n_sequences, n_timesteps, n_outputs)``; for a list a list. At targets for
            every step, NaN means that the step was not observed: it is left out of the loss.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows of X; for recordings also one for every step.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; lags never cross
            from one into another. ``None`` for a single recording.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an argument is not of the form it must have. An earlier fit then
            stays as it was.
        """
        with restored_on_failure(self):
            validate_parameters(self)
            data = check_training_data(self, X, y, sample_weight, sequence_id)
            self._every_step = isinstance(data.sequences, Recordings)
            self._single_output = data.single_output
            self._publish(*self._solve(data, self._count_lags(data)))
        return self

    def fit_statistics(self, statistics: LagStatistics) -> Self:
        """Learn the impulse response from sums, wherever the data is.

        Parameters
        ----------
        statistics : LagStatistics
            Sums of recordings or windows; those of several add up.

        Returns
        -------
        self : object
            The fitted estimator. It predicts at every step of the recordings that it gets.

        Raises
        ------
        TypeError
            If something else than `LagStatistics` came.
        ValueError
            If a parameter is not of the form it must have or needs more than sums, or `n_lags`
            is not that of the sums. An earlier fit then stays as it was.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_linrnn import LagStatistics, NTKConvRegressor
        >>> x = np.random.default_rng(0).normal(size=(2, 500))
        >>> y = x + 0.5 * np.roll(x, 1, axis=1)
        >>> parts = [LagStatistics.from_series(*part, n_lags=3) for part in zip(x, y)]
        >>> model = NTKConvRegressor(alpha=1e-6).fit_statistics(sum(parts))
        >>> model.impulse_response_.round(1)
        array([[[1. , 0.5, 0. ]]])
        """
        with restored_on_failure(self):
            validate_parameters(self)
            if not isinstance(statistics, LagStatistics):
                raise TypeError(
                    f"statistics must be LagStatistics, but {type(statistics).__name__} came."
                )
            check_sums(statistics)
            if self.n_lags not in (None, "auto", statistics.n_lags):
                raise ValueError(
                    f"n_lags={self.n_lags} is not the number of lags of the statistics, "
                    f"{statistics.n_lags}: take statistics.first_lags, or n_lags=None."
                )
            self._every_step, self._single_output = True, False
            self.n_features_in_ = statistics.n_channels
            if hasattr(self, "feature_names_in_"):  # of an earlier fit
                del self.feature_names_in_
            self._publish(*self._learn(self._about(statistics.to(check_device(self.device)))))
        return self

    def predict(self, X: Any, *, sequence_id: Any = None) -> NDArray | list[NDArray]:
        """Predict the targets.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Returns
        -------
        y : ndarray or list of ndarray
            Predictions in the shape that y had in `fit`, at every step if it had targets there.

        Raises
        ------
        ValueError
            If X does not have the features, channels or steps that the model was fitted with.
        """
        return self._arrange(*self._respond(X, sequence_id))

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, sequence_id: Any = None) -> float:
        """Return R^2 of the predictions, averaged over the outputs.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        y : array-like or list
            Targets, as in `fit`. Steps that were not observed (NaN) do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as in `fit`.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Returns
        -------
        score : float
            Coefficient of determination of all observed steps together.
        """
        sequences, predictions = self._respond(X, sequence_id)
        targets, _ = check_targets(y, sequences)
        weights = check_weights(sample_weight, sequences)
        observed = observed_steps(targets)
        return r2_score(
            targets[observed],
            predictions[observed],
            sample_weight=None if weights is None else weights[observed],
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _count_lags(self, data: TrainingData) -> int:
        return check_n_lags(self, data.sequences)

    @abstractmethod
    def _solve(self, data: TrainingData, n_lags: int) -> tuple[Tensor, Tensor]:
        """Return the response (n_lags * n_channels, n_outputs) and the intercept (n_outputs,)."""

    @abstractmethod
    def _learn(self, statistics: LagStatistics) -> tuple[Tensor, Tensor]:
        """Return what `_solve` returns, from sums about the level that `fit_intercept` asks for."""

    def _statistics(self, data: TrainingData, n_lags: int) -> LagStatistics:
        return self._about(self._gather(data, n_lags))

    def _gather(self, data: TrainingData, n_lags: int) -> LagStatistics:
        """Return the sums of data about their means."""
        statistics = data.statistics(n_lags, check_device(self.device))
        check_sums(statistics)
        return statistics

    def _about(self, statistics: LagStatistics) -> LagStatistics:
        """Return the sums about their means, or about zero for a model without intercept."""
        return statistics if self.fit_intercept else statistics.uncentred()

    def _publish(self, response: Tensor, intercept: Tensor) -> None:
        self.__dict__.update(self._response_attributes(response, intercept))

    def _response_attributes(self, response: Tensor, intercept: Tensor) -> dict[str, NDArray]:
        return {
            "impulse_response_": self._export_response(response),
            "intercept_": self._export(intercept),
        }

    def _export_response(self, response: Tensor) -> NDArray:
        """Return a response (n_lags * n_channels, n_outputs) as (n_outputs, n_channels, n_lags)."""
        shape = (len(self.lag_weights_), -1, response.shape[1])
        return self._export(response.view(shape).permute(2, 1, 0))

    def _export(self, tensor: Tensor) -> NDArray:
        """Return a copy of a tensor as the NumPy array of a fitted attribute."""
        return np.array(tensor.cpu().numpy(), dtype=numpy_dtype(self.dtype), order="C")

    def _respond(self, X: Any, sequence_id: Any) -> tuple[Sequences, NDArray]:
        check_is_fitted(self)
        _, n_channels, n_lags = self.impulse_response_.shape
        sequences = check_inputs(
            self, X, sequence_id, reset=False, every_step=self._every_step, n_channels=n_channels
        )
        check_window_length(sequences, n_lags)
        return sequences, sequences.respond(self.impulse_response_) + self.intercept_

    def _arrange(self, sequences: Sequences, predictions: NDArray) -> NDArray | list[NDArray]:
        return sequences.arrange(predictions[:, 0] if self._single_output else predictions)

    def _say(self, message: str) -> None:
        if self.verbose:
            print(f"[{type(self).__name__}] {message}")  # noqa: T201 - verbose asks for it


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the first line outside this package, and outside what it is called through."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(INSIDE):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(message, category, stacklevel=level)


def check_sums(statistics: LagStatistics) -> None:
    """Raise if products of finite inputs, targets and weights were too large for float64."""
    finite = all_finite(statistics.input_scatter) and all_finite(statistics.cross_scatter)
    if not (finite and math.isfinite(statistics.weight)):
        raise ValueError(
            "X, y or sample_weight is too large: sums of their products overflow float64. Scale "
            "them."
        )


def make_root(prior: LagPrior, statistics: LagStatistics) -> PriorRoot:
    """Return the root of a prior for the lags and channels of the statistics."""
    device = statistics.input_mean.device
    return PriorRoot.of(prior.root(statistics.n_lags), statistics.n_channels, device)


def prior_variances(prior: LagPrior, n_lags: int) -> NDArray:
    """Return the variances of the lags under a prior, (n_lags,)."""
    covariance = prior.covariance(n_lags)
    return covariance if covariance.ndim == 1 else np.diagonal(covariance).copy()


def choose_learning_rate(learning_rate: float | Literal["auto"], curvature: float) -> float:
    """Return the size of the steps; "auto" is the inverse of the largest ``curvature``."""
    if learning_rate == "auto":
        return 1.0 / curvature if curvature > 0 else 1.0
    return float(learning_rate)


def warn_if_unstable(
    learning_rate: float, curvature: float, momentum: float = 0.0, *, nesterov: bool = False
) -> None:
    """Warn if steps are too large for the largest ``curvature``.

    Gradient descent on a quadratic loss is stable below ``2 (1 + momentum) / curvature``, and with
    Nesterov's momentum below ``2 (1 + momentum) / (1 + 2 momentum) / curvature``.
    """
    limit = 2.0 * (1.0 + momentum) / (1.0 + 2.0 * momentum * nesterov)
    if curvature > 0 and learning_rate > (limit := limit / curvature):
        warn(
            f"learning_rate={learning_rate:.4g} is past the stable limit {limit:.4g}: gradient "
            "descent will diverge. Lower it, or use learning_rate='auto'.",
            UserWarning,
        )
