"""Residuals and the inputs before and after them, as sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter

from sklearn_linrnn._core.equal_lengths import alike, stacked
from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.serial_noise import ResidualProducts, SerialNoise
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._data.sequences import Recordings

ROUNDING = 1e-10  # of the largest variance


@dataclass(frozen=True, eq=False)
class Earlier:
    """What the inputs from a lag on say of other inputs and of the residuals.

    Attributes
    ----------
    first : int
        The lag.
    inverse : ndarray of shape (p_earlier, p_earlier)
        Inverse of their scatter, where it has one.
    rank : int
        Number of directions in which it has one.
    remembered : ndarray of shape (p, p)
        As that of `ResidualSums`, for what they leave of the residuals.
    """

    first: int
    inverse: NDArray
    rank: int
    remembered: NDArray


@dataclass(frozen=True, eq=False)
class ResidualSums:
    """Sums over the time steps of which a residual and the inputs at all lags are known.

    Attributes
    ----------
    lags : ndarray of int, shape (n_lags,)
        The lags of the inputs, one after another; those below zero come after the residual.
    n_channels : int
        Number of channels; inputs are sorted by lag, their channels side by side.
    n_rows : float
        Number of time steps.
    scatter : ndarray of shape (p, p)
        Centred sums of products of the inputs.
    remembered : ndarray of shape (p, p)
        The same, with the autocorrelations of the residuals between the time steps: the covariance
        of `cross` over the variance of the residuals, if they do not depend on the inputs.
    cross : ndarray of shape (p,)
        Centred sums of products of inputs and residuals.
    variation : float
        Sum of squares of the centred residuals.
    earlier : Earlier
        What the inputs say that are not later than those of the model.
    """

    lags: NDArray
    n_channels: int
    n_rows: float
    scatter: NDArray
    remembered: NDArray
    cross: NDArray
    variation: float
    earlier: Earlier

    def places(self, lags: NDArray, channel: int | None = None) -> NDArray:
        """Return the places of lags among the inputs, of one channel or of all."""
        channels = np.arange(self.n_channels) if channel is None else np.array([channel])
        return np.add.outer((lags - self.lags[0]) * self.n_channels, channels).ravel()


@dataclass(frozen=True, eq=False)
class AlignedResiduals:
    """Residuals at the ends of windows that hold the inputs before and after them.

    Attributes
    ----------
    recordings : Recordings
        The inputs, from a zero state.
    residuals : ndarray of shape (n_supervised, n_outputs)
        The residuals; NaN where one, or an input of its window, is not known.
    lags : ndarray of int, shape (n_lags,)
        The lags of the inputs of a window, one after another from below zero on.
    """

    recordings: Recordings
    residuals: NDArray
    lags: NDArray

    @classmethod
    def of(cls, recordings: Recordings, residuals: NDArray, lags: NDArray) -> AlignedResiduals:
        """Return the residuals of recordings, (n_supervised, n_outputs), NaN where there is none.

        Parameters
        ----------
        recordings : Recordings
            The inputs.
        residuals : ndarray of shape (n_supervised, n_outputs)
            The residuals.
        lags : ndarray of int, shape (n_lags,)
            The lags of the inputs.
        """
        unrolled = recordings.unrolled(len(lags))
        own = recordings.after_heads(residuals, unrolled.n_before, np.nan)
        aligned = _later(own, unrolled.recordings.lengths, -int(lags[0]))
        aligned[~unrolled.whole | np.isnan(aligned).any(axis=1)] = np.nan
        return cls(unrolled.recordings, aligned, lags)

    @property
    def n_rows(self) -> int:
        """Number of residuals that are known, with their windows."""
        return int(np.count_nonzero(~np.isnan(self.residuals[:, 0])))

    def sums(self, first: int) -> list[ResidualSums]:
        """Return the sums of each output.

        Parameters
        ----------
        first : int
            The first lag that a model has.
        """
        statistics, n_channels = self.statistics, self.recordings.n_channels
        scatter, cross = statistics.input_scatter.numpy(), statistics.cross_scatter.numpy()
        later = (first - int(self.lags[0])) * n_channels
        root = whitening(scatter[later:, later:])
        inverse = root @ root.T
        response = np.concatenate([np.zeros_like(cross[:later]), inverse @ cross[later:]])
        explained = as_impulse_response(torch.from_numpy(response), len(self.lags)).numpy()
        left = self.residuals - self.recordings.respond(explained)
        return [
            ResidualSums(
                self.lags,
                n_channels,
                statistics.weight,
                scatter,
                self.remembered(self.residuals[:, output]),
                cross[:, output],
                float(statistics.target_scatter[output]),
                Earlier(first, inverse, root.shape[1], self.remembered(left[:, output])),
            )
            for output in range(left.shape[1])
        ]

    @cached_property
    def statistics(self) -> LagStatistics:
        """The sums of windows and residuals."""
        return self._sums(self._inputs, self.residuals)

    def remembered(self, residuals: NDArray) -> NDArray:
        """Return the scatter of the inputs filtered as white noise is to become residuals.

        Parameters
        ----------
        residuals : ndarray of shape (n_supervised,)
            Those of one output.
        """
        centred = residuals - np.nanmean(residuals)
        noise = SerialNoise.of(list(self.recordings.split(centred)))
        if len(noise.coefficients) == 0:
            return self.statistics.input_scatter.numpy()
        level = self.statistics.input_mean[: self.recordings.n_channels].numpy()
        poles = np.append(1.0, -noise.coefficients)
        parts = self.recordings.split(self._inputs - level)
        filtered = [lfilter(noise.memory[:1], poles, part, axis=0) for part in parts]
        places = np.where(np.isnan(residuals), np.nan, 0.0)[:, None]
        return self._sums(np.concatenate(filtered), places).input_scatter.numpy()

    @cached_property
    def _inputs(self) -> NDArray:
        return np.asarray(self.recordings.joined, dtype=np.float64)

    def _sums(self, inputs: NDArray, targets: NDArray) -> LagStatistics:
        series = Series.of(inputs, targets, np.ones(len(inputs)), self.recordings.lengths)
        return LagStatistics.of_series(series, n_lags=len(self.lags))


def residual_products(
    recordings: Recordings, residuals: NDArray, n_lags: int
) -> tuple[NDArray, NDArray]:
    """Return sums of products of residuals with those before, and how many they are of.

    Parameters
    ----------
    recordings : Recordings
        Whose residuals they are.
    residuals : ndarray of shape (n_supervised,)
        Those of one output; NaN where there is none.
    n_lags : int
        Number of steps before.

    Returns
    -------
    sums : ndarray of shape (n_lags + 1,)
        From step 0 on, over that of step 0.
    n_pairs : ndarray of shape (n_lags + 1,)
        Number of pairs of residuals.
    """
    known = np.where(np.isnan(residuals), np.nan, 1.0)
    products = ResidualProducts(n_lags, 2)
    parts = [recordings.split(values) for values in (residuals - np.nanmean(residuals), known)]
    for places in alike(recordings.lengths):
        products.add(np.stack([stacked(part, places) for part in parts]))
    return products.autocorrelations[0], products.sums[1]


def _later(values: NDArray, lengths: list[int], n_steps: int) -> NDArray:
    """Return values so many steps later in their recordings, NaN before."""
    recording = np.repeat(np.arange(len(lengths)), lengths)
    later = np.full(values.shape, np.nan)
    stays = recording[n_steps:] == recording[: len(recording) - n_steps]
    later[n_steps:][stays] = values[: len(values) - n_steps][stays]
    return later


def whitening(matrix: NDArray) -> NDArray:
    """Return ``V`` with ``V^T M V`` the identity, without the directions of rounding.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        ``M``, a covariance.

    Returns
    -------
    root : ndarray of shape (n, rank)
        ``V``; ``V V^T`` is the pseudo-inverse.
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = values > ROUNDING * values.max(initial=0.0)
    return vectors[:, kept] / np.sqrt(values[kept])
