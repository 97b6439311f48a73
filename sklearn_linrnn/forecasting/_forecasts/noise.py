"""The noise of forecasts: how it correlates between targets, and from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from sklearn_linrnn._core.statistics.serial_noise import SerialNoise


@dataclass(frozen=True, eq=False)
class Noise:
    """Errors of several targets that are normal and correlate. Make it with `of` or `serial`.

    Attributes
    ----------
    innovations : ndarray of shape (n_sources, n_targets)
        Its square is the covariance of what is new in each step.
    memory : ndarray of shape (n_memory, n_targets)
        What of it is left in the same step and the following ones; one step if noise is white.
        Squares sum to one.
    root : ndarray of shape (n_sources, n_targets)
        ``root^T root`` is the covariance of a step.
    """

    innovations: NDArray
    memory: NDArray
    root: NDArray

    @classmethod
    def of(cls, errors: NDArray, variance: NDArray) -> Noise:
        """Return white noise of some variances that correlates as errors that were seen.

        Parameters
        ----------
        errors : ndarray of shape (n_errors, n_targets)
            The errors; rows with NaN do not count. Targets without an error are independent.
        variance : ndarray of shape (n_targets,)
            The variances.
        """
        root = _scaled(_correlated(errors), variance)
        return cls(root, np.ones((1, len(variance))), root)

    @classmethod
    def independent(cls, variance: NDArray) -> Noise:
        """Return white noise of some variances (n_targets,) whose targets do not correlate."""
        return cls.of(np.zeros_like(variance)[None], variance)

    @classmethod
    def serial(cls, parts: Sequence[NDArray], variance: NDArray) -> Noise:
        """Return noise of some variances that goes on from step to step as errors did.

        Parameters
        ----------
        parts : sequence of ndarray of shape (n_errors_i, n_targets)
            Errors of consecutive steps of several series; NaN where there is none.
        variance : ndarray of shape (n_targets,)
            The variances.
        """
        targets = range(len(variance))
        filters = [SerialNoise.of([part[:, target] for part in parts]) for target in targets]
        memory = np.zeros((max(len(one.memory) for one in filters), len(filters)))
        for target, one in enumerate(filters):
            memory[: len(one.memory), target] = one.memory
        new = [
            np.column_stack([one.whitened(part[:, target]) for target, one in enumerate(filters)])
            for part in parts
        ]
        correlated = _correlated(np.concatenate(new))
        at_once = np.concatenate(memory[:, None] * correlated)
        if len(memory) > 1:
            at_once = np.asarray(np.linalg.qr(at_once, mode="r"))
        return cls(_scaled(correlated, variance), memory, _scaled(at_once, variance))

    @property
    def predictability(self) -> NDArray:
        """Share of its variance that the steps before explain, (n_targets,); zero if white."""
        return 1.0 - np.square(self.memory[0])

    def autocovariances(self, targets: Sequence[int], n_lags: int) -> NDArray:
        """Return ``E[e_t e_{t+k}^T]`` of some targets for ``k`` from 1, (n, n_targets, n_targets).

        There are no more than noise remembers.

        Parameters
        ----------
        targets : sequence of int
            The targets.
        n_lags : int
            The most of them.
        """
        memory, new = self.memory[:, targets], self.innovations[:, targets]
        covariance = new.T @ new
        n_lags = min(n_lags, len(memory) - 1)
        shares = [memory[: len(memory) - lag].T @ memory[lag:] for lag in range(1, n_lags + 1)]
        return np.array(shares).reshape(n_lags, *covariance.shape) * covariance

    def draw(self, rng: np.random.RandomState, *shape: int) -> NDArray:
        """Return draws of single steps, (*shape, n_targets)."""
        return rng.normal(size=(*shape, len(self.root))) @ self.root

    def draw_course(self, rng: np.random.RandomState, n_paths: int, n_steps: int) -> NDArray:
        """Return draws of consecutive steps, (n_paths, n_steps, n_targets)."""
        n_drawn = n_steps + len(self.memory) - 1
        new = rng.normal(size=(n_paths, n_drawn, len(self.innovations))) @ self.innovations
        return fftconvolve(new, self.memory[None], mode="valid", axes=1)


def _correlated(errors: NDArray) -> NDArray:
    """Return a root of the correlations of errors, (n_sources, n_targets)."""
    whole = errors[np.isfinite(errors).all(axis=1)]
    largest = np.abs(whole).max(axis=0, initial=0.0)
    none = largest == 0
    # Of errors in their own unit no square is out of range.
    units = whole / np.where(none, 1.0, largest)
    lengths = np.sqrt(np.square(units).sum(axis=0))
    root = np.linalg.qr(units / np.where(none, 1.0, lengths), mode="r")
    return np.vstack([np.diag(none.astype(np.float64)), root])


def _scaled(root: NDArray, variance: NDArray) -> NDArray:
    """Return a root times standard deviations; where a target has no share, none is taken."""
    return root * np.where(root == 0, 1.0, np.sqrt(variance))
