"""Stopping when a score has stopped rising."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext
from sklearn.metrics import check_scoring

from sklearn_linrnn.callback._step_callback import StepCallback, check_fitted, is_step


@dataclass
class _Scores:
    scorer: Any
    scores: list[float] = field(default_factory=list)
    best: float = -np.inf
    reference: float = -np.inf  # the score that the next ones must rise above
    n_without_rise: int = 0
    stopped_at: int | None = None


@final
class EarlyStopping(StepCallback[_Scores]):
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
        if not is_step(context):
            return False
        model = check_fitted(fitted_estimator, self)
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
