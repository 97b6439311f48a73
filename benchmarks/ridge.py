"""One long series: `NTKConvRegressor` beside scikit-learn's `Ridge` on the lag matrix.

Both have the same rows: the series is zero before its first time step, so the peer's lag matrix is
that of the series with ``n_lags - 1`` zeros before it. Its columns are scaled by ``sqrt(rho_j)``.
"""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from benchmarks.measure import Action, first_time, median_times, milliseconds, show
from sklearn_linrnn import LagStatistics, NTKConvRegressor
from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.priors.lag_weights import linear_rnn_lag_weights
from sklearn_linrnn._core.priors.prior_root import PriorRoot

N_TIMESTEPS, N_LAGS, NU_W, ALPHA, BLOCK = 200_000, 500, 0.9, 1.0, 1024
SCALE = np.sqrt(linear_rnn_lag_weights(N_LAGS, NU_W, 1.0, 1.0))


def make_series(n_timesteps: int) -> tuple[NDArray, NDArray]:
    """Return the input (n_timesteps, 1) and the output of a system with a long memory."""
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((2, n_timesteps))
    return x[:, None], np.convolve(x, 0.97 ** np.arange(N_LAGS))[:n_timesteps] + noise


def lag_matrix(x: NDArray) -> NDArray:
    """Return the scaled lags (n_timesteps, n_lags), lag 0 first."""
    padded = np.concatenate([np.zeros(N_LAGS - 1), x[:, 0]])
    return np.lib.stride_tricks.sliding_window_view(padded, N_LAGS)[:, ::-1] * SCALE


def make_ours() -> NTKConvRegressor:
    """Return our estimator."""
    return NTKConvRegressor(NU_W, alpha=ALPHA, rows="timesteps", n_lags=N_LAGS, device="cpu")


def prepare_ours(n_timesteps: int) -> Action:
    """Return our fit."""
    return partial(make_ours().fit, *make_series(n_timesteps))


def prepare_peer(n_timesteps: int) -> Action:
    """Return the peer's fit, lag matrix included."""
    x, y = make_series(n_timesteps)
    return lambda: Ridge(ALPHA).fit(lag_matrix(x), y)


def run() -> None:
    """Print times, memory, the largest difference of the coefficients and where our time goes."""
    x, y = make_series(N_TIMESTEPS)
    lags, ours, peer = lag_matrix(x), make_ours().fit(x, y), Ridge(ALPHA)
    fit, whole, solver = median_times(
        {
            "ours": lambda: ours.fit(x, y),
            "peer": prepare_peer(N_TIMESTEPS),
            "peer, lag matrix given": lambda: peer.fit(lags, y),
        }
    )
    gap = np.abs(ours.impulse_response_[0, 0] - peer.coef_ * SCALE).max()
    firsts = [
        [first_time(prepare, 2_000, N_TIMESTEPS) for prepare in (prepare_ours, prepare_peer)]
        for _ in range(3)
    ]
    first, memory = np.median(firsts, axis=0).T
    megabytes = [f"{1e-6 * peak:,.0f} MB" for peak in memory]
    show(
        f"ridge: {N_TIMESTEPS:,} time steps, {N_LAGS} lags; coefficients differ by {gap:.1e}",
        ("", "time", "ratio", "first fit of a process", "ratio", "peak memory"),
        [
            (
                "NTKConvRegressor",
                milliseconds(fit),
                "1",
                milliseconds(first[0]),
                "1",
                megabytes[0],
            ),
            (
                "lag matrix and Ridge",
                milliseconds(whole),
                f"{whole / fit:.0f}",
                milliseconds(first[1]),
                f"{first[1] / first[0]:.0f}",
                megabytes[1],
            ),
            ("Ridge, lag matrix given", milliseconds(solver), f"{solver / fit:.0f}", "", "", ""),
        ],
    )
    show_parts(x, y, ours)


def show_parts(x: NDArray, y: NDArray, model: NTKConvRegressor) -> None:
    """Print the times of the parts of our fit, and of the two that it cannot do without.

    These are one transform of the blocks, padded beforehand, and one Cholesky factorisation.
    """
    statistics = LagStatistics.from_series(x, y, n_lags=N_LAGS)
    root = PriorRoot(torch.from_numpy(np.sqrt(model.lag_weights_)), n_channels=1)
    matrix = Quadratic.of(statistics, root).curvature + ALPHA / statistics.weight * torch.eye(
        N_LAGS, dtype=torch.float64
    )
    padded = torch.zeros(2, -(-N_TIMESTEPS // BLOCK), 2 * BLOCK, dtype=torch.float64)

    def floor() -> None:
        for slab in padded.split(32, dim=1):  # one that stays in cache
            torch.fft.rfft(slab)
        torch.linalg.cholesky_ex(matrix)

    actions = {
        "fit": lambda: model.fit(x, y),
        "statistics": lambda: LagStatistics.from_series(x, y, n_lags=N_LAGS),
        "solution": lambda: Quadratic.of(statistics, root).ridge(ALPHA / statistics.weight),
    }
    *seconds, least = median_times({**actions, "floor": floor})
    times = dict(zip(actions, seconds, strict=True))
    rest = times["fit"] - times["statistics"] - times["solution"]
    parts = {**times, "validation and the rest": rest, "floor": least}
    show(
        "ridge: where the fit's time goes; the floor is one transform and one factorisation",
        ("part", "time", "share of the fit"),
        [
            (part, milliseconds(seconds), f"{seconds / times['fit']:.0%}")
            for part, seconds in parts.items()
        ],
    )
