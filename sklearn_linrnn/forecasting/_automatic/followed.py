"""Combined forecasts from many ends of a series, by what was learned before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._automatic.auto_state import AutoState
from sklearn_linrnn.forecasting._automatic.ensemble import Ensemble
from sklearn_linrnn.forecasting._forecasts.forecasts import origins_at_a_time
from sklearn_linrnn.forecasting._series.gaps import without_gaps
from sklearn_linrnn.forecasting._series.origins import Origins


def forecasts_from_ends(state: AutoState, origins: Origins) -> NDArray:
    """Return forecasts, (n_origins, n_horizons, n_columns); NaN where too few steps come before.

    Parameters
    ----------
    state : AutoState
        The whole series, and what its first steps taught.
    origins : Origins
        From where, and how far; their starts are not read.
    """
    y = state.panel.first.y
    found = np.full((len(origins), len(origins.steps), y.shape[1]), np.nan)
    if not state.has_learned:
        last = pd.DataFrame(y).ffill().to_numpy()[origins.ends - 1]
        found[:] = last[:, None]
        return found
    n_ahead, ahead = int(origins.steps.max()), origins.steps - 1
    for column, ensemble in enumerate(state.ensembles):
        series, ends = y[state.first :, column], origins.ends - state.first
        enough = np.flatnonzero(ends >= ensemble.n_needed)
        for places, filled in _filled(series, ends, enough):
            for some in _in_turn(places, ensemble, n_ahead):
                mean, _ = ensemble.followed_to(filled, ends[some]).forecast(n_ahead)
                found[some, :, column] = mean[:, ahead]
    return found


def _filled(series: NDArray, ends: NDArray, places: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Return places of ends with the series, its gaps filled without what comes after the end."""
    seen = np.isfinite(series[ends[places] - 1])
    in_gaps = places[~seen]
    return chain(
        [(places[seen], without_gaps(series))],
        ((np.array([place]), without_gaps(series[: ends[place]])) for place in in_gaps),
    )


def _in_turn(places: NDArray, ensemble: Ensemble, n_ahead: int) -> Iterator[NDArray]:
    """Yield places of ends, as many as fit in memory together."""
    n_arrays = 2 * ensemble.n_candidates + ensemble.n_waves
    size = origins_at_a_time(n_ahead, n_arrays)
    for first in range(0, len(places), size):
        yield places[first : first + size]
