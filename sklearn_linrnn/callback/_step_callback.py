"""What the callbacks share: a record of each fit, and which tasks are steps of training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext

from sklearn_linrnn._estimators.pass_reports import READ

Record = TypeVar("Record")


class StepCallback(ABC, Generic[Record]):
    """A callback that keeps a record of each fit and acts after each of its tasks.

    Subclasses define the record (`_open`), and what is done after a task (`on_fit_task_end`).
    """

    def __init__(self) -> None:
        self._records: dict[BaseEstimator, Record] = {}  # of the fits under way
        self._last: Record | None = None

    @abstractmethod
    def _open(self, estimator: BaseEstimator, context: CallbackContext) -> Record:
        """Return the record of a fit that begins."""

    def _close(self, record: Record) -> None:
        """Release what the record needs during its fit only."""

    def _read(self) -> Record:
        """Return the record of the fit that began last."""
        if self._last is None:
            raise AttributeError(
                f"This {type(self).__name__} has no results yet: no estimator that it was set on "
                "has been fitted."
            )
        return self._last

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Begin a record.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the whole fit.
        """
        self._records[estimator] = self._last = self._open(estimator, context)

    def teardown(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Close the record, also after an error or an interrupt.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the whole fit.
        """
        if estimator in self._records:  # not if setup failed
            self._close(self._records.pop(estimator))

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Do nothing; the protocol requires this method.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the task.
        """

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_records": {}}


def is_fit(context: CallbackContext) -> bool:
    """Whether a task is a whole fit, of its own or within a search."""
    return context.parent is None or context.source_estimator_name is not None


def is_step(context: CallbackContext) -> bool:
    """Whether a task is a part of training, and no fit without parts nor a part of a pass."""
    return is_part(context) and context.task_name != READ


def is_part(context: CallbackContext) -> bool:
    """Whether a task has no parts, and is none that has no parts by chance: a whole fit."""
    return context.max_subtasks == 0 and not is_fit(context)


def check_fitted(fitted_estimator: BaseEstimator | None, callback: object) -> BaseEstimator:
    if fitted_estimator is None:
        raise ValueError(
            f"{type(callback).__name__} needs a fitted estimator after each task, but this "
            "estimator gives its callbacks none."
        )
    return fitted_estimator
