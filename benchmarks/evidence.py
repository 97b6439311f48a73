"""Memory and penalty by their evidence: `NTKConvRegressor` beside impulseest 1.0.

The series is DaISy's heat exchanger. The peer's time is that of its fit alone, in an environment of
its own; ours is that of the whole fit. The priors of this package stand beside each other as well:
those of independent lags beside "linear_rnn", the others beside "tc". Each seeks one memory by its
name; objects seek several hyperparameters.
"""

from functools import partial

import numpy as np

from benchmarks import impulseest
from benchmarks.impulseest import KERNELS, METHODS, PeerFit
from benchmarks.measure import median_times, milliseconds, show
from benchmarks.real_series import SYSTEMS, Recording, load
from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn.priors import LRU, LagPrior, LeakyRNN, S4DLegS, S4DLin

N_LAGS, N_PEER_FITS = (120, 400), 3
SEVERAL = {
    "LeakyRNN(nu_w, leak)": LeakyRNN(nu_w="auto", leak="auto"),
    "LRU(r_max, max_phase)": LRU(r_max="auto", max_phase="auto"),
    "LRU, all five": LRU("auto", "auto", "auto", "auto", "auto"),
    "S4DLin(dt_min, dt_max)": S4DLin("auto", "auto"),
    "S4DLegS, all three": S4DLegS("auto", "auto", "auto"),
}


def make_ours(prior: str | LagPrior, n_lags: int) -> NTKConvRegressor:
    """Return our estimator, which seeks the memory of a name and what an object leaves open."""
    sought = {"nu_w": "auto", "correlation": "auto"} if isinstance(prior, str) else {}
    return NTKConvRegressor(
        **sought,
        alpha="auto",
        prior=prior,
        rows="timesteps",
        n_lags=n_lags,
        device="cpu",
    )


def fit_peers(recording: Recording, n_lags: int) -> dict[tuple[str, str], PeerFit]:
    """Return the fits of the peer's kernels with each optimiser."""
    return {
        (kernel, name): impulseest.best_of(recording, n_lags, kernel, method, N_PEER_FITS)
        for kernel in KERNELS
        for name, method in METHODS.items()
    }


def compare(recording: Recording, n_lags: int, with_peer: bool) -> None:
    """Print times, ratios and R^2 for a number of lags."""
    u, y = recording.training()
    independent = {name: make().has_independent_lags for name, make in PRIORS.items()}
    priors = {name: name for name in PRIORS} | SEVERAL
    models = {name: make_ours(prior, n_lags) for name, prior in priors.items()}
    fits = {prior: partial(model.fit, u[:, None], y) for prior, model in models.items()}
    times = dict(zip(models, median_times(fits), strict=True))
    peers = fit_peers(recording, n_lags) if with_peer else {}
    missing = PeerFit(np.nan, np.nan)
    rows = []
    for prior, model in models.items():
        is_diagonal = independent.get(prior, False)
        same = "DI" if is_diagonal else prior.upper()
        beside = times[prior] / times["linear_rnn" if is_diagonal else "tc"]
        ratios = [
            peers.get((kernel, "default"), missing).seconds / times[prior]
            for kernel in ("DI", same)
        ]
        r2 = recording.test_r2(model.predict(recording.u[:, None]))
        rows.append(
            (
                f"ours, {prior}",
                milliseconds(times[prior]),
                f"{beside:.2f}",
                *("" if np.isnan(ratio) else f"{ratio:.0f}" for ratio in ratios),
                f"{r2:.4f}",
            )
        )
    for (kernel, optimiser), found in peers.items():
        name = f"impulseest, {kernel}, {optimiser}"
        rows.append((name, milliseconds(found.seconds), "", "", "", f"{found.r2:.4f}"))
    show(
        f"evidence: heat exchanger, {len(y):,} time steps, {n_lags} lags; ratios to impulseest "
        "with its default optimiser",
        ("", "time", "beside linear_rnn or tc", "DI / ours", "same kernel / ours", "test R^2"),
        rows,
    )


def run() -> None:
    """Print a table for each number of lags."""
    if (recording := load(SYSTEMS["heat exchanger"])) is None:
        return
    with_peer = impulseest.is_available()
    for n_lags in N_LAGS:
        compare(recording, n_lags, with_peer)
