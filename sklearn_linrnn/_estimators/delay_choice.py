"""The delay of the highest evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn._data.training_data import TrainingData
from sklearn_linrnn._estimators.auto_choice import AutoChoice, with_most_lags

MOST_DELAY = 30  # time steps
WORTH_A_WORD = 1.0  # evidence, in nats; less tells nothing apart


def with_best_delay(
    data: TrainingData,
    n_lags: Any,
    choice: AutoChoice,
    sum_up: Callable[..., LagStatistics],
    say: Callable[[str], None],
) -> TrainingData:
    """Return the data with the delay that the evidence is for.

    All delays are compared on the same time steps, by parts of one set of sums: those over the lags
    of all of them. A model of ``n_lags`` lags has as many after each delay; without a number of
    lags, all that are left; with "auto" those that are left of the lags of the highest evidence
    without a delay. It is the longest delay that the highest evidence does not tell from the best:
    what adds nothing to the response is dead time. It is 0 where the mean evidence of all delays is
    not worth a word beside that of no response.

    Parameters
    ----------
    data : TrainingData
        The data, with all lags from 0 on.
    n_lags : int, "auto" or None
        Number of lags of the model; None for those of windows.
    choice : AutoChoice
        What else is to be chosen.
    sum_up : callable
        From data and a number of lags to sums.
    say : callable
        Prints a line about what was found.
    """
    has_number = n_lags is not None and n_lags != "auto"
    if n_lags == "auto":
        known = with_most_lags(data)
    elif has_number:
        known = data.with_lags(max(min(n_lags + MOST_DELAY, data.sequences.longest), n_lags))
    else:
        known = data.with_lags(None)
    rows, _, n_all, n_channels = known
    most = min(MOST_DELAY, n_all - (n_lags if has_number else 1))
    with calm((n_all * n_channels) ** 2):
        sums = sum_up(rows, n_all)
        if choice.seeks_lags and (found := choice.best_of(sums)) is not None:
            sums, choice = sums.first_lags(found.n_lags), replace(choice, seeks_lags=False)
            n_all, most = found.n_lags, min(most, found.n_lags - 1)
        parts = (sums.lags_from(d, n_lags if has_number else n_all - d) for d in range(most + 1))
        delay = _longest_of_best(np.array([choice.gain(part) for part in parts]))
    say(f"delay {delay}")
    return data.from_lag(delay)


def _longest_of_best(gains: NDArray) -> int:
    """Return the longest delay that cannot be told from the best, given evidence over none."""
    if np.logaddexp.reduce(gains) - np.log(len(gains)) <= WORTH_A_WORD:
        return 0
    return int(np.flatnonzero(gains >= gains.max() - WORTH_A_WORD)[-1])
