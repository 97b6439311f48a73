"""What an estimator learns from: data with targets, or their sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.lag_operator import LagOperator
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.gaps import places_of, shares_of
from sklearn_linrnn._data.known_sums import KnownSums
from sklearn_linrnn._data.lag_shape import lag_shape
from sklearn_linrnn._data.pass_log import Watch, unwatched
from sklearn_linrnn._data.sequences import Past, Recordings, Sequences
from sklearn_linrnn._data.stretches import NUMBERS, Stretch, stretches
from sklearn_linrnn._data.windows import Windows
from sklearn_linrnn._data.zero_state import weight_of_zeros

AT_DISTANCES = 3  # blocks that stand for all, at the least


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
        Weights of the supervised time steps.
    observed : ndarray of bool, shape (n_supervised,)
        Which supervised time steps have a target and a weight.
    form : DataForm
        The form of the user's data.
    features : mapping of str to object
        What scikit-learn records of X: ``n_features_in_`` and, if columns have names,
        ``feature_names_in_``.
    given : mapping of str to object
        What the user passed to `fit`, for callbacks: X, y and, by name, their metadata.
    groups : array-like or None
        Groups of the samples, for a splitter that needs them.
    past : Past or None
        Inputs with which these recordings go on in later data.
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

    @property
    def goes_on(self) -> bool:
        """Whether these are recordings that may go on in later data."""
        return isinstance(self.sequences, Recordings) and self.sequences.ids is not None

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.sequences.n_channels

    def rows(self, what: str) -> TrainingData:
        """Return the data themselves, whose rows ``what`` needs."""
        return self

    def with_lags(
        self, n_lags: int | None, past: Past | None = None, *, goes_on: bool = False
    ) -> tuple[TrainingData, int, int, int]:
        """Return the data for that many lags, and the supervised time steps, lags and channels.

        Time steps with a lag that is missing or unknown count as not observed.

        Parameters
        ----------
        n_lags : int or None
            Number of lags from the target, or the delay, on; ``None`` for those of windows. The
            leads are returned as lags, too.
        past : Past, default=None
            Earlier inputs of recordings that go on here.
        goes_on : bool, default=False
            Whether recordings may go on, so that they may be shorter than the lags.
        """
        n_steps, n_lags, n_channels = lag_shape(self.sequences, n_lags, goes_on=goes_on)
        if isinstance(self.sequences, Windows):
            return self, n_steps, n_lags, n_channels
        sequences = replace(self.sequences, past=past or Past())
        data = replace(self, sequences=sequences).unrolled(n_lags)
        if past is None and not data.observed.any():
            raise ValueError(
                f"X must have an observed time step of which all n_lags={n_lags} lags are known, "
                "but got none: inputs are missing (NaN), or the recordings are too short for "
                "initial_state='unknown'. Use fewer lags."
            )
        later = sequences.past.after(sequences, n_lags)
        return replace(data, past=later), n_steps, n_lags, n_channels

    def n_observed(self, n_lags: int) -> int:
        """Return the number of observed time steps of which all lags are known."""
        return int(self.unrolled(n_lags).observed.sum())

    def from_lag(self, first_lag: int) -> TrainingData:
        """Return the data with another first lag: a delay, or minus the number of leads."""
        sequences, form = (
            self.sequences.from_lag(first_lag),
            replace(self.form, first_lag=first_lag),
        )
        return replace(self, sequences=sequences, form=form)

    def with_before(self, before: NDArray | None) -> TrainingData:
        """Return recordings with inputs before the first time step of each, as `Recordings` has."""
        sequences = replace(cast(Recordings, self.sequences), before=before)
        return replace(self, sequences=sequences, form=replace(self.form, before=before))

    def unrolled(self, n_lags: int) -> TrainingData:
        """Return the data with the inputs before recordings that their lags need.

        Time steps with a lag that is missing or unknown count as not observed.

        Parameters
        ----------
        n_lags : int
            Number of lags.
        """
        sequences = self.sequences
        if isinstance(sequences, Windows) or sequences.is_plain:
            return self
        if sequences.first_lag != 0 and sequences.from_lag_0.is_plain:
            return replace(self, sequences=sequences.from_lag_0)
        unrolled = sequences.unrolled(n_lags)
        n_before, weights = unrolled.n_before, self.weights
        return replace(
            self,
            sequences=unrolled.recordings,
            targets=sequences.after_heads(self.targets, n_before, np.nan),
            weights=None if weights is None else sequences.after_heads(weights, n_before, 0.0),
            observed=sequences.after_heads(self.observed, n_before, False) & unrolled.whole,
        )

    def shares(self, steps: slice) -> NDArray | None:
        """Return the weights of some time steps, zero where none is observed; None for ones."""
        if not self.observed[steps].all():
            return shares_of(self.observed, self.weights, steps)
        return None if self.weights is None else self.weights[steps]

    def weight_of_zeros(self, n_lags: int) -> NDArray:
        """Return how much the zeros before recordings outweigh the inputs, (n_channels,)."""
        sequences = self.sequences
        if isinstance(sequences, Windows) or sequences.before is not None:
            return np.zeros(sequences.n_channels)
        n_reached = n_lags + max(sequences.first_lag, 0)
        with one_thread():  # sums of columns, which wait for memory
            return weight_of_zeros(sequences, self.observed, self.weights, n_reached)

    def statistics(self, n_lags: int, device: Any, watch: Watch = unwatched) -> LagStatistics:
        """Return the sums to learn from.

        Parameters
        ----------
        n_lags : int
            Number of lags.
        device : torch.device or str
            Where to compute.
        watch : callable, default=unwatched
            Begins a pass, and is told how far it has come.
        """
        sums = self.sums(n_lags, device, watch)
        # A piece of a recording may have no target: then it only goes before the next one.
        return sums.check_usable() if self.observed.any() else sums

    def sums(self, n_lags: int, device: Any, watch: Watch = unwatched) -> LagStatistics:
        """Return the sums of a part of what is learned from, which may be out of range alone."""
        if isinstance(self.sequences, Windows):  # which are in memory, and summed up at once
            known = self.targets, self.weights
            return self.sequences.statistics(LagStatistics, n_lags, *known, device)
        return reduce(add, self._sums_of_blocks(n_lags, device, watch))

    def _sums_of_blocks(self, n_lags: int, device: Any, watch: Watch) -> Iterator[LagStatistics]:
        with watch(len(self.observed)) as count:
            for block, cut in self.blocks(n_lags, sums=True):
                yield block.sequences.statistics(
                    LagStatistics, n_lags, block.targets, block.weights, device
                )
                count(cut.steps.stop - cut.steps.start)

    def blocks(
        self, n_lags: int, *, sums: bool = False, enough: int | None = None
    ) -> Iterator[tuple[TrainingData, Stretch]]:
        """Yield the data of consecutive time steps of recordings, and what they are of the whole.

        Parameters
        ----------
        n_lags : int
            Number of lags. The time steps of the same recording that are lags of the first one
            precede it, and are not observed; fewer where the recording begins.
        sums : bool, default=False
            Whether sums are made of each block, so that it has as many numbers as their scatter at
            the least.
        enough : int, default=None
            Number of observed time steps that are enough: of more, blocks at equal distances that
            have about as many are yielded. ``None`` for all.
        """
        sequences = cast(Recordings, self.sequences)
        n_columns = n_channels = sequences.n_channels
        least = (n_lags * n_channels) ** 2 if sums else 1
        n_observed = 0 if enough is None else int(np.count_nonzero(self.observed))
        if enough is not None and n_observed > enough:
            n_columns = max(n_columns, AT_DISTANCES * NUMBERS // enough)
        cuts = stretches(sequences.lengths, n_columns, n_lags - 1, least)
        if enough is not None:
            cuts = [cut for cut in cuts if self.observed[cut.steps].any()]
            cuts = cuts[:: max(1, -(-n_observed // enough))]
        for cut in cuts:
            weights, observed = self.shares(cut.read), self.observed[cut.read]
            if cut.n_before > 0:
                own = np.arange(len(observed)) >= cut.n_before
                observed = observed & own
                weights = shares_of(own, weights)
            inputs, targets = sequences.stretch(cut), self.targets[cut.read]
            block = TrainingData(inputs, targets, weights, observed, self.form)
            yield block, cut

    def operator(self, n_lags: int, device: Any) -> LagOperator:
        """Return the sums to learn from, without the scatter itself."""
        weights = self.shares(slice(None))
        sums = self.sequences.statistics(LagOperator, n_lags, self.targets, weights, device)
        return sums.check_usable()

    def part(self, selected: NDArray) -> TrainingData:
        """Return the data with the targets of some supervised time steps alone.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The time steps to keep. Those of recordings keep the inputs before them.
        """
        sequences, weights, observed = self.sequences, self.weights, self.observed & selected
        if isinstance(sequences, Windows):
            some = _run_of(selected)
            weights = None if weights is None else weights[some]
            windows = replace(sequences, inputs=sequences.inputs[some], columns=None)
            return TrainingData(windows, self.targets[some], weights, observed[some], self.form)
        kept = sequences.totals(selected) > 0
        if kept.all():
            return replace(self, observed=observed)
        return TrainingData(
            Recordings([part for part, keep in zip(sequences.parts, kept, strict=True) if keep]),
            sequences.of_some(kept, self.targets),
            None if weights is None else sequences.of_some(kept, weights),
            sequences.of_some(kept, observed),
            self.form,
        )

    def consecutive_parts(self, n_parts: int, least: int) -> list[TrainingData]:
        """Return parts with as many observed time steps each, or the whole if these are too few.

        Parameters
        ----------
        n_parts : int
            Number of parts.
        least : int
            Number of observed time steps that each part must have.
        """
        n_observed, n_steps = int(np.count_nonzero(self.observed)), len(self.observed)
        if n_parts == 1 or n_observed < least * n_parts:
            return [self]
        sizes = n_observed // n_parts + (np.arange(n_parts - 1) < n_observed % n_parts)
        ends = [0, *(places_of(self.observed, np.cumsum(sizes) - 1) + 1).tolist(), n_steps]
        return [self.part(_between(first, end, n_steps)) for first, end in pairwise(ends)]

    def split(
        self, fraction: float, rng: np.random.Generator | None = None
    ) -> tuple[TrainingData, TrainingData]:
        """Return the data without a ``fraction`` of the observed time steps, and these alone.

        They are the last ones, or drawn by ``rng``.
        """
        n_observed, n_steps = int(np.count_nonzero(self.observed)), len(self.observed)
        n_held_out = int(np.ceil(fraction * n_observed))
        if not 0 < n_held_out < n_observed:
            raise ValueError(
                f"validation_fraction={fraction} leaves nothing to train on or to validate on: got "
                f"a y of n_samples={n_observed} observed time steps."
            )
        if rng is None:
            first = places_of(self.observed, np.array([n_observed - n_held_out]))
            held_out = _between(int(first[0]), n_steps, n_steps)
        else:
            held_out = np.zeros(n_steps, dtype=bool)
            held_out[rng.choice(np.flatnonzero(self.observed), n_held_out, replace=False)] = True
        return self.part(~held_out), self.part(held_out)


AnyData = TrainingData | KnownSums


def _run_of(selected: NDArray) -> NDArray | slice:
    """Return what is selected as a slice if it is one run, which copies nothing."""
    places = np.flatnonzero(selected)
    first, end = (places[0], places[-1] + 1) if len(places) else (0, 0)
    return slice(first, end) if end - first == len(places) else selected


def _between(first: int, stop: int, length: int) -> NDArray:
    """Return which of so many time steps lie between two of them."""
    chosen = np.zeros(length, dtype=bool)
    chosen[first:stop] = True
    return chosen
