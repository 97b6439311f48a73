r"""Which of many recursions have all their roots inside the unit circle.

Levinson's recursion backwards tells a recursion's reflection coefficients; all of them are below
one if and only if all roots are inside (Schur and Cohn). A step multiplies the errors by
:math:`1/(1 - |k|)` at most, so that it is believed where few digits are lost in all, and asked of
the eigenvalues elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.stable_recursion import companion

MOST_LOST = 1e7  # times which the rounding of coefficients may have grown


def have_inner_roots(coefficients: NDArray) -> NDArray:
    """Return which recursions have no root outside the unit circle, (n_recursions,).

    Parameters
    ----------
    coefficients : ndarray of shape (n_recursions, n_lags, n_columns, n_columns)
        ``A_j`` of each, from the column of the last axis to that of the one before.
    """
    # Then no norm of a step exceeds the largest before.
    known = np.abs(coefficients).sum(axis=(1, 3)).max(axis=1, initial=0.0) <= 1.0
    if coefficients.shape[2] == 1:
        known |= _reflect_less(coefficients[:, :, 0, 0])
    for place in np.flatnonzero(~known):
        roots = np.linalg.eigvals(companion(coefficients[place]))
        known[place] = np.abs(roots).max() <= 1.0
    return known


def _reflect_less(coefficients: NDArray) -> NDArray:
    """Return which recursions (n_recursions, n_lags) have small reflections beyond doubt."""
    left, lost = -coefficients.T, np.ones(len(coefficients))
    with np.errstate(all="ignore"):  # what overflows is in doubt
        while len(left):
            reflection, rest = left[-1], left[:-1]
            lost /= np.maximum(1.0 - np.abs(reflection), 0.0)
            left = (rest - reflection * rest[::-1]) / (1.0 - reflection**2)
    return lost < MOST_LOST
