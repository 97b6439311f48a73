r"""Second derivatives of the evidence by the priors of channels.

With ``M`` and ``w_k``, what the response leaves of ``G`` and of ``B`` over the penalty, the latter
times the root of its precision, and changes ``Q_a`` of the covariance,

    d^2 log p = - sum_k w_k^T Q_a M Q_b w_k + sum_k (w_k^T Q_a w_k) (w_k^T Q_b w_k) / (2 nu)
                + n_outputs/2 tr(M Q_a M Q_b) + tr(W Q_ab),

of which the last term, with the slopes ``W`` and second changes ``Q_ab``, is not computed here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.evidence import Evidence
from sklearn_linrnn._core.priors.root_arrays import root_variances


def inverse_of(found: Evidence) -> NDArray:
    """Return the inverse of ``L^T G L + alpha``, the row included, (p, p)."""
    along = found.factor.solve()[:, -1]
    inverse = found.factor.inverse(found.whitener)
    inverse -= np.outer(along / found.reach, along)
    return inverse


def curvature_between_channels(found: Evidence, changes: NDArray) -> NDArray:
    """Return the second derivatives, but for second changes of the covariance.

    Parameters
    ----------
    found : Evidence
        Of a root for each channel.
    changes : ndarray of shape (n_kinds, n_channels, n_lags) or (..., n_lags, n_lags)
        Changes of the variances, or of the covariance, of each channel.

    Returns
    -------
    curvature : ndarray of shape (n_kinds, n_channels, n_kinds, n_channels)
    """
    by_channels = _of_independent if found.weighted.is_diagonal else _of_correlated
    return by_channels(found, changes)


def _of_independent(found: Evidence, changes: NDArray) -> NDArray:
    sums = found.weighted.sums
    theta, _ = found.theta(found.factor.solve())
    residual = theta * np.sqrt(found.alpha * found.precision)
    left = -found.alpha * inverse_of(found)
    left.flat[:: len(left) + 1] += 1.0
    n_lags, n_channels, n_outputs = sums.n_lags, sums.n_channels, sums.n_outputs
    variances, none = root_variances(found.weighted.root), np.zeros(changes.shape)
    relative = np.divide(changes, variances, out=none, where=variances > 0)
    both = left * (0.5 * n_outputs * left - residual @ residual.T)
    rows = both.reshape(n_lags, n_channels, -1).swapaxes(0, 1)
    pulled = (relative.swapaxes(0, 1) @ rows).reshape(n_channels, -1, n_lags, n_channels)
    squares = np.square(residual).reshape(n_lags, n_channels, n_outputs)
    return np.einsum("ckjd,ldj->kcld", pulled, relative) + _of_fits(
        found, np.einsum("kcj,jco->kco", relative, squares)
    )


def _of_correlated(found: Evidence, changes: NDArray) -> NDArray:
    sums = found.weighted.sums
    residual, left = found.unseen
    n_lags, n_channels, n_outputs = sums.n_lags, sums.n_channels, sums.n_outputs
    blocks = left.reshape(n_lags, n_channels, n_lags, n_channels).transpose(1, 3, 0, 2)
    own = residual.reshape(n_lags, n_channels, n_outputs).swapaxes(0, 1)
    moved = changes @ own  # (n_kinds, n_channels, n_lags, n_outputs)
    curvature = np.empty((len(changes), n_channels, len(changes), n_channels))
    after = [blocks @ change for change in changes]
    for k, change in enumerate(changes):
        before = change[:, None] @ blocks
        seen = moved[k][:, None].mT @ blocks  # (n_channels, n_channels, n_outputs, n_lags)
        for l, other in enumerate(after):
            traces = np.einsum("cdij,cdij->cd", before, other)
            fits = np.einsum("cdoj,djo->cd", seen, moved[l])
            curvature[k, :, l] = 0.5 * n_outputs * traces - fits
    return curvature + _of_fits(found, np.einsum("kcjo,cjo->kco", moved, own))


def _of_fits(found: Evidence, squares: NDArray) -> NDArray:
    """Return the part of ``w_k^T Q_a w_k``, (n_kinds, n_channels, n_outputs)."""
    freedom = found.weighted.sums.freedom
    return np.einsum("kco,ldo->kcld", squares, squares) / (2.0 * freedom)
