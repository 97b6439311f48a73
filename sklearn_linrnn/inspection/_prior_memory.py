"""The energy that a prior expects of each lag, and priors of one memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import check_number
from sklearn_linrnn._core.tensors import place_among, whole_number

BISECTIONS = 60


def lag_energy(prior: LagPrior, n_lags: int) -> NDArray[np.float64]:
    """Return the variance that a prior expects of each lag, however the lags vary together.

    Parameters
    ----------
    prior : LagPrior
        An object of `sklearn_linrnn.priors` whose hyperparameters are numbers, as ``prior_`` of an
        estimator.
    n_lags : int
        Number of lags.

    Returns
    -------
    energy : ndarray of shape (n_lags,)
        The variances, of which `effective_memory` makes the memory of the prior.

    Examples
    --------
    >>> from sklearn_linrnn.inspection import effective_memory, lag_energy
    >>> from sklearn_linrnn.priors import TC
    >>> lag_energy(TC(0.5), 4)
    array([1.   , 0.5  , 0.25 , 0.125])
    >>> effective_memory(lag_energy(TC(0.5), 20))
    3
    """
    covariance = prior.covariance(n_lags)
    return covariance if covariance.ndim == 1 else np.diagonal(covariance)


def prior_of_memory(prior: LagPrior, memory: int, *, n_lags: int, share: float = 0.9) -> LagPrior:
    """Return a prior of the same kind whose energy lies within a lag.

    One of its hyperparameters is changed such that the lags up to `memory` hold just that `share`
    of the energy: the first, in the order of its fields, that can do it within the range in which
    it would be sought by evidence. Where none can, those that are sought on one scale are moved
    together, as both ends of a range of time steps are by a factor. So kernels of different
    recurrences are compared at one `effective_memory`.

    Parameters
    ----------
    prior : LagPrior
        An object of `sklearn_linrnn.priors`; "auto" counts as its default.
    memory : int
        The lag, from 0 to ``n_lags - 2``.
    n_lags : int
        Number of lags that all energy lies in.
    share : float, default=0.9
        Share of the energy, within (0, 1).

    Returns
    -------
    prior : LagPrior
        The prior.

    Raises
    ------
    ValueError
        If no hyperparameter leads there, or an argument is out of its range.
    TypeError
        If `prior` is no LagPrior, or a lag is not whole.

    Examples
    --------
    >>> from sklearn_linrnn import effective_memory, prior_of_memory
    >>> from sklearn_linrnn.priors import TC, LinearRNN
    >>> longer = prior_of_memory(LinearRNN(), 10, n_lags=60)
    >>> round(longer.nu_w, 3), effective_memory(longer.covariance(60))
    (0.719, 10)
    >>> round(prior_of_memory(TC(), 10, n_lags=60).nu_w, 3)
    0.811
    """
    if not isinstance(prior, LagPrior):
        raise TypeError(f"prior must be a LagPrior, but got {prior!r}.")
    n_lags = whole_number(n_lags, "n_lags")
    memory = place_among(memory, n_lags - 1, "memory")
    check_number("share", share)
    if not 0 < share < 1:
        raise ValueError(f"share must be within (0, 1), but got {share}.")
    start = prior.settled()
    for names in _paths(start, n_lags):
        found = _along(start, names, memory, n_lags, share)
        if found is not None:
            return found
    raise ValueError(
        f"No hyperparameter of {prior} lets the lags up to memory={memory} hold "
        f"{share:g} of the energy of n_lags={n_lags}."
    )


def _paths(prior: LagPrior, n_lags: int) -> list[tuple[str, ...]]:
    """Return which hyperparameters to move: each alone, then those of one scale together."""
    names = list(prior.hyperparameters)
    alike: dict[tuple[float, ...], list[str]] = {}
    for name in names:
        alike.setdefault(tuple(prior.scale(name, n_lags).bounds), []).append(name)
    return [
        *((name,) for name in names),
        *(tuple(each) for each in alike.values() if len(each) > 1),
    ]


def _along(
    prior: LagPrior, names: tuple[str, ...], memory: int, n_lags: int, share: float
) -> LagPrior | None:
    """Return the prior with hyperparameters moved by one distance, or None where none will do."""
    values, (scale, *_) = prior.hyperparameters, [prior.scale(name, n_lags) for name in names]
    with np.errstate(divide="ignore"):  # a decay of 0 or 1 has no measure, and needs none alone
        own = [float(scale.measure(values[name])) for name in names]
    apart = [one - own[0] for one in own] if len(names) > 1 else [0.0]
    if not np.isfinite(apart).all():
        return None

    def at(measure: float) -> LagPrior:
        pairs = zip(names, apart, strict=True)
        return prior.with_values(**{name: float(scale.value(measure + d)) for name, d in pairs})

    def excess(measure: float) -> float:
        energy = lag_energy(at(measure), n_lags)
        return float(energy[: memory + 1].sum() / energy.sum()) - share

    within, beyond = scale.bounds
    if excess(within) < 0.0:
        within, beyond = beyond, within
    if not excess(beyond) < 0.0 <= excess(within):
        return None
    return at(_bisect(excess, within, beyond))


def _bisect(excess: Callable[[float], float], within: float, beyond: float) -> float:
    """Return the last point from ``within`` on where nothing is missing."""
    for _ in range(BISECTIONS):
        middle = 0.5 * (within + beyond)
        if excess(middle) >= 0.0:
            within = middle
        else:
            beyond = middle
    return within
