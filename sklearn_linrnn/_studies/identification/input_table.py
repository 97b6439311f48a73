"""What each input does: how much, when, and for how long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from sklearn_linrnn._studies.identification.time_unit import TimeUnit
from sklearn_linrnn.inspection import effective_memory, memory_interval

SHARE = 0.9  # of a response's energy, that its memory holds


def input_table(model: Any, unit: TimeUnit, level: float) -> pd.DataFrame:
    """Return the numbers of each input's response.

    Parameters
    ----------
    model : NTKConvRegressor
        Fitted to one output, with a posterior.
    unit : TimeUnit
        Unit of the times.
    level : float
        Probability of the intervals.

    Returns
    -------
    table : DataFrame
        One row for each input, by its name:

        ``gain``, ``gain_low``, ``gain_high``
            the sum of its response: what the output moves by in the end, for an input that has
            moved by one;
        ``memory``, ``memory_low``, ``memory_high``
            the time up to which it has 90 % of its energy; NaN where it is zero;
        ``share``
            of the variances that the inputs bring to the simulation, each by itself;
        ``relevance``
            what the prior expects of it, over what it expects of the most relevant one: 0 for an
            input that says nothing.
    """
    n_channels = model.impulse_response_.shape[1]
    rows = [_row(model, channel, unit, level) for channel in range(n_channels)]
    table = pd.DataFrame(rows, index=pd.Index(model.feature_names_in_, name="input"))
    relevance, brought = model.channel_relevance_, _brought(model)
    return table.assign(
        share=brought / (brought.sum() or 1.0), relevance=relevance / (relevance.max() or 1.0)
    )


def _row(model: Any, channel: int, unit: TimeUnit, level: float) -> dict[str, float]:
    response, first = model.impulse_response_[0, channel], model.first_lag_
    gain, spread = response.sum(), np.sqrt(model.impulse_response_cov(channel, 0).sum())
    half = norm.ppf((1.0 + level) / 2.0) * spread
    memory = low = high = np.nan
    if response.any():
        low, high = memory_interval(model, share=SHARE, coverage=level, channel=channel)
        memory = effective_memory(np.square(response), share=SHARE, first_lag=first)
    return {
        "gain": gain,
        "gain_low": gain - half,
        "gain_high": gain + half,
        "memory": memory * unit.step,
        "memory_low": low * unit.step,
        "memory_high": high * unit.step,
    }


def _brought(model: Any) -> NDArray:
    """Return the variance that each input brings to the simulation, (n_channels,)."""
    statistics, response = model.solution_.statistics, model.impulse_response_[0]
    n_channels, n_lags = response.shape
    scatter = statistics.input_scatter.numpy().reshape(n_lags, n_channels, n_lags, n_channels)
    return np.einsum("cj,jckc,ck->c", response, scatter, response) / statistics.weight
