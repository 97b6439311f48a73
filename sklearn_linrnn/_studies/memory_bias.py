"""The study: what the memory bias of linear RNNs costs on a series, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console
from rich.progress import track
from sklearn.utils import check_random_state

from sklearn_linrnn._core.memory import explained_memory_errors
from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn._data.containers import check_numbers, named
from sklearn_linrnn._studies.memory_bias_result import MemoryBias, conclude
from sklearn_linrnn._studies.study_data import Treatment, make_data
from sklearn_linrnn._studies.study_design import StudyDesign, checked_count, checked_switch
from sklearn_linrnn._studies.study_models import Part
from sklearn_linrnn._studies.study_trials import NO_BIAS, Trials


def memory_bias(
    y: ArrayLike,
    X: ArrayLike | None = None,
    *,
    n_lags: int = 24,
    nu_w: float | Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9),
    n_hidden: int = 128,
    n_seeds: int = 5,
    max_iter: int = 500,
    n_splits: int = 5,
    season: int | None = None,
    log: bool = False,
    difference: bool = False,
    level: float = 0.9,
    random_state: int | np.random.RandomState | None = 0,
    progress: bool = False,
) -> MemoryBias:
    """Test what the memory bias of linear RNNs costs on a series.

    Linear RNNs from several initial variances `nu_w` of the transition matrix, their
    infinite-width limits, and the flat convolution, which has no bias, predict the time steps that
    follow their training data, one step ahead. The verdict compares the network, at the `nu_w`
    that suits the end of each training part best, with the flat convolution.

    Parameters
    ----------
    y : array-like of shape (n_timesteps,)
        Series to predict, from its own past unless `X` is given. The name of a pandas Series is
        that of the result; its times, if it has any, must be even: ``y.asfreq("D")`` makes rows of
        days that were left out.
    X : array-like of shape (n_timesteps, n_inputs), default=None
        Inputs to predict `y` from, at the same step and before; then the past of `y` is not used.
    n_lags : int, default=24
        Number of lags.
    nu_w : float or sequence of float, default=(0.1, 0.3, 0.5, 0.7, 0.9)
        Initial variances of the transition matrix.
    n_hidden : int, default=128
        Number of hidden units of the networks. They start at zero (``init="centered"``).
    n_seeds : int, default=5
        Number of networks, from different random starts, for each `nu_w`; with one, the intervals
        know nothing of the spread over starts.
    max_iter : int, default=500
        Most iterations of gradient descent.
    n_splits : int, default=5
        Number of test parts; each follows the steps that its models were trained on, as in
        `sklearn.model_selection.TimeSeriesSplit`.
    season : int, default=None
        Number of time steps after which the series may repeat itself; ``None`` for what the
        frequency of its index says, 1 for none.
    log : bool, default=False
        Whether to study the logarithms of `y`.
    difference : bool, default=False
        Whether to study differences of neighbouring steps, of `X` too.
    level : float, default=0.9
        Level of all intervals, within [0.5, 1); tests are at one minus this.
    random_state : int, RandomState instance or None, default=0
        Seed of the networks' starts and of all draws.
    progress : bool, default=False
        Whether to show a progress bar, on standard error.

    Returns
    -------
    result : MemoryBias
        ``verdict``, ``cost`` and ``cost_interval`` of the network; ``summary``, in sentences;
        ``table``, with a row for each model and `nu_w`; ``errors``, ``parts`` and ``curve``;
        ``plot()`` and ``to_html(path)``.

    Raises
    ------
    TypeError, ValueError
        If the series are not of numbers of one length, have times that are not even, are infinite,
        out of the range in which they can be squared, or too short for `n_lags` and `n_splits`, or
        a parameter is out of its range.

    Notes
    -----
    *Training.* Inputs and targets are standardised by their mean and standard deviation in each
    training part; steps whose window or target has a NaN are left out. All lags of a channel share
    one scale, so that the prior stays what it is.

    *Stopping.* One rule for all models: the number of iterations with the least error on the last
    quarter of the training part, which training has not seen; at most `max_iter`, and given up
    after 100 iterations without a lower error. Networks that differ in their seed alone stop
    together, where the mean error of the first three is least. Then the model is
    trained on the whole part for so many iterations. For the verdict `nu_w` is the one with the
    least error there. Test errors choose nothing.

    *Test.* The cost is a difference beyond noise if two methods say so at `level`: the test of
    Diebold and Mariano on the squared errors by time step, with a HAC variance and the correction
    of Harvey, Leybourne and Newbold, to which the variance over seeds is added; and an interval of
    the relative cost by the stationary bootstrap, over seeds too. Before anything is said of a
    cost, the network or the flat convolution must be better, by the test, than each forecast that
    needs no training: the mean of the training part and, where `y` is predicted from its own past,
    its last value and that of one season ago. Else the verdict is "nothing to learn".

    *Width.* More units bring a network nearer to its limit at short lags and make it slower. Five
    seeds of 128 units tell how much of the cost is chance; at 256 the same takes twice as long.

    *Memory.* The interval of a fit's memory is that of the posterior of the infinite-width limit
    on the last training part, under the penalty of the highest evidence.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import memory_bias
    >>> season = np.sin(2 * np.pi * np.arange(200) / 12)
    >>> y = season + 0.3 * np.random.default_rng(0).normal(size=200)
    >>> result = memory_bias(y, n_lags=16, nu_w=0.1, n_hidden=20, n_seeds=2, max_iter=50)
    >>> result.verdict
    'costs'
    """
    sizes = {"n_lags": n_lags, "n_hidden": n_hidden, "n_seeds": n_seeds, "max_iter": max_iter}
    sizes = {name: checked_count(name, value) for name, value in sizes.items()}
    season = None if season is None else checked_count("season", season)
    treatment = Treatment(checked_switch("log", log), checked_switch("difference", difference))
    design = StudyDesign(
        name=str(getattr(y, "name", None) or "this series"),
        **sizes,
        nu_w=_read_variances(nu_w),
        n_splits=checked_count("n_splits", n_splits, 2),
        season=season,
        treatment=treatment,
        has_inputs=X is not None,
        level=level,
        random_state=random_state if isinstance(random_state, Integral) else None,
    )
    data = make_data(y, X, design.n_lags, treatment, season)
    trials = Trials(data, design, *_draw_seeds(random_state, design.n_seeds))
    jobs = [
        (Part.of(data, *indices), variance)
        for indices in data.parts(design.n_splits)
        for variance in (*design.nu_w, NO_BIAS)
    ]
    console = Console(stderr=True)
    with one_thread():  # many small products
        for job in track(jobs, "Training", console=console, transient=True, disable=not progress):
            trials.run(*job)
        return conclude(trials)


def _read_variances(nu_w: Any) -> tuple[float, ...]:
    """Return each variance once."""
    numbers = check_numbers(
        nu_w, "nu_w", dtype=np.float64, ensure_2d=False, allow_nd=True, ensure_min_samples=0
    )
    if numbers.ndim > 1:
        raise ValueError(f"nu_w must be a number or a sequence of them, but got {nu_w!r}.")
    return tuple(dict.fromkeys(np.atleast_1d(numbers).tolist()))


def _draw_seeds(random_state: Any, n_seeds: int) -> tuple[list[int], int]:
    """Return the seeds of the networks, and one for all other draws."""
    with named("random_state"):
        source = check_random_state(random_state)
    with explained_memory_errors(
        f"There is not enough memory for n_seeds={n_seeds} networks. Lower n_seeds."
    ):
        drawn = source.randint(np.iinfo(np.int32).max, size=n_seeds + 1)
    other, *seeds = map(int, drawn)  # first, so that more networks keep the others' draws
    return seeds, other
