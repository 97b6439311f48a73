"""Squared sensitivities by central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn.inspection._input_groups import InputGroup

MOST_NUMBERS = 2**21  # that a model is given at once: 16 MiB
# In units of a channel. A linear model has the same slope over any step, with the less
# rounding the larger it is; other smooth ones have an error of 1e-11 or so over the small one.
FAR, USUAL, NEAR = 2.0**16, 1.0, 2.0**-9
LINEAR = 1e-8  # relative difference between slopes over two steps that is rounding alone


@dataclass(frozen=True, eq=False)
class Slopes:
    """Squared slopes, and how well they are known.

    Attributes
    ----------
    largest : float
        The largest size of a slope; squares are of slopes in the unit of the differences.
    energies : ndarray of shape (n_sequences, n_lags)
        Sums of their squares over outputs and channels.
    deviations : ndarray of shape (n_lags,)
        Root mean square over the sequences of their errors, as the slopes over half the step tell.
    """

    largest: float
    energies: NDArray
    deviations: NDArray

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Root mean squares over the sequences, (n_lags,)."""
        return np.sqrt(self.energies.mean(axis=0))

    @property
    def errors(self) -> NDArray[np.float64]:
        """Estimated errors of the mean energies, (n_lags,)."""
        return self.deviations * (2.0 * self.sizes + self.deviations)

    @property
    def deviation(self) -> float:
        """The root of the sum of squares of `deviations`."""
        return float(np.linalg.norm(self.deviations))


class Differences:
    """Slopes of the last outputs with respect to the inputs.

    Parameters
    ----------
    ask : callable
        Returns outputs (n, n_outputs) for sequences (n, ...).
    group : InputGroup
        The sequences, and the places of the lags.
    scales : ndarray of shape (n_channels,)
        The unit of steps in each channel.
    unit : float
        The unit of slopes, a power of two.
    """

    def __init__(
        self, ask: Callable[[NDArray], NDArray], group: InputGroup, scales: NDArray, unit: float
    ) -> None:
        self.ask = ask
        self.group = group
        self.lags, channels = np.nonzero(group.places >= 0)
        self.places = group.places[self.lags, channels]
        self.units = scales[channels]
        self.unit = unit

    def best(self) -> Slopes:
        """Return the slopes over steps whose errors are small."""
        usual, near = self.over(USUAL), self.over(NEAR)
        if near.deviation < usual.deviation:
            better = near.deviations < usual.deviations
            return Slopes(
                max(near.largest, usual.largest),
                np.where(better, near.energies, usual.energies),
                np.where(better, near.deviations, usual.deviations),
            )
        # Rounding outweighs curvature, if there is any: other functions end far away, or overflow.
        with np.errstate(all="ignore"):
            far = self.over(FAR)
        return far if far.deviation <= LINEAR * np.linalg.norm(far.sizes) else usual

    def over(self, step: float, *, extrapolated: bool = True) -> Slopes:
        """Return the slopes over a step.

        Parameters
        ----------
        step : float
            Its size, in the units of the channels.
        extrapolated : bool, default=True
            Whether to extrapolate to a step of zero, from half of it. Else slopes over that very
            step are meant, and have no errors.
        """
        n_lags, group = len(self.group.places), self.group
        largest, energies, squares = 0.0, np.zeros((n_lags, len(group))), np.zeros(n_lags)
        at_once = max(1, MOST_NUMBERS // (2 * group.values.size))
        for first in range(0, len(self.places), at_once):
            some = slice(first, first + at_once)
            slopes = self._slopes(some, step)
            if extrapolated:  # as Richardson does: the error falls with the square of the step
                with np.errstate(invalid="ignore"):  # of infinite ones: there is no energy
                    correction = (self._slopes(some, step / 2) - slopes) / 3.0
                slopes = slopes + 4.0 * correction
                np.add.at(squares, self.lags[some], self._squared(correction).mean(axis=1))
            np.add.at(energies, self.lags[some], self._squared(slopes))
            largest = max(largest, float(np.abs(slopes).max(initial=0.0)))
        return Slopes(largest, energies.T, np.sqrt(squares))

    def _slopes(self, some: slice, step: float) -> NDArray:
        """Return slopes (n_places, n_sequences, n_outputs), infinite where they overflow."""
        rows, places = self.group.rows, self.places[some, None]
        inputs = np.repeat(rows[None, None], 2, axis=0).repeat(places.shape[0], axis=1)
        index = np.arange(len(places))[:, None], np.arange(len(rows)), places
        for side, sign in zip(inputs, (1.0, -1.0), strict=True):
            side[index] += sign * step * self.units[some, None]
        widths = inputs[0][index] - inputs[1][index]  # as rounding has left them
        outputs = self.ask(inputs.reshape(-1, *self.group.values.shape[1:]))
        upper, lower = outputs.reshape(*inputs.shape[:3], -1)
        with np.errstate(over="ignore"):
            return (upper - lower) / widths[..., None]

    def _squared(self, slopes: NDArray) -> NDArray[np.float64]:
        """Return sums of squares over outputs; infinite where they overflow."""
        with np.errstate(over="ignore"):
            return np.square(slopes / self.unit).sum(axis=2)
