"""What the estimators that train by iterations share."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.callback import with_callbacks
from sklearn.exceptions import ConvergenceWarning

from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.memory import explained_memory_errors
from sklearn_linrnn._core.networks.recipes import Recipe
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.scores import r2
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import calm, run_by_size
from sklearn_linrnn._core.training.loop import Stopping, Training
from sklearn_linrnn._core.training.objective import Model
from sklearn_linrnn._core.training.rule import TrainingRule
from sklearn_linrnn._core.training.schedules import SCHEDULES
from sklearn_linrnn._data.sequences import Past
from sklearn_linrnn._data.training_data import AnyData
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._estimators.base import Fit, LagRegressor
from sklearn_linrnn._estimators.parameters import (
    Interval,
    StrOptions,
    make_seed,
    torch_dtype,
)
from sklearn_linrnn._estimators.resources import matrix_precision
from sklearn_linrnn._estimators.training_log import TrainingLog
from sklearn_linrnn._estimators.training_record import TrainingRecord
from sklearn_linrnn._estimators.user_warnings import (
    warn_if_mean_alone,
    warn_if_past_reach,
    warn_if_unstable,
)

CURVES = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
Sums = tuple[LagStatistics, LagStatistics | None]  # to learn from, and held out

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


class DescentRegressor(LagRegressor):
    """A response learned by full-batch gradient descent on the exact loss.

    Subclasses define what is trained (`_recipe`).
    """

    # Whether training changes the curvature, so that a learning rate may cease to be stable.
    _moves: ClassVar[bool] = False
    # Fitted attributes that are the parameters, in their order.
    _parameter_names: ClassVar[tuple[str, ...]] = ()
    # Parameters of the estimator that say what they mean, and are in its recipe.
    _fixed_by_training: ClassVar[tuple[str, ...]] = ()

    training_: TrainingRecord

    @with_callbacks
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, sequence_id: Any = None
    ) -> Self:
        """Add data to the earlier ones, and continue training on all of them.

        The sums of the data add up, so that nothing is forgotten and their order does not matter;
        `max_iter` iterations cost the same for any amount of earlier data. The optimiser continues
        from its state. With `early_stopping`, a part of the new data is held out, too.

        With ``rows="timesteps"`` a recording may come in pieces, also shorter than `n_lags`: each
        goes on where the one before ended, so that the sums are those of the whole. For that the
        last ``n_lags - 1`` inputs of every recording are kept, and as many more as the delay.

        Parameters
        ----------
        X : array-like, list or iterator
            New inputs, in the form of the earlier ones, or an iterator of pieces as in `fit`.
        y : array-like or list, default=None
            Their targets; ``None`` with an iterator of pieces.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as in `fit`.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to: an earlier one goes
            on, a new one begins. ``None`` for a single recording, which goes on. The recordings of
            panels and lists are whole.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As in `fit`, and if the data have other lags, channels or outputs than the earlier
            ones. The earlier fit is then unchanged.
        """
        self._check_parameters()
        earlier = self._earlier()
        known = None if earlier is None else (earlier.statistics.n_lags, earlier.past)
        return self._add_to(earlier, self._read_more(X, y, sample_weight, sequence_id, known))

    @with_callbacks
    def _add(self, data: AnyData) -> Self:
        return self._add_to(self._earlier(), data.with_lags(self.n_lags))

    def _earlier_past(self) -> Past | None:
        earlier = self._earlier()
        return None if earlier is None else earlier.past or Past()

    def _add_to(
        self, earlier: TrainingRecord | None, has_lags: tuple[AnyData, int, int, int]
    ) -> Self:
        """Train on the earlier data and more."""
        data, fit = has_lags[0], self._learn_with(has_lags, earlier, adds=True)
        if not data.goes_on:
            self._warn_of_zeros(data, fit)
        if earlier is not None and not self.early_stopping:
            record = replace(fit.attributes["training_"], held_out=earlier.held_out)
            fit = replace(fit, attributes={**fit.attributes, "training_": record})
        return self._publish(data, fit)

    @abstractmethod
    def _recipe(self, n_lags: int, n_channels: int, seed: int | None) -> Recipe:
        """Return how the model that is trained is initialised."""

    def _needs_rows(self) -> str | None:
        return "early_stopping=True" if self.early_stopping else None

    def _is_random(self) -> bool:
        """Return whether a fit draws random numbers."""
        return self.early_stopping and self.validation_split == "random"

    def _earlier(self) -> TrainingRecord | None:
        """Return the record of an earlier fit, if there was one."""
        return getattr(self, "training_", None)

    # -- Data ------------------------------------------------------------------------------

    def _learn(self, data: AnyData) -> Fit:
        earlier = self._earlier() if self.warm_start else None
        return self._learn_with(data.with_lags(self.n_lags), earlier, adds=False)

    def _learn_with(
        self,
        has_lags: tuple[AnyData, int, int, int],
        earlier: TrainingRecord | None,
        *,
        adds: bool,
    ) -> Fit:
        """Return what is learned from data; from the earlier data, too, if it ``adds`` to them."""
        data, _, n_lags, n_channels = has_lags
        seed = None if earlier is None else earlier.seed
        if seed is None and self._is_random():
            seed = make_seed(self.random_state)
        n_inputs, n_hidden = n_lags * n_channels, getattr(self, "n_hidden", 0)
        with self._explained(n_lags):
            with calm(n_inputs**2):
                sums = self._gather(data, n_lags, seed)
            if adds and earlier is not None:
                sums = _added(sums, earlier)
            return run_by_size(
                max(n_hidden, n_inputs) ** 2, partial(self._train, data, sums, seed, earlier)
            )

    def _gather(self, data: AnyData, n_lags: int, seed: int | None) -> Sums:
        """Return the sums to learn from, and those that are held out if there are to be some."""
        if not self.early_stopping:
            return self._statistics(data, n_lags), None
        rng = np.random.default_rng(seed) if self.validation_split == "random" else None
        rows = data.rows("early_stopping=True")
        learned, held_out = rows.split(self.validation_fraction, rng)
        return self._statistics(learned, n_lags), held_out.statistics(n_lags, self.device)

    def _check_same_shape(self, statistics: LagStatistics, earlier: TrainingRecord) -> None:
        """Raise unless the parameters of the last fit are of a model of these data."""
        shape = len(statistics.target_mean), statistics.n_channels, statistics.n_lags
        given = {name: getattr(self, name) for name in self._fixed_by_training}
        known = {name: getattr(earlier.recipe, name) for name in self._fixed_by_training}
        if shape == self.impulse_response_.shape and given == known:
            return
        raise ValueError(
            "Training continues (warm_start, partial_fit) with a model of (n_outputs, n_channels, "
            f"n_lags) = {self.impulse_response_.shape}{_listed(known)}, but these data need "
            f"{shape}{_listed(given)}. Fit again with warm_start=False."
        )

    # -- Training --------------------------------------------------------------------------

    def _train(
        self, data: AnyData, sums: Sums, seed: int | None, earlier: TrainingRecord | None
    ) -> Fit:
        """Return what a new model learns, or the one of an earlier training."""
        statistics, held_out = sums
        n_lags, device = statistics.n_lags, statistics.input_mean.device
        if not torch.isfinite(statistics.target_scatter).all():
            raise ValueError("y is too large: its squares overflow float64. Scale it.")
        if earlier is not None:
            self._check_same_shape(statistics, earlier)
        with matrix_precision(self.dtype, device):
            n_channels = statistics.n_channels
            recipe = self._recipe(n_lags, n_channels, seed) if earlier is None else earlier.recipe
            root = PriorRoot.of_prior(recipe.prior(n_lags), n_lags, n_channels, device)
            model = recipe.model(root, len(statistics.target_mean), torch_dtype(self.dtype))
            trained = None if earlier is None else earlier.parameters
            rule = self._rule()
            rate = self._choose_rate(rule, model, statistics, root, earlier)
            begun = rule.begin(model, statistics, rate, held_out, trained)
            training = self._begin(begun, n_lags, earlier)
            fit_now = partial(self._fit_now, training, root.variances, earlier)
            interrupt = self._run(training, data, fit_now)
            fit = fit_now()
        self._warn_of(training, fit.attributes)
        if earlier is None:
            warn_if_past_reach(recipe, fit.lag_weights)
        if rule.solver == "gd" and not self.fit_intercept:
            travelled = rate * fit.attributes["n_iter_"] / (1.0 - rule.momentum)
            warn_if_mean_alone(statistics, root, travelled)
        last_rate = fit.attributes["learning_rate_"]
        record = TrainingRecord(
            statistics.to("cpu"),
            None if held_out is None else held_out.to("cpu"),
            recipe,
            rule.recorded(training),
            seed,
            parameters=self._export_all(model.parameters),
            memory=[tensor.cpu().numpy() for tensor in training.optimizer.memory()],
            curves={name: fit.attributes[name] for name in CURVES if name in fit.attributes},
            n_kept=training.n_kept,
            stable_rate=last_rate if last_rate < rate else math.inf,
            went_on=earlier is not None,
            past=data.past,
        )
        attributes = {**fit.attributes, "training_": record}
        return replace(fit, attributes=attributes, interrupt=interrupt)

    def _rule(self) -> TrainingRule:
        return TrainingRule(
            self.solver,
            self.learning_rate,
            self.schedule,
            float(self.momentum),  # NumPy's may be of few digits
            self.nesterov,
            float(self.weight_decay),  # NumPy's may be too short for what it is compared with
            self.max_grad_norm,
            Stopping(self.max_iter, self.tol, self.n_iter_no_change),
            adaptive=self._moves and self.solver == "gd" and self.learning_rate == "auto",
        )

    def _choose_rate(
        self,
        rule: TrainingRule,
        model: Model,
        statistics: LagStatistics,
        root: PriorRoot,
        earlier: TrainingRecord | None,
    ) -> float:
        """Return the learning rate; warn if gradient descent would diverge with it."""
        if rule.solver != "gd":
            return rule.rate(0.0, model)
        curvature = Quadratic.of(statistics, root).largest_eigenvalue()
        rate = rule.rate(curvature, model)
        if self.learning_rate != "auto":
            warn_if_unstable(rate, rule.limit(curvature, model))
        if not rate <= torch.finfo(torch_dtype(self.dtype)).max:
            raise ValueError(
                f"dtype={self.dtype!r} cannot hold the learning rate {rate:.4g}, the inverse of "
                "the largest curvature. Scale X, or use dtype='float64'."
            )
        return rate if earlier is None or not rule.adaptive else min(rate, earlier.stable_rate)

    def _begin(self, training: Training, n_lags: int, earlier: TrainingRecord | None) -> Training:
        """Return a training as it begins or goes on, or raise if its model cannot be trained."""
        if not math.isfinite(training.loss):
            raise ValueError(
                f"The response of n_lags={n_lags}, or its penalty, overflows {self.dtype} at the "
                "initialisation. Lower the initial variances, n_lags or weight_decay, or use "
                "dtype='float64'."
            )
        if earlier is not None:
            training.optimizer.remember([torch.tensor(array) for array in earlier.memory])
        if self.max_time is not None:
            training.deadline = time.monotonic() + self.max_time
        return training

    def _run(
        self, training: Training, data: AnyData, fit_now: Callable[[], Fit]
    ) -> KeyboardInterrupt | None:
        """Train, with reports; return what interrupted the training."""
        context, interrupt = self._fit_context(data), None
        log = TrainingLog(self, context, self.max_iter, data.given, self._say)

        def attributes() -> dict[str, Any]:
            return self._fitted_attributes(data, fit_now())

        try:
            while training.outcome is None:
                training.run(log.iterations_to_next(len(training.rows)))
                stops = log.report(len(training.rows), training.loss, attributes)
                if stops and training.outcome is None:
                    training.outcome = "stopped"
        except KeyboardInterrupt as error:
            training.outcome, interrupt = "interrupted", error
        training.finish()
        log.close(training.outcome, len(training.rows), attributes)
        return interrupt

    def _fit_now(
        self, training: Training, lag_weights: NDArray, earlier: TrainingRecord | None
    ) -> Fit:
        """Return what a training has learned so far."""
        model, moments = training.objective.model, training.objective.moments
        response = model.response()
        curves = _curves(training, {} if earlier is None else earlier.curves)
        named = zip(self._parameter_names, self._export_all(model.shown), strict=False)
        attributes = {**curves, "learning_rate_": training.rate, **dict(named)}
        attributes["n_iter_"] = len(attributes["loss_curve_"])
        return Fit(response, moments.intercept(response), lag_weights, attributes)

    def _warn_of(self, training: Training, attributes: Any) -> None:
        """Warn if training diverged, or ended before it converged."""
        if training.outcome == "diverged":
            message = (
                f"Training diverged at iteration {attributes['n_iter_']} with learning_rate="
                f"{attributes['learning_rate_']:.4g}; the best parameters before it are kept. "
                "Lower the learning rate, or use learning_rate='auto'."
            )
        elif training.outcome == "max_iter" and self.tol > 0:
            message = (
                f"Training reached max_iter={self.max_iter} before the loss stopped falling by "
                f"tol={self.tol:g}."
            )
        else:
            return
        warn(message, ConvergenceWarning)

    def _explained(self, n_lags: int) -> AbstractContextManager[None]:
        """Return a context in which an error for lack of memory advises what to lower."""
        sizes = {"n_hidden": getattr(self, "n_hidden", None), "n_lags": n_lags}
        sizes = {name: size for name, size in sizes.items() if size is not None}
        given = ", ".join(f"{name}={size}" for name, size in sizes.items())
        smaller = ", or use dtype='float32'" if self.dtype == "float64" else ""
        return explained_memory_errors(
            f"There is not enough memory on device={str(self.device)!r} for {given}, "
            f"dtype={self.dtype!r}. Lower {' or '.join(sizes)}{smaller}."
        )


def _listed(values: dict[str, Any]) -> str:
    return "".join(f", {name}={value!r}" for name, value in values.items())


def _added(sums: Sums, earlier: TrainingRecord) -> Sums:
    """Return the sums with those of earlier data."""
    statistics, held_out = sums
    statistics = statistics + earlier.statistics.to(statistics.input_mean.device)
    if held_out is not None and earlier.held_out is not None:
        held_out = held_out + earlier.held_out.to(held_out.input_mean.device)
    return statistics, held_out


def _curves(training: Training, earlier: dict[str, NDArray]) -> dict[str, Any]:
    """Return the records of each iteration, after those of earlier fits."""
    loss, watched, *errors = np.array(training.rows).reshape(-1, training.n_columns).T
    curves = {"loss_curve_": loss}
    if (held_out := training.objective.held_out) is not None:
        squares = torch.from_numpy(np.stack(errors, axis=1))
        curves["validation_loss_curve_"] = watched
        curves["validation_scores_"] = r2(squares, held_out.target_scatter.cpu()).numpy()
    return {name: np.concatenate([earlier.get(name, []), curve]) for name, curve in curves.items()}
