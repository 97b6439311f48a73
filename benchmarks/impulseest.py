"""The peer `impulseest`, run with the interpreter that LINRNN_IMPULSEEST names."""

import json
import os
import subprocess
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch

from benchmarks.real_series import Recording

SCRIPT = Path(__file__).parent / "peers" / "impulseest_peer.py"
KERNELS = ("DI", "TC", "DC")
METHODS = {"default": "L-BFGS-B", "Powell": "Powell"}


@dataclass(frozen=True)
class PeerFit:
    """Seconds of a fit, and its R^2 on the test part; NaN if it failed."""

    seconds: float
    r2: float


def is_available() -> bool:
    """Return whether the peer can be run; print how to set it up if it cannot."""
    if os.environ.get("LINRNN_IMPULSEEST"):
        return True
    print(
        "without the peer: make an environment with Python 3.12 or older, pip install -r\n"
        "benchmarks/peers/requirements-impulseest.txt, and set LINRNN_IMPULSEEST to its Python"
    )
    return False


def fit(recording: Recording, n_lags: int, kernel: str, method: str) -> PeerFit:
    """Return the peer's fit to the training part."""
    u, y = recording.training()
    archive = BytesIO()
    np.savez(archive, u=u, y=y, n=n_lags, kernel=kernel, method=method)
    threads = str(torch.get_num_threads())
    process = subprocess.run(
        [os.environ["LINRNN_IMPULSEEST"], "-W", "ignore", SCRIPT],
        input=archive.getvalue(),
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
    )
    answer = json.loads(process.stdout)
    if answer["impulse_response"] is None:
        return PeerFit(answer["seconds"], np.nan)
    simulated = np.convolve(recording.u, answer["impulse_response"])[: len(recording.u)]
    return PeerFit(answer["seconds"], recording.test_r2(simulated))


def best_of(recording: Recording, n_lags: int, kernel: str, method: str, n_fits: int) -> PeerFit:
    """Return the fastest of several fits."""
    fits = [fit(recording, n_lags, kernel, method) for _ in range(n_fits)]
    return min(fits, key=lambda found: found.seconds)
