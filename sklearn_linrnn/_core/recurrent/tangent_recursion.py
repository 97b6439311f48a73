"""The tangent kernel of a wide recurrent network: one recursion over time, for pairs of windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_linrnn._core.recurrent.dual_activations import Array, DualMoments, Pairs, PairSlopes
from sklearn_linrnn._core.recurrent.recurrent_network import RecurrentNetwork, WindowStates

N_PAIRS = 2**15  # of a block: its arrays stay in the processor's cache


def recurrent_gram(
    windows: Array, others: Array | None, network: RecurrentNetwork, tuned: tuple[str, ...] = ()
) -> tuple[Array, Array]:
    """Return the kernel between windows, and its derivatives.

    Parameters
    ----------
    windows : ndarray of shape (n_samples, n_lags, n_channels)
        Windows, lag 0 first.
    others : ndarray of shape (n_samples_2, n_lags, n_channels) or None
        Other windows; None for the same.
    network : RecurrentNetwork
        The network.
    tuned : tuple of str, default=()
        Names of the variances by whose logarithms to differentiate.

    Returns
    -------
    kernel : ndarray of shape (n_samples, n_samples_2)
        The kernel.
    slopes : ndarray of shape (n_samples, n_samples_2, n_tuned)
        Its derivatives.
    """
    left = WindowStates.of(windows, network, tuned)
    right = left if others is None else WindowStates.of(others, network, tuned)
    n, m = left.variances.shape[1], right.variances.shape[1]
    both = np.empty((1 + len(tuned), n, m))
    rows = max(1, N_PAIRS // m)
    for first in range(0, n, rows):
        block = slice(first, first + rows)
        rest = slice(first if others is None else 0, None)
        found = _kernel_of_pairs(left.at(block, None), right.at(None, rest), network, tuned)
        if others is None:  # what holds above the diagonal holds below it
            square = found[..., : found.shape[1]]
            square[:] = np.triu(square) + np.triu(square, 1).swapaxes(1, 2)
            both[:, rest, block] = found.swapaxes(1, 2)
        both[:, block, rest] = found
    return both[0], np.moveaxis(both[1:], 0, -1)


def recurrent_diagonal(windows: Array, network: RecurrentNetwork) -> Array:
    """Return the kernel of each window with itself, (n_samples,)."""
    states = WindowStates.of(windows, network, ())
    return _kernel_of_pairs(states, states, network, ())[0]


def _kernel_of_pairs(
    left: WindowStates, right: WindowStates, network: RecurrentNetwork, tuned: tuple[str, ...]
) -> Array:
    """Return the kernel of pairs of windows and its derivatives, (1 + n_tuned, ...)."""
    activation, zero = network.activation, np.zeros(())
    hidden = HiddenLayer(DualMoments(zero, zero, zero, zero), zero)
    changes = [HiddenSlopes(zero, zero, zero)] * len(tuned)
    for step in range(len(left.inputs)):
        gram = _channel_sum(left.inputs[step], right.inputs[step])
        pairs = _meet(left, right, step, hidden.moments)
        moments = activation.moments(pairs)
        for index, (name, change) in enumerate(zip(tuned, changes, strict=True)):
            inner = PairSlopes(
                left.slopes[index, step],
                right.slopes[index, step],
                _covariance_slope(network, hidden, change, gram, name),
            )
            product, gain = activation.slopes(pairs, moments, inner)
            bias = network.nu_b if name == "nu_b" else 0.0
            tangent = change.product + bias + hidden.slope_through(network, change, "nu_w", name)
            changes[index] = HiddenSlopes(product, gain, tangent)
        tangent = hidden.moments.product + gram + network.nu_b
        hidden = HiddenLayer(moments, tangent + hidden.through(network, "nu_w"))
    kernel = hidden.moments.product + hidden.through(network, "nu_c")
    slopes = [
        change.product + hidden.slope_through(network, change, "nu_c", name)
        for name, change in zip(tuned, changes, strict=True)
    ]
    return np.stack([kernel, *slopes])


@dataclass(frozen=True)
class HiddenSlopes:
    """Derivatives of a hidden layer by the logarithm of a hyperparameter."""

    product: Array
    gain: Array
    tangent: Array


@dataclass(frozen=True)
class HiddenLayer:
    """A hidden layer at pairs of windows: its moments, and the tangent kernel of its inputs."""

    moments: DualMoments
    tangent: Array

    def through(self, network: RecurrentNetwork, matrix: str) -> Array:
        """Return the tangent kernel behind the nonlinearity and a matrix, of a variance's name."""
        return getattr(network, matrix) * self.moments.gain * self.tangent

    def slope_through(
        self, network: RecurrentNetwork, change: HiddenSlopes, matrix: str, name: str
    ) -> Array:
        """Return the derivative of that by the logarithm of the variance called ``name``."""
        slope = change.gain * self.tangent + self.moments.gain * change.tangent
        slope = getattr(network, matrix) * slope
        return slope + self.through(network, matrix) if name == matrix else slope


def _meet(left: WindowStates, right: WindowStates, step: int, hidden: DualMoments) -> Pairs:
    """Return the inputs of hidden units at pairs of windows.

    Half-angles are those of the sum and of the difference of two unit vectors. Only the hidden
    states, which come first, point into other directions at the other window.
    """
    ours, theirs = left.halves[step], right.halves[step]
    together = np.square(ours[0] - theirs[0])
    apart = together.copy()
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        apart += np.square(a - b)
        together += np.square(a + b)
    common = 4 * ours[0] * theirs[0]
    apart += common * hidden.apart
    together += common * hidden.together
    return Pairs(left.variances[step], right.variances[step], apart, together)


def _covariance_slope(
    network: RecurrentNetwork, hidden: HiddenLayer, change: HiddenSlopes, gram: Array, name: str
) -> Array:
    """Return the derivative of the next covariance by the logarithm of a variance."""
    slope = network.nu_w * change.product
    if name == "nu_w":
        return slope + network.nu_w * hidden.moments.product
    if name == "nu_f":
        return slope + network.nu_f * gram
    return slope + network.nu_b if name == "nu_b" else slope


def _channel_sum(left: Array, right: Array) -> Array:
    """Return the inner products of inputs, whose first axis are the channels."""
    total = left[0] * right[0]
    for a, b in zip(left[1:], right[1:], strict=True):
        total = total + a * b
    return total
