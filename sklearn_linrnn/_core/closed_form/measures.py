"""Hyperparameters on their unbounded scales, and the evidence as a function of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.evidence import EvidenceSums
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.scales import Scale

# The noise's variance relative to the signal's under the prior, (alpha/m) / tr(A).
LEAST_NOISE, MOST_NOISE = 1e-10, 1e8


@dataclass(frozen=True, eq=False)
class Measures:
    """The measures of what is sought of models of ``n_lags``.

    That of the penalty is the logarithm of its ratio to the signal that the prior expects, so that
    a common factor of the prior does not matter.

    Attributes
    ----------
    prior : LagPrior
        Its hyperparameters that are not sought have their values.
    groups : list of tuple of str
        Names of the hyperparameters that are sought; those of a group share one value.
    alpha : float or None
        The penalty; None if it is sought.
    n_lags : int
        Number of lags.
    """

    prior: LagPrior
    groups: Sequence[tuple[str, ...]]
    alpha: float | None
    n_lags: int

    @cached_property
    def scales(self) -> list[Scale]:
        """One for each group."""
        return [self.prior.scale(names[0], self.n_lags) for names in self.groups]

    @cached_property
    def strides(self) -> NDArray:
        """Of each group, (n_groups,); zero for those without."""
        return np.array([scale.stride or 0.0 for scale in self.scales])

    @cached_property
    def bounds(self) -> NDArray:
        """Least and greatest measures, (n_measures, 2)."""
        noise = [] if self.alpha is not None else [(np.log(LEAST_NOISE), np.log(MOST_NOISE))]
        return np.array([scale.bounds for scale in self.scales] + noise)

    def prior_of(self, values: Sequence[Any]) -> LagPrior:
        """Return the prior with a value for each group, or a column of values."""
        pairs = zip(self.groups, values, strict=True)
        named = {name: value for names, value in pairs for name in names}
        return self.prior.with_values(**named)

    def prior_at(self, point: NDArray) -> LagPrior:
        """Return the prior at a point (n_measures,)."""
        pairs = zip(self.scales, point.tolist(), strict=False)
        return self.prior_of([float(scale.value(measure)) for scale, measure in pairs])

    def priors_at(self, points: NDArray) -> LagPrior:
        """Return a prior that stands for those at points (n_points, n_measures)."""
        pairs = zip(self.scales, points.T[:, :, None], strict=False)
        return self.prior_of([scale.value(column) for scale, column in pairs])

    def of(self, prior: LagPrior) -> list[float]:
        """Return the measures of a prior."""
        pairs, values = zip(self.groups, self.scales, strict=True), prior.hyperparameters
        return [float(scale.measure(values[names[0]])) for names, scale in pairs]

    def penalties_at(self, points: NDArray, signals: Any) -> Any:
        """Return the penalties at points, (..., n_measures), of priors that expect some signals."""
        return np.exp(points[..., -1]) * signals if self.alpha is None else self.alpha

    def changes(self, prior: LagPrior, n_lags: int) -> list[NDArray]:
        """Return the derivatives of the covariance of the first lags by each group's measure."""
        values = prior.hyperparameters
        return [
            scale.slope(values[names[0]])
            * np.sum([prior.covariance_slope(n_lags, name) for name in names], axis=0)
            for names, scale in zip(self.groups, self.scales, strict=True)
        ]


def expected(
    prior: LagPrior, n_lags: int, sums: EvidenceSums
) -> tuple[float, Callable[[float], NDArray]]:
    """Return the signal that a prior expects, and what gives its root at a penalty or higher ones.

    The root is that of fewer lags where variances tell for little work which of them matter.
    """
    variances = prior.quick_variances(n_lags)
    if variances is None:
        root = prior.root(n_lags)
        return sums.signal(root), lambda _: root
    return sums.signal_of(variances), lambda alpha: prior.root(sums.n_relevant(variances, alpha))


@dataclass(frozen=True, eq=False)
class EvidenceAtMeasures:
    """The evidence as a function of measures.

    Attributes
    ----------
    sums : EvidenceSums
        The data.
    measures : Measures
        Of what is sought.
    """

    sums: EvidenceSums
    measures: Measures

    @property
    def is_level(self) -> bool:
        """Whether nothing changes the evidence: nothing is sought, or the inputs do not vary."""
        powers = self.sums.powers[: self.measures.n_lags]
        return not (len(self.measures.bounds) and powers.any())

    def point_of(self, prior: LagPrior, alpha: float) -> NDArray:
        """Return the measures, (n_measures,)."""
        point = self.measures.of(prior)
        if self.measures.alpha is None:
            signal, _ = expected(prior, self.measures.n_lags, self.sums)
            point.append(np.log(alpha / signal))
        return np.array(point)

    def at(self, point: NDArray) -> tuple[LagPrior, float]:
        """Return the prior and the penalty of a point."""
        prior, _, alpha, _ = self._parts(point)
        return prior.ordered(), alpha

    def value(self, point: NDArray) -> float:
        """Return the evidence at a point."""
        _, root, alpha, _ = self._parts(point)
        return self.sums.under(root, alpha).at(alpha).value

    def __call__(self, point: NDArray) -> tuple[float, NDArray]:
        """Return the evidence at a point, and its gradient."""
        prior, root, alpha, signal = self._parts(point)
        found = self.sums.under(root, alpha).at(alpha)
        by_covariance, by_log_alpha = found.slopes()
        used, slopes = len(by_covariance), []
        if self.measures.alpha is None:  # the penalty goes with the signal
            own = by_covariance if by_covariance.ndim == 1 else np.einsum("jj->j", by_covariance)
            own += by_log_alpha / signal * self.sums.powers[:used]
            slopes = [by_log_alpha]
        changes = self.measures.changes(prior, used)
        gradient = [float(np.sum(by_covariance * change)) for change in changes]
        return found.value, np.array(gradient + slopes)

    def of_one_climb(self, points: NDArray, climbs: NDArray) -> tuple[NDArray, NDArray]:
        """Return the evidence, (1,), and its gradient at the point (1, n_measures) of one climb."""
        value, gradient = self(points[0])
        return np.array([value]), gradient[None]

    def _parts(self, point: NDArray) -> tuple[LagPrior, NDArray, float, float]:
        """Return the prior of a point, its root, the penalty and the signal."""
        prior = self.measures.prior_at(point)
        signal, root_at = expected(prior, self.measures.n_lags, self.sums)
        alpha = float(self.measures.penalties_at(point, signal))
        return prior, root_at(alpha), alpha, signal
