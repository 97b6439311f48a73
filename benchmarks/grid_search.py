"""A grid of memories and penalties: `NTKConvRegressorCV` beside scikit-learn's `GridSearchCV`.

The peer fits a ridge on weighted lags anew for every candidate and fold. It takes minutes, so that
it runs once, with as many processes as are faster in a small trial; ours runs before and after it.
"""

import time
from statistics import median

import numpy as np
import torch
from joblib import parallel_config
from numpy.typing import NDArray
from scipy.signal import lfilter
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from benchmarks.measure import median_times, milliseconds, show
from sklearn_linrnn import LagWeighter, NTKConvRegressorCV
from sklearn_linrnn._core.closed_form.solution import Problem, Solution
from sklearn_linrnn._core.closed_form.spectral import Quadratic, Spectrum, ridge_filter
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.folds import fold_statistics
from sklearn_linrnn._data.targets import read_training_data

N_WINDOWS, N_LAGS, N_FOLDS = 20_000, 256, 5
NU_W = np.linspace(0.05, 1.0, 20)
LONG_NU_W = np.linspace(0.9, 1.0, 20)  # under which every lag matters
ALPHAS = np.logspace(-3.0, 4.0, 20)


def make_root(prior: LinearRNN, statistics: LagStatistics) -> PriorRoot:
    """Return the root of a prior for the lags of statistics."""
    cpu = torch.device("cpu")
    return PriorRoot.of_prior(prior, statistics.n_lags, statistics.n_channels, cpu)


def make_windows() -> tuple[NDArray, NDArray]:
    """Return windows (n_windows, n_lags) of a coloured series, and what follows from them."""
    rng = np.random.default_rng(0)
    shocks, noise = rng.standard_normal((2, N_WINDOWS + N_LAGS - 1))
    x = lfilter([1.0], [1.0, -0.5], shocks)
    y = lfilter([1.0], [1.0, -0.95], x) + 5.0 * noise
    return np.lib.stride_tricks.sliding_window_view(x, N_LAGS).copy(), y[N_LAGS - 1 :]


def make_ours(nu_w: NDArray = NU_W) -> NTKConvRegressorCV:
    """Return our search."""
    return NTKConvRegressorCV(nu_w, alphas=ALPHAS, cv=N_FOLDS, device="cpu")


def make_peer(nu_w: NDArray, alphas: NDArray) -> GridSearchCV:
    """Return the peer's search."""
    grid = {"lagweighter__nu_w": nu_w, "ridge__alpha": alphas}
    return GridSearchCV(make_pipeline(LagWeighter(), Ridge()), grid, cv=N_FOLDS)


def fit_peer(peer: GridSearchCV, X: NDArray, y: NDArray, n_jobs: int) -> float:
    """Fit the peer in this process, or in several of one thread each; return the seconds."""
    start = time.perf_counter()
    if n_jobs == 1:
        peer.fit(X, y)
    else:
        with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
            peer.fit(X, y)
    return time.perf_counter() - start


def faster_n_jobs(X: NDArray, y: NDArray) -> int:
    """Return the number of processes in which a few candidates of the peer take least time."""
    trial = make_peer(NU_W[[4, 14]], ALPHAS[[4, 14]])
    times = {}
    for n_jobs in (1, torch.get_num_threads()):
        fit_peer(trial, X, y, n_jobs)  # starts the processes
        times[n_jobs] = fit_peer(trial, X, y, n_jobs)
    return min(times, key=lambda n_jobs: times[n_jobs])


def mean_scores(cv_results: dict, nu_w: str, alpha: str) -> NDArray:
    """Return the mean test scores, those of the lowest ``nu_w`` first, then the lowest alpha."""
    keys = np.asarray(cv_results[alpha], float), np.asarray(cv_results[nu_w], float)
    return cv_results["mean_test_score"][np.lexsort(keys)]


def seconds_of(model: NTKConvRegressorCV, X: NDArray, y: NDArray, n_fits: int) -> list[float]:
    """Return the seconds of several fits, after one that does not count."""
    times = []
    for _ in range(n_fits + 1):
        start = time.perf_counter()
        model.fit(X, y)
        times.append(time.perf_counter() - start)
    return times[1:]


def run() -> None:
    """Print times, their ratio, how the scores agree and where our time goes."""
    X, y = make_windows()
    ours, peer, n_jobs = make_ours(), make_peer(NU_W, ALPHAS), faster_n_jobs(X, y)
    times = seconds_of(ours, X, y, 5)
    whole = fit_peer(peer, X, y, n_jobs)
    seconds = median(times + seconds_of(ours, X, y, 5))
    longer = median(seconds_of(make_ours(LONG_NU_W), X, y, 5))
    theirs = [peer.best_params_[name] for name in ("lagweighter__nu_w", "ridge__alpha")]
    agree = theirs == [ours.best_params_["nu_w"], ours.best_params_["alpha"]]
    gap = np.abs(
        mean_scores(ours.cv_results_, "param_nu_w", "param_alpha")
        - mean_scores(peer.cv_results_, "param_lagweighter__nu_w", "param_ridge__alpha")
    ).max()
    show(
        f"grid_search: {N_WINDOWS:,} windows of {N_LAGS} lags, {len(NU_W)} nu_w, {len(ALPHAS)} "
        f"alphas, {N_FOLDS} folds; {'the same' if agree else 'ANOTHER'} best point, mean scores "
        f"differ by {gap:.0e}",
        ("", "time", "ratio"),
        [
            ("NTKConvRegressorCV", milliseconds(seconds), "1"),
            (f"GridSearchCV, processes: {n_jobs}", milliseconds(whole), f"{whole / seconds:.0f}"),
            ("NTKConvRegressorCV, nu_w from 0.9", milliseconds(longer), ""),
        ],
    )
    show_parts(X, y, ours)


def show_parts(X: NDArray, y: NDArray, model: NTKConvRegressorCV) -> None:
    """Print the times of the parts of our fit.

    The floor is the eigendecompositions alone, for each fold and ``nu_w`` one, of the size that
    the lags that matter have.
    """
    data = read_training_data(NTKConvRegressorCV(), X, y)
    splits = list(KFold(N_FOLDS).split(X))

    def statistics() -> tuple[LagStatistics, list]:
        whole, folds = fold_statistics(data, splits, N_LAGS, "cpu")
        return whole, list(folds)

    whole, folds = statistics()
    pairs = [pair for train, test in folds for pair in quadratics(train, test)]
    matrices = [quadratic.curvature for quadratic, _, _ in pairs]
    spectra = [(quadratic.decompose(), train, test) for quadratic, train, test in pairs]
    root = make_root(LinearRNN(model.best_params_["nu_w"]), whole)
    alpha = model.best_params_["alpha"]
    actions = {
        "fit": lambda: model.fit(X, y),
        "statistics": statistics,
        "eigendecompositions": lambda: [matrix.decompose() for matrix, _, _ in pairs],
        "scores": lambda: [score(*spectrum) for spectrum in spectra],
        "refit": lambda: Solution(Problem(whole, root), alpha).response,
        "floor": lambda: [torch.linalg.eigh(matrix) for matrix in matrices],
    }
    times = dict(zip(actions, median_times(actions, rounds=3), strict=True))
    floor = times.pop("floor")
    rest = 2 * times["fit"] - sum(times.values())
    sizes = np.array([len(matrix) for matrix in matrices])
    show(
        f"grid_search: where the fit's time goes; the floor is {len(sizes)} eigendecompositions "
        f"of {sizes.min()} to {sizes.max()} lags, {np.median(sizes):.0f} in the median",
        ("part", "time", "share of the fit"),
        [
            (part, milliseconds(seconds), f"{seconds / times['fit']:.0%}")
            for part, seconds in {**times, "the rest": rest, "floor": floor}.items()
        ],
    )


def quadratics(
    train: LagStatistics, test: LagStatistics
) -> list[tuple[Quadratic, LagStatistics, LagStatistics]]:
    """Return the loss on a training part under each prior, and both parts with the lags used."""
    found = []
    for nu_w in NU_W:
        scatter = train.input_scatter.diagonal()
        root = make_root(LinearRNN(nu_w), train).relevant(scatter, ALPHAS.min())
        n_lags = len(root.lags)
        seen = train.first_lags(n_lags)
        found.append((Quadratic.of(seen, root), seen, test.first_lags(n_lags)))
    return found


def score(spectrum: Spectrum, train: LagStatistics, test: LagStatistics) -> torch.Tensor:
    """Return the squared errors of all penalties on the test part."""
    penalties = [float(alpha) / train.weight for alpha in ALPHAS]
    filters = [ridge_filter(spectrum, penalty) for penalty in penalties]
    responses = spectrum.solve(torch.stack(filters, dim=1))
    return test.squared_errors(responses, train.intercept(responses))
