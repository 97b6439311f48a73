"""A billion time steps and a thousand lags, piece by piece: ``python -m benchmarks.billion [N]``.

The inputs are white, the response is drawn from a prior, and both and the noise come from seeds, a
piece at a time. Time and memory of the sums are set beside those of ten million time steps, and
beside the transforms that no such sum can do without. Then a model is learned from them, with the
hyperparameters of the highest evidence: its 90 % bands should hold nine tenths of the lags.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import click
import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from benchmarks.measure import fresh, median_times, show, with_peak
from sklearn_linrnn import LagStatistics, LagStream, NTKConvRegressor, linear_rnn_lag_weights
from sklearn_linrnn._core.statistics.displacement import transform_length

N_TIMESTEPS, N_LAGS, PIECE = 1_000_000_000, 1_000, 1_000_000
FEWER = 10_000_000  # whose time per step is the measure
NU_W, NOISE = 0.99, 1.0
FRAME = 2**13  # of the transforms that form outputs
LEVEL, SCORE = 0.9, 1.6448536269514722  # the share within a band, and its half width


def true_response() -> NDArray:
    """Return a response with the lag weights of a network, (N_LAGS,)."""
    normal = np.random.default_rng(1).standard_normal(N_LAGS)
    return 0.1 * normal * np.sqrt(linear_rnn_lag_weights(N_LAGS, NU_W))


class MadePieces(Sequence):
    """Pieces of one recording in float32, made when they are asked for, one after another."""

    def __init__(self, n_timesteps: int) -> None:
        self.n_timesteps = n_timesteps
        self.seconds = np.zeros(2)  # that went into making them, as `clocks` tells
        self._before = np.zeros(N_LAGS - 1, np.float32)
        self._spectrum = scipy.fft.rfft(true_response().astype(np.float32), FRAME)

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(range(0, self.n_timesteps, PIECE))

    def __getitem__(self, number: int) -> tuple[NDArray, NDArray]:
        """Return inputs and targets of the next piece."""
        start = clocks()
        rng = np.random.default_rng([2, number])
        length = min(PIECE, self.n_timesteps - number * PIECE)
        inputs, targets = rng.standard_normal((2, length), np.float32)
        targets *= NOISE
        targets += self._answer(inputs)
        self.seconds += clocks() - start
        return inputs, targets

    def _answer(self, inputs: NDArray) -> NDArray:
        """Return what the system makes of the next inputs, in frames that overlap."""
        n_before, n_new = N_LAGS - 1, FRAME - N_LAGS + 1
        n_frames = -(-len(inputs) // n_new)
        padded = np.zeros(n_before + n_frames * n_new, np.float32)
        padded[:n_before] = self._before
        padded[n_before : n_before + len(inputs)] = inputs
        self._before = padded[len(inputs) : len(inputs) + n_before].copy()
        frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::n_new]
        outputs = scipy.fft.irfft(scipy.fft.rfft(frames) * self._spectrum, FRAME)
        return outputs[:, n_before:].ravel()[: len(inputs)]


def clocks() -> NDArray:
    """Return the time in seconds, and that of the processor for this process."""
    return np.array([time.perf_counter(), time.process_time()])


@dataclass(frozen=True, eq=False)
class Measured:
    """What a pass gave, in seconds as `clocks` tells, and bytes."""

    n_timesteps: int
    making: NDArray
    summing: NDArray
    memory: float
    statistics: LagStatistics

    @property
    def nanoseconds(self) -> NDArray:
        """The time of the sums for each time step."""
        return 1e9 * self.summing / self.n_timesteps

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        times = f"{self.making[0]:.1f} s", f"{self.summing[0]:.1f} s"
        steps = (f"{each:.1f} ns" for each in self.nanoseconds)
        return f"{self.n_timesteps:,}", *times, *steps, f"{1e-6 * self.memory:,.0f} MB"


def add_up(n_timesteps: int) -> tuple[NDArray, NDArray, LagStatistics]:
    """Return the seconds of making the pieces and of their sums, and the sums."""
    pieces, start = MadePieces(n_timesteps), clocks()
    statistics = LagStream(N_LAGS).add_pieces(pieces).statistics
    seconds = clocks() - start
    return pieces.seconds, seconds - pieces.seconds, statistics


def measure(n_timesteps: int, threads: int) -> Measured:
    """Return what a pass gives; to be called in a process that has done nothing before."""
    torch.set_num_threads(threads)
    add_up(10 * N_LAGS)  # loads the libraries
    (making, summing, statistics), memory = with_peak(partial(add_up, n_timesteps))
    return Measured(n_timesteps, making, summing, memory, statistics)


def transforms(threads: int) -> float:
    """Return the nanoseconds for each time step of the transforms of the sums alone.

    For each block one of inputs and targets each, and one of the inputs that overlaps.
    """
    length = transform_length(N_TIMESTEPS, N_LAGS, 2)
    blocks = np.random.default_rng(0).standard_normal((16, length))
    (seconds,) = median_times({"": lambda: scipy.fft.rfft(blocks, workers=threads)})
    return 3e9 * seconds / (len(blocks) * (length - N_LAGS + 1))


def report(n_timesteps: int, threads: int) -> None:
    """Print time and memory of the sums, and what a model that has learned from them is worth."""
    sizes = dict.fromkeys((min(FEWER, n_timesteps), n_timesteps))
    passes = [fresh(measure, size, threads) for size in sizes]
    few, many = passes[0], passes[-1]
    alone = transforms(threads)
    show(
        f"billion: sums of {N_LAGS:,} lags, pieces of {PIECE:,} time steps, {threads} threads; the "
        f"transforms alone take {alone:.1f} ns a step",
        ("time steps", "making them", "sums", "a step", "of the processor", "memory"),
        [each.cells for each in passes],
    )
    print(
        f"The time per step is {many.nanoseconds[0] / few.nanoseconds[0]:.2f} times that of "
        f"{few.n_timesteps:,} steps, and {many.nanoseconds[0] / alone:.1f} times the transforms'."
    )
    start = time.perf_counter()
    model = NTKConvRegressor("auto", alpha="auto", device="cpu").fit_statistics(many.statistics)
    seconds = time.perf_counter() - start
    truth, found = true_response(), model.impulse_response_.ravel()
    width = SCORE * model.impulse_response_std_.ravel()
    held = float(np.mean(np.abs(found - truth) <= width))
    error = np.sqrt(LEVEL * (1 - LEVEL) / N_LAGS)
    print(
        f"The model is learned in {seconds:.1f} s (nu_w={model.nu_w_:.4g}, "
        f"alpha={model.alpha_:.3g}, noise variance {model.noise_variance_[0]:.6f}). Its "
        f"{LEVEL:.0%} bands hold {held:.1%} of the lags; the binomial error of that is "
        f"{error:.1%}. The root mean square error of the response is "
        f"{np.sqrt(np.mean((found - truth) ** 2)):.2g}, its largest entry {abs(truth).max():.2g}."
    )


def run() -> None:
    """Print it for a billion time steps."""
    report(N_TIMESTEPS, torch.get_num_threads())


@click.command()
@click.argument("n_timesteps", default=N_TIMESTEPS, type=click.IntRange(min=10 * N_LAGS))
@click.option("--threads", default=2, show_default=True, help="Threads of each process.")
def main(n_timesteps: int, threads: int) -> None:
    """Sum up N_TIMESTEPS time steps, a billion unless another number is given."""
    torch.set_num_threads(threads)
    report(n_timesteps, threads)


if __name__ == "__main__":
    main()
