"""Iterations of gradient descent in closed form: their filters, and how many of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, Literal, cast

import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from sklearn_linrnn._core.closed_form.model_selection import (
    Smoother,
    best_n_steps,
    leave_one_out,
    mean_error,
)
from sklearn_linrnn._core.closed_form.solution import Descent, Problem, Solution
from sklearn_linrnn._core.closed_form.spectral import (
    degrees_of_freedom,
    generalised_cross_validation,
    residual_squares,
)
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn._core.training.optimizers import DIVERGED
from sklearn_linrnn._core.training.step_size import choose_learning_rate, stable_limit
from sklearn_linrnn._data.training_data import AnyData, TrainingData
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._estimators.user_warnings import warn_if_mean_alone, warn_if_unstable


def make_descent(
    solution: Solution, n_steps: int, learning_rate: float | Literal["auto"]
) -> Descent:
    """Return a number of iterations of gradient descent on the loss of a solution."""
    return Descent(int(n_steps), choose_learning_rate(learning_rate, solution.largest_curvature))


def descent_filters(
    solution: Solution, stages: NDArray, learning_rate: float | Literal["auto"]
) -> Tensor:
    """Return ``f(lam)`` after several numbers of iterations, (p, n_stages)."""
    descents = (make_descent(solution, n_steps, learning_rate) for n_steps in stages)
    return torch.stack([solution.descent_filter(descent) for descent in descents], dim=1)


def expected_squares(rule: str, data: AnyData, solution: Solution, filters: Tensor) -> Tensor:
    """Return the mean squared errors that "gcv" or "loo" expects, (n_filters, n_outputs)."""
    spectrum = solution.spectrum
    if rule == "gcv":
        used = degrees_of_freedom(spectrum.eigenvalues, filters)
        squares = residual_squares(spectrum, filters)
        return generalised_cross_validation(solution.statistics, squares, used)
    return _leave_one_out(data, solution, Smoother.of_spectrum(spectrum, filters))


def expected_squares_of_ridge(rule: str, data: AnyData, solution: Solution) -> Tensor:
    """Return the same of a solution that shows rounding of the eigenvalues, (n_outputs,)."""
    shown, penalty = solution.problem.shown, solution.penalty
    with calm(solution.statistics.input_scatter.numel()):
        if rule == "gcv":
            squares = shown.mean_squares(penalty)[None]
            used = squares.new_tensor([shown.degrees_of_freedom(penalty)])
            return generalised_cross_validation(solution.statistics, squares, used)[0]
        basis, reached = shown.seen(penalty)
    smoother = Smoother(basis, basis.new_ones(len(reached), 1), reached)
    return _leave_one_out(data, solution, smoother)[0]


def _leave_one_out(data: AnyData, solution: Solution, smoother: Smoother) -> Tensor:
    rows = data.rows("leaving out one time step")
    lags = rows.sequences.lags(solution.statistics.n_lags)
    return leave_one_out(solution.statistics, smoother, lags, rows.targets, rows.shares)


def check_descent(solution: Solution, n_steps: Any, learning_rate: Any) -> None:
    """Warn if gradient descent diverges, or ends before it begins; raise if it overflowed.

    Parameters
    ----------
    solution : Solution
        After a number of iterations.
    n_steps : int or str
        What the user asked for.
    learning_rate : float or "auto"
        Likewise.
    """
    descent = cast(Descent, solution.descent)
    limit = stable_limit(solution.largest_curvature)
    warn_if_unstable(descent.learning_rate, limit)
    if isinstance(n_steps, Integral):  # not chosen by held-out errors
        travelled = descent.learning_rate * descent.n_steps
        warn_if_mean_alone(solution.problem.statistics, solution.problem.root, travelled)
    growth = abs(1.0 - 2.0 * descent.learning_rate / limit)
    if growth > 1.0 and math.log(DIVERGED) / math.log(growth) <= descent.n_steps:
        iteration = math.ceil(math.log(DIVERGED) / math.log(growth))
        warn(
            f"Gradient descent diverged at iteration {iteration} with learning_rate="
            f"{descent.learning_rate:.4g}. Lower it, or use learning_rate='auto'.",
            ConvergenceWarning,
        )
    if not torch.isfinite(solution.response).all():
        raise ValueError(
            f"Gradient descent with learning_rate={learning_rate} left the range of float64 "
            f"within n_steps={descent.n_steps}; it is stable below {limit:.4g}."
        )


class CountsIterations:
    """What chooses the number of iterations of gradient descent."""

    n_steps: int | Literal["gcv", "loo", "validation"] | None
    validation_fraction: float
    learning_rate: float | Literal["auto"]
    _statistics: Callable[..., LagStatistics]

    def _count_steps(self, data: AnyData, solution: Solution) -> int:
        if isinstance(self.n_steps, Integral):
            return int(self.n_steps)
        if self.n_steps == "validation":
            return self._count_steps_by_validation(data.rows("n_steps='validation'"), solution)
        rule: Any = self.n_steps
        known = data if rule == "gcv" else data.rows(f"n_steps={rule!r}")
        return best_n_steps(partial(self._expected_error, rule, known, solution))

    def _expected_error(
        self, rule: Literal["gcv", "loo"], data: AnyData, solution: Solution, stages: NDArray
    ) -> NDArray:
        """Return the error expected after several numbers of iterations, (n_stages,)."""
        filters = descent_filters(solution, stages, self.learning_rate)
        squares = expected_squares(rule, data, solution, filters)
        return mean_error(squares, solution.statistics).cpu().numpy()

    def _count_steps_by_validation(self, data: TrainingData, solution: Solution) -> int:
        """Return the number of iterations with the least error on the last observed time steps."""
        early, late = data.split(self.validation_fraction)
        n_lags = solution.statistics.n_lags
        held_out = self._statistics(late, n_lags)
        statistics = self._statistics(early, n_lags)
        training = replace(solution, problem=Problem(statistics, solution.root))

        def error(stages: NDArray) -> NDArray:
            filters = descent_filters(training, stages, self.learning_rate)
            responses = training.spectrum.solve(filters)
            squares = held_out.squared_errors(responses, statistics.intercept(responses))
            return mean_error(squares / held_out.weight, held_out).cpu().numpy()

        return best_n_steps(error)
