r"""Recursions that do not blow up: roots outside the unit circle are reflected into it.

A recursion ``y_t = sum_j A_j y_{t-1-j}`` grows like the powers of its roots ``lambda``, the
eigenvalues of its companion matrix. Each has a left eigenvector ``(v_0, v_1, ...)``,

    v_0 (I - sum_j A_j lambda^{-1-j}) = 0,    v_j = (v_0 A_j + v_{j+1}) / lambda,

along which the last steps ``x`` move alone, ``v x -> lambda v x``. So a correction ``g v_j`` of the
coefficients moves this root, by ``v_0 g``, and no other. Every root outside the circle goes to
``1 / conj(lambda)``, by the correction that is least: of all paths that start from the same steps
and stay bounded, the corrected one leaves the fitted recursion by the least sum of squares (it is
the linear-quadratic regulator whose state costs nothing). The power spectrum of a single column
keeps its shape.

Eigenvectors follow from their last part through divisions by ``lambda``, which lose no digits,
where the polynomial that all roots together have would keep none of a few dozen lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

ON_CIRCLE = 1e-8  # A double root on the circle is known to the square root of a rounding.


@dataclass(frozen=True, eq=False)
class StableRecursion:
    """How a recursion is changed so that it does not blow up. Make it with `of` or `of_levelled`.

    Attributes
    ----------
    correction : ndarray of shape (n_lags, n_columns, n_columns)
        What is added to the coefficients; all zero if nothing is moved.
    moved : ndarray of complex, shape (n_moved,)
        The roots outside the unit circle, largest modulus first; of a conjugate pair the one above
        the real axis. They are now at ``1 / conj(moved)``.
    """

    correction: NDArray
    moved: NDArray

    @classmethod
    def of(cls, coefficients: NDArray, units: NDArray) -> StableRecursion:
        """Return how a recursion is kept inside the unit circle.

        Parameters
        ----------
        coefficients : ndarray of shape (n_lags, n_columns, n_columns)
            ``A_j``, from the column of the second axis to that of the first.
        units : ndarray of shape (n_columns,)
            What a correction of each column is measured in; positive.
        """
        scale = units[None, None, :] / units[None, :, None]
        scaled = coefficients * scale
        moved = roots_outside(scaled)
        correction = _reflected(scaled, moved) - scaled if len(moved) else np.zeros_like(scaled)
        return cls(correction / scale, moved)

    @classmethod
    def of_levelled(cls, coefficients: NDArray, units: NDArray) -> StableRecursion:
        """Return the same for coefficients whose sum is the identity, which have a root at one.

        The root stays there exactly, for all columns: the rest is a recursion of differences,
        ``D_j = -sum_{i > j} A_i``, one lag shorter.
        """
        differences = -np.cumsum(coefficients[:0:-1], axis=0)[::-1]
        found = cls.of(differences, units)
        edge = np.zeros_like(coefficients[:1])
        return cls(np.diff(found.correction, axis=0, prepend=edge, append=edge), found.moved)


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


def _reflected(coefficients: NDArray, roots: NDArray) -> NDArray:
    """Return the coefficients with some roots, and their conjugates, reflected at the circle."""
    changed = coefficients.astype(np.complex128)
    # What a root has cost already makes some directions dearer for the next: then the order of the
    # roots does not matter.
    cheap = np.eye(coefficients.shape[1], dtype=np.complex128)
    for root in roots:
        for one in (root, root.conjugate()) if root.imag else (root,):
            left = _left_eigenvector(changed, one)
            direction = cheap @ left[0].conj()
            strength = (left[0] @ direction).real
            gain = (1.0 / one.conjugate() - one) / strength * direction
            changed += gain[None, :, None] * left[:, None, :]
            saved = (1.0 - abs(one) ** -2) / strength
            cheap -= saved * np.outer(direction, direction.conj())
        changed.imag, cheap.imag = 0.0, 0.0
    return changed.real


def _left_eigenvector(coefficients: NDArray, root: complex) -> NDArray:
    """Return the left eigenvector of a root outside the circle, (n_lags, n_columns)."""
    powers = root ** -np.arange(1.0, len(coefficients) + 1)
    singular = np.eye(coefficients.shape[1]) - np.tensordot(powers, coefficients, axes=1)
    first = np.linalg.svd(singular)[0][:, -1].conj()
    # v_j = (v_0 A_j + v_{j+1}) / root, from the last lag on.
    parts = (first @ coefficients)[::-1]
    return lfilter([1.0], [root, -1.0], parts, axis=0)[::-1]
