"""What the estimators that train step by step share."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.priors.lag_priors import LagPrior
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.training.loop import Stopping, Training
from sklearn_linrnn._core.training.objective import Model, Objective
from sklearn_linrnn._core.training.optimizers import LBFGS, Adam, GradientDescent, Optimizer
from sklearn_linrnn._core.training.schedules import SCHEDULES, checked_schedule, scheduled_share
from sklearn_linrnn._data.sequences import Recordings, TrainingData
from sklearn_linrnn._data.targets import check_training_data
from sklearn_linrnn._estimators.base import (
    LagRegressor,
    choose_learning_rate,
    make_root,
    prior_variances,
    warn,
    warn_if_unstable,
)
from sklearn_linrnn._estimators.computing import explained_memory_errors, matrix_precision
from sklearn_linrnn._estimators.parameters import (
    Interval,
    StrOptions,
    check_device,
    make_seed,
    numpy_dtype,
    restored_on_failure,
    validate_parameters,
)
from sklearn_linrnn._estimators.training_log import TrainingLog

CURVES = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
LEARNING_RATES = {
    "adam": 1e-3,  # Kingma and Ba 2015, as in PyTorch and scikit-learn
    "lbfgs": 1.0,  # the length that the curvature suggests
}

TRAINING: dict[str, list] = {
    "solver": [StrOptions({"gd", "adam", "lbfgs"})],
    "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "schedule": [StrOptions(set(SCHEDULES)), callable],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "nesterov": ["boolean"],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "max_time": [Interval(Real, 0, None, closed="neither"), None],
    "tol": [Interval(Real, 0, 1, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "validation_split": [StrOptions({"last", "random"})],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
}


class DescentRegressor(CallbackSupportMixin, LagRegressor):
    """A response learned by full-batch gradient descent on the exact loss.

    Subclasses say what is trained (`_make_model`), and with which weights of the lags it would
    train if it were infinitely wide (`_lag_prior`).
    """

    # Whether training moves the curvature, so that a step which was stable may cease to be.
    _moves = False

    _sums: LagStatistics  # what was learned from
    _held_out_sums: LagStatistics | None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, sequence_id: Any = None) -> Self:
        # numpydoc ignore=GL08
        with self._given(X, y, sample_weight, sequence_id):
            return super().fit(X, y, sample_weight, sequence_id=sequence_id)

    fit.__doc__ = LagRegressor.fit.__doc__

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, sequence_id: Any = None
    ) -> Self:
        """Add data to those seen so far, and go on training on all of them.

        The sums of the data add up, so that nothing is forgotten and the order does not matter;
        `max_iter` steps cost the same however much came before. The optimiser goes on where it
        was. With `early_stopping`, a part of these data too is held out.

        Parameters
        ----------
        X : array-like or list
            More inputs, in the form of those before.
        y : array-like or list
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as in `fit`.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As in `fit`, and if the data have other lags, channels or outputs than those before.
            What was learned from those then stays as it was.
        """
        if not hasattr(self, "impulse_response_"):
            return self.fit(X, y, sample_weight, sequence_id=sequence_id)
        with self._given(X, y, sample_weight, sequence_id), restored_on_failure(self):
            validate_parameters(self)
            data = check_training_data(self, X, y, sample_weight, sequence_id, reset=False)
            self._check_same_form(data)
            self._begin(goes_on=True)
            statistics, held_out = self._split_sums(data, self._count_lags(data))
            statistics = statistics + self._sums.to(statistics.input_mean.device)
            if held_out is not None and self._held_out_sums is not None:
                held_out = held_out + self._held_out_sums.to(held_out.input_mean.device)
            earlier = self._held_out_sums
            self._publish(*self._train(statistics, held_out, goes_on=True))
            if held_out is None:
                self._held_out_sums = earlier
        return self

    @abstractmethod
    def _make_model(self, n_outputs: int, root: PriorRoot) -> Model:
        """Return the model at its start, for the lags, channels and on the device of the root."""

    @abstractmethod
    def _lag_prior(self, n_lags: int) -> LagPrior:
        """Return the prior that the tangent kernel of the limit is."""

    def _model_attributes(self, model: Model) -> dict[str, NDArray]:
        """Return fitted attributes beyond the response."""
        return {}

    def _continue(self, model: Model) -> None:
        """Put the parameters of the last fit into a model at its start."""
        for parameter, array in zip(model.parameters, self._parameters(), strict=True):
            parameter.copy_(torch.tensor(array))

    @abstractmethod
    def _parameters(self) -> list[NDArray]:
        """Return the parameters of the last fit."""

    # -- Data ------------------------------------------------------------------------------

    @contextmanager
    def _given(self, X: Any, y: Any, sample_weight: Any, sequence_id: Any) -> Iterator[None]:
        """Keep what came for the callbacks, which score models on it, as long as training goes."""
        metadata = {"sample_weight": sample_weight, "sequence_id": sequence_id}
        metadata = {name: value for name, value in metadata.items() if value is not None}
        self._training_arguments = {"X": X, "y": y, "metadata": metadata}
        try:
            yield
        finally:
            del self._training_arguments

    def _check_same_form(self, data: TrainingData) -> None:
        every_step = isinstance(data.sequences, Recordings)
        if every_step != self._every_step or data.single_output != self._single_output:
            raise ValueError(
                "partial_fit needs X and y in the form of the data before: targets "
                f"{'at every step' if self._every_step else 'at the last step of windows'}, "
                f"{'without' if self._single_output else 'with'} an axis of outputs."
            )

    def _check_same_shape(self, statistics: LagStatistics) -> None:
        """Raise unless the parameters of the last fit are of a model of these data."""
        shape = len(statistics.target_mean), statistics.n_channels, statistics.n_lags
        n_hidden = getattr(self, "n_hidden", None)
        if shape == self.impulse_response_.shape and n_hidden in (None, len(self._parameters()[0])):
            return
        raise ValueError(
            "Training goes on (warm_start, partial_fit) with a model of (n_outputs, n_channels, "
            f"n_lags) = {self.impulse_response_.shape}, but these data, with n_hidden={n_hidden}, "
            f"need {shape}. Fit anew with warm_start=False."
        )

    def _solve(self, data: TrainingData, n_lags: int) -> tuple[Tensor, Tensor]:
        goes_on = self._begin(self._is_warm())
        return self._train(*self._split_sums(data, n_lags), goes_on=goes_on)

    def _learn(self, statistics: LagStatistics) -> tuple[Tensor, Tensor]:
        if self.early_stopping:
            raise ValueError(
                "early_stopping=True needs the rows of the data, not their sums alone."
            )
        return self._train(statistics, None, goes_on=self._begin(self._is_warm()))

    def _is_warm(self) -> bool:
        """Return whether a fit goes on from an earlier one."""
        return self.warm_start and hasattr(self, "impulse_response_")

    def _begin(self, goes_on: bool) -> bool:
        """Return ``goes_on``; draw a seed, unless training goes on with an earlier one."""
        if self._is_random() and not (goes_on and hasattr(self, "_seed")):
            self._seed = make_seed(self.random_state)
        return goes_on

    def _is_random(self) -> bool:
        """Return whether a fit draws random numbers."""
        return self.early_stopping and self.validation_split == "random"

    def _gather(self, data: TrainingData, n_lags: int) -> LagStatistics:
        with self._explained(check_device(self.device), n_lags):
            return super()._gather(data, n_lags)

    def _split_sums(
        self, data: TrainingData, n_lags: int
    ) -> tuple[LagStatistics, LagStatistics | None]:
        """Return the sums to learn from, and those that are held out if there are to be some."""
        if not self.early_stopping:
            return self._statistics(data, n_lags), None
        rng = np.random.default_rng(self._seed) if self.validation_split == "random" else None
        data, held_out = data.split(self.validation_fraction, rng)
        return self._statistics(data, n_lags), self._gather(held_out, n_lags)

    # -- Training --------------------------------------------------------------------------

    @with_callbacks
    def _train(
        self, statistics: LagStatistics, held_out: LagStatistics | None, *, goes_on: bool
    ) -> tuple[Tensor, Tensor]:
        if not torch.isfinite(statistics.target_scatter).all():
            raise ValueError("y is too large: its squares overflow float64. Scale it.")
        device = statistics.input_mean.device
        if goes_on:
            self._check_same_shape(statistics)
        with self._explained(device, statistics.n_lags), matrix_precision(self.dtype, device):
            prior = self._lag_prior(statistics.n_lags)
            self.lag_weights_ = prior_variances(prior, statistics.n_lags)
            root = make_root(prior, statistics)
            model = self._make_model(len(statistics.target_mean), root)
            if goes_on:
                self._continue(model)
            objective = Objective(
                model, statistics, held_out, self.weight_decay, self.max_grad_norm or math.inf
            )
            stopping = Stopping(self.max_iter, self.tol, self.n_iter_no_change)
            training = self._make_training(
                objective,
                Quadratic.of(statistics, root),
                stopping,
                most=self._stable_rate if goes_on else math.inf,
            )
            if not math.isfinite(training.loss):
                raise ValueError(
                    f"The loss is not finite at the start: the impulse response of n_lags="
                    f"{statistics.n_lags} overflows {self.dtype}. Lower nu_w or n_lags, or use "
                    "dtype='float64'."
                )
            if goes_on:
                training.optimizer.remember([torch.tensor(m) for m in self._optimizer_memory])
            if self.max_time is not None:
                training.deadline = time.monotonic() + self.max_time
            self._run(training, self._curves() if goes_on else {})
            response = model.response()
        self._went_on = goes_on
        self._warn_of(training)
        self._sums = statistics.to("cpu")
        self._held_out_sums = None if held_out is None else held_out.to("cpu")
        return response, statistics.intercept(response)

    def _make_training(
        self, objective: Objective, loss: Quadratic, stopping: Stopping, *, most: float = math.inf
    ) -> Training:
        """Return a training at its start; an adaptive rate is at most ``most``."""
        if callable(self.schedule):
            schedule = checked_schedule(self.schedule)
        else:
            schedule = partial(scheduled_share, self.schedule, max_iter=self.max_iter)
        optimizer = self._make_optimizer(objective.model)
        rate = self._choose_rate(loss)
        if optimizer.adaptive:
            rate = min(rate, most)
        return Training(objective, optimizer, stopping, rate, schedule)

    def _make_optimizer(self, model: Model) -> Optimizer:
        if self.nesterov and (self.solver != "gd" or not self.momentum):
            raise ValueError(
                "nesterov=True is a kind of momentum for solver='gd': it needs momentum > 0, but "
                f"solver={self.solver!r} with momentum={self.momentum} came."
            )
        if self.solver == "adam":
            return Adam(model.parameters, self.momentum or 0.9)
        if self.solver == "lbfgs":
            return LBFGS(model.parameters)
        return GradientDescent(
            model.parameters,
            self.momentum,
            nesterov=self.nesterov,
            adaptive=self._moves and self.learning_rate == "auto",
        )

    def _choose_rate(self, loss: Quadratic) -> float:
        """Return the size of the steps; warn if it is past that at which gradient descent grows."""
        if self.solver != "gd":
            automatic = self.learning_rate == "auto"
            return LEARNING_RATES[self.solver] if automatic else float(self.learning_rate)
        curvature = loss.largest_eigenvalue() + self.weight_decay
        rate = choose_learning_rate(self.learning_rate, curvature)
        warn_if_unstable(rate, curvature, self.momentum, nesterov=self.nesterov)
        if not rate <= float(np.finfo(numpy_dtype(self.dtype)).max):
            raise ValueError(
                f"dtype={self.dtype!r} cannot hold the learning rate {rate:.4g}, the inverse of "
                "the largest curvature. Scale X, or use dtype='float64'."
            )
        return rate

    def _run(self, training: Training, earlier: dict[str, NDArray]) -> None:
        """Train, tell how it goes, and set what is known of it."""
        rate = training.rate
        log = TrainingLog(self, self.max_iter, getattr(self, "_training_arguments", {}))
        attributes = partial(self._fitted_attributes, training, earlier)
        try:
            while training.outcome is None:
                training.run(log.steps_to_next(len(training.rows)))
                stops = log.report(len(training.rows), training.loss, attributes)
                if stops and training.outcome is None:
                    training.outcome = "stopped"
        except KeyboardInterrupt:
            training.outcome = "interrupted"
        training.finish()
        for name in self._curves():  # of an earlier fit, which may have had others
            delattr(self, name)
        self.__dict__.update(self._training_attributes(training, earlier))
        self._n_steps_kept = training.n_kept
        # A step that was too large once is not tried again.
        self._stable_rate = training.rate if training.rate < rate else math.inf
        self._optimizer_memory = [tensor.cpu().numpy() for tensor in training.optimizer.memory()]
        log.close(training.outcome, len(training.rows), attributes)

    def _fitted_attributes(self, training: Training, earlier: dict[str, NDArray]) -> dict[str, Any]:
        """Return the fitted attributes of a model whose training ended here."""
        model, moments = training.objective.model, training.objective.moments
        response = model.response()
        return {
            **self._response_attributes(response, moments.intercept(response)),
            **self._training_attributes(training, earlier),
        }

    def _training_attributes(
        self, training: Training, earlier: dict[str, NDArray]
    ) -> dict[str, Any]:
        loss, watched, *errors = np.array(training.rows).reshape(-1, training.n_columns).T
        curves = {"loss_curve_": loss}
        if (held_out := training.objective.held_out) is not None:
            curves["validation_loss_curve_"] = watched
            curves["validation_scores_"] = r2(
                np.stack(errors, axis=1), held_out.target_scatter.cpu().numpy()
            )
        for name, curve in curves.items():
            curves[name] = np.concatenate([earlier.get(name, []), curve])
        return {
            **curves,
            "n_iter_": len(curves["loss_curve_"]),
            "learning_rate_": training.rate,
            **self._model_attributes(training.objective.model),
        }

    def _curves(self) -> dict[str, NDArray]:
        """Return what the last fit recorded at its steps."""
        return {name: getattr(self, name) for name in CURVES if hasattr(self, name)}

    def _warn_of(self, training: Training) -> None:
        """Warn of an end that nobody asked for."""
        if training.outcome == "diverged":
            message = (
                f"Training diverged at step {self.n_iter_} with learning_rate="
                f"{self.learning_rate_:.4g}; the best parameters before it are kept. Lower the "
                "learning rate, or use learning_rate='auto'."
            )
        elif training.outcome == "interrupted":
            whole = training.n_kept == len(training.rows)
            kept = "parameters of that step" if whole else "best parameters before it"
            message = f"Training was interrupted after step {self.n_iter_}; the {kept} are kept."
        elif training.outcome == "max_iter" and self.tol > 0:
            message = (
                f"Training reached max_iter={self.max_iter} before the loss stopped falling by "
                f"tol={self.tol:g}."
            )
        else:
            return
        warn(message, ConvergenceWarning)

    def _explained(self, device: torch.device, n_lags: int) -> AbstractContextManager[None]:
        """Return a context in which an error for lack of memory says what to do about it."""
        sizes = {"n_hidden": getattr(self, "n_hidden", None), "n_lags": n_lags}
        sizes = {name: size for name, size in sizes.items() if size is not None}
        given = ", ".join(f"{name}={size}" for name, size in sizes.items())
        smaller = ", or use dtype='float32'" if self.dtype == "float64" else ""
        return explained_memory_errors(
            f"There is not enough memory on {device} for {given}, dtype={self.dtype!r}. Lower "
            f"{' or '.join(sizes)}{smaller}."
        )


def r2(squared_errors: NDArray, scatter: NDArray) -> NDArray:
    """Return R^2 averaged over the outputs, (n_rows,), as `sklearn.metrics.r2_score` does.

    Parameters
    ----------
    squared_errors : ndarray of shape (n_rows, n_outputs)
        Sums of squared errors.
    scatter : ndarray of shape (n_outputs,)
        Sums of squared deviations of the targets from their means. Where they do not vary, the
        score is 1 without an error and 0 with one.
    """
    varies = scatter > 0
    relative = squared_errors / np.where(varies, scatter, 1.0)
    return (1.0 - np.where(varies, relative, squared_errors > 0)).mean(axis=1)
