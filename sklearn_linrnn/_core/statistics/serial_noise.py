"""Noise that remembers: whether residuals are white, and what they are if not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

LONGEST = 2**12  # steps that are remembered
FORGOTTEN = 1e-8  # of a first step


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
        order = min(int(10.0 * math.log10(max(n_known, 1))), n_known // 10, max(longest - 1, 0))
        found = [_autocorrelations(parts, order) for parts in outputs]
        if order == 0 or not any(one[0] for one in found):
            return cls(np.empty(0))
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


def _autocorrelations(parts: Sequence[NDArray] | NDArray, order: int) -> NDArray:
    """Return the autocorrelations of residuals from lag 0 to an order; zeros if they are zero."""
    unit = max((np.fmax.reduce(np.abs(part), initial=0.0) for part in parts), default=0.0)
    sums = np.zeros(order + 1)
    for part in parts:
        filled = part / (unit or 1.0)
        filled[~np.isfinite(filled)] = 0.0
        for lag in range(min(order + 1, len(part))):
            sums[lag] += filled[lag:] @ filled[: len(part) - lag]
    return sums / (sums[0] or 1.0)


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
