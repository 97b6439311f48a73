"""Residuals of recordings that go on from step to step, and what that does to a solution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import add
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from sklearn_linrnn._core.closed_form.solution import LongRun, Solution
from sklearn_linrnn._core.equal_lengths import alike_steps
from sklearn_linrnn._core.response import as_impulse_response
from sklearn_linrnn._core.statistics.hidden_noise import HiddenNoise
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.serial_noise import (
    ResidualProducts,
    SerialNoise,
    most_remembered,
)
from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.training_data import AnyData, TrainingData

ENOUGH_RESIDUALS = 2**16  # for autocorrelations: they are known to 0.004
LEAST_STEPS = 2**13  # should all outputs have the same noise: then to 0.011


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
    with one_thread():  # many small products
        noise = _serial_noise(solution, data)
    if len(noise.coefficients) == 0:
        return solution
    statistics = solution.statistics
    lengths = recordings.totals(data.observed).tolist()
    hidden = HiddenNoise.behind(noise, lengths, statistics.n_intercepts)
    scatter = _remembered_scatter(hidden.noise, statistics, data)
    predictability = hidden.noise.predictability
    long_run = LongRun(scatter, hidden.inflation, predictability, hidden.n_independent)
    return replace(solution, long_run=long_run)


def _serial_noise(solution: Solution, data: TrainingData) -> SerialNoise:
    """Return the autoregression of the residuals of all outputs.

    Of very many residuals it takes blocks at equal distances, which tell as much.
    """
    longest, n_outputs = data.sequences.longest, data.targets.shape[1]
    n_observed = int(np.count_nonzero(data.observed))
    order = most_remembered(n_outputs * n_observed, longest)
    products = ResidualProducts(order, n_outputs)
    last, end = np.empty((n_outputs, 0)), 0
    enough = max(ENOUGH_RESIDUALS // n_outputs, LEAST_STEPS)
    for block, cut in data.blocks(solution.statistics.n_lags, enough=enough):
        residuals = _residuals(solution, block)[:, cut.n_before :]
        known = last if cut.goes_on and cut.steps.start == end else last[:, :0]
        if known.shape[1] > 0:
            residuals = np.hstack([known, residuals])
        read = np.array(cast(Recordings, block.sequences).lengths)
        for _, steps in alike_steps(read - cut.n_before + known.shape[1]):
            products.add(np.moveaxis(residuals.T[steps], -1, 0), known.shape[1])
        last, end = residuals[:, max(residuals.shape[1] - order, 0) :], cut.steps.stop
    return SerialNoise.of_products([products], longest)


def _residuals(solution: Solution, data: TrainingData) -> NDArray:
    """Return the residuals of all outputs, (n_outputs, n_supervised); NaN where there is none."""
    response, (n_steps, n_outputs) = solution.response, data.targets.shape
    filters = as_impulse_response(response, solution.statistics.n_lags).cpu().numpy()
    intercept = solution.statistics.intercept(response).cpu().numpy()[:, None]
    residuals = np.empty((n_outputs, n_steps))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows tells nothing
        for steps, found in data.sequences.responses(filters):
            np.subtract(data.targets[steps].T, found.T, out=residuals[:, steps])
        residuals -= intercept
        if not (data.observed.all() and np.isfinite(residuals.sum())):
            residuals[~(data.observed & np.isfinite(residuals))] = np.nan
    return residuals


def _remembered_scatter(
    noise: SerialNoise, statistics: LagStatistics, data: TrainingData
) -> Tensor:
    """Return ``sum_st w_s r_{s-t} z_s z_t^T`` about the origin of the loss, (p, p).

    With the autocorrelations ``r_k`` of the noise it is the scatter of lags of inputs that have
    been filtered as white noise is to become this one.
    """
    blocks = (
        inputs.statistics(
            LagStatistics,
            statistics.n_lags,
            np.where(block.observed, 0.0, np.nan)[:, None],
            block.weights,
            statistics.input_mean.device,
        )
        for inputs, block in _filtered(noise, statistics, data)
    )
    sums = reduce(add, blocks)
    return sums.input_scatter + sums.weight * torch.outer(sums.input_mean, sums.input_mean)


def _filtered(
    noise: SerialNoise, statistics: LagStatistics, data: TrainingData
) -> Iterator[tuple[Recordings, TrainingData]]:
    """Yield the inputs as they are filtered, block by block, and the data of the block."""
    n_lags, n_channels = statistics.n_lags, statistics.n_channels
    level = statistics.origin[0][:n_channels].cpu().numpy()
    poles = np.append(1.0, -noise.coefficients)
    state, last = np.empty((0, len(poles) - 1, n_channels)), np.empty((0, 0, n_channels))
    for block, cut in data.blocks(n_lags, sums=True):
        recordings = cast(Recordings, block.sequences)
        filtered = np.empty((recordings.n_supervised, n_channels))
        for inputs, steps in recordings.alike():
            own = inputs[:, cut.n_before :] - level
            before = state if cut.goes_on else np.zeros((len(own), *state.shape[1:]))
            found, state = lfilter(noise.memory[:1], poles, own, axis=1, zi=before)
            found = np.concatenate([last, found], axis=1) if cut.goes_on else found
            filtered[steps] = found
        last = found[:, max(found.shape[1] - n_lags + 1, 0) :]
        yield Recordings(recordings.split(filtered)), block
