"""Linear models on two sets of nonlinearbenchmark.org: free-run errors beside the published ones.

Protocol. Errors are root mean squares in mV of outputs simulated from inputs alone; the first 50
time steps of each test do not count. Wiener-Hammerstein (Schoukens, Suykens and Ljung 2009): of the
time steps 5,200 to 184,000 the first 100,000 are for training, the rest is the test. Silverbox
(Wigren and Schoukens 2013): of the multisine, time steps 40,650 to 127,400, the first 75 % are for
training and the rest is a test; so are the arrow, time steps 100 to 40,575, which goes beyond the
amplitudes of the training, and its first 32,000, which do not.

Models have everything "auto" and learn from the training part alone. Those of past outputs have the
output before as a second input, in units of deviations, and their own outputs in its place when
they simulate. "Held out" is the error on the last quarter of the training part of a model that
learned from the rest: by it one may choose among them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.measure import show
from benchmarks.real_series import FOLDER, SYSTEMS
from sklearn_linrnn import NTKConvRegressor

NOT_COUNTED = 50
HELD_OUT = 0.25
MILLI = 1e3
Simulate = Callable[[NDArray], NDArray]


@dataclass(frozen=True)
class Benchmark:
    """Time steps of training and of tests, and the published errors of linear models, in mV."""

    training: tuple[int, int]
    tests: dict[str, tuple[int, int]]
    published: dict[str, str]


BENCHMARKS = {
    "Wiener-Hammerstein": Benchmark(
        (5_200, 105_200), {"test": (105_200, 184_000)}, {"test": "43.4"}
    ),
    "Silverbox": Benchmark(
        (40_650, 105_712),
        {"multisine": (105_712, 127_400), "arrow": (100, 40_575), "its begin": (100, 32_100)},
        {"multisine": "6.95", "arrow": "14.2", "its begin": "6.58"},
    ),
}


def fit_inputs(u: NDArray, y: NDArray, noise: str) -> Simulate:
    """Return the simulation of a model of the inputs."""
    model = NTKConvRegressor(
        "auto", alpha="auto", n_lags="auto", noise=noise, rows="timesteps", device="cpu"
    ).fit(u[:, None], y)
    return lambda inputs: model.predict(inputs[:, None])


def fit_past_outputs(u: NDArray, y: NDArray) -> Simulate:
    """Return the simulation of a model of the inputs and the outputs before."""
    units = np.array([u.std(), y.std()])
    X = np.column_stack([u, np.append(0.0, y[:-1])]) / units
    model = NTKConvRegressor(
        "auto", alpha="auto", n_lags="auto", prior="ss", rows="timesteps", device="cpu"
    ).fit(X, y)
    of_inputs, of_outputs = model.impulse_response_[0] / units[:, None]
    poles = np.append(1.0, -of_outputs)
    level = model.intercept_[0] / poles.sum()
    return lambda inputs: level + lfilter(of_inputs, poles, inputs)


MODELS: dict[str, Callable[[NDArray, NDArray], Simulate]] = {
    "white noise": lambda u, y: fit_inputs(u, y, "white"),
    "noise='ar'": lambda u, y: fit_inputs(u, y, "ar"),
    "past outputs": fit_past_outputs,
}


def error(y: NDArray, simulated: NDArray) -> str:
    """Return the root mean square of what counts, in mV."""
    return f"{MILLI * np.sqrt(np.square((y - simulated)[NOT_COUNTED:]).mean()):.3f}"


def run() -> None:
    """Print a table for each set."""
    for name, benchmark in BENCHMARKS.items():
        system = SYSTEMS[name]
        if not (path := FOLDER / system.file).is_file():
            print(f"left out: set LINRNN_DATA to the folder of real series, with {system.file}")
            continue
        frame = pd.read_csv(path)
        u, y = (frame[each].to_numpy() for each in (system.input_name, system.output_name))
        first, end = benchmark.training
        early = int(end - HELD_OUT * (end - first))
        rows = []
        for label, fit in MODELS.items():
            held_out = fit(u[first:early], y[first:early])(u[early:end])
            start = time.perf_counter()
            simulate = fit(u[first:end], y[first:end])
            seconds = time.perf_counter() - start
            tests = [error(y[a:b], simulate(u[a:b])) for a, b in benchmark.tests.values()]
            rows.append((label, f"{seconds:.1f} s", error(y[early:end], held_out), *tests))
        rows.append(("published", "", "", *benchmark.published.values()))
        show(
            f"nonlinear_benchmark: {name}, free-run errors in mV",
            ("", "fit", "held out", *benchmark.tests),
            rows,
        )
