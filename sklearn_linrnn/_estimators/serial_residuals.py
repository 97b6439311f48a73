"""Residuals of recordings that go on from step to step, and what that does to a solution."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from sklearn_linrnn._core.closed_form.solution import LongRun, Solution
from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._core.statistics.hidden_noise import HiddenNoise
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.serial_noise import SerialNoise
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.training_data import AnyData, TrainingData


def heeding_residuals(solution: Solution, data: AnyData) -> Solution:
    """Return a solution that knows how its residuals go on from step to step.

    Recordings that are known by their sums do not say it: their noise is white.

    Parameters
    ----------
    solution : Solution
        The minimum of a loss.
    data : TrainingData or KnownSums
        What it is of, recordings with its lags.
    """
    if not isinstance(data, TrainingData):
        return solution
    recordings = cast(Recordings, data.sequences)
    noise = SerialNoise.of(*map(recordings.split, _residuals(solution, data)))
    if len(noise.coefficients) == 0:
        return solution
    statistics = solution.statistics
    lengths = [int(part.sum()) for part in recordings.split(data.observed)]
    hidden = HiddenNoise.behind(noise, lengths, statistics.n_intercepts)
    scatter = _remembered_scatter(hidden.noise, statistics, data, recordings)
    predictability = hidden.noise.predictability
    long_run = LongRun(scatter, hidden.inflation, predictability, hidden.n_independent)
    return replace(solution, long_run=long_run)


def _residuals(solution: Solution, data: TrainingData) -> NDArray:
    """Return the residuals of all outputs, (n_outputs, n_supervised); NaN where there is none."""
    response = solution.response
    filters = as_impulse_response(response, solution.statistics.n_lags).cpu().numpy()
    residuals = data.sequences.respond(filters)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows tells nothing
        residuals += solution.statistics.intercept(response).cpu().numpy()
        np.subtract(data.targets, residuals, out=residuals)
    residuals[~(data.observed[:, None] & np.isfinite(residuals))] = np.nan
    return np.ascontiguousarray(residuals.T)


def _remembered_scatter(
    noise: SerialNoise, statistics: LagStatistics, data: TrainingData, recordings: Recordings
) -> Tensor:
    """Return ``sum_st w_s r_{s-t} z_s z_t^T`` about the origin of the loss, (p, p).

    With the autocorrelations ``r_k`` of the noise it is the scatter of lags of inputs that have
    been filtered as white noise is to become this one.
    """
    level = statistics.origin[0][: statistics.n_channels].cpu().numpy()
    poles = np.append(1.0, -noise.coefficients)
    filtered = [lfilter(noise.memory[:1], poles, part - level, axis=0) for part in recordings.parts]
    observed = np.where(data.observed, 0.0, np.nan)[:, None]
    sums = Recordings(filtered).statistics(
        LagStatistics, statistics.n_lags, observed, data.weights, statistics.input_mean.device
    )
    return sums.input_scatter + sums.weight * torch.outer(sums.input_mean, sums.input_mean)
