"""Hyperparameters of each group of channels on unbounded scales, and the evidence of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.evidence import Evidence, EvidenceSums
from sklearn_linrnn._core.closed_form.evidence_curvature import curvature_between_channels
from sklearn_linrnn._core.closed_form.measures import LEAST_NOISE, MOST_NOISE, Measures
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors
from sklearn_linrnn._core.priors.lag_prior import LagPrior

FADED = 1e-4  # effective parameters below which a group of channels is left out
ROUNDING = 1e-12  # of a measure, relative to it
STEP = 1e-4  # of differences of changes


@dataclass(frozen=True, eq=False)
class ChannelMeasures:
    """The measures of what is sought of the priors of channels.

    Those of a group are of its hyperparameters, as `Measures` has them, then the logarithm of the
    signal that its prior expects, over the penalty: about its number of effective parameters. At
    its lower bound the group is left out. Where scales are given and the penalty is sought, the
    last measure of all is the logarithm of the signal of all channels over it.

    Attributes
    ----------
    priors : ChannelPriors
        Hyperparameters that are not sought have their values; its scales, where they are given.
    group : ndarray of int, shape (n_channels,)
        The group of each channel.
    names : list of tuple of str
        Names of the hyperparameters that are sought; those of a tuple share one value.
    seeks_scale : bool
        Whether scales are sought.
    alpha : float or None
        The penalty; None if it is sought.
    powers : ndarray of shape (n_channels, n_lags)
        Scatter of each lag.
    """

    priors: ChannelPriors
    group: NDArray
    names: Sequence[tuple[str, ...]]
    seeks_scale: bool
    alpha: float | None
    powers: NDArray

    @property
    def n_lags(self) -> int:
        """Number of lags."""
        return self.powers.shape[1]

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1

    @property
    def seeks_factor(self) -> bool:
        """Whether a factor of the covariance is sought: scales, or the penalty."""
        return self.seeks_scale or self.alpha is None

    @cached_property
    def of_channel(self) -> list[Measures]:
        """Measures of the hyperparameters of each channel."""
        return [Measures(prior, self.names, 1.0, self.n_lags) for prior in self.priors.priors]

    @cached_property
    def bounds(self) -> NDArray:
        """Least and greatest measures, (n_measures, 2)."""
        own = self.of_channel[0].bounds.reshape(-1, 2)
        most = -np.log(LEAST_NOISE)
        if self.seeks_scale:
            own = np.vstack([own, [np.log(FADED), most]])
        bounds = np.tile(own, (self.n_groups, 1))
        if self.seeks_factor and not self.seeks_scale:
            bounds = np.vstack([bounds, [-np.log(MOST_NOISE), most]])
        return bounds

    @cached_property
    def index(self) -> NDArray:
        """The measure of each kind of change and channel, (n_kinds, n_channels)."""
        n_own = len(self.names) + self.seeks_scale
        index = n_own * self.group + np.arange(n_own)[:, None]
        if self.seeks_factor and not self.seeks_scale:
            last = np.full((1, len(self.group)), n_own * self.n_groups)
            index = np.vstack([index, last])
        return index

    def rows(self, point: NDArray) -> NDArray:
        """Return the measures of each channel, (n_channels, n_kinds)."""
        return point[self.index].T

    def priors_at(self, point: NDArray) -> list[LagPrior]:
        """Return the prior of each channel, without its scale."""
        pairs = zip(self.of_channel, self.rows(point), strict=True)
        return [measures.prior_at(row[: len(self.names)]) for measures, row in pairs]

    def signals(self, covariances: NDArray) -> NDArray:
        """Return the signals that covariances of all channels expect of each group of them."""
        return np.bincount(self.group, self._signals_of_channels(covariances))

    def factors(self, point: NDArray, signals: NDArray) -> NDArray:
        """Return what the channels' covariances are multiplied by, over the penalty."""
        if not self.seeks_factor:
            return self.priors.scale / self.alpha
        measure = self.rows(point)[:, -1]
        if not self.seeks_scale:
            return np.exp(measure) * self.priors.scale / self._all_signal
        shares = np.exp(measure) / np.where(signals > 0, signals, 1.0)[self.group]
        # A step that stays at the bound may leave it by rounding.
        return np.where(measure > np.log(FADED) * (1.0 - ROUNDING), shares, 0.0)

    @cached_property
    def _all_signal(self) -> float:
        """The signal of all channels at the hyperparameters that are not sought."""
        covariances = covariances_of(self.priors.priors, self.n_lags)
        return float(self.priors.scale @ self._signals_of_channels(covariances)) or 1.0

    def _signals_of_channels(self, covariances: NDArray) -> NDArray:
        variances = covariances if covariances.ndim == 2 else np.einsum("cjj->cj", covariances)
        return np.einsum("cj,cj->c", variances, self.powers)

    def point_of(self, priors: ChannelPriors, alpha: float) -> NDArray:
        """Return the measures, (n_measures,)."""
        columns = [
            np.array([m.of(prior) for m, prior in zip(self.of_channel, priors.priors, strict=True)])
        ]
        if self.seeks_scale:
            signals = self.signals(covariances_of(priors.priors, self.n_lags))[self.group]
            with np.errstate(divide="ignore"):
                columns.append(np.log(priors.scale * signals / alpha)[:, None])
        elif self.seeks_factor:
            columns.append(np.full((len(self.group), 1), np.log(self._all_signal / alpha)))
        point = np.empty(len(self.bounds))
        point[self.index.T] = np.hstack(columns)
        return np.clip(point, self.bounds[:, 0], self.bounds[:, 1])

    def at(self, point: NDArray) -> tuple[ChannelPriors, float]:
        """Return the priors and the penalty of a point; the largest scale is 1 if both are sought.

        The penalty is infinite if no channel is left.
        """
        priors = [prior.ordered() for prior in self.priors_at(point)]
        factors = self.factors(point, self.signals(covariances_of(priors, self.n_lags)))
        if not self.seeks_scale:
            scale = self.priors.scale
            alpha = self.alpha
            if alpha is None:
                alpha = float(self._all_signal / np.exp(point[-1]))
        elif self.alpha is not None:
            scale, alpha = factors * self.alpha, self.alpha
        elif factors.any():
            scale, alpha = factors / factors.max(), 1.0 / float(factors.max())
        else:
            scale, alpha = np.ones(len(factors)), np.inf
        return ChannelPriors(tuple(priors), scale), alpha

    def changes(self, point: NDArray) -> tuple[NDArray, NDArray]:
        """Return the changes of the covariances over the penalty, and the factors in them.

        Returns
        -------
        changes : ndarray of shape (n_kinds, n_channels, n_lags) or (..., n_lags, n_lags)
            The derivatives of each channel's covariance, or variances, by its measures.
        factors : ndarray of shape (n_channels,)
            As `factors` returns them.
        """
        priors = self.priors_at(point)
        covariances = covariances_of(priors, self.n_lags)
        pairs = list(zip(self.of_channel, priors, strict=True))
        each = [measures.changes(prior, self.n_lags) for measures, prior in pairs]
        slopes = np.array(each).reshape(len(pairs), len(self.names), *covariances.shape[1:])
        slopes = slopes.swapaxes(0, 1)
        signals = self.signals(covariances)
        factors = self.factors(point, signals)
        ends = (slice(None), *[None] * (covariances.ndim - 1))
        if self.seeks_scale:
            known = np.where(signals > 0, signals, 1.0)
            rises = np.array([self.signals(slope) for slope in slopes]).reshape(-1, len(known))
            relative = (rises / known)[:, self.group]
            slopes = slopes - relative[(slice(None), *ends)] * covariances
        both = [slopes, covariances[None]] if self.seeks_factor else [slopes]
        return factors[ends] * np.concatenate(both), factors


def covariances_of(priors: Sequence[LagPrior], n_lags: int) -> NDArray:
    """Return the covariances of priors, or variances, in one array."""
    return np.stack([prior.covariance(n_lags) for prior in priors])


class Place(NamedTuple):
    """The evidence at a point, and the changes of the covariances there."""

    point: NDArray
    found: Evidence
    changes: NDArray


@dataclass(frozen=True, eq=False)
class EvidenceAtChannelMeasures:
    """The evidence as a function of the measures of channels.

    Attributes
    ----------
    sums : EvidenceSums
        The data.
    measures : ChannelMeasures
        Of what is sought.
    """

    sums: EvidenceSums
    measures: ChannelMeasures
    _last: dict[str, Any] = field(default_factory=dict)

    def place(self, point: NDArray) -> Place:
        """Return the evidence at a point, that of the last one without computing it again."""
        last = self._last.get("place")
        if last is None or not np.array_equal(last.point, point):
            changes, factors = self.measures.changes(point)
            priors = ChannelPriors(tuple(self.measures.priors_at(point)), factors)
            found = self.sums.under(priors.root(self.measures.n_lags), 1.0).at(1.0)
            last = self._last["place"] = Place(point.copy(), found, changes)
        return last

    def __call__(self, point: NDArray) -> tuple[float, NDArray]:
        """Return the evidence at a point, and its gradient."""
        _, found, changes = self.place(point)
        slopes, _ = found.slopes()
        own = _first(changes, slopes)
        by_channel = (slopes * own).reshape(*own.shape[:2], -1).sum(axis=-1)
        gradient = np.bincount(self.measures.index.ravel(), by_channel.ravel(), len(point))
        return found.value, gradient

    def hessian(self, point: NDArray) -> NDArray:
        """Return the second derivatives, (n_measures, n_measures)."""
        _, found, changes = self.place(point)
        slopes, _ = found.slopes()
        curvature = curvature_between_channels(found, _first(changes, slopes))
        second = _first(self._second_changes(point, changes), slopes, n_kinds=2)
        channels, own = np.arange(curvature.shape[1]), slopes * second
        bend = own.reshape(*own.shape[:3], -1).sum(axis=-1)
        curvature[:, channels, :, channels] += bend.transpose(2, 0, 1)
        index = self.measures.index.ravel()
        rows = np.zeros((len(index), len(point)))
        rows[np.arange(len(index)), index] = 1.0
        return rows.T @ curvature.reshape(len(index), -1) @ rows

    def _second_changes(self, point: NDArray, changes: NDArray) -> NDArray:
        """Return the second derivatives of each channel's covariance by its own measures."""
        n_kinds, n_names = len(changes), len(self.measures.names)
        second = np.empty((n_kinds, *changes.shape))
        for k in range(n_names):
            step = np.zeros(len(point))
            step[self.measures.index[k]] = STEP
            rise = self.measures.changes(point + step)[0] - self.measures.changes(point - step)[0]
            second[:, k] = second[k] = rise / (2.0 * STEP)
        if n_kinds > n_names:  # a factor
            second[-1] = changes
            second[:, -1] = changes
        return second


def _first(changes: NDArray, slopes: NDArray, *, n_kinds: int = 1) -> NDArray:
    """Return changes of as many lags as slopes are of; of one lag alone they are of its variance.

    The changes have so many axes of kinds before those of the channels and lags.
    """
    lags = slice(slopes.shape[1])
    if changes.ndim == n_kinds + 2:
        return changes[..., lags]
    first = changes[..., lags, lags]
    return first[..., 0] if slopes.ndim == 2 else first
