"""Callbacks for training: stopping early, watching the spectral radius, showing progress.

They follow scikit-learn's protocol: ``estimator.set_callbacks(*callbacks)`` sets them. The
estimators that train by iterations divide `fit` into tasks of several iterations, and call them
after each. One callback may serve many fits, one after another or, on clones, at the same time; its
attributes describe the fit that began last. Another process uses a copy of it, and the attributes
of the original do not change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from scipy.sparse.linalg import ArpackError, eigs
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext
from sklearn.metrics import check_scoring

__all__ = ["EarlyStopping", "SpectralRadiusMonitor", "TrainingProgress"]

Record = TypeVar("Record")


class _StepCallback(ABC, Generic[Record]):
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


def _is_fit(context: CallbackContext) -> bool:
    """Whether a task is a whole fit, of its own or within a search."""
    return context.parent is None or context.source_estimator_name is not None


def _is_step(context: CallbackContext) -> bool:
    """Whether a task is a part of training, and not a fit that has no parts."""
    return context.max_subtasks == 0 and not _is_fit(context)


def _check_fitted(fitted_estimator: BaseEstimator | None, callback: object) -> BaseEstimator:
    if fitted_estimator is None:
        raise ValueError(
            f"{type(callback).__name__} needs a fitted estimator after each task, but this "
            "estimator gives its callbacks none."
        )
    return fitted_estimator


# -- Stopping ----------------------------------------------------------------------------


@dataclass
class _Scores:
    scorer: Any
    scores: list[float] = field(default_factory=list)
    best: float = -np.inf
    reference: float = -np.inf  # the score that the next ones must rise above
    n_without_rise: int = 0
    stopped_at: int | None = None


@final
class EarlyStopping(_StepCallback[_Scores]):
    """Stop training when a score has stopped rising.

    The model is scored after each task of a fit. The estimator keeps the parameters of the
    iteration at which it stops.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        A scorer, as in `sklearn.model_selection.cross_val_score`; higher is better. ``None`` for
        the estimator's own `score`.
    X : array-like or list, default=None
        Inputs to score on, as `fit` takes them; ``None`` for those of the training, with its sample
        weights and other metadata.
    y : array-like or list, default=None
        Targets to score on; given together with X.
    patience : int, default=5
        Number of tasks in a row without a rise after which training stops; at least 1.
    min_delta : float, default=0.0
        Least rise of the score that counts, in units of the score; not negative.

    Attributes
    ----------
    best_score_ : float
        The highest score so far; -inf before the first.
    scores_ : list of float
        The score after each task.
    stopped_at_ : int or None
        The number of tasks after which training was stopped, None if it was not.

    Raises
    ------
    ValueError
        If `scoring` is not a single score, only one of X and y is given, or `patience` or
        `min_delta` is out of its range.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Record scores and never stop.

    Notes
    -----
    The estimators' own ``early_stopping=True`` watches the loss on a held-out part at every
    iteration, returns to the best parameters, and costs less. This one takes any score and any
    data.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.callback import FitCallback
    >>> from sklearn_linrnn.callback import EarlyStopping
    >>> stopping = EarlyStopping(scoring="neg_mean_absolute_error", patience=3)
    >>> isinstance(stopping, FitCallback)
    True
    """

    def __init__(
        self,
        *,
        scoring: Any = None,
        X: Any = None,
        y: Any = None,
        patience: int = 5,
        min_delta: float = 0.0,
    ) -> None:
        super().__init__()
        if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
            raise ValueError(f"scoring must be one name, one callable or None, but got {scoring}.")
        if (X is None) != (y is None):
            given, missing = ("y", "X") if X is None else ("X", "y")
            raise ValueError(f"X and y must be given together, but got {given} without {missing}.")
        if not patience >= 1:
            raise ValueError(f"patience must be at least 1 task, but got {patience}.")
        if not min_delta >= 0:
            raise ValueError(f"min_delta must not be negative, but got {min_delta}.")
        self.scoring = scoring
        self.X = X
        self.y = y
        self.patience = patience
        self.min_delta = min_delta

    @property
    def best_score_(self) -> float:
        """The highest score so far."""
        return self._read().best

    @property
    def scores_(self) -> list[float]:
        """The score after each task."""
        return self._read().scores

    @property
    def stopped_at_(self) -> int | None:
        """The number of tasks after which training was stopped."""
        return self._read().stopped_at

    def _open(self, estimator: BaseEstimator, context: CallbackContext) -> _Scores:
        return _Scores(check_scoring(estimator, self.scoring))

    def _close(self, record: _Scores) -> None:
        record.scorer = None  # it may hold the estimator

    def on_fit_task_end(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        *,
        X: Any = None,
        y: Any = None,
        metadata: dict[str, Any] | None = None,
        fitted_estimator: BaseEstimator | None = None,
    ) -> bool:
        """Score the model, and say whether to stop.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the task.
        X, y : array-like or list, default=None
            Training data.
        metadata : dict, default=None
            Its sample weights and other metadata for scorers.
        fitted_estimator : estimator instance, default=None
            The model as it is after this task.

        Returns
        -------
        stop : bool
            Whether the score has not risen by `min_delta` for `patience` tasks.

        Raises
        ------
        ValueError
            If there is no model to score, or no data to score it on.
        """
        if not _is_step(context):
            return False
        model = _check_fitted(fitted_estimator, self)
        if self.X is not None:
            X, y, metadata = self.X, self.y, None
        elif X is None or y is None:
            raise ValueError(
                "EarlyStopping needs data to score on, but this training provides none. Give it X "
                "and y."
            )
        record = self._records[estimator]
        self._note(record, float(record.scorer(model, X, y, **(metadata or {}))))
        return record.stopped_at is not None

    def _note(self, record: _Scores, score: float) -> None:
        record.scores.append(score)
        record.best = max(record.best, score)
        if score > record.reference + self.min_delta:
            record.reference, record.n_without_rise = score, 0
        else:  # a score of NaN is no rise either
            record.n_without_rise += 1
        if record.n_without_rise >= self.patience:
            record.stopped_at = len(record.scores)


# -- Watching ----------------------------------------------------------------------------

DENSE = 256  # hidden units, up to which all eigenvalues cost no more than the largest
# For Arnoldi's method. Many eigenvalues of a random matrix are near the largest: a search for that
# one alone may end at a neighbour, and one for all their digits takes ten times as long.
ARNOLDI = {"k": 8, "ncv": 120, "tol": 1e-4, "maxiter": 20}


@dataclass
class _Radii:
    steps: list[int] = field(default_factory=list)
    radii: list[float] = field(default_factory=list)


@final
class SpectralRadiusMonitor(_StepCallback[_Radii]):
    """Record the spectral radius, the reach of a linear RNN's memory, while it trains.

    The spectral radius of ``A = n^{-1/2} W`` is the factor by which its most lasting state fades
    at each time step. At a Gaussian initialisation it is near ``sqrt(nu_w)``, the radius of the
    circular law; a network that learns a longer memory moves an eigenvalue out of that circle.

    Attributes
    ----------
    radii_ : ndarray of shape (n_tasks,)
        The radius after each task of the last fit.
    steps_ : ndarray of shape (n_tasks,)
        The number of iterations by then, the estimator's ``n_iter_``.

    Notes
    -----
    Above 256 hidden units the radius is that of the eight eigenvalues that Arnoldi's method finds
    from one fixed vector, to five digits, at the cost of some hundred products with ``W``. Where
    it does not converge, as for an orthogonal ``A``, all eigenvalues are computed.

    Examples
    --------
    >>> from sklearn.callback import FitCallback
    >>> from sklearn_linrnn.callback import SpectralRadiusMonitor
    >>> isinstance(SpectralRadiusMonitor(), FitCallback)
    True
    """

    @property
    def radii_(self) -> NDArray[np.float64]:
        """The radius after each task."""
        return np.array(self._read().radii)

    @property
    def steps_(self) -> NDArray[np.int64]:
        """The number of iterations by then."""
        return np.array(self._read().steps, dtype=np.int64)

    def _open(self, estimator: BaseEstimator, context: CallbackContext) -> _Radii:
        return _Radii()

    def on_fit_task_end(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        *,
        fitted_estimator: BaseEstimator | None = None,
    ) -> None:
        """Record the radius.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.
        context : CallbackContext
            Context of the task.
        fitted_estimator : estimator instance, default=None
            The model as it is after this task.

        Raises
        ------
        ValueError
            If there is no model.
        TypeError
            If it has no transition matrix.
        """
        if not _is_step(context):
            return
        model = _check_fitted(fitted_estimator, self)
        if not hasattr(model, "transition_"):
            raise TypeError(
                "SpectralRadiusMonitor needs an estimator with a transition_ matrix, such as "
                f"LinearRNNRegressor, but got {type(estimator).__name__}."
            )
        record = self._records[estimator]
        record.steps.append(model.n_iter_)
        record.radii.append(_spectral_radius(model.transition_))


def _spectral_radius(transition: NDArray) -> float:
    """Return the largest modulus of an eigenvalue of ``n^{-1/2} W``."""
    n_hidden = len(transition)
    A = np.asarray(transition, dtype=np.float64) / n_hidden**0.5
    return float(np.abs(_leading_eigenvalues(A)).max())


def _leading_eigenvalues(A: NDArray[np.float64]) -> NDArray:
    if len(A) > DENSE:
        start = np.random.default_rng(0).normal(size=len(A))
        try:
            return eigs(A, v0=start, return_eigenvectors=False, **ARNOLDI)
        except ArpackError:
            pass
    return np.linalg.eigvals(A)


# -- Showing -----------------------------------------------------------------------------


@dataclass
class _Bar:
    progress: Progress
    task: TaskID


@final
class TrainingProgress(_StepCallback[_Bar]):
    """Show a progress bar with the loss, the latest validation score and the time left.

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
        if _is_step(context):
            bar.progress.update(bar.task, advance=1, state=_describe(fitted_estimator))
        elif _is_fit(context):  # it has ended, perhaps before its last task
            bar.progress.update(bar.task, total=bar.progress.tasks[0].completed)

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
