"""How sure the data are of the hyperparameters of the highest evidence: all that come near it.

They are those that a likelihood-ratio test does not refuse: of which the logarithm of the evidence
is below its top by no more than half a quantile of chi squared with one degree of freedom (Wilks
1938). Whatever is computed from them, such as a memory, has the interval between its extremes there
as its confidence interval, on any scale of the hyperparameters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from sklearn_linrnn._core.closed_form.empirical_bayes import Candidate
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums
from sklearn_linrnn._core.closed_form.measures import EvidenceAtMeasures, Measures
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics

STEP = 1e-3  # of differences of the gradient, in units of the measures
WIDER = 1.5  # deviations of the points, in those of the evidence about its top


def plausible_priors(
    statistics: LagStatistics,
    found: Candidate,
    sought: tuple[str, ...],
    level: float,
    n_points: int,
    rng: np.random.Generator,
) -> list[LagPrior]:
    """Return priors with hyperparameters that the data do not refuse, the best one first.

    Parameters
    ----------
    statistics : LagStatistics
        The data, on the CPU.
    found : Candidate
        The prior of the highest evidence, and a finite penalty, which is uncertain, too.
    sought : tuple of str
        Names of the hyperparameters that were sought.
    level : float
        Level of the confidence interval that they make up.
    n_points : int
        Number of points to look at.
    rng : numpy.random.Generator
        Source of the points.
    """
    measures = Measures(found.prior, found.prior.groups(sought), None, statistics.n_lags)
    if not measures.groups:
        return [found.prior]
    sums = EvidenceSums.of(statistics, statistics.n_channels)
    function = EvidenceAtMeasures(sums, measures)
    top = function.point_of(found.prior, found.alpha)
    points = _points(function, top, n_points, rng)
    least = found.value - 0.5 * chi2.ppf(level, 1)
    near = [measures.prior_at(point) for point in points if function.value(point) >= least]
    return [found.prior, *near]


def _points(
    function: EvidenceAtMeasures, top: NDArray, n_points: int, rng: np.random.Generator
) -> NDArray:
    """Return points about the top, (n_points, n_measures).

    They are Gaussian, as the evidence is where it is quadratic. In every other one a hyperparameter
    lies anywhere within its bounds instead: the evidence may level off to one side.
    """
    low, high = function.measures.bounds.T
    top = np.clip(top, low, high)
    curvatures, vectors = np.linalg.eigh(_curvature(function, top, high))
    scale = WIDER * vectors / np.sqrt(np.maximum(curvatures, 0.0) + np.max(high - low) ** -2.0)
    points = top + rng.standard_normal((n_points, len(top))) @ scale.T
    n_groups = len(function.measures.groups)
    for group in range(n_groups):
        some = points[2 * group + 1 :: 2 * n_groups]
        some[:, group] = np.linspace(low[group], high[group], len(some))
    return np.clip(points, low, high)


def _curvature(function: EvidenceAtMeasures, point: NDArray, high: NDArray) -> NDArray:
    """Return minus the second derivatives of the evidence, by differences of its gradient."""
    steps = np.where(point + STEP <= high, STEP, -STEP)
    _, here = function(point)
    rows = [
        (function(point + step * one)[1] - here) / step
        for step, one in zip(steps, np.eye(len(point)), strict=True)
    ]
    return -0.5 * (np.array(rows) + np.transpose(rows))
