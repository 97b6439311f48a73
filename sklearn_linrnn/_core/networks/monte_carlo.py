"""The tangent kernel of infinitely wide networks from random ones, with its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.lag_products import LagProducts, LayerProducts
from sklearn_linrnn._core.networks.network import initialise
from sklearn_linrnn._core.networks.parametrization import Shares
from sklearn_linrnn._core.priors.lag_weights import EQUAL_RATES, Rates

TOLERANCE = 0.1  # relative error of a lag weight up to which it is believed


@dataclass(frozen=True)
class KernelEstimate:
    """An estimated kernel between lags, with its error.

    Attributes
    ----------
    covariance : ndarray of shape (n_lags, n_lags)
        The kernel; positive semi-definite.
    error : ndarray of shape (n_lags,)
        Bound of the relative error of its diagonal, up to each lag: three standard errors over the
        networks, and the distance to networks of half the width. It bounds, too, the root mean
        square error of all entries up to the lag, each relative to ``sqrt(K_jj K_kk)``.
    n_hidden : int
        Width of the networks.
    """

    covariance: NDArray[np.float64]
    error: NDArray[np.float64]
    n_hidden: int

    @property
    def reach(self) -> int:
        """Number of lags, from lag 0 on, that can be believed."""
        return int(np.argmin(np.append(self.error <= TOLERANCE, False)))

    @property
    def needed_width(self) -> float:
        """Width at which all lags can be believed, if the reach grows with the width's root."""
        return self.n_hidden * (len(self.error) / self.reach) ** 2 if self.reach else np.inf


@dataclass(frozen=True)
class Networks:
    """How the networks of an estimate are drawn.

    Attributes
    ----------
    transition_init : str or callable
        As in `draw_transition`.
    n_lags : int
        Number of lags.
    variances : tuple of float
        ``nu_w``, ``nu_f`` and ``nu_c``.
    generator : torch.Generator
        Where all randomness comes from.
    n_networks : int, default=16
        Number of networks of each width.
    n_probes : int, default=16
        Channels and outputs of each network; they share a transition matrix, so that more of them
        lower the error as far as it comes from the other two matrices.
    n_layers : int, default=1
        Number of layers.
    rates : tuple of float, default=(1.0, 1.0, 1.0)
        Factors of the learning rates of transitions, inputs and readout.
    """

    transition_init: TransitionInit
    n_lags: int
    variances: tuple[float, float, float]
    generator: torch.Generator
    n_networks: int = 16
    n_probes: int = 16
    n_layers: int = 1
    rates: Rates = EQUAL_RATES

    def mean(self, n_hidden: int) -> MeanKernel:
        """Return the mean of networks of a width."""
        drawn = [self._draw(n_hidden) for _ in range(self.n_networks)]
        mean = LagProducts(*(torch.stack(kind).mean(0) for kind in zip(*drawn, strict=True)))
        _, nu_f, nu_c = self.variances
        shares = Shares(nu_c * nu_f, nu_c, nu_f, nu_c * nu_f).times(self.rates)
        products = mean.stacked(self.n_layers)
        each = [network.stacked(self.n_layers).lag_weights(shares) for network in drawn]
        error = torch.stack(each).std(0) / self.n_networks**0.5
        return MeanKernel(products, shares, products.lag_weights(shares), error)

    def _draw(self, n_hidden: int) -> LagProducts:
        shape, variances = (n_hidden, self.n_probes, self.n_probes), (self.variances[0], 1.0, 1.0)
        drawn = initialise(*shape, variances, self.generator, self.transition_init)
        return LagProducts.of(drawn, self.n_lags)


@dataclass(frozen=True)
class MeanKernel:
    """The kernel of the mean products between lags of networks of one width.

    Attributes
    ----------
    products : LayerProducts
        The mean products of networks with inputs and readouts of variance one.
    shares : Shares
        Their factors in the kernel.
    lag_weights : Tensor of shape (n_lags,)
        Those of the mean products. In the limit products are numbers, so that this is nearer to it
        than the mean of the networks' weights: a narrow network with large states has large
        adjoints, too.
    standard_error : Tensor of shape (n_lags,)
        Standard error of the lag weights over the networks.
    """

    products: LayerProducts
    shares: Shares
    lag_weights: Tensor
    standard_error: Tensor


def estimate_kernel(networks: Networks, n_hidden: int, max_hidden: int) -> KernelEstimate:
    """Estimate the kernel of infinitely wide networks.

    Parameters
    ----------
    networks : Networks
        How they are drawn.
    n_hidden : int
        Width of the networks to begin with; networks half as wide show what the width does.
    max_hidden : int
        Greatest width. The width doubles until all lags can be believed; it stays where they would
        need wider networks than this.

    Returns
    -------
    estimate : KernelEstimate
        The kernel, and its error.

    Raises
    ------
    ValueError
        If the kernel of a network overflows, or as in `draw_transition`.

    Notes
    -----
    Each network costs ``2 n_lags n_probes n_hidden^2`` multiplications.
    """
    narrow, wide = networks.mean(n_hidden // 2), networks.mean(n_hidden)
    estimate = _compare(narrow, wide, n_hidden)
    while n_hidden < estimate.needed_width <= max_hidden:
        n_hidden *= 2
        narrow, wide = wide, networks.mean(n_hidden)
        estimate = _compare(narrow, wide, n_hidden)
    return estimate


def _compare(narrow: MeanKernel, wide: MeanKernel, n_hidden: int) -> KernelEstimate:
    kernel = wide.products.kernel(wide.shares)
    if not (torch.isfinite(kernel).all() and torch.isfinite(wide.standard_error).all()):
        raise ValueError(
            "The kernel of a network from this transition_init overflows within "
            f"n_lags={len(kernel)}. Lower nu_w or n_lags, or let it return a smaller matrix."
        )
    bias = (wide.lag_weights - narrow.lag_weights).abs()
    error = 3 * wide.standard_error + bias
    relative = torch.where(error > 0, error / wide.lag_weights, 0.0)  # both may be zero
    # No lag is known better than those before it; where biases cross zero it would seem so.
    return KernelEstimate(kernel.numpy(), relative.cummax(0).values.numpy(), n_hidden)
