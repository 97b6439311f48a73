"""The autoregression of the noise that has the highest evidence, with all that goes with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtrs

from sklearn_linrnn._core.closed_form.climb import climb
from sklearn_linrnn._core.closed_form.coloured_evidence import ColouredEvidence
from sklearn_linrnn._core.closed_form.empirical_bayes import Candidate, Search
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums
from sklearn_linrnn._core.closed_form.measures import LEAST_NOISE, MOST_NOISE, Measures
from sklearn_linrnn._core.closed_form.model_selection import first_best
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.statistics.autoregression import from_partials, to_partials
from sklearn_linrnn._core.statistics.joint_sums import JointSums
from sklearn_linrnn._core.threads import one_thread

MOST_ROUNDS = 20
LEAST_DISTANCE = 1e-6  # of a partial autocorrelation from one
NEGLIGIBLE = 1e-6  # evidence, in nats, for which a round is not worth another


@dataclass(frozen=True, eq=False)
class NoiseSearch:
    """What is known and what is sought besides the noise, as `Search` has it.

    Attributes
    ----------
    joint : JointSums
        The data, with as many lags as the model may have.
    prior : LagPrior
        Its hyperparameters that are not sought have their values.
    sought : tuple of str
        Names of the prior's hyperparameters to find.
    alpha : float or None
        The penalty; None to find it.
    seeks_lags : bool
        Whether to find the number of lags.
    """

    joint: JointSums
    prior: LagPrior
    sought: tuple[str, ...]
    alpha: float | None
    seeks_lags: bool

    def run(self) -> NDArray:
        """Return the filter that leaves the innovations, (order + 1,), of the best order.

        The response's hyperparameters are those of the highest evidence for a filter; then the
        filter has the order that what is expected of the noise suggests, and is climbed to the top
        together with them; and so on, as long as that gains. An order is worth its evidence less
        half the logarithm of the number of data for each coefficient (Schwarz 1978).
        """
        return self._ascended(np.ones(1), self._suggested)

    def refined(self, polynomial: NDArray) -> NDArray:
        """Return the filter of the highest evidence of the same order, uphill from one."""
        return self._ascended(polynomial, lambda _, last: last)

    def _ascended(
        self, polynomial: NDArray, propose: Callable[[Candidate, NDArray], NDArray]
    ) -> NDArray:
        """Return the filter where proposals, climbed to the top, gain no more."""
        if not self.joint.filtered(polynomial).varies():
            return polynomial
        with one_thread():
            found, worth = self._best(polynomial)
            for _ in range(MOST_ROUNDS):
                proposed = self._climbed(found, propose(found, polynomial))
                again, now = self._best(proposed)
                if now <= worth + NEGLIGIBLE:
                    break
                found, worth, polynomial = again, now, proposed
        return polynomial

    def _best(self, polynomial: NDArray) -> tuple[Candidate, float]:
        """Return the best hyperparameters at a filter, and what it is worth with them."""
        sums = self.joint.filtered(polynomial)
        found = Search(sums, self.prior, self.sought, self.alpha, self.seeks_lags).run()
        return found, found.value - self._cost * (len(polynomial) - 1)

    @property
    def _n_known(self) -> float:
        return max(self.joint.lagged.weight * self.joint.n_outputs, 1.0)

    @property
    def _cost(self) -> float:
        return 0.5 * math.log(self._n_known)

    def _suggested(self, found: Candidate, polynomial: NDArray) -> NDArray:
        """Return the filter of the order that the expected products of the noise are for."""
        summit = CommonMeasures(self.joint.first_lags(found.n_lags), self._measures(found))
        root = found.prior.root(found.n_lags)
        alpha = summit.finite(found, polynomial)
        products = ColouredEvidence.at(summit.joint, polynomial, root, alpha).expected_products()
        return best_predictor(products, self._n_known, self._cost)

    def _measures(self, found: Candidate) -> Measures:
        return Measures(found.prior, found.prior.groups(self.sought), self.alpha, found.n_lags)

    def _climbed(self, found: Candidate, polynomial: NDArray) -> NDArray:
        """Return the filter at the top of the evidence uphill from one."""
        if len(polynomial) == 1:
            return polynomial
        summit = CommonMeasures(self.joint.first_lags(found.n_lags), self._measures(found))
        most = 1.0 - max(1.0 / self._n_known, LEAST_DISTANCE)  # a longer memory is not to be told
        partials = to_partials(polynomial, most)
        start, bounds = summit.start(found, partials, most)
        ended = climb(summit, start[None], bounds[None]).point[0]
        return summit.polynomial_at(ended)


@dataclass(frozen=True, eq=False)
class CommonMeasures:
    """The evidence as a function of measures of the prior, the penalty and the noise.

    The penalty's measure is its logarithm; the noise's are those of its partials that have no
    bounds.
    """

    joint: JointSums
    measures: Measures

    def __call__(self, points: NDArray, climbs: NDArray) -> tuple[NDArray, NDArray]:
        """Return the evidence, (1,), and its gradient at the point (1, n_measures) of one climb."""
        prior, alpha, partials = self._parts(points[0])
        coefficients, jacobian = from_partials(partials)
        root = prior.root(self.measures.n_lags)
        at = ColouredEvidence.at(self.joint, np.append(1.0, coefficients), root, alpha)
        by_covariance, by_log_alpha = at.found.slopes()
        changes = self.measures.changes(prior, len(by_covariance))
        slopes = [float(np.sum(by_covariance * change)) for change in changes]
        slopes += [] if self.measures.alpha is not None else [by_log_alpha]
        by_partials = (at.slopes() @ jacobian) * (1.0 - np.square(partials))
        return np.array([at.found.value]), np.append(slopes, by_partials)[None]

    def start(self, found: Candidate, partials: NDArray, most: float) -> tuple[NDArray, NDArray]:
        """Return the point of a candidate with its noise, and the bounds of points."""
        point, bounds = self.measures.of(found.prior), self.measures.bounds
        if self.measures.alpha is None:
            signal = self.signal(found, np.ones(1))
            point.append(math.log(self.finite(found, np.ones(1))))
            bounds[-1] = math.log(LEAST_NOISE * signal), math.log(MOST_NOISE * signal)
        limit = math.atanh(most)
        ends = np.tile([-limit, limit], (len(partials), 1))
        return np.append(point, np.arctanh(partials)), np.vstack([bounds.reshape(-1, 2), ends])

    def polynomial_at(self, point: NDArray) -> NDArray:
        """Return the filter of a point."""
        return np.append(1.0, from_partials(self._parts(point)[2])[0])

    def signal(self, found: Candidate, polynomial: NDArray) -> float:
        """Return the scatter that the prior expects of the response; 1 if its lags have none."""
        sums = EvidenceSums.of(self.joint.filtered(polynomial), self.joint.n_channels)
        return sums.signal(found.prior.root(found.n_lags)) or 1.0

    def finite(self, found: Candidate, polynomial: NDArray) -> float:
        """Return the penalty, or one that leaves next to no response."""
        return min(found.alpha, MOST_NOISE * self.signal(found, polynomial))

    def _parts(self, point: NDArray) -> tuple[LagPrior, float, NDArray]:
        n_groups = len(self.measures.groups)
        alpha = self.measures.alpha
        if alpha is None:
            return (
                self.measures.prior_at(point),
                math.exp(point[n_groups]),
                np.tanh(point[n_groups + 1 :]),
            )
        return self.measures.prior_at(point), alpha, np.tanh(point[n_groups:])


def best_predictor(products: NDArray, n_known: float, cost: float) -> NDArray:
    """Return the filter of the least error for its order, (order + 1,).

    Parameters
    ----------
    products : ndarray of shape (most + 1, most + 1)
        Sums of products of the noise so many steps before.
    n_known : float
        Number of data, by which half the logarithm of the error's square counts.
    cost : float
        Of a coefficient.
    """
    if not (products.diagonal() > 0.0).all():  # rounding of a response that leaves no noise
        return np.ones(1)
    scale = 1.0 / np.sqrt(products.diagonal())
    scaled = products * scale * scale[:, None]
    factor, failed = dpotrf(scaled[1:, 1:], lower=1)
    most = failed - 1 if failed else len(factor)
    factor, pull = factor[:most, :most], scaled[1 : most + 1, 0]
    half = dtrtrs(factor, pull, lower=1)[0] if most else pull
    left = np.maximum(1.0 - np.cumsum(np.append(0.0, np.square(half))), np.finfo(float).eps)
    order = first_best(-(0.5 * n_known * np.log(left) + cost * np.arange(most + 1)))
    if order == 0:
        return np.ones(1)
    coefficients = dtrtrs(factor[:order, :order], half[:order], lower=1, trans=1)[0]
    return np.append(1.0, -coefficients * scale[1 : order + 1] / scale[0])
