"""Noise that remembers: whether residuals are white, and what they are if not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.signal import lfilter

from sklearn_linrnn._core.equal_lengths import alike, stacked

LONGEST = 2**12  # steps that are remembered
FORGOTTEN = 1e-8  # of a first step


def most_remembered(n_known: int, longest: int) -> int:
    """Return the highest order of an autoregression of so many residuals.

    Parameters
    ----------
    n_known : int
        Number of residuals.
    longest : int
        Number of time steps of the longest series.
    """
    return min(int(10.0 * math.log10(max(n_known, 1))), n_known // 10, max(longest - 1, 0))


class ResidualProducts:
    """Sums of products of residuals with those before, added piece by piece.

    Parameters
    ----------
    order : int
        Number of steps before.
    n_outputs : int, default=1
        Number of outputs, each with sums of its own.

    Attributes
    ----------
    sums : ndarray of shape (n_outputs, order + 1)
        The sums from lag 0 on, in the square of a unit in which residuals are at most one.
    n_known : int
        Number of residuals, of all outputs.
    """

    def __init__(self, order: int, n_outputs: int = 1) -> None:
        self.sums = np.zeros((n_outputs, order + 1))
        self.n_known = 0
        self._unit = np.zeros(n_outputs)

    def add(self, residuals: NDArray, n_before: int = 0) -> None:
        """Add pieces of series, of one length.

        Parameters
        ----------
        residuals : ndarray of shape (n_outputs, n_series, n_before + n_timesteps)
            The residuals; NaN where there is none.
        n_before : int, default=0
            How many of each precede its piece, and have been added; all of the series, or as many
            as steps before.
        """
        known = np.isfinite(residuals)
        self.n_known += int(np.count_nonzero(known[..., n_before:]))
        n_outputs, n_series, n_steps = residuals.shape
        height = min(self.sums.shape[1], max(n_steps, 1))  # of a block, with the one before it
        n_blocks = 1 - (n_before - n_steps) // height
        filled = np.zeros((n_outputs, n_series, n_blocks * height))
        place = filled[..., height - n_before : height - n_before + n_steps]
        np.copyto(place, residuals, where=True if known.all() else known)
        largest = np.maximum(self._unit, _largest(place))
        unit = np.where(largest > 0, largest, 1.0)
        self.sums *= np.square(self._unit / unit)[:, None]
        self._unit = largest
        place /= unit[:, None, None]
        blocks = filled.reshape(n_outputs, n_series, n_blocks, height)
        own, before = (
            part.reshape(n_outputs, -1, height) for part in (blocks[:, :, 1:], blocks[:, :, :-1])
        )
        products = np.empty((n_outputs, height, 2 * height))
        np.matmul(own.mT, before, out=products[:, :, :height])
        np.matmul(own.mT, own, out=products[:, :, height:])
        self.sums[:, :height] += _sums_of_diagonals(products)[:, :0:-1]

    @property
    def autocorrelations(self) -> NDArray:
        """The autocorrelations from lag 0 on, like `sums`; zeros if the residuals are zero."""
        return self.sums / np.where(self.sums[:, :1] > 0, self.sums[:, :1], 1.0)


@dataclass(frozen=True, eq=False)
class SerialNoise:
    """An autoregression of residuals; white noise if it has no coefficients. Make it with `of`.

    Attributes
    ----------
    coefficients : ndarray of shape (order,)
        What the last residuals say of the next one.
    """

    coefficients: NDArray

    @classmethod
    def of(cls, *outputs: Sequence[NDArray] | NDArray) -> SerialNoise:
        """Return the autoregression of residuals, of the order with the lowest BIC.

        The criterion (Schwarz 1978) is a test of whiteness, too: with more data it takes white
        noise for something else ever more rarely. The Yule-Walker equations make it stationary.

        Parameters
        ----------
        *outputs : sequence of ndarray of shape (n_timesteps_i,)
            Residuals of several series; NaN where there is none. Those of several outputs, each in
            a unit of its own, are taken to go on alike.
        """
        n_known = sum(int(np.isfinite(part).sum()) for parts in outputs for part in parts)
        longest = max((len(part) for parts in outputs for part in parts), default=0)
        products = [ResidualProducts(most_remembered(n_known, longest)) for _ in outputs]
        for parts, of_output in zip(outputs, products, strict=True):
            for places in alike([len(part) for part in parts]):
                of_output.add(stacked(parts, places)[None])
        return cls.of_products(products, longest)

    @classmethod
    def of_products(cls, products: Sequence[ResidualProducts], longest: int) -> SerialNoise:
        """Return the autoregression of residuals that are known by their products.

        Parameters
        ----------
        products : sequence of ResidualProducts
            Those of several outputs, up to `most_remembered` steps.
        longest : int
            Number of time steps of the longest series.
        """
        n_known = sum(one.n_known for one in products)
        order = most_remembered(n_known, longest)
        if order == 0 or not any(one.sums[:, 0].any() for one in products):
            return cls(np.empty(0))
        found = np.concatenate([one.autocorrelations[:, : order + 1] for one in products])
        return cls(_lowest_bic(found.mean(axis=0), n_known))

    @cached_property
    def memory(self) -> NDArray:
        """What is left of an innovation in the following steps, (n_steps,); squares sum to one."""
        if len(self.coefficients) == 0:
            return np.ones(1)
        impulse = np.zeros(LONGEST)
        impulse[0] = 1.0
        response = lfilter([1.0], np.append(1.0, -self.coefficients), impulse)
        kept = np.flatnonzero(np.abs(response) > FORGOTTEN)[-1] + 1
        return response[:kept] / np.sqrt(np.square(response[:kept]).sum())

    @property
    def predictability(self) -> float:
        """Share of its variance that the steps before explain; zero if it is white."""
        return float(1.0 - self.memory[0] ** 2)

    def whitened(self, residuals: NDArray) -> NDArray:
        """Return the innovations of residuals, (n_timesteps,); NaN where they are not known.

        Parameters
        ----------
        residuals : ndarray of shape (n_timesteps,)
            The residuals; NaN where there is none.
        """
        found = np.array(residuals, dtype=np.float64)
        for lag, coefficient in enumerate(self.coefficients, start=1):
            found[lag:] -= coefficient * residuals[: max(len(residuals) - lag, 0)]
        found[: len(self.coefficients)] = np.nan
        return found


def _largest(residuals: NDArray) -> NDArray:
    """Return the largest absolute value of each output, (n_outputs,); zero if there is none."""
    axes = (1, 2)
    return np.maximum(residuals.max(axes, initial=0.0), -residuals.min(axes, initial=0.0))


def _sums_of_diagonals(products: NDArray) -> NDArray:
    """Return the sums of the diagonals of matrices (n, 2 n) that begin in their first row."""
    n_matrices, rows, _ = products.shape
    matrix, row, step = products.strides
    shape, strides = (n_matrices, rows, rows + 1), (matrix, row + step, step)
    return as_strided(products, shape, strides, writeable=False).sum(axis=1)


def _lowest_bic(autocorrelations: NDArray, n_known: int) -> NDArray:
    """Return the coefficients of Yule-Walker of the best order, by the Levinson recursion."""
    coefficients = np.zeros(len(autocorrelations) - 1)
    best = coefficients[:0]
    lowest, left = 0.0, 1.0
    for order in range(1, len(autocorrelations)):
        known = coefficients[: order - 1]
        partial = (autocorrelations[order] - known @ autocorrelations[order - 1 : 0 : -1]) / left
        if not abs(partial) < 1.0:  # of residuals with gaps, or without noise
            break
        known -= partial * known[::-1]
        coefficients[order - 1] = partial
        left *= 1.0 - partial**2
        if (criterion := n_known * math.log(left) + order * math.log(n_known)) < lowest:
            lowest, best = criterion, coefficients[:order].copy()
    return best
