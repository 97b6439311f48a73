r"""Ridge responses averaged over priors and penalties by their evidence, for many sums at once.

Where data are few, the evidence is broad, and its top is one of many hyperparameters that would do.
Their average over a grid, each as likely beforehand as any other, is the posterior mean of the
response, and needs no climb: of each prior one eigendecomposition has all penalties,

    L^T G L = Q diag(lam) Q^T,    c = Q^T L^T B,
    fit = s_yy - sum c^2 / (lam + alpha),
    log p = - nu/2 (log(2 pi fit / nu) + 1) - 1/2 sum log(1 + lam/alpha) - n_intercepts/2 log m,

the evidence of `evidence` for one output and independent lags.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.evidence import NOISE_FLOOR

# The noise's variance over that of a coefficient under the prior, as a share of the target's.
PENALTIES = np.geomspace(1e-3, 1e3, 13)


@dataclass(frozen=True, eq=False)
class AveragedRidge:
    """What a grid of priors and penalties says of some sums.

    Attributes
    ----------
    response : ndarray of shape (..., p)
        Mean of the response.
    noise_variance : ndarray of shape (...,)
        Mean of the noise's variance.
    log_evidence : ndarray of shape (...,)
        Logarithm of the mean evidence; minus infinity where the sums have no more steps than
        intercepts, infinite where the targets do not vary.
    """

    response: NDArray
    noise_variance: NDArray
    log_evidence: NDArray

    def __getitem__(self, place: Any) -> AveragedRidge:
        return AveragedRidge(
            self.response[place], self.noise_variance[place], self.log_evidence[place]
        )


def averaged_ridge(
    scatter: NDArray,
    cross: NDArray,
    targets: NDArray,
    weight: NDArray,
    roots: NDArray,
    n_intercepts: int,
) -> AveragedRidge:
    """Return the average over priors and `PENALTIES`.

    Parameters
    ----------
    scatter : ndarray of shape (..., p, p)
        ``G``, centred if there is an intercept.
    cross : ndarray of shape (..., p)
        ``B``.
    targets : ndarray of shape (...,)
        ``s_yy``.
    weight : ndarray of shape (...,)
        ``m``, the number of supervised steps.
    roots : ndarray of shape (n_priors, p)
        Prior deviations of the inputs' coefficients.
    n_intercepts : int
        1 with an intercept, else 0.
    """
    known = (weight > n_intercepts) & (targets > 0)
    m, power = np.where(known, weight, n_intercepts + 1.0), np.where(known, targets, 1.0)
    grid = _Grid.of(scatter, cross, power / m, roots)
    m, power = m[..., None, None], power[..., None, None]
    left = np.maximum(power - (grid.pulled * grid.damped).sum(axis=-1), 0.0)
    noise = np.hypot(left, NOISE_FLOOR * power) / (m - n_intercepts)
    volume = grid.log_volume + n_intercepts * np.log(m)
    values = -0.5 * ((m - n_intercepts) * (np.log(2.0 * math.pi * noise) + 1.0) + volume)
    top = values.max(axis=(-2, -1), keepdims=True)
    shares = np.exp(values - top)
    mean = shares.mean(axis=(-2, -1), keepdims=True)
    shares /= shares.sum(axis=(-2, -1), keepdims=True)
    return AveragedRidge(
        np.where(known[..., None], grid.response(shares), 0.0),
        np.where(known, (shares * noise).sum(axis=(-2, -1)), 0.0),
        np.where(known, (top + np.log(mean))[..., 0, 0], np.where(targets > 0, -np.inf, np.inf)),
    )


@dataclass(frozen=True, eq=False)
class _Grid:
    """Solutions for all priors and penalties in the coordinates of the eigenvectors."""

    maps: NDArray  # L Q, (..., n_priors, p, p)
    pulled: NDArray  # c, (..., n_priors, 1, p)
    damped: NDArray  # c / (lam + alpha), (..., n_priors, n_penalties, p)
    log_volume: NDArray  # log det(I + L^T G L / alpha), (..., n_priors, n_penalties)

    @classmethod
    def of(cls, scatter: NDArray, cross: NDArray, power: NDArray, roots: NDArray) -> _Grid:
        alphas = power[..., None, None] * PENALTIES  # (..., 1, n_penalties)
        weighted = roots[:, :, None] * scatter[..., None, :, :] * roots[:, None, :]
        eigenvalues, vectors = np.linalg.eigh(weighted)
        spectrum = np.maximum(eigenvalues, 0.0)[..., None, :]
        maps = roots[:, :, None] * vectors
        pulled = np.einsum("...kij,...i->...kj", maps, cross)[..., None, :]
        ratio = spectrum / alphas[..., None]
        return cls(
            maps, pulled, pulled / (spectrum + alphas[..., None]), np.log1p(ratio).sum(axis=-1)
        )

    def response(self, shares: NDArray) -> NDArray:
        """Return the mean of the responses, (..., p)."""
        mean = np.einsum("...ka,...kaj->...kj", shares, self.damped)
        return np.einsum("...kij,...kj->...i", self.maps, mean)
