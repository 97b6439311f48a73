"""Whether one model predicts better than another: tests and intervals of loss differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

N_DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Comparison:
    """What a model costs against a reference.

    Attributes
    ----------
    cost : float
        Root mean square error relative to that of the reference, minus one.
    low, high : float
        Interval of the cost.
    p_value : float
        Of the test that both have the same expected squared error, two-sided.
    level : float
        Level of the interval; the test is at one minus this.
    """

    cost: float
    low: float
    high: float
    p_value: float
    level: float

    @property
    def is_significant(self) -> bool:
        """Whether the test and the interval both tell the two apart."""
        return self.p_value < 1.0 - self.level and (self.low > 0.0 or self.high < 0.0)


def compare(losses: NDArray, reference: NDArray, *, level: float, seed: int) -> Comparison:
    """Return what a model costs against a reference, and how sure that is.

    Parameters
    ----------
    losses : ndarray of shape (n_timesteps, n_seeds)
        Squared errors of a model by time step, for each of its random seeds.
    reference : ndarray of shape (n_timesteps,)
        Those of the reference.
    level : float
        Level of the interval.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    comparison : Comparison
    """
    _, p_value = diebold_mariano(losses, reference)
    if not reference.any():
        return Comparison(np.nan, np.nan, np.nan, p_value, level)
    cost = relative_cost(losses.mean(), reference.mean())
    low, high = cost_interval(losses, reference, level=level, seed=seed)
    return Comparison(float(cost), low, high, p_value, level)


def relative_cost(mean_loss: NDArray, mean_reference: NDArray) -> NDArray:
    """Return root mean square errors relative to those of a reference, minus one."""
    return np.sqrt(mean_loss / mean_reference) - 1.0


def is_better(losses: NDArray, reference: NDArray, *, level: float) -> bool:
    """Return whether a model has the smaller expected loss, beyond noise."""
    statistic, p_value = diebold_mariano(losses, reference)
    return statistic < 0 and p_value < 1.0 - level


def diebold_mariano(losses: NDArray, reference: NDArray) -> tuple[float, float]:
    """Test whether two models have the same expected loss.

    The mean difference is divided by its standard deviation [1]_. Its variance over time is HAC
    [2]_ with the correction of small samples [3]_; to it the variance of the mean over the seeds of
    a model is added. The degrees of freedom of the sum are Satterthwaite's [4]_.

    Parameters
    ----------
    losses : ndarray of shape (n_timesteps, n_seeds)
        Losses of the model by time step and seed.
    reference : ndarray of shape (n_timesteps,)
        Losses of the other model.

    Returns
    -------
    statistic : float
        Negative where the model is better than the reference.
    p_value : float
        Two-sided.

    References
    ----------
    .. [1] F. X. Diebold, R. S. Mariano, "Comparing predictive accuracy", Journal of Business and
       Economic Statistics 13, 1995.
    .. [2] W. K. Newey, K. D. West, "A simple, positive semi-definite, heteroskedasticity and
       autocorrelation consistent covariance matrix", Econometrica 55, 1987.
    .. [3] D. Harvey, S. Leybourne, P. Newbold, "Testing the equality of prediction mean squared
       errors", International Journal of Forecasting 13, 1997.
    .. [4] F. E. Satterthwaite, "An approximate distribution of estimates of variance components",
       Biometrics Bulletin 2, 1946.
    """
    differences = losses - reference[:, None]
    n_timesteps, n_seeds = differences.shape
    over_time = hac_variance(differences.mean(axis=1))
    over_seeds = differences.mean(axis=0).var(ddof=1) / n_seeds if n_seeds > 1 else 0.0
    variance = over_time + over_seeds
    if not 0.0 < variance < np.inf:
        return 0.0, 1.0
    statistic = differences.mean() / np.sqrt(variance)
    spent = over_time**2 / (n_timesteps - 1) + over_seeds**2 / max(n_seeds - 1, 1)
    return float(statistic), float(2.0 * stats.t.sf(abs(statistic), variance**2 / spent))


def hac_variance(values: NDArray) -> float:
    """Return the variance of the mean of a series; infinite where it is too short to say.

    Bartlett's weights up to a lag of ``4 (n / 100)^(2/9)``, as if that lag were the horizon of the
    forecasts in the correction of Harvey, Leybourne and Newbold.
    """
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415 - takes a second

    n = len(values)
    n_lags = min(int(4 * (n / 100) ** (2 / 9)), n - 1)
    steps = n_lags + 1
    correction = (n + 1 - 2 * steps + steps * (steps - 1) / n) / n
    if n < 3 or correction <= 0:
        return np.inf
    fit = OLS(values, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": n_lags})
    return float(fit.cov_params()[0, 0]) / correction


def cost_interval(
    losses: NDArray, reference: NDArray, *, level: float, seed: int
) -> tuple[float, float]:
    """Return the interval of the relative cost by bootstrap of blocks of time, and of seeds.

    Quantiles over draws of the stationary bootstrap [1]_, with blocks of the length that suits the
    losses' differences [2]_; each draw takes one seed less than there are, with
    replacement, so that the variance of their mean is not too small.

    Parameters
    ----------
    losses : ndarray of shape (n_timesteps, n_seeds)
        Losses of the model by time step and seed.
    reference : ndarray of shape (n_timesteps,)
        Losses of the other model.
    level : float
        Level of the interval.
    seed : int
        Seed of the draws.

    Returns
    -------
    low, high : float

    References
    ----------
    .. [1] D. N. Politis, J. P. Romano, "The stationary bootstrap", Journal of the American
       Statistical Association 89, 1994.
    .. [2] D. N. Politis, H. White, "Automatic block-length selection for the dependent bootstrap",
       Econometric Reviews 23, 2004, with the correction of 2009.
    """
    from arch.bootstrap import StationaryBootstrap

    rng = np.random.default_rng(seed)
    n_timesteps, n_seeds = losses.shape
    block = block_length(losses.mean(axis=1) - reference)
    bootstrap = StationaryBootstrap(block, np.arange(n_timesteps), seed=rng)
    columns = np.column_stack([losses, reference])
    sums = np.empty((N_DRAWS, n_seeds + 1))
    seeds = np.empty((N_DRAWS, max(n_seeds - 1, 1)), dtype=np.intp)
    for draw, ((steps,), _) in enumerate(bootstrap.bootstrap(N_DRAWS)):
        sums[draw] = np.bincount(steps, minlength=n_timesteps) @ columns
        seeds[draw] = rng.integers(n_seeds, size=seeds.shape[1])
    mean_losses = np.take_along_axis(sums, seeds, axis=1).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # steps without any error
        draws = relative_cost(mean_losses, sums[:, -1])
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(draws, [tail, 1.0 - tail])
    return float(low), float(high)


def block_length(differences: NDArray) -> int:
    """Return the mean length of the stationary bootstrap's blocks that suits a series."""
    from arch.bootstrap import optimal_block_length

    if len(differences) < 10 or np.ptp(differences) == 0.0:
        return 1
    with np.errstate(all="ignore"):
        length = float(optimal_block_length(differences)["stationary"].iloc[0])
    return max(math.ceil(length), 1) if math.isfinite(length) else 1
