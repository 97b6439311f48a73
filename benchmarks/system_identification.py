"""Accuracy on real systems: everything "auto", beside the best of impulseest's kernels.

Models learn from the first 70 % of a recording and simulate the rest from its inputs alone, with
noise taken for white and for an autoregression. The peer gets the number of lags of `real_series`;
ours chooses it. The standard error of a share in intervals is that of a stationary block bootstrap
(Politis and Romano 1994), with blocks of the length that is best for the share (Politis and White
2004).
"""

import warnings

import numpy as np
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from numpy.typing import NDArray

from benchmarks import impulseest
from benchmarks.impulseest import KERNELS, METHODS
from benchmarks.measure import show
from benchmarks.real_series import SYSTEMS, Recording, load
from sklearn_linrnn import NTKConvRegressor

DEVIATIONS = 1.645  # standard deviations to both sides, for 90 % of a Gaussian


N_BOOTSTRAPS = 1000


def fit_ours(recording: Recording, noise: str) -> tuple[str, ...]:
    """Return what was chosen, R^2 and the coverage of 90 % intervals on the test part."""
    u, y = recording.training()
    model = NTKConvRegressor(
        "auto", alpha="auto", n_lags="auto", noise=noise, rows="timesteps", device="cpu"
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The highest evidence is that of", UserWarning)
        model.fit(u[:, None], y)
    simulated, std = model.predict(recording.u[:, None], return_std=True)
    covered = (np.abs(recording.y - simulated) <= DEVIATIONS * std)[recording.n_training :]
    predicted = model.predict_one_step(recording.u[:, None], recording.y)
    return (
        f"{noise} {len(model.noise_coefficients_)}",
        str(model.impulse_response_.shape[2]),
        f"{model.nu_w_:.4f}",
        f"{recording.test_r2(simulated):.4f}",
        f"{covered.mean():.1%}",
        f"{standard_error(covered):.1%}",
        f"{recording.test_r2(predicted):.4f}",
    )


def standard_error(covered: NDArray) -> float:
    """Return the standard error of the share of time steps that are in their intervals."""
    hits = covered.astype(float)
    if hits.std() == 0.0:
        return 0.0
    length = optimal_block_length(hits)["stationary"].iloc[0]
    bootstrap = StationaryBootstrap(max(length, 1.0), hits, seed=0)
    return float(np.std([data[0].mean() for data, _ in bootstrap.bootstrap(N_BOOTSTRAPS)]))


def best_of_peer(recording: Recording, n_lags: int, method: str) -> str:
    """Return the peer's highest R^2 and its kernel."""
    found = {kernel: impulseest.fit(recording, n_lags, kernel, method).r2 for kernel in KERNELS}
    kernel = max(found, key=lambda name: -np.inf if np.isnan(found[name]) else found[name])
    return f"{found[kernel]:.4f} ({kernel})"


def run() -> None:
    """Print the table."""
    with_peer = impulseest.is_available()
    rows = []
    for name, system in SYSTEMS.items():
        if (recording := load(system)) is None:
            continue
        peers = [
            best_of_peer(recording, system.n_lags, method) if with_peer else ""
            for method in METHODS.values()
        ]
        rows.append((name, *fit_ours(recording, "white"), *peers))
        rows.append(("", *fit_ours(recording, "ar"), *("" for _ in peers)))
    if not rows:
        return
    show(
        "system_identification: R^2 of the last 30 %, simulated from inputs alone, the share of it "
        "in intervals of 90 % with its standard error, and R^2 one step ahead; then impulseest by "
        "optimiser",
        ("", "noise", "lags", "nu_w", "R^2", "covered", "+-", "one step", *METHODS),
        rows,
    )
