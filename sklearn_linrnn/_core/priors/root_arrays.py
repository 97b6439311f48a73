"""Roots of the priors of channels, lower triangular over the lags, as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtrmm


def pull_lags(root: NDArray, columns: NDArray) -> NDArray:
    """Return ``L^T C`` of columns (p, k), with a root (n_lags, n_lags) or one for each channel."""
    if root.ndim == 2:  # in half of the time of a full matrix
        by_lag = columns.reshape(len(root), -1)
        pulled = dtrmm(1.0, root.T, by_lag.T, side=1, lower=0, trans_a=1)
        return pulled.T.reshape(columns.shape)
    channels = columns.reshape(root.shape[1], len(root), -1).swapaxes(0, 1)
    return (root.mT @ channels).swapaxes(0, 1).reshape(columns.shape)


def full_root(root: NDArray, n_channels: int) -> NDArray:
    """Return ``L (p, p)`` of a root (n_lags, n_lags) or (n_channels, n_lags, n_lags)."""
    if root.ndim == 2:
        return np.kron(root, np.eye(n_channels)) if n_channels > 1 else root
    _, n_lags, _ = root.shape
    full, channels = np.zeros((n_lags, n_channels, n_lags, n_channels)), np.arange(n_channels)
    full[:, channels, :, channels] = root
    return full.reshape(n_lags * n_channels, -1)


def first_lags(root: NDArray, n_lags: int) -> NDArray:
    """Return the root of the first lags."""
    return root[:n_lags] if root.ndim == 1 else root[..., :n_lags, :n_lags]


def root_variances(root: NDArray) -> NDArray:
    """Return the prior variances of the lags, (n_lags,), or (n_channels, n_lags)."""
    return np.square(root) if root.ndim == 1 else np.einsum("...jk,...jk->...j", root, root)
