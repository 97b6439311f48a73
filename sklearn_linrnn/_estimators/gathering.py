"""What an estimator does with data that lie in parts, on several machines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from sklearn_linrnn._core.scores import SummedErrors
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.inputs import FEATURES
from sklearn_linrnn._data.sequences import Past
from sklearn_linrnn._data.targets import read_training_data
from sklearn_linrnn._data.training_data import AnyData, TrainingData

RESPONSE = ("impulse_response_", "intercept_")  # what predictions need of a fit


@dataclass(frozen=True, eq=False)
class Gathering:
    """What an estimator does with parts of data, and with their sums.

    Attributes
    ----------
    check : callable
        Raises unless the parameters are valid, and need no more than sums; for ``in_parts=True``
        no more than those of `n_parts`.
    n_parts : callable
        Returns the number of consecutive parts that are held out in turn; None if none is.
    past : callable
        Returns the inputs with which earlier data go on; None if there were none.
    reader : callable
        Returns an estimator of the same parameters, which is small: for ``knows=True`` one with the
        form of the data and the response of the fit.
    read : callable
        Returns `TrainingData` of a part, given X, y, weights, names of recordings and, unless this
        knows the form of the data, what was before recordings.
    errors : callable
        Returns the `SummedErrors` of a part, given X, y, weights and names of recordings.
    learn : callable
        Learns from `KnownSums`, as ``fit`` from the data.
    add : callable
        Learns from more `KnownSums`, as ``partial_fit`` from the data.
    """

    check: Callable[..., None]
    n_parts: Callable[[], int | None]
    past: Callable[[], Past | None]
    reader: Callable[..., Any]
    read: Callable[..., TrainingData]
    errors: Callable[..., SummedErrors]
    learn: Callable[[AnyData], Any]
    add: Callable[[AnyData], Any]


class GatheringMixin(ABC):
    """An estimator that also learns from data that lie in parts, on several machines."""

    _form: DataForm  # of the data that were learned from

    def __linrnn_gathering__(self) -> Gathering:
        """Return what it does with parts of data."""
        return Gathering(
            self._check_gathers,
            self._n_parts,
            self._earlier_past,
            self._reader,
            self._read_block,
            self._summed_errors,
            self._fit,
            self._add,
        )

    def _n_parts(self) -> int | None:
        return None

    def _check_gathers(self, *, in_parts: bool = False) -> None:
        self._check_parameters()
        suffices = in_parts and self._n_parts() is not None
        if not suffices and (needed := self._needs_rows()) is not None:
            raise ValueError(
                f"{needed} needs the data themselves, but what is gathered from their parts is "
                "sums."
            )

    def _reader(self, *, knows: bool) -> Self:
        reader = clone(self)
        if knows:
            kept = (*FEATURES, *RESPONSE, "_form")
            vars(reader).update((name, vars(self)[name]) for name in kept if name in vars(self))
        return reader

    def _read_block(
        self, X: Any, y: Any, sample_weight: Any, sequence_id: Any, before: ArrayLike | None
    ) -> TrainingData:
        form = getattr(self, "_form", None)
        data = read_training_data(self, X, y, sample_weight, sequence_id, form=form, is_piece=True)
        if form is not None or not data.form.every_step:
            return data
        if before is not None:
            before = np.broadcast_to(before, data.sequences.n_channels).copy()
        return data.with_before(before)

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise unless the parameters are what the class says of them."""

    @abstractmethod
    def _needs_rows(self) -> str | None:
        """Return the parameter that needs more than sums, and its value, or None."""

    @abstractmethod
    def _earlier_past(self) -> Past | None:
        """Return the inputs with which earlier data go on, or None if there were none."""

    @abstractmethod
    def _summed_errors(self, X: Any, y: Any, sample_weight: Any, sequence_id: Any) -> SummedErrors:
        """Return the errors of predictions, of which parts of the data add up."""

    @abstractmethod
    def _fit(self, data: AnyData) -> Self:
        """Learn from data, or from their sums."""

    @abstractmethod
    def _add(self, data: AnyData) -> Self:
        """Add data, or their sums, to the earlier ones, and learn from all of them."""


def gathering_of(estimator: Any) -> Gathering:
    """Return what an estimator does with parts of data.

    Parameters
    ----------
    estimator : estimator
        One of this package.

    Raises
    ------
    TypeError
        If it is none that learns from sums.
    """
    if isinstance(estimator, type) or not isinstance(estimator, GatheringMixin):
        raise TypeError(
            "estimator must be a regressor of sklearn_linrnn, which learns from sums, but got "
            f"{estimator!r}."
        )
    return estimator.__linrnn_gathering__()
