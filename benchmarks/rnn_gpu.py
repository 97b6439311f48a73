"""An iteration of `LinearRNNRegressor` on a GPU, beside its floor and beside PyTorch's loop."""

from collections.abc import Callable

import torch

from benchmarks.measure import milliseconds, show
from benchmarks.rnn_step import N_SEQUENCES, make_loop, make_sequences, make_training
from sklearn_linrnn._core.training.loop import STRETCH

N_HIDDEN, N_LAGS = 4096, 512


def device_time(action: Callable[[], object], n_actions: int) -> float:
    """Return the seconds between events on the device, for one of ``n_actions`` in ``action``."""
    action()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    action()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1e3 / n_actions


def time_of_iteration(device: str) -> float:
    """Return the seconds of an iteration of ours."""
    _, training = make_training(N_HIDDEN, *make_sequences(N_SEQUENCES, N_LAGS), device)
    return device_time(lambda: training.run(STRETCH), STRETCH)


def time_of_loop(device: str) -> float:
    """Return the seconds of an iteration by back-propagation through a loop over time."""
    _, iterate = make_loop(N_HIDDEN, *make_sequences(N_SEQUENCES, N_LAGS), device)
    return device_time(iterate, 1)


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
    """Print the time of an iteration, and its ratios to the floor and to the loop."""
    if not torch.cuda.is_available():
        print("rnn_gpu: there is no CUDA device")
        return
    ours, floor, loop = (
        time(device="cuda") for time in (time_of_iteration, time_of_floor, time_of_loop)
    )
    show(
        f"rnn_gpu: {torch.cuda.get_device_name()}, {N_HIDDEN} hidden units, {N_LAGS} lags, float32;"
        f" peer: a loop over time, {N_SEQUENCES:,} sequences",
        ("iteration", "floor", "floor / iteration", "peer's", "ratio"),
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
