r"""The evidence where noise is an autoregression, and its slopes by the noise.

Noise ``e_t + a_1 e_{t-1} + ... + a_q e_{t-q} = w_t`` with white ``w`` is made white by a filter.
Filtered targets have the same response to filtered inputs, so that the evidence of the time steps
that follow ``q`` others is that of `evidence`, at sums that are quadratic in ``a`` (`JointSums`).
The filter's determinant is one. With ``e`` the residuals of the posterior's mean before and ``w``
after the filter, and ``C`` the posterior's covariance over the noise variance, a change of ``a_i``
changes it by

    d log p = -(sum_k nu / fit_k sum_t w_kt e_k,t-i
                + n_outputs tr(C sum_t x^w_t x_{t-i}^T)) d a_i

with the lags ``x`` of the inputs and ``x^w`` of the filtered ones. A flat prior is that of the
filtered intercept: one of the intercept itself would favour noise that never forgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from sklearn_linrnn._core.closed_form.evidence import NOISE_FLOOR, Evidence, EvidenceSums
from sklearn_linrnn._core.statistics.joint_sums import JointSums, shifted


@dataclass(frozen=True, eq=False)
class ColouredEvidence:
    """The evidence at a filter.

    Attributes
    ----------
    joint : JointSums
        The data.
    polynomial : ndarray of shape (order + 1,)
        ``1, a_1, ..., a_q``.
    varies : ndarray of bool, shape (n_outputs,)
        Which outputs vary; the others say nothing.
    found : Evidence
        The evidence of the filtered data.
    """

    joint: JointSums
    polynomial: NDArray
    varies: NDArray
    found: Evidence

    @classmethod
    def at(
        cls, joint: JointSums, polynomial: NDArray, root: NDArray, alpha: float
    ) -> ColouredEvidence:
        """Return the evidence of a prior's root, (n_lags,) or (n_lags, n_lags), and a penalty."""
        moments = joint.filtered(polynomial)
        varies = (moments.target_squares > 0).numpy()
        found = EvidenceSums.of(moments, joint.n_channels).under(root, alpha).at(alpha)
        return cls(joint, polynomial, varies, found)

    def slopes(self) -> NDArray:
        """Return the slopes by the coefficients, (order,)."""
        joint, polynomial, shift = self.joint, self.polynomial, self.joint.n_channels
        response, covariance = self._posterior
        used, size = len(polynomial), len(response)
        reach = size + (used - 1) * shift
        beside = shifted(joint.inputs[:reach, :reach], polynomial, shift, size).T  # x and x^w
        pulls = joint.cross[:reach, :used, self.varies]
        left = np.tensordot(polynomial, pulls, (0, 1)) - beside @ response  # x and w
        products = joint.products[self.varies, :used, :used]
        pulled = shifted(pulls, polynomial, shift, size)  # x^w and y
        residual = polynomial @ products - np.einsum("po,pio->oi", response, pulled)
        lags = [slice(i * shift, i * shift + size) for i in range(used)]
        residual -= np.stack([np.einsum("po,po->o", response, left[lag]) for lag in lags], axis=1)
        shown = [np.vdot(covariance, beside[lag]) for lag in lags]
        scatters = joint.target_scatters[self.varies, :used, :used]
        slopes = self._weights @ residual + self._floor @ (polynomial @ scatters)
        return -(slopes + len(self._squares) * np.array(shown))[1:]

    def expected_products(self) -> NDArray:
        """Return the products that are expected of the noise, (most + 1, most + 1).

        Sums over time steps of products of the noise so many steps before, over the innovations'
        variance; of all outputs together, up to the greatest order.
        """
        joint, shift, n_outputs = self.joint, self.joint.n_channels, len(self._squares)
        response, covariance = self._posterior
        size = len(response)
        reach = size + joint.order * shift
        inputs, cross = joint.inputs[:reach, :reach], joint.cross[:reach][:, :, self.varies]
        lags = [slice(i * shift, i * shift + size) for i in range(joint.order + 1)]
        reached = np.stack([inputs[:, lag] @ response for lag in lags], axis=1)
        told, fitted = (
            np.stack([np.einsum("po,pko->ok", response, each[lag]) for lag in lags], axis=1)
            for each in (cross, reached)
        )
        products = joint.products[self.varies] - told - told.mT + fitted
        hidden = correlate(inputs, covariance, mode="valid", method="fft")[::shift, ::shift]
        white = (self.found.weighted.sums.freedom * NOISE_FLOOR / self._fit).sum()
        known = np.tensordot(self._weights, products, 1)
        return known + n_outputs * hidden + white * np.eye(joint.order + 1)

    @cached_property
    def _posterior(self) -> tuple[NDArray, NDArray]:
        """The response, (p, n_outputs), and its covariance, (p, p), over the noise variance.

        Of the lags that can matter.
        """
        found, full = self.found, self.found.weighted.full
        root = np.diag(full[:, 0]) if found.weighted.is_diagonal else full
        spread = found.factor.whiten(root.T)
        theta, along = found.theta(found.factor.solve())
        response, beside = root @ theta, root @ along
        covariance = spread.T @ spread - np.outer(beside, beside) / found.reach
        return response * np.sqrt(self._squares), covariance

    @property
    def _squares(self) -> NDArray:
        return np.exp(self.found.weighted.sums.log_units)

    @property
    def _weights(self) -> NDArray:
        return self.found.precision / self._squares

    @property
    def _fit(self) -> NDArray:
        return np.hypot(self.found.left, NOISE_FLOOR)

    @property
    def _floor(self) -> NDArray:
        """Share of the slopes that the floor of the noise has, a share of the targets' sums."""
        share = np.square(NOISE_FLOOR / self._fit)
        return self.found.weighted.sums.freedom * share / self._squares
