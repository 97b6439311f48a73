"""The kernel of 500 windows of 50 time steps of nonlinear networks, `RecurrentKernel`.

The peer is the published recursion on correlations, in NumPy: with whole matrices, and with one
window after another against all. The floor is one arc tangent for each pair of windows and time
step, which no such recursion can avoid. Derivatives by three variances have central differences of
the kernel as their peer. The last column is the largest difference from the peer. All of it runs on
one thread; times are the least of the processor, in rounds of one of each.
"""

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Action, milliseconds, show
from sklearn_linrnn import RecurrentKernel

N_WINDOWS, N_TIMESTEPS = 500, 50
NU_W, NU_F, NU_C = 0.7, 1.0, 1.0

Array = NDArray[np.float64]


def moments(activation: str, covariance: Array, left: Array, right: Array) -> tuple[Array, Array]:
    """Return ``E phi phi'`` and ``E phi' phi'`` from variances and covariances."""
    if activation == "erf":
        size = np.sqrt((1 + 2 * left) * (1 + 2 * right))
        sine = np.clip(2 * covariance / size, -1, 1)
        return 2 / np.pi * np.arcsin(sine), 4 / np.pi / (size * np.sqrt(1 - sine**2))
    size = np.sqrt(left * right)
    cosine = np.clip(covariance / size, -1, 1)
    angle = np.pi - np.arccos(cosine)
    product = size * (np.sqrt(1 - cosine**2) + angle * cosine) / (2 * np.pi)
    return product, angle / (2 * np.pi)


def plain(activation: str, x: Array, z: Array) -> Array:
    """Return the kernel between windows (n, n_timesteps) by the published recursion."""
    hidden_x, hidden_z = np.zeros(len(x)), np.zeros(len(z))
    product = gain = tangent = np.zeros((len(x), len(z)))
    for left, right in zip(x.T, z.T, strict=True):
        gram = np.multiply.outer(left, right)
        variance_x = NU_W * hidden_x + NU_F * left**2
        variance_z = NU_W * hidden_z + NU_F * right**2
        tangent = product + gram + NU_W * gain * tangent
        covariance = NU_W * product + NU_F * gram
        product, gain = moments(activation, covariance, variance_x[:, None], variance_z)
        hidden_x = moments(activation, variance_x, variance_x, variance_x)[0]
        hidden_z = moments(activation, variance_z, variance_z, variance_z)[0]
    return product + NU_C * gain * tangent


def by_rows(activation: str, x: Array) -> Array:
    """Return the kernel of windows, of one with all at a time."""
    return np.concatenate([plain(activation, x[i : i + 1], x) for i in range(len(x))])


def arc_tangents(sines: Array, cosines: Array) -> None:
    """Compute one arc tangent for each pair of different windows and time step."""
    for _ in range(N_TIMESTEPS):
        np.arctan2(sines, cosines)


def differences(kernel: RecurrentKernel, x: Array) -> list[Array]:
    """Return the kernel and its derivatives by central differences."""
    found = [kernel(x)]
    for step in 1e-5 * np.eye(len(kernel.theta)):
        above, below = (kernel.clone_with_theta(kernel.theta + each) for each in (step, -step))
        found.append((above(x) - below(x)) / 2e-5)
    return found


def least_times(actions: list[Action], rounds: int = 3) -> list[float]:
    """Return the least seconds of the processor of each action."""
    least = [np.inf] * len(actions)
    for _ in range(rounds):
        for index, action in enumerate(actions):
            start = time.process_time()
            action()
            least[index] = min(least[index], time.process_time() - start)
    return least


def row(activation: str, x: Array) -> tuple[str, ...]:
    """Return the times of one nonlinearity, and their ratios to ours or to the floor."""
    kernel = RecurrentKernel(activation, NU_W, NU_F, NU_C)
    halves = np.random.default_rng(1).random((2, N_WINDOWS // 2, N_WINDOWS))
    ours, whole, rows, floor, slopes, differenced = least_times(
        [
            partial(kernel, x),
            partial(plain, activation, x, x),
            partial(by_rows, activation, x),
            partial(arc_tangents, *halves),
            partial(kernel, x, eval_gradient=True),
            partial(differences, kernel, x),
        ]
    )
    gram = kernel(x)
    difference = np.abs(gram - plain(activation, x, x)).max() / gram.max()
    ratios = (ours / floor, whole / ours, rows / ours, slopes / ours, differenced / slopes)
    return (
        activation,
        milliseconds(ours),
        *(f"{ratio:.1f}" for ratio in ratios),
        f"{difference:.0e}",
    )


def run() -> None:
    """Print the time of a kernel beside those of its peers and its floor."""
    x = np.random.default_rng(0).normal(size=(N_WINDOWS, N_TIMESTEPS))
    show(
        f"recurrent_kernel: {N_WINDOWS} windows of {N_TIMESTEPS} time steps",
        (
            "",
            "kernel",
            "to floor",
            "whole matrices",
            "rows",
            "with slopes",
            "differences",
            "error",
        ),
        [row(activation, x) for activation in ("erf", "relu")],
    )
