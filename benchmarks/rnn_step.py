"""An iteration of `LinearRNNRegressor` beside back-propagation through time.

The peer is the same network in PyTorch, a loop over time with all sequences at once. Both have
the best intercept for their response, and do an iteration of gradient descent; ours also with all
that training decides at each iteration. A second table has leaky networks and networks of layers
beside the products that no such iteration can do without.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.measure import Action, median_times, milliseconds, show
from sklearn_linrnn import LagStatistics, LinearRNNRegressor
from sklearn_linrnn._core.networks.network import LinearRNNModel, RNNParameters, initialise
from sklearn_linrnn._core.networks.recipes import RNNRecipe
from sklearn_linrnn._core.training.loop import Stopping, Training
from sklearn_linrnn._core.training.objective import Objective
from sklearn_linrnn._core.training.optimizers import GradientDescent
from sklearn_linrnn._core.training.schedules import scheduled_share

N_SEQUENCES, MANY_SEQUENCES, N_TIMESTEPS = 1_000, 100_000, 100
N_ITERATIONS = 1_000  # of a whole fit
LEARNING_RATE, VARIANCES = 1e-6, (0.8, 1.0, 1.0)
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "leaky": {"leak": 0.3},
    "standard": {"parametrization": "standard"},
    "2 layers": {"n_layers": 2},
    "4 layers, leaky": {"n_layers": 4, "leak": 0.3},
}


def make_sequences(n_sequences: int, n_timesteps: int = N_TIMESTEPS) -> tuple[NDArray, NDArray]:
    """Return inputs (n_sequences, n_timesteps) and targets at the last time step (n_sequences,)."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_sequences, n_timesteps)).astype(np.float32)
    return X, X @ 0.8 ** np.arange(n_timesteps, dtype=np.float32)[::-1]


def initial_parameters(n_hidden: int, device: str = "cpu") -> RNNParameters:
    """Return the initial parameters of both."""
    draw = initialise(n_hidden, 1, 1, VARIANCES, torch.Generator().manual_seed(0))
    return draw.like(torch.empty(0, device=device))


def make_training(
    n_hidden: int, X: NDArray, y: NDArray, device: str = "cpu"
) -> tuple[LinearRNNModel, Training]:
    """Return our network, and its training."""
    model = LinearRNNModel(initial_parameters(n_hidden, device), X.shape[1])
    return model, train(model, X, y, device)


def train(model: LinearRNNModel, X: NDArray, y: NDArray, device: str = "cpu") -> Training:
    """Return the training of a network."""
    statistics = LagStatistics.from_windows(X, y, device=device)
    optimizer = GradientDescent(model.parameters)
    stopping = Stopping(10**9, tol=0.0, patience=1)
    schedule = partial(scheduled_share, "constant", max_iter=1)
    return Training(Objective(model, statistics), optimizer, stopping, LEARNING_RATE, schedule)


def make_loop(
    n_hidden: int, X: NDArray, y: NDArray, device: str = "cpu"
) -> tuple[list[Tensor], Callable[[], None]]:
    """Return the peer's parameters, and an iteration of its training: a loop over time."""
    inputs, targets = (torch.from_numpy(array).to(device) for array in (X, y))
    parameters = [parameter.requires_grad_() for parameter in initial_parameters(n_hidden, device)]
    optimizer = torch.optim.SGD(parameters, LEARNING_RATE)
    W, F, C = parameters

    def step() -> None:
        optimizer.zero_grad()
        hidden = torch.zeros(len(inputs), n_hidden, device=device)
        for now in inputs.T[:, :, None]:
            hidden = torch.addmm(now @ F.T, hidden, W.T, alpha=n_hidden**-0.5)
        misses = targets - (hidden @ C.T)[:, 0] * n_hidden**-0.5
        (0.5 * (misses - misses.mean()).square().mean()).backward()
        optimizer.step()

    return parameters, step


def make_floor(n_hidden: int, n_layers: int = 1) -> Action:
    """Return the products that every such iteration needs: W once a lag, forward and backward.

    Each thread reads its part of W. A further layer has a coupling, with three products of all
    states: forward, backward and for its gradient.
    """
    transition = initial_parameters(n_hidden).transition
    layers = [
        transition.clone().view(torch.get_num_threads(), -1, n_hidden).mT for _ in range(n_layers)
    ]
    states = torch.randn(N_TIMESTEPS, n_hidden)
    source = states[:1].expand(len(layers[0]), -1, -1)
    product = torch.empty(len(layers[0]), 1, layers[0].shape[2])

    def floor() -> None:
        for index, parts in enumerate(layers):
            for _ in range(2 * (N_TIMESTEPS - 1)):
                torch.bmm(source, parts, out=product)
            states.T @ states
            if index:
                states @ transition, states @ transition.T, states.T @ states

    return floor


def compare(n_hidden: int) -> tuple[str, ...]:
    """Return a row of the table."""
    X, y = make_sequences(N_SEQUENCES)
    model, training = make_training(n_hidden, X, y)
    _, long_training = make_training(n_hidden, *make_sequences(MANY_SEQUENCES))
    parameters, peer_step = make_loop(n_hidden, X, y)
    training.run(1), peer_step()
    gap = max(
        float((ours.grad - theirs.grad).norm() / theirs.grad.norm())
        for ours, theirs in zip(model.parameters, parameters, strict=True)
    )
    whole = LinearRNNRegressor(
        n_hidden, max_iter=N_ITERATIONS, dtype="float32", device="cpu", random_state=0
    )
    ours, peer, many, fit, floor = median_times(
        {
            "ours": lambda: training.run(1),
            "peer": peer_step,
            "ours, many sequences": lambda: long_training.run(1),
            "fit": lambda: whole.fit(X, y),
            "floor": make_floor(n_hidden),
        },
        rounds=3,
    )
    ratios = peer / ours, many / ours, fit / (N_ITERATIONS * ours), ours / floor
    numbers = [f"{peer / ours:.0f}", *(f"{ratio:.2f}" for ratio in ratios[1:])]
    return str(n_hidden), milliseconds(ours), milliseconds(peer), *numbers, f"{gap:.0e}"


def compare_kinds(n_hidden: int) -> list[tuple[str, ...]]:
    """Return a row for each kind of network: the time of an iteration, and over its minimum."""
    X, y = make_sequences(N_SEQUENCES)
    actions: dict[str, Action] = {}
    for kind, options in KINDS.items():
        recipe = RNNRecipe(
            n_hidden=n_hidden,
            variances=VARIANCES,
            transition_init="gaussian",
            seed=0,
            is_centred=False,
            **options,
        )
        start = [parameter.float() for parameter in recipe.draw(1, 1)]
        training = train(recipe.network(start, X.shape[1]), X, y)
        actions[kind] = partial(training.run, 1)
        actions[f"floor of {kind}"] = make_floor(n_hidden, recipe.n_layers)
    times = median_times(actions, rounds=3)
    return [
        (kind, str(n_hidden), milliseconds(ours), f"{ours / floor:.2f}")
        for kind, ours, floor in zip(KINDS, times[::2], times[1::2], strict=True)
    ]


def run() -> None:
    """Print the times of an iteration, their ratio and the relative difference of the gradients."""
    show(
        f"rnn_step: {N_SEQUENCES:,} sequences of {N_TIMESTEPS} time steps, float32; peer: through "
        "time",
        (
            "n_hidden",
            "iteration",
            "peer's",
            "ratio",
            f"{MANY_SEQUENCES:,} / {N_SEQUENCES:,}",
            f"fit / {N_ITERATIONS:,}",
            "iteration / floor",
            "gradients",
        ),
        [compare(n_hidden) for n_hidden in (256, 512, 1024)],
    )
    show(
        "rnn_step: networks of other kinds, float32",
        ("network", "n_hidden", "iteration", "iteration / floor"),
        [row for n_hidden in (256, 512, 1024) for row in compare_kinds(n_hidden)],
    )
