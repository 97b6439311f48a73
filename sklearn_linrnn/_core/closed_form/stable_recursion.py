r"""Recursions that do not blow up: roots outside the unit circle are reflected, but for growth.

A recursion ``y_t = sum_j A_j y_{t-1-j}`` grows like the powers of its roots ``lambda``, the
eigenvalues of its companion matrix. Each has a left eigenvector ``(v_0, v_1, ...)``,

    v_0 (I - sum_j A_j lambda^{-1-j}) = 0,    v_j = (v_0 A_j + v_{j+1}) / lambda,

along which the last steps ``x`` move alone, ``v x -> lambda v x``. So a correction ``g v_j`` of the
coefficients moves this root, by ``v_0 g``, and no other. Every root outside the circle goes to
``1 / conj(lambda)``, by the correction that is least: of all paths that start from the same steps
and stay bounded, the corrected one leaves the fitted recursion by the least sum of squares (it is
the linear-quadratic regulator whose state costs nothing). The power spectrum of a single column
keeps its shape.

Where the series is known to grow along an eigenvector, by a factor ``r`` in each step, that root
may be as large: it goes to ``r^2 / conj(lambda)`` if it is larger, and stays if it is not. This is
the same correction for what is left after division by ``r^t``.

Eigenvectors follow from their last part through divisions by ``lambda``, which lose no digits,
where the polynomial that all roots together have would keep none of a few dozen lags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

ON_CIRCLE = 1e-8  # A double root on the circle is known to the square root of a rounding.
LARGEST = 1e8  # of coefficients: what is left of them once corrected has half of the digits

# From a root and its left eigenvector (n_lags, n_columns) to the growth in one step that the series
# shows along it, at least 1.
ShownGrowth = Callable[[complex, NDArray], float]


class TooLargeResponse(ValueError):
    """Coefficients are so large that a correction of them would lose its digits."""


@dataclass(frozen=True, eq=False)
class StableRecursion:
    """How a recursion is changed so that it does not blow up. Make it with `of` or `of_levelled`.

    Attributes
    ----------
    correction : ndarray of shape (n_lags, n_columns, n_columns)
        What is added to the coefficients; all zero if nothing is moved.
    outside : ndarray of complex, shape (n_outside,)
        The roots outside the unit circle, largest modulus first; of a conjugate pair the one above
        the real axis.
    growth : ndarray of shape (n_outside,)
        As large they may be, at least 1.
    """

    correction: NDArray
    outside: NDArray
    growth: NDArray

    @property
    def is_moved(self) -> NDArray:
        """Which of the roots outside are larger than they may be, (n_outside,)."""
        return np.abs(self.outside) > self.growth * (1.0 + ON_CIRCLE)

    @property
    def placed(self) -> NDArray:
        """Where the roots outside are now, (n_outside,)."""
        return np.where(self.is_moved, self.growth**2 / self.outside.conj(), self.outside)

    @classmethod
    def of(
        cls, coefficients: NDArray, units: NDArray, shown_growth: ShownGrowth | None = None
    ) -> StableRecursion:
        """Return how a recursion is kept from growing more than its series.

        Parameters
        ----------
        coefficients : ndarray of shape (n_lags, n_columns, n_columns)
            ``A_j``, from the column of the second axis to that of the first.
        units : ndarray of shape (n_columns,)
            What a correction of each column is measured in; positive.
        shown_growth : callable, default=None
            Returns how large a root may be; asked for roots outside the unit circle alone. ``None``
            for a series that shows no growth.

        Raises
        ------
        TooLargeResponse
            If coefficients are so large that a correction of them would lose its digits.
        """
        scale = units[None, None, :] / units[None, :, None]
        scaled = coefficients * scale
        if (largest := np.abs(scaled).max(initial=0.0)) > LARGEST:
            raise TooLargeResponse(
                "The estimator's forecast of one step cannot be iterated: it moves by "
                f"{largest:.2g} standard deviations for one of an earlier value of y, and too few "
                "digits are left of what keeps it from blowing up. Change the estimator's "
                "parameters: it has not learned this response from y."
            )
        outside = roots_outside(scaled)
        growth = np.ones(len(outside))
        if shown_growth is not None:
            lefts = [left_eigenvector(scaled, root) / units for root in outside]
            growth[:] = list(map(shown_growth, outside, lefts))
        found = cls(np.zeros_like(scaled), outside, growth)
        if not found.is_moved.any():
            return found
        moved = _reflected(scaled, outside[found.is_moved], found.growth[found.is_moved])
        return replace(found, correction=(moved - scaled) / scale)

    @classmethod
    def of_levelled(
        cls, coefficients: NDArray, units: NDArray, shown_growth: ShownGrowth | None = None
    ) -> StableRecursion:
        """Return the same for coefficients whose sum is the identity, which have a root at one.

        The root stays there exactly, for all columns: the rest is a recursion of differences,
        ``D_j = -sum_{i > j} A_i``, one lag shorter, and its eigenvectors are along those.
        """
        differences = -np.cumsum(coefficients[:0:-1], axis=0)[::-1]
        found = cls.of(differences, units, shown_growth)
        edge = np.zeros_like(coefficients[:1])
        correction = np.diff(found.correction, axis=0, prepend=edge, append=edge)
        return replace(found, correction=correction)


def roots_outside(coefficients: NDArray) -> NDArray:
    """Return the roots outside the unit circle, those of a pair once, largest modulus first."""
    if np.abs(coefficients).sum(axis=(0, 2)).max(initial=0.0) <= 1.0:
        return np.empty(
            0, dtype=np.complex128
        )  # Then no norm of a step exceeds the largest before.
    roots = np.linalg.eigvals(companion(coefficients)).astype(np.complex128)
    outside = roots[(np.abs(roots) > 1.0 + ON_CIRCLE) & (roots.imag >= 0)]
    return outside[np.argsort(-np.abs(outside), kind="stable")]


def companion(coefficients: NDArray) -> NDArray:
    """Return the matrix that moves the last steps, newest first, on by one."""
    n_lags, n_columns, _ = coefficients.shape
    matrix = np.eye(n_lags * n_columns, k=-n_columns)
    matrix[:n_columns] = coefficients.transpose(1, 0, 2).reshape(n_columns, -1)
    return matrix


def _reflected(coefficients: NDArray, roots: NDArray, radii: NDArray) -> NDArray:
    """Return the coefficients with some roots, and their conjugates, reflected at circles."""
    changed = coefficients.astype(np.complex128)
    # What a root has cost already makes some directions dearer for the next: then the order of the
    # roots does not matter. As a square root, their prices keep the digits of large roots.
    cheap = np.eye(coefficients.shape[1], dtype=np.complex128)
    for root, radius in zip(roots, radii, strict=True):
        for one in (root, root.conjugate()) if root.imag else (root,):
            left = left_eigenvector(changed, one)
            seen = cheap.conj().T @ left[0].conj()
            strength = np.linalg.norm(seen)
            along = seen / strength
            gain = (radius**2 / one.conjugate() - one) / strength * (cheap @ along)
            changed += gain[None, :, None] * left[:, None, :]
            saved = 1.0 - radius / abs(one)
            cheap -= saved * np.outer(cheap @ along, along.conj())
        changed.imag = 0.0
    return changed.real


def left_eigenvector(coefficients: NDArray, root: complex) -> NDArray:
    """Return the left eigenvector of a root outside the circle, (n_lags, n_columns)."""
    powers = (1.0 / root) ** np.arange(1.0, len(coefficients) + 1)
    singular = np.eye(coefficients.shape[1]) - np.tensordot(powers, coefficients, axes=1)
    first = np.linalg.svd(singular)[0][:, -1].conj()
    # v_j = (v_0 A_j + v_{j+1}) / root, from the last lag on.
    parts = (first @ coefficients)[::-1]
    return lfilter([1.0], [root, -1.0], parts, axis=0)[::-1]
