"""Who competes in the benchmark: the package's forecasters and sktime's."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from sklearn.linear_model import Ridge
from sktime.benchmarking import benchmarks
from sktime.forecasting.base import BaseForecaster
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.ets import AutoETS
from sktime.forecasting.ltsf import LTSFNLinearForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.theta import ThetaForecaster

from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn._estimators.weighted_conv import WeightedConv1DRegressor
from sklearn_linrnn._studies.benchmark_task import Task
from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster

LONGEST_ETS_SEASON = 24
Make = Callable[[], BaseForecaster]


def make_forecasters(task: Task, horizon: int, n_lags: Sequence[int]) -> dict[str, Make]:
    """Return who competes on a series: by name, how to make each forecaster.

    Parameters
    ----------
    task : Task
        The series; its season and its sign settle what is told to those that find neither.
    horizon : int
        Number of steps ahead.
    n_lags : sequence of int
        Windows of the peers that do not choose one.

    Returns
    -------
    makers : dict of str to callable
    """
    season = task.season
    multiplicative = season > 1 and bool((task.y > 0).all())
    makers: dict[str, Make] = {
        "AutoLag": partial(AutoLagForecaster, sp=season),
        "NTKConv": LagForecaster,
        "WeightedConv1D": partial(LagForecaster, WeightedConv1DRegressor()),
        "LinearRNN": partial(LagForecaster, LinearRNNRegressor(init="centered", random_state=0)),
        "Persistence": NaiveForecaster,
        "SeasonalNaive": partial(NaiveForecaster, sp=season),
        "Theta": partial(ThetaForecaster, sp=season, deseasonalize=multiplicative),
        "AutoETS": partial(AutoETS, auto=True, sp=season if season <= LONGEST_ETS_SEASON else 1),
    }
    for length in n_lags:
        makers[f"Ridge {length}"] = partial(make_reduction, Ridge(), window_length=length)
        makers[f"NLinear {length}"] = partial(LTSFNLinearForecaster, length, horizon)
    return makers


def takes_inputs(make: Make) -> bool:
    """Whether a forecaster makes use of inputs."""
    with undisturbed():
        return bool(make().get_tag("capability:exogenous"))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep warnings and log lines of forecasters away, and PyTorch's generator as it is.

    What the filter lets through, because sktime resets it, is recorded instead of shown.
    """
    logger = logging.getLogger(benchmarks.__name__)
    before = logger.disabled
    with warnings.catch_warnings(record=True, action="ignore"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        logger.disabled = True
        try:
            yield
        finally:
            logger.disabled = before
