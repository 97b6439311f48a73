"""One long series: `NTKConvRegressor` beside MNE's `TimeDelayingRidge`, which works by FFT, too.

Both fit the same ridge without an intercept, with lags from 0 on and zeros before the series. The
peer runs with the interpreter that LINRNN_MNE names. With one thread the times are those of the
processor, to which neighbours add little; with more they are wall times.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf

from benchmarks.measure import milliseconds, show
from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._core.fourier import rfft
from sklearn_linrnn._core.statistics.displacement import transform_length

SCRIPT = Path(__file__).parent / "peers" / "mne_ridge_peer.py"
SHAPES = (  # time steps, channels, lags, outputs
    (200_000, 1, 500, 1),
    (100_000, 1, 40, 64),
    (50_000, 16, 100, 2),
    (100_000, 64, 40, 1),
)
ALPHA, ROUNDS, FITS = 10.0, 3, 4
SLAB = 2**17  # numbers transformed at a time


class Peer:
    """The peer, which has read its problem and fits when it is asked to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def fit(self) -> dict[str, object]:
        """Return the seconds of one fit and its coefficients."""
        self.process.stdin.write("fit\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def is_available() -> bool:
    """Return whether the peer can be run; print how to set it up if it cannot."""
    if os.environ.get("LINRNN_MNE"):
        return True
    print(
        "mne_ridge: make an environment, pip install -r benchmarks/peers/requirements-mne.txt, and "
        "set\nLINRNN_MNE to its Python"
    )
    return False


@contextmanager
def running(x: NDArray, y: NDArray, n_lags: int) -> Iterator[Peer]:
    """Run the peer on a problem, with as many threads as we have."""
    threads = str(torch.get_num_threads())
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        np.savez(path, x=x, y=y, n_lags=n_lags, alpha=ALPHA, fit_intercept=False)
        with subprocess.Popen(
            [os.environ["LINRNN_MNE"], "-W", "ignore", SCRIPT, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(names, threads)},
        ) as process:
            yield Peer(process)


def least(action: Callable[[], object], n_times: int) -> float:
    """Return the least seconds of an action that is taken several times."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    found = []
    for _ in range(n_times):
        start = clock()
        action()
        found.append(clock() - start)
    return min(found)


def transforms(n_timesteps: int, n_channels: int, n_lags: int, n_outputs: int) -> float:
    """Return the seconds of the transforms of the fit's sums alone.

    All columns are transformed once, and the inputs once more with the time steps before a block.
    """
    length = transform_length(n_timesteps, n_lags, n_channels * (n_channels + n_outputs))
    n_blocks = n_timesteps / (length - n_lags + 1)
    seconds = 0.0
    for n_columns in (n_channels, n_channels, n_outputs):
        at_once = max(1, SLAB // (length * n_columns))
        slab = torch.randn(at_once, length, n_columns, dtype=torch.float64)
        seconds += n_blocks / at_once * least(partial(rfft, slab, length, dim=1), 20)
    return seconds


def factorisation(n_inputs: int) -> float:
    """Return the seconds of one Cholesky factorisation."""
    matrix = np.eye(n_inputs, order="F") + 1.0 / n_inputs
    return least(lambda: dpotrf(matrix, lower=1, clean=0), 3)


def compare(n_timesteps: int, n_channels: int, n_lags: int, n_outputs: int) -> tuple[str, ...]:
    """Return the row of a shape: the least times of fits taken in turn, and what none can avoid."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_timesteps, n_channels))
    y = rng.normal(size=(n_timesteps, n_outputs)) + x[:, :1]
    model = NTKConvRegressor(
        prior="flat",
        alpha=ALPHA,
        fit_intercept=False,
        rows="timesteps",
        n_lags=n_lags,
        device="cpu",
    )
    clock = "processor" if torch.get_num_threads() == 1 else "wall"
    ours, theirs = np.inf, np.inf
    with running(x, y, n_lags) as peer:
        peer.fit()
        model.fit(x, y)
        for _ in range(ROUNDS):
            answer = peer.fit()
            theirs = min(theirs, answer[clock])
            ours = min(ours, least(partial(model.fit, x, y), FITS))
    gap = np.abs(model.impulse_response_ - answer["coefficients"]).max()
    return (
        f"{n_timesteps:,} x {n_channels} x {n_lags}, {n_outputs}",
        milliseconds(ours),
        milliseconds(theirs),
        f"{theirs / ours:.1f}",
        milliseconds(transforms(n_timesteps, n_channels, n_lags, n_outputs)),
        milliseconds(factorisation(n_lags * n_channels)),
        f"{gap:.0e}",
    )


def run() -> None:
    """Print the times, their ratios, and the largest differences of the coefficients."""
    if not is_available():
        return
    show(
        "mne_ridge: time steps x channels x lags, outputs",
        ("", "ours", "MNE", "ratio", "FFTs alone", "Cholesky alone", "difference"),
        [compare(*shape) for shape in SHAPES],
    )
