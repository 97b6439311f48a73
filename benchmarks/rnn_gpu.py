"""A training step of `LinearRNNRegressor` on a GPU, beside its floor and beside PyTorch's loop."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import milliseconds, show
from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.objective import Objective
from sklearn_linrnn._core.optimize import STRETCH, Stopping, Training
from sklearn_linrnn._core.optimizers import GradientDescent
from sklearn_linrnn._core.recurrence import LinearRNN, RNNParameters, initialise
from sklearn_linrnn._core.schedules import scheduled_share

N_HIDDEN, N_LAGS, N_SEQUENCES = 4096, 512, 1_000
LEARNING_RATE = 1e-6


def start(device: str) -> RNNParameters:
    """Return the parameters that both begin with."""
    draw = initialise(N_HIDDEN, 1, 1, (0.8, 1.0, 1.0), torch.Generator().manual_seed(0))
    return RNNParameters(*(parameter.float().to(device) for parameter in draw))


def make_sequences(device: str) -> tuple[Tensor, Tensor]:
    """Return inputs (n_sequences, n_lags) and targets at the last step (n_sequences,)."""
    X = torch.randn(N_SEQUENCES, N_LAGS, generator=torch.Generator().manual_seed(0))
    return X.to(device), (X @ 0.8 ** torch.arange(N_LAGS).flip(0)).to(device)


def device_time(action: Callable[[], object], n_actions: int) -> float:
    """Return the seconds between events on the device, for one of ``n_actions`` in ``action``."""
    action()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    action()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1e3 / n_actions


def time_of_step(device: str) -> float:
    """Return the seconds of a step of ours."""
    X, y = make_sequences("cpu")
    statistics = LagStatistics.from_windows(X.numpy(), y.numpy(), device=device)
    model = LinearRNN(start(device), N_LAGS)
    training = Training(
        Objective(model, statistics),
        GradientDescent(model.parameters),
        Stopping(10**9, tol=0.0, patience=1),
        LEARNING_RATE,
        partial(scheduled_share, "constant", max_iter=1),
    )
    return device_time(lambda: training.run(STRETCH), STRETCH)


def time_of_loop(device: str) -> float:
    """Return the seconds of a step by back-propagation through a loop over time."""
    X, y = make_sequences(device)
    W, F, C = (parameter.requires_grad_() for parameter in start(device))
    optimizer = torch.optim.SGD((W, F, C), LEARNING_RATE)

    def step() -> None:
        optimizer.zero_grad()
        hidden = torch.zeros(N_SEQUENCES, N_HIDDEN, device=device)
        for inputs in X.T[:, :, None]:
            hidden = torch.addmm(inputs @ F.T, hidden, W.T, alpha=N_HIDDEN**-0.5)
        misses = y - (hidden @ C.T)[:, 0] * N_HIDDEN**-0.5
        (0.5 * (misses - misses.mean()).square().mean()).backward()
        optimizer.step()

    return device_time(step, 1)


def time_of_floor(device: str) -> float:
    """Return the seconds of reading W once a lag there and back, and of one product.

    Reading is timed by a copy of many times W, which moves each byte twice.
    """
    source = torch.empty(16, N_HIDDEN, N_HIDDEN, device=device)
    target, states = torch.empty_like(source), torch.randn(N_LAGS, N_HIDDEN, device=device)
    reading = device_time(lambda: target.copy_(source), 2 * len(source))
    product = device_time(lambda: states.T @ states, 1)
    return 2 * (N_LAGS - 1) * reading + product


def run() -> None:
    """Print the times of a step, and what they are to the floor and to the loop."""
    if not torch.cuda.is_available():
        print("rnn_gpu: there is no CUDA device")
        return
    ours, floor, loop = (
        time(device="cuda") for time in (time_of_step, time_of_floor, time_of_loop)
    )
    show(
        f"rnn_gpu: {torch.cuda.get_device_name()}, {N_HIDDEN} hidden units, {N_LAGS} lags, float32;"
        f" peer: a loop over time, {N_SEQUENCES:,} sequences",
        ("step", "floor", "floor / step", "peer's", "ratio"),
        [
            (
                milliseconds(ours),
                milliseconds(floor),
                f"{floor / ours:.0%}",
                milliseconds(loop),
                f"{loop / ours:.0f}",
            )
        ],
    )
