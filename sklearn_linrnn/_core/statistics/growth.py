"""How fast amplitudes grow, as far as that is certain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

CONFIDENCE = 0.975  # of the lower bound: one side of an interval of 95 %


def certain_growth(amplitudes: Sequence[NDArray]) -> float:
    """Return the factor by which amplitudes grow in a step at least, 1 where it is not certain.

    It is the lower bound of the slope of a line through their logarithms, which is the same for all
    series. A logarithm makes little of an outlier.

    Parameters
    ----------
    amplitudes : sequence of ndarray of shape (n_timesteps,)
        Those of each series, not negative; zeros and NaN do not count.

    Returns
    -------
    growth : float
        At least 1.
    """
    lines = [_centred(some) for some in amplitudes if (some > 0).any()]
    n_values = sum(len(times) for times, _ in lines)
    freedom = n_values - len(lines) - 1
    if freedom < 1:
        return 1.0
    square = sum(times @ times for times, _ in lines)
    slope = sum(times @ values for times, values in lines) / square
    residuals = [values - slope * times for times, values in lines]
    scatter = sum(some @ some for some in residuals)
    error = np.sqrt(scatter / freedom / square)
    if scatter > 0:
        follows = sum(some[1:] @ some[:-1] for some in residuals) / scatter
        error *= _inflation(follows, n_values)
    return float(np.exp(max(slope - stdtrit(freedom, CONFIDENCE) * error, 0.0)))


def _centred(amplitudes: NDArray) -> tuple[NDArray, NDArray]:
    """Return the times and the logarithms of amplitudes that count, less their means."""
    times = np.flatnonzero(amplitudes > 0)
    values = np.log(amplitudes[times])
    return times - times.mean(), values - values.mean()


def _inflation(correlation: float, n: int) -> float:
    """Return by what errors that follow each other enlarge that of a slope.

    Errors correlate as in an autoregression of one step. Around a line the correlation is found too
    small, by ``(2 + 4 rho) / n`` (Kendall 1954; Marriott and Pope 1954).
    """
    corrected = np.clip(correlation + (2.0 + 4.0 * correlation) / n, 0.0, 1.0 - 1.0 / n)
    return float(np.sqrt((1.0 + corrected) / (1.0 - corrected)))
