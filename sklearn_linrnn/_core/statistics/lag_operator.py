"""Scatters of very many lags, known by what they do to a response.

The scatter ``G`` of ``p = n_lags * n_channels`` inputs takes ``8 p^2`` bytes: 20 GB for 50,000
lags. Its products ``G v`` need only transforms of the series, in memory that grows with ``p`` and
with the length of the series.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor

from sklearn_linrnn._core.statistics.displacement import (
    lagged_products,
    series_level,
)
from sklearn_linrnn._core.statistics.moments import ROUNDING, check_range
from sklearn_linrnn._core.statistics.scatter_products import (
    Products,
    SeriesProducts,
    WindowProducts,
)
from sklearn_linrnn._core.statistics.series import Series, check_weights, observed
from sklearn_linrnn._core.tensors import as_float64


@dataclass(frozen=True, eq=False)
class LagOperator:
    """The moments of a linear model on very many lags; the scatter is an operator.

    The counterpart of `LagStatistics`, with ``p = n_lags * n_channels`` inputs, lag 0 first.

    Attributes
    ----------
    weight : float
        ``m``, the sum of the weights of the supervised time steps.
    input_mean : Tensor of shape (p,)
        ``z_bar``.
    target_mean : Tensor of shape (n_outputs,)
        ``y_bar``.
    cross_scatter : Tensor of shape (p, n_outputs)
        ``B = sum_s w_s (z_s - z_bar)(y_s - y_bar)^T``.
    target_scatter : Tensor of shape (n_outputs,)
        ``s_yy = sum_s w_s (y_s - y_bar)^2``.
    products : Products
        Sums of products of the inputs less a level.
    gap : Tensor of shape (p,)
        ``z_bar`` less that level.
    n_intercepts : int
        1 for a model with an intercept, 0 for one without.
    """

    weight: float
    input_mean: Tensor
    target_mean: Tensor
    cross_scatter: Tensor
    target_scatter: Tensor
    products: Products
    gap: Tensor
    n_intercepts: int = 1

    @classmethod
    def from_series(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int,
        start: Literal["zero_state", "full_windows"] = "zero_state",
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagOperator:
        """Return the moments of recordings; the arguments are those of `LagStatistics`."""
        return cls.of_series(Series.glue(X, y, sample_weight, device), n_lags=n_lags, start=start)

    @classmethod
    def of_series(
        cls,
        series: Series,
        *,
        n_lags: int,
        start: Literal["zero_state", "full_windows"] = "zero_state",
    ) -> LagOperator:
        """Return the moments of recordings that are one series."""
        series = series.supervised(n_lags, start)
        x, weights = series.x, series.weights
        level, target_level = series_level(x, weights), series_level(series.y, weights)
        # A target of ones, which has no level, sums the inputs.
        targets = torch.hstack([series.y, torch.ones_like(weights)[:, None]])
        shift = torch.cat([level, target_level, torch.zeros_like(level[:1])])
        correlation, sums, squares = lagged_products(x, targets, weights, shift, n_lags)
        auto, cross = correlation.split([len(level), len(target_level) + 1], dim=1)
        return cls._of(
            SeriesProducts.of(x, weights, level, auto),
            level.repeat(n_lags),
            target_level,
            float(weights.sum()),
            cross.transpose(1, 2).flatten(0, 1),
            sums[len(level) : -1],
            squares[len(level) : -1],
        )

    @classmethod
    def from_windows(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int | None = None,
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagOperator:
        """Return the moments of windows (n_windows, n_timesteps, n_channels), oldest first.

        The arguments are those of `LagStatistics`. X is kept, not copied.
        """
        n_windows, n_timesteps, _ = X.shape
        n_lags = n_timesteps if n_lags is None else n_lags
        if not 1 <= n_lags <= n_timesteps:
            raise ValueError(
                f"n_lags={n_lags} must lie between 1 and the {n_timesteps} time steps of a window."
            )
        targets = as_float64(y, device)
        targets = targets[:, None] if targets.ndim == 1 else targets
        weights = check_weights(sample_weight, n_windows, device)
        return cls.of_windows(X, *observed(targets, weights), n_lags=n_lags)

    @classmethod
    def of_windows(cls, X: Any, targets: Tensor, weights: Tensor, *, n_lags: int) -> LagOperator:
        """Return the moments of windows that were checked."""
        products = WindowProducts.of(X[:, X.shape[1] - n_lags :], weights)
        target_level = series_level(targets, weights)
        targets = targets - target_level
        weighted = weights[:, None] * targets
        return cls._of(
            products,
            products.level,
            target_level,
            float(weights.sum()),
            products.adjoint(torch.hstack([targets, torch.ones_like(targets[:, :1])])),
            weighted.sum(0),
            torch.linalg.vecdot(weighted, targets, dim=0),
        )

    @classmethod
    def _of(
        cls,
        products: Products,
        level: Tensor,
        target_level: Tensor,
        weight: float,
        cross: Tensor,
        target_sums: Tensor,
        target_squares: Tensor,
    ) -> LagOperator:
        """Return the centred moments from sums about levels.

        ``cross (p, n_outputs + 1)`` belongs to the targets and a column of ones.
        """
        divisor = weight if weight > 0 else 1.0
        gap, target_gap = cross[:, -1] / divisor, target_sums / divisor
        return cls(
            weight=weight,
            input_mean=level + gap,
            target_mean=target_level + target_gap,
            cross_scatter=torch.addr(cross[:, :-1], gap, target_gap, alpha=-weight),
            target_scatter=target_squares - weight * target_gap.square(),
            products=products,
            gap=gap,
        ).settled()

    def settled(self) -> Self:
        """Return the moments without what rounding makes of constants, which explain nothing."""
        floor = ROUNDING**2 * self.weight * self.input_mean.square()
        constant = self.diagonal() <= floor
        return replace(self, cross_scatter=self.cross_scatter.masked_fill(constant[:, None], 0.0))

    def check_usable(self) -> Self:
        """Return the moments, or raise a ValueError if they are of nothing, or out of range."""
        squares = torch.cat([self.diagonal(), self.target_scatter])
        means = torch.cat([self.input_mean, self.target_mean])
        check_range(self.weight, squares, means, n_inputs=len(self.input_mean))
        return self

    def apply(self, response: Tensor) -> Tensor:
        """Return ``G H``.

        Parameters
        ----------
        response : Tensor of shape (p, k)
            ``H``.

        Returns
        -------
        product : Tensor of shape (p, k)
        """
        product = self.products.apply(response)
        return product.addr_(self.gap, self.gap @ response, alpha=-self.weight)

    def diagonal(self) -> Tensor:
        """Return the diagonal of ``G``, of shape (p,)."""
        return self.products.diagonal() - self.weight * self.gap.square()

    def uncentred(self) -> Self:
        """Return the moments for a model without intercept; scatters stay about the means."""
        return replace(self, n_intercepts=0)

    @property
    def mean_row(self) -> tuple[Tensor, Tensor]:
        """The means (p,) and (n_outputs,) as a row of data of weight ``m``; else zeros."""
        without = 1 - self.n_intercepts
        return without * self.input_mean, without * self.target_mean

    def intercept(self, response: Tensor) -> Tensor:
        """Return the intercept ``b (n_outputs,)`` that goes best with ``H (p, n_outputs)``."""
        return self.n_intercepts * (self.target_mean - self.input_mean @ response)
