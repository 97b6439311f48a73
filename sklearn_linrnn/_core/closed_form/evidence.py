r"""Gaussian evidence of a prior, and its slopes.

With the response ``H_k ~ N(0, (sigma_k^2 / alpha) P)`` of each output ``k``, ``P = L L^T``, white
noise of variance ``sigma_k^2`` and a flat prior on the intercept, the evidence of ``m`` supervised
steps at its best noise variances is

    log p = - sum_k nu/2 (log(2 pi fit_k / nu) + 1)
            - n_outputs/2 (log det(I + L^T G L / alpha) + n_intercepts log m),
    fit_k = s_yy - B_k^T L (L^T G L + alpha)^{-1} L^T B_k,      nu = m - n_intercepts,

with the sums ``G``, ``B`` and ``s_yy`` of `moments` (MacKay 1992; Chen and Ljung 2013, equation
12). It sees the data through them alone. Without an intercept they are about the origin; there the
means are a row of data ``(r, g) = sqrt(m) (z_bar, y_bar)`` beside sums about the means, which keep
their digits. With ``v = (L^T G L + alpha)^{-1} L^T r`` and ``q = 1 + r^T L v`` such a row adds
``(g_k - B_k^T L v)^2 / q`` to ``fit_k`` and ``log q`` to the determinant's logarithm.

With ``r_k = B_k - G H_k``, what the response leaves of ``B_k``, a change of the covariance changes
the evidence by

    d log p = 1/(2 alpha) tr(dP (sum_k nu r_k r_k^T / fit_k
                                 - n_outputs (G - G L (L^T G L + alpha)^{-1} L^T G)))
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg.blas import dnrm2

from sklearn_linrnn._core.closed_form.model_selection import values_near_best
from sklearn_linrnn._core.closed_form.rank_revealing import rows_of_sums
from sklearn_linrnn._core.closed_form.ridge_factors import Factor, cholesky_factor, row_factor
from sklearn_linrnn._core.closed_form.row_count import check_rows
from sklearn_linrnn._core.closed_form.spectral import in_range
from sklearn_linrnn._core.priors.prior_root import IRRELEVANT, PriorRoot
from sklearn_linrnn._core.priors.root_arrays import first_lags, full_root, pull_lags, root_variances
from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.threads import calm

# Share of the targets' scatter that counts as noise even where none is seen. Rounding of the sums
# is far below it, so that it does not move the top of the evidence.
NOISE_FLOOR = 1e-9


@dataclass(frozen=True, eq=False)
class EvidenceSums:
    """All that the evidence sees of the data, as arrays; outputs that do not vary say nothing.

    Targets are in units of ``sqrt(s_yy)``, or of their mean where that alone is not zero, so that
    their own unit, however large or small, does not take products out of the range of float64.

    Attributes
    ----------
    scatter : ndarray of shape (p, p)
        ``G``.
    cross : ndarray of shape (p, n_outputs)
        ``B``, in those units.
    spread : ndarray of shape (n_outputs,)
        ``s_yy``, in those units.
    row : ndarray of shape (p,)
        ``r``; zero with an intercept.
    goal : ndarray of shape (n_outputs,)
        ``g``, in those units.
    log_units : ndarray of shape (n_outputs,)
        Logarithms of the units' squares.
    weight : float
        ``m``.
    n_intercepts : int
        1 with an intercept, else 0.
    n_channels : int
        Number of channels.
    """

    scatter: NDArray
    cross: NDArray
    spread: NDArray
    row: NDArray
    goal: NDArray
    log_units: NDArray
    weight: float
    n_intercepts: int
    n_channels: int

    @classmethod
    def of(cls, moments: Moments, n_channels: int) -> EvidenceSums:
        """Return the sums of moments on the CPU."""
        check_rows(moments, "The evidence")
        row, goal = (math.sqrt(moments.weight) * mean.numpy() for mean in moments.mean_row)
        targets = moments.target_scatter.numpy()
        squares = np.where(targets > 0, targets, np.square(goal))
        varies = squares > 0
        units = np.sqrt(squares[varies])
        return cls(
            moments.input_scatter.numpy(),
            moments.cross_scatter.numpy()[:, varies] / units,
            targets[varies] / squares[varies],
            row,
            goal[varies] / units,
            np.log(squares[varies]),
            moments.weight,
            moments.n_intercepts,
            n_channels,
        )

    @property
    def n_outputs(self) -> int:
        """Number of outputs that vary."""
        return len(self.log_units)

    @property
    def n_lags(self) -> int:
        """Number of lags."""
        return len(self.scatter) // self.n_channels

    @cached_property
    def powers(self) -> NDArray:
        """The same summed over channels, (n_lags,)."""
        return self.channel_powers.sum(axis=0)

    @cached_property
    def channel_powers(self) -> NDArray:
        """Scatter of each lag, (n_channels, n_lags); squares if nothing has scatter."""
        varies = self.scatter.diagonal()
        return self._of_channels(varies if varies.any() else np.square(self.row))

    @cached_property
    def _channel_squares(self) -> NDArray:
        """Sums of squares, (n_channels, n_lags), about the point that the loss is about."""
        return self._of_channels(self.scatter.diagonal() + np.square(self.row))

    def _of_channels(self, inputs: NDArray) -> NDArray:
        return inputs.reshape(-1, self.n_channels).T

    def signal(self, root: NDArray) -> float:
        """Return ``tr(L^T diag(G) L)``, the scatter that a prior expects of the response."""
        return self.signal_of(np.square(root) if root.ndim == 1 else root_variances(root))

    def signal_of(self, variances: NDArray) -> float:
        """Return the same of variances, of all channels or of each."""
        powers = self.powers if variances.ndim == 1 else self.channel_powers
        return float(np.vdot(variances, powers[..., : variances.shape[-1]]))

    def under(self, root: NDArray, alpha: float = 0.0) -> WeightedSums:
        """Return the sums in the coordinates of a root, of a shape that `PriorRoot.lags` has.

        Up to the last lag that can matter at a penalty or a higher one.
        """
        variances = np.square(root) if root.ndim == 1 else root_variances(root)
        sums = self._first(self.n_relevant(variances, alpha))
        root = root if sums is self and root.ndim == 1 else first_lags(root, sums.n_lags)
        if root.ndim == 1 or root.shape[2:] == (1,):
            by_channel = root[:, :, 0].T if root.ndim == 3 else root.repeat(sums.n_channels)
            scale = by_channel.reshape(-1, 1)
            return WeightedSums(sums, root, scale, sums.scatter * scale * scale.T)
        matrix = pull_lags(root, pull_lags(root, sums.scatter).T)
        return WeightedSums(sums, root, full_root(root, sums.n_channels), matrix)

    def n_relevant(self, variances: NDArray, alpha: float) -> int:
        """Return the number of lags up to the last one that can matter at a penalty or higher."""
        squares = self._channel_squares[:, : variances.shape[-1]]
        squares = squares.sum(axis=0) if variances.ndim == 1 else squares
        with np.errstate(over="ignore"):
            signal = variances * squares
            if not math.isfinite(signal.sum()):  # cheaper than to look at each, as most are
                in_range(torch.from_numpy(signal))
        matters = np.nonzero(signal > IRRELEVANT * alpha)[-1]
        return int(matters.max(initial=0)) + 1

    def _first(self, n_lags: int) -> EvidenceSums:
        if n_lags == self.n_lags:
            return self
        size = n_lags * self.n_channels
        scatter, cross = self.scatter[:size, :size], self.cross[:size]
        return replace(self, scatter=scatter, cross=cross, row=self.row[:size])

    def log_density(self, fit: NDArray, log_volume: NDArray | float) -> NDArray:
        """Return ``log p`` from ``fit (..., n_outputs)`` and ``log det(I + L^T G L / alpha)``."""
        spread = self.log_units + np.log(2.0 * math.pi * fit / self.freedom) + 1.0
        volume = log_volume + self.n_intercepts * math.log(self.weight)
        return -0.5 * (self.freedom * spread.sum(axis=-1) + self.n_outputs * volume)

    @property
    def freedom(self) -> float:
        """``nu``."""
        return self.weight - self.n_intercepts

    def left(self, gain: NDArray, reach: NDArray | float, fitted: NDArray) -> NDArray:
        """Return what a response leaves of ``s_yy``, (..., n_outputs), the row included.

        It gains ``gain (..., n_outputs)`` of the rest; ``reach (...)`` is ``q`` and ``fitted`` is
        ``B^T L v``, which the row would be without having been seen.
        """
        missed = np.square(self.goal - fitted) / np.asarray(reach)[..., None]
        return np.maximum(self.spread - gain, 0.0) + missed

    def evidence_of_no_response(self) -> float:
        """Return ``log p`` for an infinite penalty."""
        return float(self.log_density(np.hypot(self.spread + self.goal**2, NOISE_FLOOR), 0.0))


@dataclass(frozen=True, eq=False)
class WeightedSums:
    """Sums in the coordinates ``theta`` of a prior, ``H = L theta``.

    Attributes
    ----------
    sums : EvidenceSums
        The sums of as many lags as the root has.
    root : ndarray
        The root over the lags, of a shape that `PriorRoot.lags` has.
    full : ndarray of shape (p, 1) or (p, p)
        ``L``, over the lags and channels.
    matrix : ndarray of shape (p, p)
        ``M = L^T G L``.
    """

    sums: EvidenceSums
    root: NDArray
    full: NDArray
    matrix: NDArray

    @property
    def is_diagonal(self) -> bool:
        """Whether lags are independent."""
        return self.root.ndim == 1 or self.root.shape[2:] == (1,)

    def pull(self, columns: NDArray) -> NDArray:
        """Return ``L^T C`` of columns (p, k)."""
        return self.full * columns if self.is_diagonal else self.full.T @ columns

    def _pull(self) -> NDArray:
        """Return ``L^T B`` and ``L^T r`` in a column more, (p, n_outputs + 1)."""
        return self.pull(np.column_stack([self.sums.cross, self.sums.row]))

    def at(self, alpha: float) -> Evidence:
        """Return the evidence at a finite penalty."""
        factor = cholesky_factor(self.matrix, alpha, self._pull()) or self._row_factor(alpha)
        half, along = factor.half[:, :-1], factor.half[:, -1]
        length, fitted = math.hypot(1.0, dnrm2(along)), along @ half
        reach = length * length  # whose logarithm is finite where it is not
        left = self.sums.left(np.square(half).sum(axis=0), reach, fitted)
        fit = np.hypot(left, NOISE_FLOOR)
        log_volume = float(factor.log_pivots.sum()) + 2.0 * math.log(length)
        log_volume -= len(half) * math.log(alpha)
        value = float(self.sums.log_density(fit, log_volume))
        precision = self.sums.freedom * left / np.square(fit)
        return Evidence(value, self, alpha, factor, precision, reach, self.sums.goal - fitted, left)

    def _row_factor(self, alpha: float) -> Factor:
        rows, goals, beside = rows_of_sums(self.sums.scatter, self.sums.cross, self.sums.row)
        return row_factor(self.pull(rows.T).T, alpha, goals, self.pull(beside[:, None]))

    def at_first_lags(self, alpha: float, cost: float = 0.0) -> NDArray:
        """Return the evidence, (n_lags,), of models with the first lags only: 1, 2, and so on.

        Of independent lags one Cholesky factor has them all in its leading blocks. Where it would
        lose digits, and for other priors, models are taken one by one on a grid that gets finer
        around the best, less the cost of their lags; the others have minus infinity.
        """
        factor = cholesky_factor(self.matrix, alpha, self._pull()) if self.is_diagonal else None
        if factor is None:
            return values_near_best(partial(self._of_first_lags, alpha), self.sums.n_lags, cost)
        last = slice(self.sums.n_channels - 1, None, self.sums.n_channels)  # channel of each lag
        half, along = factor.half[:, :-1], factor.half[:, -1:]
        reach = 1.0 + np.square(along[:, 0]).cumsum()[last]
        gain, fitted = (each.cumsum(axis=0)[last] for each in (np.square(half), along * half))
        fit = np.hypot(self.sums.left(gain, reach, fitted), NOISE_FLOOR)
        log_volume = (factor.log_pivots - math.log(alpha)).cumsum()[last] + np.log(reach)
        return self.sums.log_density(fit, log_volume)

    def _of_first_lags(self, alpha: float, n_lags: int) -> float:
        return self.sums.under(first_lags(self.root, n_lags)).at(alpha).value


@dataclass(frozen=True, eq=False)
class Evidence:
    """The logarithm of the evidence, and how it changes with the prior and the penalty.

    Attributes
    ----------
    value : float
        ``log p``.
    weighted : WeightedSums
        The sums and the prior.
    alpha : float
        The penalty.
    factor : Factor
        Of ``M + alpha``, with ``L^T B`` and ``L^T r``, whitened: what the response gains.
    precision : ndarray of shape (n_outputs,)
        ``nu s_yy / fit_k``, less where the floor is most of ``fit_k``.
    reach : float
        ``q``.
    surprise : ndarray of shape (n_outputs,)
        ``g - B^T L v``.
    left : ndarray of shape (n_outputs,)
        What the response leaves of the targets' sums, before the floor.
    """

    value: float
    weighted: WeightedSums
    alpha: float
    factor: Factor
    precision: NDArray
    reach: float
    surprise: NDArray
    left: NDArray

    @property
    def _miss(self) -> NDArray:
        """What the response leaves of the row's targets, (n_outputs,)."""
        return self.surprise / self.reach

    def slopes(self) -> tuple[NDArray, float]:
        """Return the slopes of ``value`` by the prior's covariance and by ``log alpha``.

        Returns
        -------
        by_covariance : ndarray of shape (n_lags,) or (n_lags, n_lags)
            ``W``: a change ``dP`` of the variances, or of the covariance, changes ``value`` by
            ``sum(W * dP)`` to first order. Zero for a lag without variance among independent ones.
            Where channels differ, one for each, ``(n_channels, ...)``.
        by_log_alpha : float
            A common factor of the covariance does the opposite.
        """
        return self._slopes_of_variances() if self.weighted.is_diagonal else self._slopes()

    def _slopes_of_variances(self) -> tuple[NDArray, float]:
        """Return the slopes, by the response against the share of each lag that the data show."""
        root, sums, whitener = self.weighted.root, self.weighted.sums, self.whitener
        left = self.alpha * np.einsum("ij,ij->j", whitener, whitener)
        theta, along = self.theta(whitener.T @ self.factor.half)
        left -= np.square(math.sqrt(self.alpha) * along) / self.reach
        fitted = np.square(math.sqrt(self.alpha) * theta) @ self.precision
        balance = fitted - sums.n_outputs * (1.0 - left)
        by_log_variance = 0.5 * balance.reshape(-1, sums.n_channels).T
        if root.ndim == 1:
            by_log_variance = by_log_variance.sum(axis=0)
        variances = np.square(root) if root.ndim == 1 else root_variances(root)
        none = np.zeros(variances.shape)
        by_variance = np.divide(by_log_variance, variances, out=none, where=variances > 0)
        return by_variance, -float(by_log_variance.sum())

    @cached_property
    def whitener(self) -> NDArray:
        """``F`` of which ``F^T F`` is the inverse of ``M + alpha``, (p, p)."""
        return self.factor.whitener()

    def _slopes(self) -> tuple[NDArray, float]:
        sums = self.weighted.sums
        residual, left = self.unseen
        theta, along = self.theta(self.factor.solve())
        full = residual @ residual.T - sums.n_outputs * left
        fitted = float(np.square(math.sqrt(self.alpha) * theta).sum(axis=0) @ self.precision)
        spread, shown = self._spread
        freedom = float(np.vdot(spread, shown)) + self.alpha * float(along @ along) / self.reach
        by_log_alpha = -0.5 * (fitted - sums.n_outputs * freedom)
        blocks = full.reshape(sums.n_lags, sums.n_channels, -1, sums.n_channels)
        kept = "jaka->ajk" if self.weighted.root.ndim == 3 else "jaka->jk"
        return 0.5 * np.einsum(kept, blocks), by_log_alpha

    @cached_property
    def _spread(self) -> tuple[NDArray, NDArray]:
        """``F L^T``, of which the square is that of the posterior, and its product with ``G``."""
        spread = self.factor.whiten(self.weighted.full.T)
        return spread, spread @ self.weighted.sums.scatter

    @cached_property
    def unseen(self) -> tuple[NDArray, NDArray]:
        """What the response leaves of ``B`` and ``G``, the row included, over the penalty.

        The former, (p, n_outputs), is times the root of ``alpha * precision``.
        """
        sums, (_, shown) = self.weighted.sums, self._spread
        residual, beside = np.split(
            np.column_stack([sums.cross, sums.row]) - shown.T @ self.factor.half, [-1], axis=1
        )
        residual = residual + beside * self._miss
        residual *= np.sqrt(self.precision / self.alpha)  # before squares, which might overflow
        curvature = sums.scatter - shown.T @ shown + beside / self.reach * beside.T
        return residual, curvature / self.alpha

    def theta(self, solved: NDArray) -> tuple[NDArray, NDArray]:
        """Return ``theta (p, n_outputs)`` and ``v (p,)`` from what `factor` solves."""
        theta, along = solved[:, :-1], solved[:, -1]
        return theta + along[:, None] * self._miss, along


def log_evidence(moments: Moments, root: PriorRoot, alpha: float) -> float:
    """Return the logarithm of the evidence of a prior and a penalty, for moments on the CPU."""
    sums = EvidenceSums.of(moments, root.n_channels)
    if math.isinf(alpha):
        return sums.evidence_of_no_response()
    with calm(sums.scatter.size):
        return sums.under(root.lags.numpy()).at(alpha).value
