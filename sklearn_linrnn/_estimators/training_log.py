"""Reports of a training, to callbacks and, if `verbose` asks for it, to the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext

N_REPORTS = 100  # calls of the callbacks in a training, at most; each takes a few microseconds
N_LINES = 10  # that `verbose` prints


class TrainingLog:
    """Reports of a training, at regular intervals.

    Parameters
    ----------
    estimator : estimator
        The estimator that is trained; it supports callbacks.
    context : CallbackContext
        That of the whole fit.
    max_iter : int
        Largest number of iterations.
    given : mapping of str to object
        What callbacks get with each report: X, y and metadata.
    say : callable
        Prints a line, if `verbose` asks for it.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        max_iter: int,
        given: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self.estimator = estimator
        self.max_iter = max_iter
        self.given = given
        self.say = say
        self.n_reports = min(N_REPORTS, max_iter)
        self.begun = time.monotonic()
        self._has_callbacks = bool(getattr(estimator, "_skl_callbacks", None))
        self.context = context.subcontext("training", max_subtasks=self.n_reports)
        self.context.call_on_fit_task_begin(estimator=estimator, **given)

    def iterations_to_next(self, iteration: int) -> int:
        """Return the number of iterations from this one to the next report, if there is one."""
        if not (self.estimator.verbose or self._has_callbacks):
            return self.max_iter - iteration
        report = iteration * self.n_reports // self.max_iter + 1
        return -(-report * self.max_iter // self.n_reports) - iteration

    def report(self, iteration: int, loss: float, attributes: Callable[[], dict[str, Any]]) -> bool:
        """Report an iteration; return whether a callback asks to stop.

        ``attributes`` returns the fitted attributes of the model as it is now.
        """
        if self.estimator.verbose:
            self._print(iteration, loss)
        if not self._has_callbacks:
            return False
        task = self.context.subcontext(task_name="steps")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.given)
        return task.call_on_fit_task_end(
            estimator=self.estimator, **self.given, reconstruction_attributes=attributes
        )

    def close(self, outcome: str, iteration: int, attributes: Callable[[], dict[str, Any]]) -> None:
        """Report the end, and its cause."""
        self.say(f"ended after {iteration} iterations: {outcome}")
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.given, reconstruction_attributes=attributes
        )

    def _print(self, iteration: int, loss: float) -> None:
        lines = N_LINES * self.max_iter // self.n_reports
        if iteration and iteration * N_LINES % self.max_iter < lines:
            left = (time.monotonic() - self.begun) * (self.max_iter / iteration - 1)
            self.say(f"iteration {iteration}/{self.max_iter}, loss {loss:.6g}, {left:.0f} s left")
