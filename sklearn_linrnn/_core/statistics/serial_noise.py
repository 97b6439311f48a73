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
    """Sums of products of residuals of one output with those before, added piece by piece.

    Parameters
    ----------
    order : int
        Number of steps before.

    Attributes
    ----------
    sums : ndarray of shape (order + 1,)
        The sums from lag 0 on, in the square of a unit in which residuals are at most one.
    n_known : int
        Number of residuals.
    """

    def __init__(self, order: int) -> None:
        self.sums = np.zeros(order + 1)
        self.n_known = 0
        self._unit = 0.0

    def add(self, residuals: NDArray, n_before: int = 0) -> None:
        """Add pieces of series, of one length.

        Parameters
        ----------
        residuals : ndarray of shape (n_series, n_before + n_timesteps)
            The residuals; NaN where there is none.
        n_before : int, default=0
            How many of each precede its piece, and have been added; all of the series, or as many
            as steps before.
        """
        known = np.isfinite(residuals)
        self.n_known += int(np.count_nonzero(known[:, n_before:]))
        n_series, n_steps = residuals.shape
        height = min(len(self.sums), max(n_steps, 1))  # of a block, with the one before it
        n_blocks = 1 - (n_before - n_steps) // height
        filled = np.zeros((n_series, n_blocks * height))
        place = filled[:, height - n_before : height - n_before + n_steps]
        np.copyto(place, residuals, where=known)
        largest = max(filled.max(initial=0.0), -filled.min(initial=0.0))
        if largest > self._unit:
            self.sums *= (self._unit / largest) ** 2
            self._unit = largest
        place /= self._unit or 1.0
        blocks = filled.reshape(n_series, n_blocks, height)
        own, before = (part.reshape(-1, height) for part in (blocks[:, 1:], blocks[:, :-1]))
        products = np.hstack([own.T @ before, own.T @ own])
        self.sums[:height] += _sums_of_diagonals(products)[:0:-1]

    @property
    def autocorrelations(self) -> NDArray:
        """The autocorrelations from lag 0 on, (order + 1,); zeros if the residuals are zero."""
        return self.sums / (self.sums[0] or 1.0)


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
                of_output.add(stacked(parts, places))
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
        if order == 0 or not any(one.sums[0] for one in products):
            return cls(np.empty(0))
        found = [one.autocorrelations[: order + 1] for one in products]
        return cls(_lowest_bic(np.mean(found, axis=0), n_known))

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


def _sums_of_diagonals(products: NDArray) -> NDArray:
    """Return the sums of the diagonals of a matrix (n, 2 n) that begin in its first row."""
    rows, row = products.shape[0], products.strides[0]
    step = products.itemsize
    diagonals = as_strided(products, (rows, rows + 1), (row + step, step), writeable=False)
    return diagonals.sum(axis=0)


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
