"""What the estimators that train step by step share."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from sklearn_linrnn._base import LagRegressor, choose_learning_rate, warn, warn_if_unstable
from sklearn_linrnn._core.lag_statistics import LagStatistics
from sklearn_linrnn._core.optimize import Adam, GradientDescent, Model, Stopping, Training, train
from sklearn_linrnn._core.prior_root import PriorRoot
from sklearn_linrnn._core.spectral import Quadratic
from sklearn_linrnn._sequences import TrainingData
from sklearn_linrnn._validation.parameters import Interval, StrOptions, check_lag_weights

ADAM_LEARNING_RATE = 1e-3  # Kingma and Ba 2015, as in PyTorch and scikit-learn

TRAINING: dict[str, list] = {
    "solver": [StrOptions({"gd", "adam"})],
    "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, 1, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
}


class DescentRegressor(LagRegressor):
    """A response learned by full-batch gradient descent on the exact loss.

    Subclasses say what is trained (`_start`).
    """

    # Whether training moves the curvature, so that a step which was stable may cease to be.
    _moves = False

    @abstractmethod
    def _start(self, statistics: LagStatistics, scale: Tensor) -> Model:
        """Return the model at its start; ``scale`` has the square roots of the input weights."""

    def _lag_prior(self) -> Any:
        """Return "linear_rnn", "flat" or the lag weights themselves."""
        return "linear_rnn"

    def _solve(self, data: TrainingData, n_lags: int) -> tuple[Tensor, Tensor]:
        held_out = None
        if self.early_stopping:
            data, validation = data.split(self.validation_fraction)
            held_out = self._statistics(validation, n_lags)
        return self._train(self._statistics(data, n_lags), held_out)

    def _learn(self, statistics: LagStatistics) -> tuple[Tensor, Tensor]:
        if self.early_stopping:
            raise ValueError(
                "early_stopping=True needs the rows of the data, not their sums alone."
            )
        return self._train(statistics, None)

    def _train(
        self, statistics: LagStatistics, held_out: LagStatistics | None
    ) -> tuple[Tensor, Tensor]:
        n_lags = statistics.n_lags
        if not torch.isfinite(statistics.target_scatter).all():
            raise ValueError("y is too large: its squares overflow float64. Scale it.")
        self.lag_weights_ = check_lag_weights(self._lag_prior(), n_lags, self)
        deviations, device = np.sqrt(self.lag_weights_), statistics.input_mean.device
        root = PriorRoot.of(deviations, statistics.n_channels, device)
        loss = Quadratic.of(statistics, root)
        model = self._start(statistics, root.scale)
        optimizer = self._make_optimizer(model, loss)
        training = train(
            model,
            statistics,
            held_out,
            optimizer,
            Stopping(self.max_iter, self.tol, self.n_iter_no_change),
            self._report,
        )
        self._publish_training(training, optimizer.learning_rate)
        self._publish_model(model)
        response = model.response()
        return response, statistics.intercept(response)

    def _make_optimizer(self, model: Model, loss: Quadratic) -> GradientDescent | Adam:
        automatic = self.learning_rate == "auto"
        if self.solver == "adam":
            learning_rate = ADAM_LEARNING_RATE if automatic else float(self.learning_rate)
            return Adam(model.parameters, learning_rate, betas=(self.momentum or 0.9, 0.999))
        curvature = loss.largest_eigenvalue()
        learning_rate = choose_learning_rate(self.learning_rate, curvature)
        warn_if_unstable(learning_rate, curvature, self.momentum)
        if not learning_rate <= float(np.finfo(self.dtype).max):
            raise ValueError(
                f"dtype={self.dtype!r} cannot hold the learning rate {learning_rate:.4g}, the "
                "inverse of the largest curvature. Scale X, or use dtype='float64'."
            )
        return GradientDescent(
            model.parameters, learning_rate, self.momentum, adaptive=automatic and self._moves
        )

    def _publish_model(self, model: Model) -> None:
        """Set fitted attributes beyond the response."""

    def _report(self, step: int, loss: float) -> None:
        if step % max(1, self.max_iter // 10) == 0:
            self._say(f"step {step}/{self.max_iter}, loss {loss:.6g}")

    def _publish_training(self, training: Training, learning_rate: float) -> None:
        self.n_iter_ = len(training.losses)
        self.loss_curve_ = np.array(training.losses)
        self.learning_rate_ = learning_rate
        if self.early_stopping:
            self.validation_loss_curve_ = np.array(training.watched)
        elif hasattr(self, "validation_loss_curve_"):  # of an earlier fit
            del self.validation_loss_curve_
        if training.outcome == "diverged":
            warn(
                f"Training diverged at step {self.n_iter_} with learning_rate="
                f"{learning_rate:.4g}; the best parameters before it are kept. Lower the learning "
                "rate, or use learning_rate='auto'.",
                ConvergenceWarning,
            )
        elif training.outcome == "max_iter" and self.tol > 0:
            warn(
                f"Training reached max_iter={self.max_iter} before the loss stopped falling by "
                f"tol={self.tol:g}.",
                ConvergenceWarning,
            )
