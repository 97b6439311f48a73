"""Regressions of one step that are iterated: what is changed so that they do not blow up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.stable_recursion import StableRecursion
from sklearn_linrnn._core.statistics.growth import certain_growth
from sklearn_linrnn.forecasting._series.regressions import Regression
from sklearn_linrnn.forecasting._series.seen_steps import SeenSteps


@dataclass(frozen=True, eq=False)
class OneStep:
    """A regression of one step as it was fitted.

    Attributes
    ----------
    regression : Regression
        What is forecast from what.
    response : ndarray of shape (p, n_columns)
        What windows as they are, newest step first, are multiplied by.
    intercept : ndarray of shape (n_columns,)
        What is added.
    exogenous : ndarray of shape (n_lags, n_exogenous)
        The mean exogenous series of windows.
    mean_rate : ndarray of shape (n_columns,)
        The mean step where levels are taken, else the mean value.
    units : ndarray of shape (n_columns,)
        Standard deviations of the targets.
    is_levelled : bool
        Whether a level is taken from windows.
    seen : SeenSteps
        The series that it learned from.
    """

    regression: Regression
    response: NDArray
    intercept: NDArray
    exogenous: NDArray
    mean_rate: NDArray
    units: NDArray
    is_levelled: bool
    seen: SeenSteps

    @cached_property
    def stable(self) -> StableRecursion:
        """What is changed so that it grows at most as its series did."""
        own, _ = self._parts
        units = np.where(self.units > 0, self.units, 1.0)
        make = StableRecursion.of_levelled if self.is_levelled else StableRecursion.of
        return make(own.transpose(0, 2, 1), units, self._shown_growth)

    def correction(self, stable: StableRecursion) -> NDArray:
        """Return what a change adds to the response, (p, n_columns)."""
        own, driven = self._parts
        correction = np.zeros((len(own), own.shape[1] + driven.shape[1], own.shape[2]))
        correction[:, : own.shape[1]] = stable.correction.transpose(0, 2, 1)
        return correction.reshape(self.response.shape)

    def placed_intercept(self, stable: StableRecursion) -> NDArray:
        """Return the intercept after a change, (n_columns,).

        The fitted one belongs to its own course, and what grows does so around it. Of a recursion
        that was changed so that nothing grows, or that a trend comes to an end, the course is what
        was seen in the mean.
        """
        has_ended = np.abs(stable.placed) <= 1.0
        trend = (stable.placed.imag == 0) & (stable.placed.real > 0)
        goes_on = not has_ended.all() and not (has_ended & trend).any()
        rate = self._own_rate if goes_on else self.mean_rate
        return rate - self._course(rate).flatten() @ (self.response + self.correction(stable))

    @property
    def _parts(self) -> tuple[NDArray, NDArray]:
        """The response to its own past, and that to exogenous series, (n_lags, n, n_columns)."""
        n_columns = len(self.regression.columns)
        response = self.response.reshape(-1, self.regression.n_channels, n_columns)
        return response[:, :n_columns], response[:, n_columns:]

    def _course(self, rate: NDArray) -> NDArray:
        """Return a window of mean inputs that goes on at a rate, (n_lags, n_channels).

        The rate (n_columns,) is that of its steps where levels are taken, else its value.
        """
        lag = np.arange(len(self.exogenous))[:, None]
        return np.hstack([-lag * rate if self.is_levelled else rate + 0.0 * lag, self.exogenous])

    @cached_property
    def _own_rate(self) -> NDArray:
        """The rate of its own course, (n_columns,)."""
        own, _ = self._parts
        steps = np.stack([self._course(rate) for rate in np.eye(len(self.mean_rate))])
        unit = steps[:, :, : len(self.mean_rate)]
        response = np.eye(len(unit)) - np.tensordot(unit, own, axes=2)
        return np.linalg.lstsq(response.T, self._drive)[0]

    @cached_property
    def _drive(self) -> NDArray:
        """What the intercept and the mean exogenous series add, (n_columns,)."""
        return self.intercept + np.tensordot(self.exogenous, self._parts[1], axes=2)

    def _shown_growth(self, root: complex, left: NDArray) -> float:
        """Return the growth of the series along the left eigenvector of a root.

        Along it ``z' = root z + left[0] c``: the amplitude is the distance from what stays.
        """
        stays = left[0] @ self._drive / (1.0 - root)
        columns = self.regression.columns
        along = self.seen.filtered(left, columns, differences=self.is_levelled)
        return certain_growth([np.abs(some - stays) for some in along])
