"""The noise of forecasts: what of an error cannot be told from the past, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Noise:
    """Errors of several targets that are normal and correlate. Make it with `of`.

    Attributes
    ----------
    root : ndarray of shape (n_sources, n_targets)
        ``root^T root`` is their covariance.
    """

    root: NDArray

    @classmethod
    def of(cls, errors: NDArray, variance: NDArray) -> Noise:
        """Return noise of some variances that correlates as errors that were seen.

        Parameters
        ----------
        errors : ndarray of shape (n_errors, n_targets)
            The errors; rows with NaN do not count. Targets without an error are independent.
        variance : ndarray of shape (n_targets,)
            The variances.
        """
        whole = errors[np.isfinite(errors).all(axis=1)]
        norm = np.sqrt(np.square(whole).sum(axis=0))
        unseen = np.diag((norm == 0).astype(np.float64))
        seen = np.linalg.qr(whole / np.where(norm == 0, 1.0, norm), mode="r")
        correlated = np.vstack([unseen, seen])
        # A variance may be infinite, and a target has no share in what it does not correlate with.
        share = np.where(correlated == 0, 1.0, np.sqrt(variance))
        return cls(correlated * share)

    @classmethod
    def independent(cls, variance: NDArray) -> Noise:
        """Return noise of some variances (n_targets,) whose targets do not correlate."""
        return cls.of(np.zeros_like(variance)[None], variance)

    def draw(self, rng: np.random.RandomState, *shape: int) -> NDArray:
        """Return draws, (*shape, n_targets)."""
        return rng.normal(size=(*shape, len(self.root))) @ self.root
