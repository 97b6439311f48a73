"""Decoding a hand's velocity from neurons: a memory for each of them, all chosen by evidence.

The spikes of 52 neurons in the somatosensory cortex (Benjamin et al. 2018), as they were counted in
50 ms; inputs are the counts of 6 bins before the target, its own and 6 after it, within one
recording; targets are the two velocities of the hand. Ten folds in time, each tested on a model of
all the others, or of 1,000, 2,000 or 4,000 windows: the last ones before it, or where there are
fewer, the first of the others. The score is R^2, the mean over both velocities.

Peers: the Wiener filter (least squares), and scikit-learn's ridge with its penalty from a search
over ``logspace(0, 5, 11)`` by five-fold cross-validation. In each fold all decoders take turns; the
time is that of the processors, of ``fit`` alone.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV

from benchmarks.measure import show
from benchmarks.neural_s1 import Recordings, load
from sklearn_linrnn import NTKConvRegressor

BEFORE, AFTER = 6, 6
N_FOLDS = 10
SIZES = (1000, 2000, 4000, None)
WIENER, RIDGE, SHARED, CHANNEL = (
    "Wiener filter", "ridge, cross-validated", "one memory", "a memory for each neuron",
)  # fmt: skip


def make_decoders() -> dict[str, Callable[[], Any]]:
    """Return the decoders by their names."""
    ours: dict[str, Any] = {
        "nu_w": "auto", "alpha": "auto", "n_leads": AFTER, "device": "cpu",
    }  # fmt: skip
    return {
        WIENER: LinearRegression,
        RIDGE: lambda: GridSearchCV(Ridge(), {"alpha": np.logspace(0, 5, 11)}, cv=5),
        SHARED: lambda: NTKConvRegressor(**ours, n_channels=52),
        CHANNEL: lambda: NTKConvRegressor(**ours, n_channels=52, memory="channel"),
    }


def windows_of(recordings: Recordings) -> tuple[NDArray, NDArray]:
    """Return windows (n_windows, n_bins * 52), oldest bin first, and velocities (n_windows, 2)."""
    n_bins, windows, targets = BEFORE + 1 + AFTER, [], []
    for one in np.unique(recordings.ids):
        own = recordings.ids == one
        if own.sum() >= n_bins:
            views = sliding_window_view(recordings.X[own], n_bins, axis=0).swapaxes(1, 2)
            windows.append(views.reshape(len(views), -1))
            targets.append(recordings.Y[own][BEFORE : BEFORE + len(views)])
    return np.concatenate(windows), np.concatenate(targets)


def folds(n_windows: int, size: int | None) -> list[tuple[NDArray, NDArray]]:
    """Return training and test windows of each fold."""
    every = np.arange(n_windows)
    found = []
    for tested in np.array_split(every, N_FOLDS):
        others = np.setdiff1d(every, tested)
        if size is not None:
            before = others[others < tested[0]][-size:]
            others = before if len(before) == size else others[:size]
        found.append((others, tested))
    return found


def r2_of(decoder: Any, X: NDArray, Y: NDArray) -> float:
    """Return R^2, the mean over both velocities."""
    errors = np.square(Y - decoder.predict(X)).sum(axis=0)
    return float(np.mean(1.0 - errors / np.square(Y - Y.mean(axis=0)).sum(axis=0)))


def turns(
    X: NDArray, Y: NDArray, parts: list[tuple[NDArray, NDArray]]
) -> tuple[dict[str, NDArray], dict[str, float]]:
    """Return R^2 of each decoder in each fold, and the seconds of processors that a fit took."""
    decoders = make_decoders()
    scores: dict[str, list[float]] = {name: [] for name in decoders}
    seconds = dict.fromkeys(decoders, 0.0)
    for learned, tested in parts:
        for name, make in decoders.items():
            started = time.process_time()
            decoder = make().fit(X[learned], Y[learned])
            seconds[name] += (time.process_time() - started) / len(parts)
            scores[name].append(r2_of(decoder, X[tested], Y[tested]))
    return {name: np.array(found) for name, found in scores.items()}, seconds


def run() -> None:
    """Print R^2 by the size of the training part, its difference to two others, and the time."""
    if (recordings := load()) is None:
        return
    X, Y = windows_of(recordings)
    rows = []
    for size in SIZES:
        scores, seconds = turns(X, Y, folds(len(X), size))
        for name in scores:
            speed = f"{seconds[name]:.2f}", f"{seconds[RIDGE] / seconds[name]:.1f}"
            rows.append((f"{size or 'all':>5}", name, *scores_of(scores, name), *speed))
    show(
        f"decoders: R^2 of two velocities from 52 neurons, {BEFORE} bins before and {AFTER} after, "
        f"{N_FOLDS} folds; differences with their interval of 95 % over the folds",
        ("windows", "", "R^2", "less the ridge's", "less one memory's", "s", "times as fast"),
        rows,
    )


def scores_of(scores: dict[str, NDArray], name: str) -> tuple[str, str, str]:
    """Return the mean R^2, and how much higher it is than that of two others."""
    own = scores[name]
    others = [scores[other] if other != name else None for other in (RIDGE, SHARED)]
    return f"{own.mean():.4f}", *(difference(own, other) for other in others)


def difference(own: NDArray, other: NDArray | None) -> str:
    """Return the mean difference over folds and its interval of 95 %."""
    if other is None:
        return ""
    gains = own - other
    half = stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
    return f"{gains.mean():+.4f} +- {half:.4f}"
