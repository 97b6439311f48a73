"""Reports of passes over data to callbacks."""

from __future__ import annotations

import time
from typing import Any

from sklearn.base import BaseEstimator

PASS, READ = "pass", "read"  # names of tasks: a pass, and a part of it
N_SHARES = 100  # of a pass over a known number of time steps, each of which is a task
SECONDS = 1.0  # between two tasks of a pass over an unknown number


class PassReports:
    """A pass over data as a task of a fit, with a subtask for each share of the data.

    Parameters
    ----------
    estimator : estimator
        The estimator that is fitted.
    context : CallbackContext
        That of the whole fit.
    n_steps : int or None
        Number of time steps of the data; ``None`` if it is not known.
    """

    def __init__(self, estimator: BaseEstimator, context: Any, n_steps: int | None) -> None:
        self._estimator, self._n_steps = estimator, n_steps
        self._n_read = self._n_reported = 0
        self._reported = time.monotonic()
        n_shares = None if n_steps is None else N_SHARES
        self._task = context.subcontext(PASS, max_subtasks=n_shares)
        self._task.call_on_fit_task_begin(estimator=estimator)

    def add(self, n_read: int) -> None:
        """Count time steps that were read, and report the shares that they complete."""
        self._n_read += n_read
        for _ in range(self._n_due()):
            share = self._task.subcontext(READ)
            share.call_on_fit_task_begin(estimator=self._estimator)
            share.call_on_fit_task_end(estimator=self._estimator)

    def _n_due(self) -> int:
        if self._n_steps is not None:
            due = self._n_read * N_SHARES // self._n_steps - self._n_reported
            self._n_reported += due
            return due
        now = time.monotonic()
        if now - self._reported < SECONDS:
            return 0
        self._reported = now
        return 1

    def close(self) -> None:
        """Report the end of the pass."""
        self._task.call_on_fit_task_end(estimator=self._estimator)
