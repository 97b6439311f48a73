"""Models in closed form that data are added to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn._data.known_sums import known_sums
from sklearn_linrnn._data.sequences import Past
from sklearn_linrnn._data.training_data import AnyData
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.parameters import check_device


def _sums_suffice(self: GrowingSumsRegressor) -> bool:
    """Return True, or raise an error that says which parameter needs more than sums."""
    if (needed := self._needs_rows()) is not None:
        raise ValueError(f"partial_fit learns from sums, but {needed} needs the data themselves.")
    return True


class GrowingSumsRegressor(LagRegressor):
    """A regressor that learns from sums alone, and so also from those of more and more data."""

    solution_: Solution | None  # with the sums, if they were formed
    _past_: Past | None  # inputs with which recordings go on

    # Values of parameters that need more than sums.
    _rows_for: ClassVar[dict[str, tuple[str, ...]]] = {}

    def _needs_rows(self) -> str | None:
        """Return the parameter that needs more than sums, and its value, or None."""
        for name, values in self._rows_for.items():
            value = getattr(self, name)
            if isinstance(value, str) and value in values:
                return f"{name}={value!r}"
        return None

    @available_if(_sums_suffice)
    @with_callbacks
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, sequence_id: Any = None
    ) -> Self:
        """Add data to the earlier ones, and learn from all of them.

        The sums of the data add up: what is learned is what `fit_statistics` learns from those of
        all data so far, in pieces of any size and in any order. The earlier ones may be of `fit`,
        `fit_statistics` or this method.

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
        AttributeError
            If a parameter needs more than sums.
        ValueError
            As in `fit`, and if the data have other lags, channels or outputs than the earlier
            ones, or the sums of these were never formed. The earlier fit is then unchanged.
        """
        self._check_parameters()
        earlier = self._earlier_sums()
        known = None if earlier is None else (earlier.n_lags, self._past_)
        return self._add_to(earlier, self._read_more(X, y, sample_weight, sequence_id, known))

    @with_callbacks
    def _add(self, data: AnyData) -> Self:
        return self._add_to(self._earlier_sums(), data.with_lags(self.n_lags))

    def _earlier_past(self) -> Past | None:
        return None if self._earlier_sums() is None else self._past_ or Past()

    def _add_to(
        self, earlier: LagStatistics | None, has_lags: tuple[AnyData, int, int, int]
    ) -> Self:
        """Learn from the earlier sums and more data."""
        data, _, n_lags, n_channels = has_lags
        with calm((n_lags * n_channels) ** 2):
            sums = self._gather(data, n_lags, earlier)
        fit = self._learn(known_sums(sums, first_lag=data.form.first_lag))
        if not data.goes_on:
            self._warn_of_zeros(data, fit)
        return self._publish(data, replace(fit, attributes={**fit.attributes, "_past_": data.past}))

    def _earlier_sums(self) -> LagStatistics | None:
        """Return the sums of an earlier fit, if there was one."""
        if not hasattr(self, "solution_"):
            return None
        if self.solution_ is None:
            raise ValueError(
                "partial_fit adds to the sums of the earlier data, but conjugate gradients or a "
                "Gram matrix of windows learned without them. Fit with solver='direct'."
            )
        return replace(self.solution_.statistics, n_intercepts=1)

    def _gather(self, data: AnyData, n_lags: int, earlier: LagStatistics | None) -> LagStatistics:
        """Return the sums of new and of earlier data."""
        sums = data.statistics(n_lags, check_device(self.device), self._watch)
        return sums if earlier is None else earlier.to(sums.input_mean.device) + sums
