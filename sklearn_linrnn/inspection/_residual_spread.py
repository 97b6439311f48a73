"""How far sums of residuals and inputs are from zero by chance, if a model is right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn.inspection._posterior import find_posterior
from sklearn_linrnn.inspection._residual_sums import ResidualSums, whitening

NOTHING_LEFT = 1e-8  # of a variance: directions that others explain
LEAST_NOISE = 0.5  # of a variance: directions that tell of the noise, and not of the prior


@dataclass(frozen=True, eq=False)
class LearnedResponse:
    """What a fit has learned, and from which data: its errors are in the residuals, too.

    Attributes
    ----------
    white : ndarray of shape (m, m)
        Posterior covariance of the response over the noise variance, for white noise.
    whole : ndarray of shape (m, m)
        The same for the noise that there is.
    is_training : bool
        Whether the residuals are of the data that it was fitted to.
    """

    white: NDArray
    whole: NDArray
    is_training: bool

    @classmethod
    def by(cls, estimator: LagRegressor, residuals: NDArray) -> LearnedResponse | None:
        """Return what is known of a fit that has a posterior, and has left such residuals."""
        solution = find_posterior(estimator)
        if solution is None:
            return None
        white = replace(solution, long_run=None).posterior_root.numpy()
        whole = solution.posterior_root.numpy()
        is_training = _are_of_training(residuals, solution, estimator.impulse_response_.dtype)
        return cls(white @ white.T, whole @ whole.T, is_training)

    @property
    def spread(self) -> NDArray:
        """The covariance that counts: of white noise, where the noise was seen to be learned."""
        return self.white if self.is_training else self.whole

    @property
    def sign(self) -> float:
        """Whether errors of the response have been taken from the residuals, or add to them."""
        return -1.0 if self.is_training else 1.0


def _are_of_training(residuals: NDArray, solution: Solution, dtype: Any) -> bool:
    """Whether residuals have number and squares of those that a fit left of its own data."""
    known = residuals[~np.isnan(residuals).any(axis=1)]
    statistics, response = solution.statistics, solution.response
    squares = statistics.squared_errors(response[:, None], statistics.intercept(response)[None])
    rounding = 100.0 * np.finfo(dtype).eps * statistics.target_scatter.numpy()
    near = np.abs(np.square(known).sum(axis=0) - squares[0].numpy())
    as_many = np.isclose(len(known), statistics.weight, rtol=1e-9)
    return bool(as_many and (near <= 1e-6 * squares[0].numpy() + rounding).all())


@dataclass(frozen=True, eq=False)
class Joint:
    """A test of several sums together.

    Attributes
    ----------
    statistic : float
        Their mean square, in units of what it is by chance; NaN if nothing is left to test.
    degrees_of_freedom : int
        Number of independent ones among them.
    p_value : float
        Probability of a larger statistic by chance; NaN if nothing is left to test.
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float

    @classmethod
    def of(
        cls,
        sums: NDArray,
        covariance: NDArray,
        reference: NDArray,
        *,
        n_residual: float,
        noise: NDArray | None = None,
    ) -> Joint:
        """Return the test of sums.

        Parameters
        ----------
        sums : ndarray of shape (n,)
            The sums.
        covariance : ndarray of shape (n, n)
            What they have by chance.
        reference : ndarray of shape (n, n)
            What they would have had if nothing had been taken from them. Directions that have next
            to nothing of it are left out.
        n_residual : float
            Degrees of freedom of the noise variance that is in the covariance.
        noise : ndarray of shape (n, n), default=None
            The part of the covariance that noise has. Directions that have most of theirs from
            elsewhere are left out. ``None`` for all of it.
        """
        varied = whitening(reference)
        left = varied.T @ covariance @ varied
        white = varied @ whitening(left + NOTHING_LEFT * np.eye(len(left)))
        part = covariance if noise is None else noise
        shares, directions = np.linalg.eigh(white.T @ part @ white)
        kept = shares > LEAST_NOISE
        count = int(kept.sum())
        if count == 0:
            return cls(np.nan, 0, np.nan)
        statistic = float(np.square(directions[:, kept].T @ (white.T @ sums)).mean())
        return cls(statistic, count, float(f_distribution.sf(statistic, count, n_residual)))


@dataclass(frozen=True, eq=False)
class ResidualSpread:
    """The sums of one output's residuals, with the covariance that they have by chance.

    Attributes
    ----------
    sums : ResidualSums
        The sums.
    model : ndarray of int, shape (n_model_lags,)
        The lags of the model's response.
    learned : LearnedResponse or None
        What is known of the fit.
    """

    sums: ResidualSums
    model: NDArray
    learned: LearnedResponse | None

    def feedback(self, channel: int) -> Joint:
        """Return the test of later inputs, given all others: what they know of a residual."""
        sums, earlier = self.sums, self.sums.earlier
        tested = sums.places(sums.lags[sums.lags < earlier.first], channel)
        others = sums.places(sums.lags[sums.lags >= earlier.first])
        return self._given(tested, others, earlier.inverse, earlier.rank)

    def dynamics(self, channel: int) -> Joint:
        """Return the test of the inputs that the model has, and of those before them."""
        sums = self.sums
        tested = sums.places(sums.lags[sums.lags >= sums.earlier.first], channel)
        if self.learned is None:
            others = sums.places(self.model)
            root = whitening(sums.scatter[np.ix_(others, others)])
            return self._given(tested, others, root @ root.T, root.shape[1])
        covariance, noise = self._covariance(tested)
        variance = self.noise_variance
        return Joint.of(
            sums.cross[tested],
            variance * covariance,
            variance * sums.remembered[np.ix_(tested, tested)],
            n_residual=self.n_residual,
            noise=variance * noise,
        )

    @property
    def n_residual(self) -> float:
        """Degrees of freedom of `variation`."""
        return self.sums.n_rows - 1.0 + self._taken(0)

    @property
    def noise_variance(self) -> float:
        """Variance of the noise in the residuals."""
        return self.sums.variation / self.n_residual

    def correlations(self, channel: int) -> tuple[NDArray, NDArray]:
        """Return correlations with a channel at all lags, and their deviations by chance."""
        places = self.sums.places(self.sums.lags, channel)
        scale = np.sqrt(np.diag(self.sums.scatter)[places] * self.sums.variation)
        scale = np.where(scale > 0, scale, np.inf)  # a constant correlates with nothing
        variances = self.noise_variance * np.diag(self._covariance(places)[0])
        return self.sums.cross[places] / scale, np.sqrt(np.maximum(variances, 0.0)) / scale

    def autocorrelation_biases(self, n_lags: int) -> NDArray:
        """Return what learning has left in the autocorrelations of white noise, (n_lags,)."""
        taken = np.array([self._taken(lag) for lag in range(1, n_lags + 1)])
        return taken / self.n_residual

    def _taken(self, lag: int) -> float:
        """Return what errors of the response add to products of residuals, over the variance."""
        if self.learned is None:
            return 0.0
        now, before = self.sums.places(self.model), self.sums.places(self.model + lag)
        products = self.sums.scatter[np.ix_(now, before)]
        return self.learned.sign * float((self.learned.spread * products).sum())

    def _covariance(self, tested: NDArray) -> tuple[NDArray, NDArray]:
        """Return the covariance of some of `cross` over the noise variance, and what noise has.

        Residuals of other data have the errors of the response added. Those of the training are
        what the projection of the fit leaves of the noise, and of the response that the prior
        expects: of that the prior may be wrong.
        """
        sums, learned = self.sums, self.learned
        remembered = sums.remembered[np.ix_(tested, tested)]
        if learned is None:
            return remembered, remembered
        model = sums.places(self.model)
        seen = sums.scatter[np.ix_(model, tested)]
        if not learned.is_training:
            covariance = remembered + seen.T @ learned.whole @ seen
            return covariance, covariance
        explained = learned.white @ seen
        both = sums.scatter[np.ix_(tested, tested)] - seen.T @ explained
        of_white_noise = _projected(sums.scatter, tested, model, explained)
        noise = _projected(sums.remembered, tested, model, explained)
        return both - of_white_noise + noise, noise

    def _given(self, tested: NDArray, others: NDArray, inverse: NDArray, rank: int) -> Joint:
        """Return the test of some inputs by what others do not say of them.

        Whatever a model has made of the others, right or wrong, does not matter then. ``inverse``
        is that of the scatter of the others.
        """
        sums = self.sums
        explained = inverse @ sums.scatter[np.ix_(others, tested)]
        n_residual = sums.n_rows - 1.0 - rank
        left = sums.variation - sums.cross[others] @ inverse @ sums.cross[others]
        variance, remembered = max(left, 0.0) / n_residual, sums.earlier.remembered
        return Joint.of(
            sums.cross[tested] - explained.T @ sums.cross[others],
            variance * _projected(remembered, tested, others, explained),
            variance * remembered[np.ix_(tested, tested)],
            n_residual=n_residual,
        )


def _projected(matrix: NDArray, tested: NDArray, others: NDArray, explained: NDArray) -> NDArray:
    """Return ``[I, -E^T] M [I, -E^T]^T`` of the blocks of some inputs and of others."""
    mixed = matrix[np.ix_(tested, others)] @ explained
    square = explained.T @ matrix[np.ix_(others, others)] @ explained
    return matrix[np.ix_(tested, tested)] - mixed - mixed.T + square
