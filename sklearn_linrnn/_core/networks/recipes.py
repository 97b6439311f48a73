"""Recipes of models in training: how each begins, and which prior it is when it is wide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.finite_width import finite_width_lag_weights, reach
from sklearn_linrnn._core.networks.initialisation import TransitionInit
from sklearn_linrnn._core.networks.network import LinearRNNModel, initialise, with_layers
from sklearn_linrnn._core.networks.parametrization import (
    EQUAL_SHARES,
    PARAMETRIZATIONS,
    Factors,
    ParametrizationName,
)
from sklearn_linrnn._core.networks.scaled_convolution import ScaledConvolution
from sklearn_linrnn._core.networks.scaled_inputs import (
    Network,
    NetworkWithOrigin,
    ScaledInputs,
    with_scaled_input,
)
from sklearn_linrnn._core.networks.tangent_kernel import (
    empirical_kernel,
    empirical_lag_weights,
    linear_rnn_lag_covariance,
    monte_carlo_covariance,
)
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors, Prior
from sklearn_linrnn._core.priors.lag_prior import Given
from sklearn_linrnn._core.priors.lag_weights import EQUAL_RATES, Rates
from sklearn_linrnn._core.priors.leaky_kernel import leaky_kernel
from sklearn_linrnn._core.priors.prior_root import PriorRoot


@dataclass(frozen=True, kw_only=True)
class NetworkRecipe(ABC):
    """A random network at its initialisation; it can be drawn again.

    Attributes
    ----------
    n_hidden : int
        Number of hidden units.
    seed : int
        Of all draws.
    is_centred : bool
        Whether the response at initialisation is subtracted from the network's.
    channel_scale : tuple of float or None
        Scales of the channels: inputs are scaled by their roots. None for ones.
    """

    n_hidden: int
    seed: int
    is_centred: bool
    channel_scale: tuple[float, ...] | None = None

    @property
    def has_lazy_limit(self) -> bool:
        """Whether the parameters of wider networks move less, so that their kernel stays."""
        return True

    @abstractmethod
    def limit(self, n_lags: int) -> NDArray:
        """Return the tangent kernel of wide networks: weights (n_lags,), or (n_lags, n_lags)."""

    @abstractmethod
    def draw(self, n_channels: int, n_outputs: int) -> list[Tensor]:
        """Return the parameters at initialisation in float64, on the CPU; inputs are second."""

    @abstractmethod
    def network(self, start: Sequence[Tensor], n_lags: int) -> NetworkWithOrigin:
        """Return the network of some parameters, which are trained in place."""

    @abstractmethod
    def kernel(self, parameters: Sequence[Tensor], n_lags: int) -> Tensor:
        """Return the tangent kernel of the network of some parameters, (n_lags, n_lags)."""

    @abstractmethod
    def lag_weights(self, parameters: Sequence[Tensor], n_lags: int) -> Tensor:
        """Return the diagonal of that kernel, (n_lags,)."""

    def prior(self, n_lags: int) -> Prior:
        """Return the tangent kernel of the network's infinite-width limit."""
        covariance = self.limit(n_lags)
        if self.channel_scale is None:
            return Given(covariance)
        return ChannelPriors.of(Given(covariance), None, self.channel_scale)

    @abstractmethod
    def mean_lag_weights(self, n_lags: int) -> NDArray[np.float64]:
        """Return the mean of the lag weights over the initialisation, (n_lags,), if it is known."""

    def model(self, root: PriorRoot, n_outputs: int, dtype: torch.dtype) -> Network:
        """Return the network before training, for the lags, channels and on the device of root."""
        place = root.lags.to(dtype)
        start = [parameter.to(place) for parameter in self.draw(root.n_channels, n_outputs)]
        model = self.network(start, root.n_lags)
        if self.is_centred:
            model.origin = model.response()
        if self.channel_scale is None:
            return model
        deviations = torch.tensor(self.channel_scale, dtype=torch.float64).sqrt()
        return ScaledInputs(model, deviations.to(place.device))

    def shown(self, parameters: Sequence[Tensor]) -> list[Tensor]:
        """Return parameters of this network that take inputs as they are, not scaled."""
        if self.channel_scale is None:
            return list(parameters)
        deviations = torch.tensor(self.channel_scale, dtype=torch.float64).sqrt()
        return with_scaled_input(list(parameters), deviations)


@dataclass(frozen=True, kw_only=True)
class RNNRecipe(NetworkRecipe):
    """A linear RNN at its initialisation.

    Attributes
    ----------
    variances : tuple of float
        ``nu_w``, ``nu_f`` and ``nu_c``.
    transition_init : str or callable
        As in `draw_transition`.
    rates : tuple of float
        Factors of the learning rates of transitions, inputs and readout.
    parametrization : {"ntk", "standard", "mup"}
        Where the powers of the width stand.
    leak : float
        Share of a state that is renewed at each time step.
    n_layers : int
        Number of layers.
    """

    variances: tuple[float, float, float]
    transition_init: TransitionInit
    rates: Rates = EQUAL_RATES
    parametrization: ParametrizationName = "ntk"
    leak: float = 1.0
    n_layers: int = 1

    @property
    def factors(self) -> Factors:
        """Those in the equations of the network."""
        return PARAMETRIZATIONS[self.parametrization].equations(self.n_hidden, self.leak)

    @property
    def has_lazy_limit(self) -> bool:
        """Whether the output is as large at initialisation at any width: not in the others."""
        return self.parametrization == "ntk"

    def limit(self, n_lags: int) -> NDArray:
        """Return the tangent kernel at the initialisation of wide networks."""
        if not callable(self.transition_init):
            return linear_rnn_lag_covariance(
                n_lags,
                *self.variances,
                transition_init=self.transition_init,
                leak=self.leak,
                n_layers=self.n_layers,
                rates=self.rates,
            )
        covariance = monte_carlo_covariance(
            self.transition_init,
            n_lags,
            self.variances,
            n_layers=self.n_layers,
            rates=self.rates,
            seed=self.seed,
        )
        return covariance if self.leak == 1 else leaky_kernel(covariance, self.leak, self.n_layers)

    def mean_lag_weights(self, n_lags: int) -> NDArray[np.float64]:
        """Return the mean of the lag weights over the initialisation, (n_lags,), if it is known."""
        if self.leak != 1 or self.n_layers > 1:
            raise ValueError(
                "The mean lag weights at finite width are known for networks of one layer without "
                f"leak, and for linear recurrent units, but got n_layers={self.n_layers} and "
                f"leak={self.leak}."
            )
        return finite_width_lag_weights(
            n_lags,
            self.n_hidden,
            *self.variances,
            transition_init=self.transition_init,
            rates=self.rates,
        )

    def reach(self, n_lags: int) -> int:
        """Return for how many lags that mean is near the limit: all, if it is not known."""
        if callable(self.transition_init) or self.leak != 1 or self.n_layers > 1:
            return n_lags
        return reach(n_lags, self.n_hidden, self.transition_init)

    def draw(self, n_channels: int, n_outputs: int) -> list[Tensor]:
        """Return ``W``, ``F``, ``C`` and, of more than one layer, ``U``, in float64."""
        generator = torch.Generator().manual_seed(self.seed)
        shape = self.n_hidden, n_channels, n_outputs
        drawn: list[Tensor] = list(
            initialise(*shape, self.variances, generator, self.transition_init)
        )
        if self.n_layers > 1:
            nu_w, *_ = self.variances
            drawn = with_layers(drawn, self.n_layers, nu_w, generator, self.transition_init)
        if self.parametrization == "ntk":
            return drawn
        scales = PARAMETRIZATIONS[self.parametrization].initial_scales(self.n_hidden)
        return [scale * parameter for scale, parameter in zip(scales, drawn, strict=False)]

    def network(self, start: Sequence[Tensor], n_lags: int) -> LinearRNNModel:
        """Return the network of some parameters, which are trained in place."""
        rates = self._step_rates(len(start))
        return LinearRNNModel(start, n_lags, factors=self.factors, rates=rates)

    def _step_rates(self, n_parameters: int) -> dict[str, list[float]]:
        """Return the factors of the learning rates of the parameters, for each optimiser."""
        if self.rates == EQUAL_RATES and self.parametrization != "mup":
            return {}
        own = EQUAL_SHARES.times(self.rates)
        by_width = PARAMETRIZATIONS[self.parametrization].adam_scales(self.n_hidden)
        adam = [rate * scale for rate, scale in zip(own, by_width, strict=True)]
        rates = {"adam": adam[:n_parameters]}
        if self.rates != EQUAL_RATES:
            rates |= {solver: list(own[:n_parameters]) for solver in ("gd", "lbfgs")}
        return rates

    def kernel(self, parameters: Sequence[Tensor], n_lags: int) -> Tensor:
        """Return the tangent kernel of the network of some parameters."""
        return empirical_kernel(parameters, n_lags, self.factors, self.rates)

    def lag_weights(self, parameters: Sequence[Tensor], n_lags: int) -> Tensor:
        """Return the diagonal of that kernel."""
        return empirical_lag_weights(parameters, n_lags, self.factors, self.rates)


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


Recipe = NetworkRecipe | ConvolutionRecipe
