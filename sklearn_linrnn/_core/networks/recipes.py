"""Recipes of models in training: how each begins, and which prior it is when it is wide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.network import LinearRNNModel, RNNParameters, initialise
from sklearn_linrnn._core.networks.scaled_convolution import ScaledConvolution
from sklearn_linrnn._core.networks.scaled_inputs import (
    Network,
    ScaledInputs,
    with_scaled_input,
)
from sklearn_linrnn._core.networks.tangent_kernel import (
    linear_rnn_lag_covariance,
    monte_carlo_covariance,
)
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors, Prior
from sklearn_linrnn._core.priors.lag_prior import Given
from sklearn_linrnn._core.priors.prior_root import PriorRoot


@dataclass(frozen=True)
class RNNRecipe:
    """A linear RNN at its initialisation; it can be drawn again.

    Attributes
    ----------
    n_hidden : int
        Number of hidden units.
    variances : tuple of float
        ``nu_w``, ``nu_f`` and ``nu_c``.
    transition_init : str or callable
        As in `draw_transition`.
    seed : int
        Of all draws.
    is_centred : bool
        Whether the response at initialisation is subtracted from the network's.
    channel_scale : tuple of float or None
        Scales of the channels: inputs are scaled by their roots. None for ones.
    """

    n_hidden: int
    variances: tuple[float, float, float]
    transition_init: TransitionInit
    seed: int
    is_centred: bool
    channel_scale: tuple[float, ...] | None = None

    def prior(self, n_lags: int) -> Prior:
        """Return the tangent kernel of the network's infinite-width limit."""
        if callable(self.transition_init):
            covariance = monte_carlo_covariance(
                self.transition_init, n_lags, self.variances, seed=self.seed
            )
        else:
            covariance = linear_rnn_lag_covariance(
                n_lags, *self.variances, transition_init=self.transition_init
            )
        if self.channel_scale is None:
            return Given(covariance)
        return ChannelPriors.of(Given(covariance), None, self.channel_scale)

    def draw(self, n_channels: int, n_outputs: int) -> RNNParameters:
        """Return the parameters at initialisation in float64, on the CPU."""
        generator = torch.Generator().manual_seed(self.seed)
        return initialise(
            self.n_hidden, n_channels, n_outputs, self.variances, generator, self.transition_init
        )

    def model(self, root: PriorRoot, n_outputs: int, dtype: torch.dtype) -> Network:
        """Return the network before training, for the lags, channels and on the device of root."""
        place = root.lags.to(dtype)
        model = LinearRNNModel(self.draw(root.n_channels, n_outputs).like(place), root.n_lags)
        if self.is_centred:
            model.origin = model.response()
        return self.scaled(model)

    def scaled(self, network: Network) -> Network:
        """Return a network with its inputs scaled, as this one's are."""
        if self.channel_scale is None:
            return network
        deviations = torch.tensor(self.channel_scale, dtype=torch.float64).sqrt()
        return ScaledInputs(network, deviations.to(network.parameters[0].device))

    def shown(self, parameters: RNNParameters) -> RNNParameters:
        """Return parameters of this network that take inputs as they are, not scaled."""
        if self.channel_scale is None:
            return parameters
        deviations = torch.tensor(self.channel_scale, dtype=torch.float64).sqrt()
        return RNNParameters(*with_scaled_input(list(parameters), deviations))


@dataclass(frozen=True, eq=False)
class ConvolutionRecipe:
    """A scaled convolution that begins at zero.

    Attributes
    ----------
    lag_weights : ndarray of shape (n_lags,) or (n_channels, n_lags)
        ``rho``.
    """

    lag_weights: NDArray

    def prior(self, n_lags: int) -> Prior:
        """Return the prior of the lag weights."""
        if self.lag_weights.ndim == 1:
            return Given(self.lag_weights)
        scale = self.lag_weights.max(axis=1)
        unit = self.lag_weights / np.where(scale > 0, scale, 1.0)[:, None]
        rows = np.where(scale[:, None] > 0, unit, 1.0)
        return ChannelPriors(tuple(Given(row) for row in rows), scale)

    def model(self, root: PriorRoot, n_outputs: int, dtype: torch.dtype) -> ScaledConvolution:
        """Return the convolution before training."""
        return ScaledConvolution(root, n_outputs, dtype)


Recipe = RNNRecipe | ConvolutionRecipe
