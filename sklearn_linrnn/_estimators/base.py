"""What the estimators share: validate, read, learn, publish."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks
from sklearn.utils import Tags
from torch import Tensor

from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.known_sums import KnownSums, known_sums
from sklearn_linrnn._data.pass_log import Count, PassLog
from sklearn_linrnn._data.pieces import Pieces, check_alone, sums_of_pieces
from sklearn_linrnn._data.sequences import Past
from sklearn_linrnn._data.targets import first_lag_of, read_training_data
from sklearn_linrnn._data.training_data import AnyData
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._estimators.gathering import GatheringMixin
from sklearn_linrnn._estimators.parameters import WithParameters, check_device
from sklearn_linrnn._estimators.pass_reports import PassReports
from sklearn_linrnn._estimators.predictions import LagPredictor
from sklearn_linrnn._estimators.systems import SystemMixin
from sklearn_linrnn._estimators.user_warnings import warn_if_growing

# Of the real and of the complex fitted arrays.
KINDS: dict[str, tuple[str, str]] = {
    "float64": ("float64", "complex128"),
    "float32": ("float32", "complex64"),
    "tf32": ("float32", "complex64"),
}
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
    lag_weights : ndarray of shape (n_lags,) or (n_channels, n_lags)
        The variances of the prior.
    attributes : mapping of str to object
        Further fitted attributes.
    interrupt : BaseException or None
        What interrupted the training, to be raised once the fit is published.
    data : TrainingData, KnownSums or None
        The data at the first lag that was chosen; ``None`` where none was.
    """

    response: Tensor
    intercept: Tensor
    lag_weights: NDArray
    attributes: Mapping[str, Any] = field(default_factory=dict)
    interrupt: BaseException | None = None
    data: AnyData | None = None


class LagRegressor(
    CallbackSupportMixin,
    SavedState,
    MultiOutputMixin,
    LagPredictor,
    SystemMixin,
    RegressorMixin,
    WithParameters,
    GatheringMixin,
    ABC,
):
    """A linear model on lagged inputs: one impulse response and an intercept.

    Subclasses define how it is learned (`_learn`).
    """

    @with_callbacks
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, sequence_id: Any = None
    ) -> Self:
        """Learn the impulse response.

        Parameters
        ----------
        X : array-like, list or iterator
            Inputs, in one of the shapes of the :ref:`user guide <data_shapes>`: windows
            ``(n_samples, n_timesteps * n_channels)``, the time steps of recordings
            ``(n_samples, n_channels)`` with ``rows="timesteps"``, a panel ``(n_sequences,
            n_timesteps, n_channels)``, or a list of recordings ``(n_timesteps_i, n_channels)``. In
            recordings NaN is a missing input: time steps that have it among their lags are left out
            of the loss. Or an iterator, as a generator, of pieces ``(X, y)`` or ``(X, y,
            sample_weight)`` in one of these shapes, of which one at a time is in memory; with
            ``rows="timesteps"`` they are consecutive parts of one recording. A piece without rows
            adds nothing.
        y : array-like or list, default=None
            Targets, ``(n_samples,)`` or ``(n_samples, n_outputs)``; for a panel also one at every
            time step, ``(n_sequences, n_timesteps, n_outputs)``; for a list a list; ``None`` with
            an iterator of pieces. In targets at every time step, NaN means that it was not
            observed: it is left out of the loss.
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
            If a parameter or an argument is invalid, or a parameter needs more than the sums of an
            iterator's pieces. An earlier fit is then unchanged.
        """
        self._check_parameters()
        return self._fit(self._read_data(X, y, sample_weight, sequence_id))

    def fit_statistics(self, statistics: LagStatistics) -> Self:
        """Learn the impulse response from sums, without the data themselves.

        Parameters
        ----------
        statistics : LagStatistics
            Sums of recordings or windows; those of several add up. Their first lag is that of the
            model: with `n_leads` of targets that were moved, with a `delay` of inputs.

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
        first_lag = first_lag_of(self)
        known = known_sums(statistics, initial_state=self.initial_state, first_lag=first_lag)
        return self._fit(known)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.rows == "timesteps"
        return tags

    def _needs_rows(self) -> str | None:
        """Return the parameter that needs more than sums, and its value, or None."""
        return None

    def _read_data(
        self, X: Any, y: Any, sample_weight: Any, sequence_id: Any, *, groups: Any = None
    ) -> AnyData:
        """Return what was passed to ``fit``."""
        if not isinstance(X, Pieces):
            return read_training_data(self, X, y, sample_weight, sequence_id, groups=groups)
        check_alone(y=y, sample_weight=sample_weight, sequence_id=sequence_id, groups=groups)
        return self._sum_pieces(X, self.n_lags)

    def _read_more(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        sequence_id: Any,
        earlier: tuple[int, Past | None] | None,
    ) -> tuple[AnyData, int, int, int]:
        """Return what was passed to ``partial_fit``, as `TrainingData.with_lags` does.

        It goes on ``earlier`` data, with their number of lags and their past, if there were some.
        """
        n_lags, past, form = self.n_lags, None, None
        if earlier is not None:
            form, past = self._form, earlier[1] or Past()
            if form.every_step and n_lags is None:
                n_lags = earlier[0] + min(form.first_lag, 0)
        if isinstance(X, Pieces):
            check_alone(y=y, sample_weight=sample_weight, sequence_id=sequence_id)
            sums = self._sum_pieces(X, n_lags, form=form, past=past, goes_on=True)
            return sums.with_lags(n_lags, past, goes_on=True)
        data = read_training_data(self, X, y, sample_weight, sequence_id, form=form)
        return data.with_lags(n_lags, past, goes_on=True)

    def _sum_pieces(self, pieces: Any, n_lags: int | None, **earlier: Any) -> KnownSums:
        """Return the sums of an iterator's pieces."""
        if (needed := self._needs_rows()) is not None:
            raise ValueError(
                f"{needed} needs the rows of the data, but X is an iterator of pieces, which are "
                "learned from by their sums."
            )
        device = check_device(self.device)
        return sums_of_pieces(self, pieces, n_lags, device, watch=self._watch, **earlier)

    @abstractmethod
    def _learn(self, data: AnyData) -> Fit:
        """Return what is learned from data, or from their sums."""

    _with_delay: Callable[[AnyData], AnyData]  # of those that take delay="auto"

    @with_callbacks
    def _fit(self, data: AnyData) -> Self:
        if isinstance(self.delay, str):
            data = self._with_delay(data)
        fit = self._learn(data)
        data = data if fit.data is None else fit.data
        self._warn_of_zeros(data, fit)
        return self._publish(data, fit)

    def _warn_of_zeros(self, data: AnyData, fit: Fit) -> None:
        """Warn if the zeros that are assumed before recordings outweigh the inputs."""
        if not data.form.every_step or self.initial_state != "zero":
            return
        weights = data.weight_of_zeros(fit.lag_weights.shape[-1])
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
        if nu_w is not None and not isinstance(nu_w, str):
            largest = float(np.asarray(nu_w).max())
            if largest > 1.0:
                warn_if_growing(largest, fit.lag_weights)
        fitted = self._fitted_attributes(data, fit)
        self._fit_context(data).call_on_fit_task_end(
            estimator=self, **data.given, reconstruction_attributes=fitted
        )
        replace_fitted(self, fitted)
        if fit.interrupt is not None:
            raise fit.interrupt
        return self

    def _fitted_attributes(self, data: AnyData, fit: Fit) -> dict[str, Any]:
        response = as_impulse_response(fit.response, fit.lag_weights.shape[-1])
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
        real, complex_ = KINDS[self.dtype]
        try:
            with np.errstate(over="raise"):
                return [
                    np.array(
                        tensor.cpu().numpy(), complex_ if tensor.is_complex() else real, order="C"
                    )
                    for tensor in tensors
                ]
        except FloatingPointError as error:
            raise ValueError(
                f"dtype={self.dtype!r} cannot hold what was learned: it is too large. Scale X and "
                "y, or use dtype='float64'."
            ) from error

    def _statistics(self, data: AnyData, n_lags: int) -> LagStatistics:
        """Return the sums of data about their means, or about zero without an intercept."""
        statistics = data.statistics(n_lags, self.device, self._watch)
        return statistics if self.fit_intercept else statistics.uncentred()

    def _fit_context(self, data: AnyData | None = None) -> CallbackContext:
        """Return the context of the fit under way for its callbacks; it begins with the first."""
        if not hasattr(self, "_callback_fit_ctx"):
            context = self._init_callback_context(max_subtasks=None)  # passes, and a training
            given = {} if data is None else data.given
            context.call_on_fit_task_begin(estimator=self, **given)
        return self._callback_fit_ctx

    @contextmanager
    def _watch(self, n_steps: int | None) -> Iterator[Count]:
        """Begin a pass over data, of which lines and callbacks tell how far it has come.

        Yields
        ------
        count : callable
            Is told of time steps that were read.
        """
        log, reports = PassLog(self._say, n_steps), None
        if getattr(self, "_skl_callbacks", None):
            reports = PassReports(self, self._fit_context(), n_steps)

        def count(n_read: int) -> None:
            log.add(n_read)
            if reports is not None:
                reports.add(n_read)

        yield count
        if reports is not None:
            reports.close()

    def _say(self, message: str) -> None:
        if self.verbose:
            print(f"[{type(self).__name__}] {message}")  # noqa: T201 - verbose asks for it


def replace_fitted(estimator: BaseEstimator, fitted: Mapping[str, Any]) -> None:
    """Replace all fitted attributes at once, so that a fit that fails changes nothing.

    Parameters, callbacks, metadata requests and the configuration of outputs are kept.
    """
    others = {name: value for name, value in vars(estimator).items() if not _is_fitted(name)}
    estimator.__dict__ = others | dict(fitted)


def _is_fitted(name: str) -> bool:
    """Whether an attribute of that name belongs to a fit."""
    return name == "_form" or (name.endswith("_") and not name.endswith("__"))
