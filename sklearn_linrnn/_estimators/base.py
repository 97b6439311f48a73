"""What the estimators share: validate, read, learn, publish; and from a response to predictions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._core.scores import SummedErrors
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.inputs import check_window_length, read_inputs
from sklearn_linrnn._data.sequences import Sequences
from sklearn_linrnn._data.stretches import stretches
from sklearn_linrnn._data.targets import (
    observed_steps,
    read_targets,
    read_training_data,
    read_weights,
)
from sklearn_linrnn._data.training_data import AnyData, TrainingData, known_sums
from sklearn_linrnn._estimators.parameters import WithParameters
from sklearn_linrnn._estimators.user_warnings import warn, warn_if_growing

MOST_WEIGHT = 0.5  # of zeros before recordings: it costs about 0.15 of R^2 if they are wrong


@dataclass(frozen=True, eq=False)
class Fit:
    """What was learned.

    Attributes
    ----------
    response : Tensor of shape (n_lags * n_channels, n_outputs)
        ``H``.
    intercept : Tensor of shape (n_outputs,)
        ``b``.
    lag_weights : ndarray of shape (n_lags,)
        The variances of the prior.
    attributes : mapping of str to object
        Further fitted attributes.
    interrupt : BaseException or None
        What interrupted the training, to be raised once the fit is published.
    """

    response: Tensor
    intercept: Tensor
    lag_weights: NDArray
    attributes: Mapping[str, Any] = field(default_factory=dict)
    interrupt: BaseException | None = None


class LagRegressor(SavedState, MultiOutputMixin, RegressorMixin, WithParameters, ABC):
    """A linear model on lagged inputs: one impulse response and an intercept.

    Subclasses define how it is learned (`_learn`).
    """

    _form: DataForm  # of the data that were learned from

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, sequence_id: Any = None) -> Self:
        """Learn the impulse response.

        Parameters
        ----------
        X : array-like or list
            Inputs, in one of the shapes of the :ref:`user guide <data_shapes>`: windows
            ``(n_samples, n_timesteps * n_channels)``, the time steps of recordings
            ``(n_samples, n_channels)`` with ``rows="timesteps"``, a panel ``(n_sequences,
            n_timesteps, n_channels)``, or a list of recordings ``(n_timesteps_i, n_channels)``. In
            recordings NaN is a missing input: time steps that have it among their lags are left out
            of the loss.
        y : array-like or list
            Targets, ``(n_samples,)`` or ``(n_samples, n_outputs)``; for a panel also one at every
            time step, ``(n_sequences, n_timesteps, n_outputs)``; for a list a list. In targets at
            every time step, NaN means that it was not observed: it is left out of the loss.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows of X; for recordings also one for every time step.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; lags never reach
            from one recording into another. ``None`` for a single recording.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an argument is invalid. An earlier fit is then unchanged.
        """
        self._check_parameters()
        return self._fit(read_training_data(self, X, y, sample_weight, sequence_id))

    def fit_statistics(self, statistics: LagStatistics) -> Self:
        """Learn the impulse response from sums, without the data themselves.

        Parameters
        ----------
        statistics : LagStatistics
            Sums of recordings or windows; those of several add up.

        Returns
        -------
        self : object
            The fitted estimator. It predicts at every time step of recordings.

        Raises
        ------
        TypeError
            If they are not `LagStatistics`.
        ValueError
            If a parameter is invalid or needs more than sums, or `n_lags` is not that of the sums.
            An earlier fit is then unchanged.

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
        self._check_parameters()
        return self._fit(known_sums(statistics, initial_state=self.initial_state))

    def predict(self, X: Any, *, sequence_id: Any = None) -> NDArray | list[NDArray]:
        """Predict the targets.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.

        Returns
        -------
        y : ndarray or list of ndarray
            Predictions in the shape that y had in `fit`; at every time step if y had targets there.
            NaN where a lag is missing (NaN in X), or unknown with ``initial_state="unknown"``.

        Raises
        ------
        ValueError
            If X does not have the features, channels or time steps that the model was fitted with.
        """
        return self._arrange(*self._respond(X, sequence_id))

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, sequence_id: Any = None) -> float:
        """Return R^2 of the predictions, averaged over the outputs.

        Parameters
        ----------
        X : array-like or list
            Inputs, in any of the shapes that `fit` takes.
        y : array-like or list
            Targets, as in `fit`. Time steps that were not observed (NaN) do not count, nor do those
            that cannot be predicted because one of their lags is missing.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as in `fit`.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.

        Returns
        -------
        score : float
            Coefficient of determination of all observed time steps together.
        """
        sequences = self._read(X, sequence_id)
        targets, _ = read_targets(y, sequences)
        weights = read_weights(sample_weight, sequences)
        errors = SummedErrors(_unit_of(targets))
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
            for steps, response in sequences.responses(self.impulse_response_):
                predictions = response + self.intercept_
                _check_range(predictions)
                goals = targets[steps]
                seen = observed_steps(goals) & observed_steps(predictions)
                shares = None if weights is None else weights[steps][seen]
                _add_errors(errors, goals[seen], predictions[seen], shares)
        return _r2(errors)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.rows == "timesteps"
        return tags

    def _read_more(
        self, X: Any, y: Any, sample_weight: Any, sequence_id: Any, *, goes_on: bool
    ) -> TrainingData:
        """Return what was passed to ``partial_fit``, checked against the data that it goes on."""
        form = self._form if goes_on else None
        data = read_training_data(self, X, y, sample_weight, sequence_id, form=form)
        if form is None:
            return data
        known, found = ((each.every_step, each.single_output) for each in (form, data.form))
        if known != found:
            where = "at every time step" if form.every_step else "at the last one of windows"
            axis = "without" if form.single_output else "with"
            raise ValueError(
                f"partial_fit needs X and y in the form of the earlier data: targets {where}, "
                f"{axis} an axis of outputs."
            )
        return data

    @abstractmethod
    def _learn(self, data: AnyData) -> Fit:
        """Return what is learned from data, or from their sums."""

    def _fit(self, data: AnyData) -> Self:
        fit = self._learn(data)
        self._warn_of_zeros(data, fit)
        return self._publish(data, fit)

    def _warn_of_zeros(self, data: AnyData, fit: Fit) -> None:
        """Warn if the zeros that are assumed before recordings outweigh the inputs."""
        if not data.form.every_step or self.initial_state != "zero":
            return
        weights = data.weight_of_zeros(len(fit.lag_weights))
        if weights.max() > MOST_WEIGHT:
            warn(
                "initial_state='zero' assumes zeros before each recording, but the inputs are far "
                f"from zero: in channel {weights.argmax()} the step from zero to them adds "
                f"{weights.max():.2g} times their own variance. If they were not zero before, the "
                "response is wrong: pass initial_state='mean' or 'unknown', or subtract the mean."
            )

    def _publish(self, data: AnyData, fit: Fit) -> Self:
        """Publish what was learned; then raise what interrupted the training."""
        nu_w = fit.attributes.get("nu_w_", getattr(self, "nu_w", None))
        if isinstance(nu_w, Real) and float(nu_w) > 1.0:
            warn_if_growing(float(nu_w), fit.lag_weights)
        replace_fitted(self, self._fitted_attributes(data, fit))
        if fit.interrupt is not None:
            raise fit.interrupt
        return self

    def _fitted_attributes(self, data: AnyData, fit: Fit) -> dict[str, Any]:
        response = as_impulse_response(fit.response, len(fit.lag_weights))
        return {
            **data.features,
            "_form": data.form,
            "impulse_response_": self._export(response),
            "intercept_": self._export(fit.intercept),
            "lag_weights_": fit.lag_weights,
            **fit.attributes,
        }

    def _export(self, tensor: Tensor) -> NDArray:
        """Return a copy of a tensor as the NumPy array of a fitted attribute."""
        (array,) = self._export_all([tensor])
        return array

    def _export_all(self, tensors: Iterable[Tensor]) -> list[NDArray]:
        dtype = "float64" if self.dtype == "float64" else "float32"  # also for TF32
        try:
            with np.errstate(over="raise"):
                return [
                    np.array(tensor.cpu().numpy(), dtype=dtype, order="C") for tensor in tensors
                ]
        except FloatingPointError as error:
            raise ValueError(
                f"dtype={self.dtype!r} cannot hold what was learned: it is too large. Scale X and "
                "y, or use dtype='float64'."
            ) from error

    def _statistics(self, data: AnyData, n_lags: int) -> LagStatistics:
        """Return the sums of data about their means, or about zero without an intercept."""
        statistics = data.statistics(n_lags, self.device)
        return statistics if self.fit_intercept else statistics.uncentred()

    def _respond(self, X: Any, sequence_id: Any) -> tuple[Sequences, NDArray]:
        """Return X as it was read, and the predictions (n_supervised, n_outputs)."""
        sequences = self._read(X, sequence_id)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not handed out
            predictions = sequences.respond(self.impulse_response_)
            predictions += self.intercept_
        return sequences, predictions

    def _read(self, X: Any, sequence_id: Any) -> Sequences:
        """Return X as it was read, of which the fitted response can predict."""
        check_is_fitted(self)
        sequences = read_inputs(self, X, sequence_id, self._form)
        check_window_length(sequences, self.impulse_response_.shape[2])
        return sequences

    def _arrange(self, sequences: Sequences, predictions: NDArray) -> NDArray | list[NDArray]:
        _check_range(predictions)
        return sequences.arrange(predictions[:, 0] if self._form.single_output else predictions)

    def _say(self, message: str) -> None:
        if self.verbose:
            print(f"[{type(self).__name__}] {message}")  # noqa: T201 - verbose asks for it


def _check_range(predictions: NDArray) -> None:
    if np.isinf(predictions).any():
        raise ValueError("X is too large: what is predicted from it overflows. Scale it.")


def _unit_of(targets: Any) -> float:
    """Return a unit in which the squares of targets (n_supervised, n_outputs) are within range."""
    largest = 0.0
    for cut in stretches([len(targets)], targets.shape[1]):
        largest = np.fmax(largest, np.fmax.reduce(np.abs(targets[cut.steps]), axis=None))
    return float(np.ldexp(1.0, np.frexp(np.float64(largest))[1] - 1))


def _add_errors(
    errors: SummedErrors, targets: NDArray, predictions: NDArray, weights: NDArray | None
) -> None:
    try:
        errors.add(targets, predictions, weights)
    except FloatingPointError as error:
        raise ValueError(
            "X is too large: squares of what is predicted from it overflow. Scale it."
        ) from error


def _r2(errors: SummedErrors) -> float:
    if errors.n_rows == 0:
        raise ValueError(
            "y must be observed (not NaN) at a time step of which all lags are known, but got "
            "none. Score longer recordings."
        )
    if errors.weight == 0.0:
        raise ValueError(
            "sample_weight must contain at least one non-zero number at an observed time step, but "
            "all of these weights are zero."
        )
    if errors.n_rows == 1:
        warn("R^2 of a single observed time step is not defined.", UndefinedMetricWarning)
        return math.nan
    return errors.r2


def replace_fitted(estimator: BaseEstimator, fitted: Mapping[str, Any]) -> None:
    """Replace all fitted attributes at once, so that a fit that fails changes nothing.

    Parameters, callbacks, metadata requests and the configuration of outputs are kept.
    """
    others = {name: value for name, value in vars(estimator).items() if not _is_fitted(name)}
    estimator.__dict__ = others | dict(fitted)


def _is_fitted(name: str) -> bool:
    """Whether an attribute of that name belongs to a fit."""
    return name == "_form" or (name.endswith("_") and not name.endswith("__"))
