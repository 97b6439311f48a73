"""A series less what its past leads to expect: differences that remember, and their way back.

A difference ``y_t - y_{t-s}`` compares with one value, the mean of which has all noise of that
step. With memory ``theta`` it is compared with the exponentially weighted mean of the values at
``t - s``, ``t - 2 s`` and so on, ``(1 - theta) sum_k theta^k y_{t - s - k s}``: the difference is
the error of exponential smoothing, ``(1 - B^s) / (1 - theta B^s) y_t`` with the lag operator ``B``.
Several differences multiply. What maps a series to these errors has unit determinant, so that the
evidence of regressions tells which memory a series has (Box and Jenkins 1970: a moving average).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from sklearn_linrnn.forecasting._automatic.forms import Form

ROUNDING = 1e-12  # of differences, relative to the series


@dataclass(frozen=True, eq=False)
class Differenced:
    """A series in the units of a form, ready for regressions on its past. Make it with `of`.

    Attributes
    ----------
    form : Form
        How the series is looked at.
    y : ndarray of shape (n_timesteps,)
        The series itself.
    series : ndarray of shape (n_timesteps,)
        The series on the scale of the form, less its mean.
    mean, scale : float
        That mean; and the unit of the differences.
    """

    form: Form
    y: NDArray
    series: NDArray
    mean: float
    scale: float

    @classmethod
    def of(cls, form: Form, y: NDArray) -> Differenced:
        """Return a series (n_timesteps,) in the units of a form."""
        series = form.prepare(y)
        mean = float(series.mean())
        changes = difference(series - mean, form.differences)
        spread = float(changes.std()) if len(changes) else 0.0
        level = ROUNDING * float(np.abs(series).max())
        return cls(form, y, series - mean, mean, spread if spread > level else 1.0)

    @cached_property
    def changes(self) -> NDArray:
        """The differences of each memory, (n_memories, n_timesteps - form.n_lost)."""
        plain = difference(self.series, self.form.differences) / self.scale
        return np.array([lfilter([1.0], fading, plain) for fading in self._fading])

    @cached_property
    def _fading(self) -> NDArray:
        """Coefficients of the products of ``1 - theta B^s``, (n_memories, form.n_lost + 1)."""
        return np.array([fading(self.form.differences, one) for one in self.form.memories])

    def drift(self, steps: NDArray) -> NDArray:
        """Return what a drift of the series adds to differences, (n_memories, *steps.shape).

        The mean that they are taken from starts at the first value and lags behind only after some
        steps: they grow up to 1.

        Parameters
        ----------
        steps : ndarray of int
            Steps of the differences.
        """
        ones = np.ones(int(steps.max(initial=0)) + 1)
        grown = [lfilter([fading.sum()], fading, ones) for fading in self._fading]
        return np.array(grown)[:, steps]

    def followed_to(self, y: NDArray) -> Differenced:
        """Return another series (n_timesteps,) in the same units."""
        return replace(self, y=y, series=self.form.prepare(y) - self.mean)

    def integrate(self, changes: NDArray, ends: NDArray) -> NDArray:
        """Return the paths on the scale of the form that changes lead to.

        Parameters
        ----------
        changes : ndarray of shape (n_memories, n_origins, n_ahead)
            The next differences, of each memory.
        ends : ndarray of int, shape (n_origins,)
            Numbers of steps after which they come.
        """
        lost = self.form.n_lost
        padded = np.pad(self.changes, ((0, 0), (lost, 0)))  # as if nothing had changed before
        before = padded[:, (ends - lost)[:, None] + np.arange(lost)]
        paths, stage = self._forgotten(changes, before) * self.scale, self.series
        stages = []
        for step in self.form.differences:
            stages.append((step, stage))
            stage = difference(stage, (step,))
        for step, known in reversed(stages):
            lost -= step
            last = known[(ends - lost)[:, None] + np.arange(-step, 0)]
            paths = undo_difference(paths, np.broadcast_to(last, (*paths.shape[:-1], step)))
        return paths + self.mean

    def growth(self, weights: NDArray) -> NDArray:
        """Return what an error of the differences adds up to.

        Parameters
        ----------
        weights : ndarray of shape (n_memories, n_origins, n_ahead)
            What it adds to the next differences.
        """
        weights = self._forgotten(weights, np.zeros((*weights.shape[:-1], self.form.n_lost)))
        for step in self.form.differences:
            weights = undo_difference(weights, np.zeros((*weights.shape[:-1], step)))
        return weights * self.scale

    def _forgotten(self, changes: NDArray, before: NDArray) -> NDArray:
        """Return plain differences (n_memories, n_origins, n_ahead).

        Parameters
        ----------
        changes, before : ndarray of shape (n_memories, n_origins, n_ahead or form.n_lost)
            Differences of each memory, and the last ones before them.
        """
        whole = np.concatenate([before, changes], axis=-1)
        lost, n_ahead = before.shape[-1], changes.shape[-1]
        plain = np.zeros_like(changes)
        for back in np.flatnonzero(self._fading.any(axis=0)):
            first = lost - back
            plain += self._fading[:, back, None, None] * whole[..., first : first + n_ahead]
        return plain


def difference(series: NDArray, steps: tuple[int, ...]) -> NDArray:
    """Return differences over some steps, one after another."""
    for step in steps:
        series = series[step:] - series[:-step]
    return series


def undo_difference(changes: NDArray, before: NDArray) -> NDArray:
    """Return paths (..., n_ahead) from differences and the last values before, (..., step)."""
    step = before.shape[-1]
    values = np.concatenate([before, changes], axis=-1)
    for first in range(step):
        values[..., first::step] = values[..., first::step].cumsum(axis=-1)
    return values[..., step:]


def fading(steps: tuple[int, ...], memory: tuple[float, ...]) -> NDArray:
    """Return the coefficients of the product of ``1 - memory B^step``, (sum of steps + 1,)."""
    product = np.ones(1)
    for step, share in zip(steps, memory, strict=True):
        product = np.convolve(product, [1.0, *[0.0] * (step - 1), -share])
    return product
