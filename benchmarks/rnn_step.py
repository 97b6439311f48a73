"""A training step of `LinearRNNRegressor` beside back-propagation through time.

The peer is the same network in PyTorch, a loop over time with all sequences at once. Both have
the best intercept for their response, and take a step of gradient descent; ours also with all that
a training decides from step to step.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.measure import Action, median_times, milliseconds, show
from sklearn_linrnn import LagStatistics, LinearRNNRegressor
from sklearn_linrnn._core.objective import Objective
from sklearn_linrnn._core.optimize import Stopping, Training
from sklearn_linrnn._core.optimizers import GradientDescent
from sklearn_linrnn._core.recurrence import LinearRNN, RNNParameters, initialise
from sklearn_linrnn._core.schedules import scheduled_share

N_SEQUENCES, MANY_SEQUENCES, N_TIMESTEPS = 1_000, 100_000, 100
N_STEPS = 1_000  # of a whole fit
LEARNING_RATE, VARIANCES = 1e-6, (0.8, 1.0, 1.0)


def make_sequences(n_sequences: int) -> tuple[NDArray, NDArray]:
    """Return inputs (n_sequences, n_timesteps) and targets at the last step (n_sequences,)."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_sequences, N_TIMESTEPS)).astype(np.float32)
    return X, X @ 0.8 ** np.arange(N_TIMESTEPS, dtype=np.float32)[::-1]


def start(n_hidden: int) -> RNNParameters:
    """Return the parameters that both begin with."""
    draw = initialise(n_hidden, 1, 1, VARIANCES, torch.Generator().manual_seed(0))
    return RNNParameters(*(parameter.float() for parameter in draw))


def make_step(n_hidden: int, n_sequences: int) -> tuple[LinearRNN, Action]:
    """Return our network, and a step of its training."""
    statistics = LagStatistics.from_windows(*make_sequences(n_sequences))
    model = LinearRNN(start(n_hidden), N_TIMESTEPS)
    optimizer = GradientDescent(model.parameters)
    stopping = Stopping(10**9, tol=0.0, patience=1)
    schedule = partial(scheduled_share, "constant", max_iter=1)
    training = Training(Objective(model, statistics), optimizer, stopping, LEARNING_RATE, schedule)
    return model, lambda: training.run(1)


def make_peer_step(n_hidden: int) -> tuple[list[Tensor], Callable[[], None]]:
    """Return the peer's parameters, and a step of its training."""
    X, y = map(torch.from_numpy, make_sequences(N_SEQUENCES))
    parameters = [parameter.requires_grad_() for parameter in start(n_hidden)]
    optimizer = torch.optim.SGD(parameters, LEARNING_RATE)
    W, F, C = parameters

    def step() -> None:
        optimizer.zero_grad()
        hidden = torch.zeros(N_SEQUENCES, n_hidden)
        for inputs in X.T[:, :, None]:
            hidden = torch.addmm(inputs @ F.T, hidden, W.T, alpha=n_hidden**-0.5)
        misses = y - (hidden @ C.T)[:, 0] * n_hidden**-0.5
        (0.5 * (misses - misses.mean()).square().mean()).backward()
        optimizer.step()

    return parameters, step


def make_floor(n_hidden: int) -> Action:
    """Return the products that every such step needs: W once a lag on the way there and back.

    Each thread reads its part of W.
    """
    parts = start(n_hidden).transition.view(torch.get_num_threads(), -1, n_hidden).mT
    states = torch.randn(N_TIMESTEPS, n_hidden)
    source = states[:1].expand(len(parts), -1, -1)
    product = torch.empty(len(parts), 1, parts.shape[2])

    def floor() -> None:
        for _ in range(2 * (N_TIMESTEPS - 1)):
            torch.bmm(source, parts, out=product)
        states.T @ states

    return floor


def compare(n_hidden: int) -> tuple[str, ...]:
    """Return a row of the table."""
    (model, step), (parameters, peer_step) = (
        make_step(n_hidden, N_SEQUENCES),
        make_peer_step(n_hidden),
    )
    step(), peer_step()
    gap = max(
        float((ours.grad - theirs.grad).norm() / theirs.grad.norm())
        for ours, theirs in zip(model.parameters, parameters, strict=True)
    )
    X, y = make_sequences(N_SEQUENCES)
    whole = LinearRNNRegressor(
        n_hidden, max_iter=N_STEPS, dtype="float32", device="cpu", random_state=0
    )
    ours, peer, many, fit, floor = median_times(
        {
            "ours": step,
            "peer": peer_step,
            "ours, many sequences": make_step(n_hidden, MANY_SEQUENCES)[1],
            "fit": lambda: whole.fit(X, y),
            "floor": make_floor(n_hidden),
        },
        rounds=3,
    )
    ratios = peer / ours, many / ours, fit / (N_STEPS * ours), ours / floor
    numbers = [f"{peer / ours:.0f}", *(f"{ratio:.2f}" for ratio in ratios[1:])]
    return str(n_hidden), milliseconds(ours), milliseconds(peer), *numbers, f"{gap:.0e}"


def run() -> None:
    """Print the times of a step, their ratio and the relative difference of the gradients."""
    show(
        f"rnn_step: {N_SEQUENCES:,} sequences of {N_TIMESTEPS} steps, float32; peer: through time",
        (
            "n_hidden",
            "step",
            "peer's",
            "ratio",
            f"{MANY_SEQUENCES:,} / {N_SEQUENCES:,}",
            f"fit / {N_STEPS:,} steps",
            "step / floor",
            "gradients",
        ),
        [compare(n_hidden) for n_hidden in (256, 512, 1024)],
    )
