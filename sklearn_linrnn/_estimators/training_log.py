"""Telling callbacks, and whoever asked for it by `verbose`, how a training goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

N_REPORTS = 100  # most calls of the callbacks in a training; each takes a few microseconds
N_LINES = 10  # that `verbose` prints


class TrainingLog:
    """Reports of a training, at even distances.

    Parameters
    ----------
    estimator : estimator
        Whose training it is; one that supports callbacks.
    max_iter : int
        Most steps of the training.
    arguments : dict
        What callbacks get with each report: X, y and metadata.
    """

    def __init__(self, estimator: BaseEstimator, max_iter: int, arguments: dict[str, Any]) -> None:
        self.estimator = estimator
        self.max_iter = max_iter
        self.arguments = arguments
        self.n_reports = min(N_REPORTS, max_iter)
        self.begun = time.monotonic()
        self._has_callbacks = bool(getattr(estimator, "_skl_callbacks", None))
        self.context = estimator._init_callback_context(max_subtasks=self.n_reports)
        self.context.call_on_fit_task_begin(estimator=estimator, **arguments)

    def steps_to_next(self, step: int) -> int:
        """Return the number of steps from this one to the next report that somebody waits for."""
        if not (self.estimator.verbose or self._has_callbacks):
            return self.max_iter - step
        report = step * self.n_reports // self.max_iter + 1
        return -(-report * self.max_iter // self.n_reports) - step

    def report(self, step: int, loss: float, attributes: Callable[[], dict[str, Any]]) -> bool:
        """Report a step; return whether a callback wants training to stop.

        ``attributes`` makes those that a model has which is fitted up to here.
        """
        self._print(step, loss)
        if not self._has_callbacks:
            return False
        task = self.context.subcontext(task_name="steps")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.arguments)
        return task.call_on_fit_task_end(
            estimator=self.estimator, **self.arguments, reconstruction_attributes=attributes
        )

    def close(self, outcome: str, step: int, attributes: Callable[[], dict[str, Any]]) -> None:
        """Report the end, and how training came to it."""
        self.estimator._say(f"ended after {step} steps: {outcome}")
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.arguments, reconstruction_attributes=attributes
        )

    def _print(self, step: int, loss: float) -> None:
        if step and step * N_LINES % self.max_iter < N_LINES * self.max_iter // self.n_reports:
            left = (time.monotonic() - self.begun) * (self.max_iter / step - 1)
            self.estimator._say(f"step {step}/{self.max_iter}, loss {loss:.6g}, {left:.0f} s left")
