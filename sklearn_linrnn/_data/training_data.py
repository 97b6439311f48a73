"""What an estimator learns from: data with targets, or the sums that somebody made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.lag_operator import LagOperator
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.sequences import Past, Sequences, Windows, lag_shape


@final
@dataclass(frozen=True)
class TrainingData:
    """Inputs with their targets and weights.

    Attributes
    ----------
    sequences : Sequences
        The inputs.
    targets : ndarray of shape (n_supervised, n_outputs)
        Flat, one recording after another; NaN marks a time step that was not observed.
    weights : ndarray of shape (n_supervised,) or None
        Weights of the supervised steps.
    observed : ndarray of bool, shape (n_supervised,)
        Which supervised steps have a target and a weight.
    form : DataForm
        The form that they had.
    features : mapping of str to object
        What scikit-learn notes of X: ``n_features_in_`` and, if columns have names,
        ``feature_names_in_``.
    given : mapping of str to object
        What the user handed to `fit`, for callbacks: X, y and, by name, their metadata.
    groups : array-like or None
        Groups of the samples, for a splitter that asks for them.
    past : Past or None
        What later pieces of these recordings go on from.
    """

    sequences: Sequences
    targets: NDArray
    weights: NDArray | None
    observed: NDArray
    form: DataForm
    features: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    groups: Any = None
    past: Past | None = None

    def rows(self, what: str) -> TrainingData:
        """Return the data itself: ``what`` needs the rows, and they are here."""
        return self

    def with_lags(
        self, n_lags: int | None, past: Past | None = None, *, goes_on: bool = False
    ) -> tuple[TrainingData, int, int, int]:
        """Return the data for that many lags, and the supervised steps, lags and channels.

        Steps with a lag that is missing or unknown count as not observed.

        Parameters
        ----------
        n_lags : int or None
            Number of lags; ``None`` for those of windows.
        past : Past, default=None
            Earlier inputs of recordings that go on here.
        goes_on : bool, default=False
            Whether recordings may go on, so that they may be shorter than the lags.
        """
        n_steps, n_lags, n_channels = lag_shape(self.sequences, n_lags, goes_on=goes_on)
        if isinstance(self.sequences, Windows):
            return self, n_steps, n_lags, n_channels
        data = self._unrolled(n_lags, past)
        if past is None and not data.observed.any():
            raise ValueError(
                f"X has no observed time step of which all n_lags={n_lags} lags are known: inputs "
                "are missing (NaN), or the recordings are too short for initial_state='unknown'. "
                "Lower n_lags."
            )
        later = (past or Past()).after(self.sequences, n_lags)
        return replace(data, past=later), n_steps, n_lags, n_channels

    def n_observed(self, n_lags: int) -> int:
        """Return the number of observed steps of which all lags are known."""
        return int(self._unrolled(n_lags, None).observed.sum())

    def _unrolled(self, n_lags: int, past: Past | None) -> TrainingData:
        sequences = self.sequences
        if isinstance(sequences, Windows):
            return self
        if past is None and sequences.before is None and not sequences.has_gaps:
            return self
        unrolled = sequences.unrolled(n_lags, past)
        own, whole = unrolled.own, unrolled.whole
        targets = np.full((len(own), self.targets.shape[1]), np.nan)
        targets[own] = self.targets
        targets[~whole] = np.nan
        weights = None
        if self.weights is not None:
            weights = np.zeros(len(own))
            weights[own] = self.weights
        observed = np.zeros(len(own), dtype=bool)
        observed[own] = self.observed
        observed &= whole
        return replace(
            self,
            sequences=unrolled.recordings,
            targets=targets,
            weights=weights,
            observed=observed,
        )

    def statistics(self, n_lags: int, device: Any) -> LagStatistics:
        """Return the sums to learn from."""
        sequences = self.sequences
        return sequences.statistics(
            LagStatistics, n_lags, self.targets, self.weights, device
        ).check_finite()

    def operator(self, n_lags: int, device: Any) -> LagOperator:
        """Return the sums to learn from, without the scatter itself."""
        sequences = self.sequences
        return sequences.statistics(LagOperator, n_lags, self.targets, self.weights, device)

    def part(self, selected: NDArray) -> TrainingData:
        """Return the data with the targets of some supervised steps alone.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The steps to keep. Those of recordings keep the inputs before them.
        """
        sequences, steps = self.sequences.part(selected)
        weights = np.ones(len(self.targets)) if self.weights is None else self.weights
        weights = np.where(selected, weights, 0.0)[steps]
        observed = (self.observed & selected)[steps]
        return TrainingData(sequences, self.targets[steps], weights, observed, self.form)

    def consecutive_parts(self, n_parts: int, least: int) -> list[TrainingData]:
        """Return parts with as many observed steps each, or the whole if they were ``least`` short.

        Parameters
        ----------
        n_parts : int
            Number of parts.
        least : int
            Observed steps that each part must have.
        """
        observed = np.flatnonzero(self.observed)
        if n_parts == 1 or len(observed) < least * n_parts:
            return [self]
        ends = [steps[-1] for steps in np.array_split(observed, n_parts)]
        order = np.searchsorted(ends, np.arange(len(self.targets)))
        return [self.part(order == index) for index in range(n_parts)]

    def split(
        self, fraction: float, rng: np.random.Generator | None = None
    ) -> tuple[TrainingData, TrainingData]:
        """Return the data without a ``fraction`` of the observed steps, and those alone.

        They are the last ones, or drawn by ``rng``.
        """
        observed = np.flatnonzero(self.observed)
        n_held_out = int(np.ceil(fraction * len(observed)))
        if not 0 < n_held_out < len(observed):
            raise ValueError(
                f"validation_fraction={fraction} leaves nothing to train on or to validate on: y "
                f"has n_samples={len(observed)} observed steps."
            )
        if rng is None:
            held_out = np.arange(len(self.targets)) >= observed[-n_held_out]
        else:
            held_out = np.zeros(len(self.targets), dtype=bool)
            held_out[rng.choice(observed, n_held_out, replace=False)] = True
        return self.part(~held_out), self.part(held_out)


@final
@dataclass(frozen=True)
class KnownSums:
    """Data known by its sums alone: the same methods, as far as sums go.

    Attributes
    ----------
    sums : LagStatistics
        What is learned from.
    held_out : LagStatistics or None
        Sums of other data, on which candidates are scored.
    form : DataForm
        That of recordings, with an axis of outputs.
    given : mapping
        Nothing: callbacks have no data.
    past : None
        Nothing: no recording goes on from sums.
    """

    sums: LagStatistics
    held_out: LagStatistics | None = None
    form: DataForm = field(default_factory=lambda: DataForm(every_step=True))
    given: Mapping[str, Any] = field(default_factory=dict)
    past: None = None

    @property
    def features(self) -> Mapping[str, Any]:
        """What scikit-learn notes of X."""
        return {"n_features_in_": self.sums.n_channels}

    def rows(self, what: str) -> TrainingData:
        """Raise: ``what`` needs the rows, which nobody knows any more."""
        raise ValueError(f"{what} needs the rows of the data, but only their sums are known.")

    def with_lags(
        self, n_lags: int | None, past: Past | None = None, *, goes_on: bool = False
    ) -> tuple[KnownSums, int, int, int]:
        """Return these, no steps, and the lags and channels of the sums, if they are asked for."""
        if n_lags not in (None, self.sums.n_lags):
            raise ValueError(
                f"n_lags={n_lags} is not the number of lags of the statistics, "
                f"{self.sums.n_lags}: take statistics.first_lags, or n_lags=None."
            )
        return self, 0, self.sums.n_lags, self.sums.n_channels

    def statistics(self, n_lags: int, device: Any) -> LagStatistics:
        """Return the sums to learn from."""
        return self.sums.to(device)

    def consecutive_parts(self, n_parts: int, least: int) -> list[KnownSums]:
        """Return the whole: sums have no order."""
        return [self]


AnyData = TrainingData | KnownSums


def known_sums(statistics: Any, held_out: Any = None, *, initial_state: str = "zero") -> KnownSums:
    """Return data known by sums, or raise if they are no sums to learn from."""
    for name, sums in (("statistics", statistics), ("held_out", held_out)):
        if not (isinstance(sums, LagStatistics) or (name == "held_out" and sums is None)):
            raise TypeError(f"{name} must be LagStatistics, but got {type(sums).__name__}.")
    statistics.check_finite()
    if held_out is not None:
        if held_out.weight <= 0:
            raise ValueError("held_out must have one row at least, but its weight is 0.")
        statistics.check_alike(held_out.to(statistics.input_mean.device))
    before = None
    if initial_state != "zero":
        before = statistics.input_mean[: statistics.n_channels].cpu().numpy().copy()
        before = before if initial_state == "mean" else np.full_like(before, np.nan)
    return KnownSums(statistics, held_out, DataForm(every_step=True, before=before))
