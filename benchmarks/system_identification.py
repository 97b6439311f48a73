"""Accuracy on real systems: everything "auto", beside the best of impulseest's kernels.

Models learn from the first 70 % of a recording and simulate the rest from its inputs alone. The
peer gets the number of lags of `real_series`; ours chooses it.
"""

import warnings

import numpy as np

from benchmarks import impulseest
from benchmarks.impulseest import KERNELS, METHODS
from benchmarks.measure import show
from benchmarks.real_series import SYSTEMS, Recording, load
from sklearn_linrnn import NTKConvRegressor

DEVIATIONS = 1.645  # standard deviations to both sides, for 90 % of a Gaussian


def fit_ours(recording: Recording) -> tuple[str, ...]:
    """Return what was chosen, R^2 and the coverage of 90 % intervals on the test part."""
    u, y = recording.training()
    model = NTKConvRegressor("auto", alpha="auto", n_lags="auto", rows="timesteps", device="cpu")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The highest evidence is that of", UserWarning)
        model.fit(u[:, None], y)
    simulated, std = model.predict(recording.u[:, None], return_std=True)
    covered = np.abs(recording.y - simulated) <= DEVIATIONS * std
    return (
        str(model.impulse_response_.shape[2]),
        f"{model.nu_w_:.4f}",
        f"{model.alpha_:.3g}",
        f"{recording.test_r2(simulated):.4f}",
        f"{covered[recording.n_training :].mean():.1%}",
    )


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
        rows.append((name, *fit_ours(recording), *peers))
    if not rows:
        return
    show(
        "system_identification: R^2 of the last 30 %, simulated from inputs alone, and the share "
        "of it in intervals of 90 %; then impulseest by optimiser",
        ("", "lags", "nu_w", "alpha", "R^2", "covered", *METHODS),
        rows,
    )
