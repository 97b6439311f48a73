"""A recurrent network at initialisation, and what it makes of single windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_linrnn._core.recurrent.dual_activations import Array, DualActivation, PairSlopes

VARIANCES = ("nu_b", "nu_c", "nu_f", "nu_w")


@dataclass(frozen=True)
class RecurrentNetwork:
    """``h_t = phi(n^{-1/2} W h_{t-1} + F x_t + nu_b^{1/2} b)``, read out by ``n^{-1/2} C h_t``.

    Attributes
    ----------
    activation : DualActivation
        The nonlinearity ``phi``.
    nu_w, nu_f, nu_c : float
        Variances of transition matrix, input matrix and readout.
    nu_b : float
        Scale of the bias, whose entries have variance one.
    """

    activation: DualActivation
    nu_w: float
    nu_f: float
    nu_c: float
    nu_b: float


@dataclass(frozen=True)
class WindowStates:
    """What a network makes of each window, at each time step, oldest first.

    The inputs of a hidden unit, over random networks, are a vector of a Hilbert space: one
    direction from the hidden state before, one from each channel, one from the bias.

    Attributes
    ----------
    inputs : ndarray of shape (n_timesteps, n_channels, ...)
        The windows.
    variances : ndarray of shape (n_timesteps, ...)
        Squared length of the vector.
    halves : ndarray of shape (n_timesteps, n_directions, ...)
        Half the vector of unit length, in these directions; the hidden state's is first.
    slopes : ndarray of shape (n_tuned, n_timesteps, ...)
        Derivatives of the variances by the logarithms of hyperparameters.
    """

    inputs: Array
    variances: Array
    halves: Array
    slopes: Array

    @classmethod
    def of(cls, windows: Array, network: RecurrentNetwork, tuned: tuple[str, ...]) -> Self:
        """Return the states of windows ``(n_samples, n_lags, n_channels)``, lag 0 first."""
        inputs = np.ascontiguousarray(windows[:, ::-1].transpose(1, 2, 0))
        n_timesteps, n_channels, n_samples = inputs.shape
        variances = np.empty((n_timesteps, n_samples))
        has_bias = network.nu_b > 0
        halves = np.empty((n_timesteps, 1 + n_channels + has_bias, n_samples))
        slopes = np.empty((len(tuned), n_timesteps, n_samples))
        hidden, hidden_slopes = np.zeros(n_samples), np.zeros((len(tuned), n_samples))
        for step, x in enumerate(inputs):
            halves[step, 0] = np.sqrt(network.nu_w * hidden)
            halves[step, 1 : 1 + n_channels] = np.sqrt(network.nu_f) * x
            halves[step, 1 + n_channels :] = np.sqrt(network.nu_b)
            squares = np.square(halves[step])
            variances[step] = squares.sum(0)
            halves[step] /= 2 * np.sqrt(np.where(variances[step] > 0, variances[step], 1.0))
            inputs_share = squares[1 : 1 + n_channels].sum(0)
            shares = {"nu_w": squares[0], "nu_f": inputs_share, "nu_b": network.nu_b}
            pairs, moments = network.activation.of_one(variances[step])
            for slope, before, name in zip(slopes, hidden_slopes, tuned, strict=True):
                slope[step] = network.nu_w * before + shares.get(name, 0.0)
                inner = PairSlopes(slope[step], slope[step], slope[step])
                before[:], _ = network.activation.slopes(pairs, moments, inner)
            hidden = moments.product
        return cls(inputs, variances, halves, slopes)

    def at(self, *index: Any) -> WindowStates:
        """Return some of the windows, on axes that broadcast."""
        arrays = (self.inputs, self.variances, self.halves, self.slopes)
        return WindowStates(*(array[(..., *index)] for array in arrays))
