"""Data that are known by their sums alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.pass_log import Watch, unwatched
from sklearn_linrnn._data.sequences import Past
from sklearn_linrnn._data.zero_state import excess_of_zeros


@final
@dataclass(frozen=True)
class KnownSums:
    """Data that are known by their sums alone: the same methods, as far as sums allow.

    Attributes
    ----------
    sums : LagStatistics
        The sums to learn from.
    held_out : LagStatistics or None
        Sums of other data, to score candidates on.
    form : DataForm
        The form of the data; that of recordings with an axis of outputs, if it is not known.
    features : mapping of str to object
        What scikit-learn records of X.
    given : mapping
        Empty: callbacks have no data.
    past : Past or None
        Inputs with which recordings go on in later data; ``None`` if they do not.
    share_of_heads : float
        Share of the weight that time steps have which have zeros before recordings among their
        lags, as far as it is known.
    parts : tuple of LagStatistics
        Sums of consecutive parts of the data, to hold out one after another.
    """

    sums: LagStatistics
    held_out: LagStatistics | None = None
    form: DataForm = field(default_factory=lambda: DataForm(every_step=True))
    features: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    past: Past | None = None
    share_of_heads: float = 0.0
    parts: tuple[LagStatistics, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Whether nothing is known of how these data begin."""
        return False

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.sums.n_channels

    def rows(self, what: str) -> NoReturn:
        """Raise: ``what`` needs the rows, which are not known."""
        raise ValueError(f"{what} needs the rows of the data, but got only their sums.")

    def with_lags(
        self, n_lags: int | None, past: Past | None = None, *, goes_on: bool = False
    ) -> tuple[KnownSums, int, int, int]:
        """Return these, no time steps, and the lags and channels; raise for other lags."""
        known = self.sums.n_lags + min(self.form.first_lag, 0)
        if n_lags not in (None, known) or known < 1:
            beside = f" less n_leads={-self.form.first_lag}" if self.form.first_lag < 0 else ""
            raise ValueError(
                f"n_lags must be that of the statistics, {self.sums.n_lags}{beside}, or None, but "
                f"got {n_lags}. Use statistics.first_lags for fewer."
            )
        return self, 0, self.sums.n_lags, self.sums.n_channels

    def weight_of_zeros(self, n_lags: int) -> NDArray:
        """Return how much the zeros before recordings outweigh the inputs, (n_channels,)."""
        first = slice(0, self.sums.n_channels)
        mean = self.sums.input_mean[first].cpu().numpy()
        variance = self.sums.input_scatter.diagonal()[first].cpu().numpy() / self.sums.weight
        return excess_of_zeros(mean, variance, self.share_of_heads)

    def statistics(self, n_lags: int, device: Any, watch: Watch = unwatched) -> LagStatistics:
        """Return the sums to learn from."""
        return self.sums.to(device)

    def consecutive_parts(self, n_parts: int, least: int) -> list[KnownSums]:
        """Return the whole: sums have no order of time."""
        return [self]


def known_sums(
    statistics: Any, held_out: Any = None, *, initial_state: str = "zero", first_lag: int = 0
) -> KnownSums:
    """Return data known by their sums; raise if it is impossible to learn from them."""
    for name, sums in (("statistics", statistics), ("held_out", held_out)):
        if not (isinstance(sums, LagStatistics) or (name == "held_out" and sums is None)):
            raise TypeError(f"{name} must be LagStatistics, but got {type(sums).__name__}.")
    statistics.check_usable()
    if held_out is not None:
        if held_out.weight <= 0:
            raise ValueError("held_out must have at least one row, but got a weight of 0.")
        statistics.check_alike(held_out.to(statistics.input_mean.device))
    before = None
    if initial_state != "zero":
        before = statistics.input_mean[: statistics.n_channels].cpu().numpy().copy()
        before = before if initial_state == "mean" else np.full_like(before, np.nan)
    n_channels = statistics.n_channels
    form = DataForm(every_step=True, before=before, n_channels=n_channels, first_lag=first_lag)
    return KnownSums(statistics, held_out, form, {"n_features_in_": statistics.n_channels})
