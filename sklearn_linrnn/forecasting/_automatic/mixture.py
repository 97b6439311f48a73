"""Errors of the combination as if one of the candidates were true, each as likely as it is.

The combination ``c`` leaves out the extremes and hardly trusts any candidate more than others: its
weights are good for forecasts, but they are not probabilities. Were candidate ``i`` true, with the
forecast ``m_i`` and the variance ``v_i``, the mean square of the errors of ``c`` would be ``v_i +
(m_i - c)^2``. By the weights the mean over candidates has variances that the series contradicts:
second differences of noise expect errors that grow like the cube of the steps ahead. By the
probabilities that the evidence gives, it has not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from sklearn_linrnn.forecasting._automatic.trimmed import trimmed_mean

COUNTED = 0.2  # share of the evidence that counts: candidates are all but true
LARGEST = 1e300  # logarithm of a probability


@dataclass(frozen=True, eq=False)
class StepsExplained:
    """What candidates say of the steps before some origins.

    Attributes
    ----------
    n_steps : ndarray of int, shape (n_origins,)
        Number of those steps.
    log_density : ndarray of shape (n_candidates, n_origins)
        Mean logarithm of the density of a step, given those before; NaN of candidates that were not
        fitted. Infinite where the steps are explained without an error.
    n_targets : ndarray of shape (n_candidates, n_origins)
        Number of steps that it is the mean over.
    """

    n_steps: NDArray
    log_density: NDArray
    n_targets: NDArray

    def probabilities(self, weights: NDArray) -> NDArray:
        """Return how likely candidates are at each origin, (n_candidates, n_origins).

        They are compared on as many steps as all explain, and the weights (n_candidates,) count as
        much as one step: no candidate is impossible.
        """
        known = ~np.isnan(self.log_density)
        n_common = np.where(known, self.n_targets, np.inf).min(axis=0)
        n_common = np.where(np.isfinite(n_common), n_common, 0.0)
        logarithms = np.clip(np.where(known, self.log_density, 0.0), -LARGEST, LARGEST)
        scores = np.where(known, COUNTED * n_common * logarithms, -LARGEST)
        found = softmax(np.clip(scores, -LARGEST, LARGEST), axis=0)
        return (n_common * found + weights[:, None]) / (n_common + 1.0)


def mixture_variance(
    mean: NDArray, variance: NDArray, probabilities: NDArray, centre: NDArray
) -> NDArray:
    """Return the mean squares of errors of a centre (...), without the extremes.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_candidates, ...)
        Forecasts and variances; a candidate whose forecast is NaN takes no part.
    probabilities : ndarray of shape (n_candidates,), or with some of the next axes
        Of the candidates.
    centre : ndarray of shape (...)
        What is forecast.
    """
    return trimmed_mean(variance + np.square(mean - centre), probabilities)
