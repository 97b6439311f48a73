"""Warnings of what a fit is about to learn wrongly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.networks.recipes import Recipe, RNNRecipe
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.user_line import warn

MOST_DECADES = 6.0  # that lag weights grow by before a fit warns of it
MOST_PAST_REACH = 0.1  # of the energy of a network's prior
MEAN_OUTWEIGHS = 10.0  # times the curvature that inputs have without their mean


def warn_if_unstable(learning_rate: float, limit: float) -> None:
    """Warn if a learning rate is above the ``limit`` up to which gradient descent is stable."""
    if learning_rate > limit:
        warn(
            f"learning_rate={learning_rate:.4g} is above the stable limit {limit:.4g}: gradient "
            "descent will diverge. Lower it, or use learning_rate='auto'."
        )


def warn_if_mean_alone(statistics: LagStatistics, root: PriorRoot, travelled: float) -> None:
    """Warn if gradient descent without intercept has learned means, and nothing else so far.

    ``travelled`` is the number of iterations times their size: a direction of curvature ``lam`` is
    learned but for ``exp(-lam * travelled)``.
    """
    if statistics.n_intercepts or not statistics.cross_scatter.any():
        return
    quadratic = Quadratic.of(statistics, root)
    whole = quadratic.largest_eigenvalue()
    varied = replace(quadratic, mean=None).largest_eigenvalue()
    if 0.0 < varied < whole / MEAN_OUTWEIGHS and travelled * varied < 1.0:
        warn(
            "The inputs are far from zero: with fit_intercept=False their mean has "
            f"{whole / varied:.2g} times the curvature of their variation, of which "
            "these iterations of gradient descent have learned next to nothing. Subtract the mean, "
            "or take fit_intercept=True or more iterations."
        )


def warn_if_past_reach(recipe: Recipe, lag_weights: NDArray) -> None:
    """Warn if much of a network's prior (..., n_lags) is at too many lags for its width."""
    if not isinstance(recipe, RNNRecipe):
        return
    n_lags = lag_weights.shape[-1]
    reach = recipe.reach(n_lags)
    share = lag_weights / lag_weights.max(initial=0.0)  # sums that do not overflow
    past = share[..., reach:].sum() / share.sum()
    if past > MOST_PAST_REACH:
        farther = ", or take transition_init='orthogonal', which reaches much farther"
        warn(
            f"n_lags={n_lags} is past the reach of n_hidden={recipe.n_hidden}: the infinite-width "
            f"limit holds up to lag {reach - 1} of such networks, and {past:.0%} of its lag "
            "weights are at later ones, where theirs are greater on average (see "
            "expected_lag_weights). Raise n_hidden or lower n_lags"
            f"{farther if recipe.transition_init == 'gaussian' else ''}."
        )


def warn_if_growing(nu_w: float, lag_weights: NDArray) -> None:
    """Warn if ``nu_w > 1`` makes lag weights (..., n_lags) grow by many decades."""
    first, last = lag_weights[..., 0], lag_weights[..., -1]
    grows = (first > 0) & (last > 0)
    decades = float(np.log10(last[grows] / first[grows]).max(initial=0.0))
    if decades > MOST_DECADES:
        last_lag = lag_weights.shape[-1] - 1
        warn(
            f"nu_w={nu_w:.4g} makes the prior grow by {decades:.0f} decades from lag 0 to lag "
            f"{last_lag}: next to nothing holds the most distant lags, and what is "
            "learned of them from noise may predict far off. Lower nu_w to 1 at most, or n_lags."
        )
