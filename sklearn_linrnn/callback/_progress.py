"""Showing how training goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext

from sklearn_linrnn._estimators.pass_reports import PASS
from sklearn_linrnn.callback._step_callback import StepCallback, is_fit, is_part, is_step


@dataclass
class _Bar:
    progress: Progress
    task: TaskID


@final
class TrainingProgress(StepCallback[_Bar]):
    """Show a progress bar with the loss, the latest validation score and the time left.

    Before a training, and where there is none, it shows how far the pass over the data has come.
    One line for each fit, within 80 columns, on rich's console. When the fit is done, it stays with
    the time that the fit took. If the output is not a terminal, only that last state is written.

    See Also
    --------
    sklearn.callback.ProgressBar : Bars for all levels of a search, without the loss.

    Examples
    --------
    >>> from sklearn.callback import FitCallback
    >>> from sklearn_linrnn.callback import TrainingProgress
    >>> isinstance(TrainingProgress(), FitCallback)
    True
    """

    def _open(self, estimator: BaseEstimator, context: CallbackContext) -> _Bar:
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        )
        task = progress.add_task(context.estimator_name, total=context.max_subtasks, state="")
        progress.start()
        return _Bar(progress, task)

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Begin the bar anew where a pass over the data or a training begins.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the task.
        """
        if is_fit(context) or context.max_subtasks == 0:
            return
        bar, name = self._records[estimator], context.estimator_name
        state = "reading" if context.task_name == PASS else ""
        bar.progress.reset(bar.task, total=context.max_subtasks, description=name, state=state)

    def on_fit_task_end(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        *,
        fitted_estimator: BaseEstimator | None = None,
    ) -> None:
        """Move the bar.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the task.
        fitted_estimator : estimator instance, default=None
            The model as it is after this task; its last loss and validation score are shown.
        """
        bar = self._records[estimator]
        if is_step(context):
            bar.progress.update(bar.task, advance=1, state=_describe(fitted_estimator))
        elif is_part(context):
            bar.progress.update(bar.task, advance=1)
        elif is_fit(context):  # it has ended, perhaps before its last task
            done = bar.progress.tasks[0].completed or 1.0
            bar.progress.update(bar.task, total=done, completed=done)
        elif context.task_name == PASS:
            bar.progress.update(bar.task, state="")

    def _close(self, record: _Bar) -> None:
        record.progress.stop()

    def __getstate__(self) -> dict[str, Any]:
        """Return what is stored: not the displays, which cannot be stored."""
        return {**super().__getstate__(), "_last": None}


def _describe(model: BaseEstimator | None) -> str:
    """Return the latest loss and validation score of a model, as far as it has them."""
    curves = {"loss": "loss_curve_", "score": "validation_scores_"}
    latest = {label: np.asarray(getattr(model, name, ()))[-1:] for label, name in curves.items()}
    return " ".join(f"{label} {last[0]:.3g}" for label, last in latest.items() if len(last))
