"""Which of several models cannot be told from the best one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._studies.inference import N_DRAWS, block_length

TIE = 1e-12  # of mean losses, in units of their differences, which the search cannot take as equal
ALIKE = 1e-6  # root mean square difference of losses, as a share of them, of models that are one


def confidence_set(losses: NDArray, *, seed: int) -> NDArray[np.float64]:
    """Return the p-value of each model for being one of the best.

    Those whose p-value exceeds ``1 - level`` are the model confidence set [1]_: in long series it
    holds the models of the smallest expected loss with that probability at least, however many are
    compared.
    From all models the worse of the pair that differs most is taken out, as long as a test by the
    stationary bootstrap of the largest difference tells it from noise.

    Parameters
    ----------
    losses : ndarray of shape (n_timesteps, n_models)
        Losses by time step.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    p_values : ndarray of shape (n_models,)
        Least level of a test that takes the model out; 1 for the one of the smallest mean loss.

    References
    ----------
    .. [1] P. R. Hansen, A. Lunde, J. M. Nason, "The model confidence set", Econometrica 79, 2011.
    """
    from arch.bootstrap import MCS

    losses = losses / (np.abs(losses).max() or 1.0)  # squares of them stay within range
    group = groups_of_equals(losses)
    each = losses[:, np.unique(group, return_index=True)[1]]
    if each.shape[1] == 1:
        return np.ones(len(group))
    apart = each - each.mean(axis=1, keepdims=True)  # the same differences, without what is shared
    apart /= np.sqrt(np.square(apart).mean())
    block = int(np.median([block_length(differences) for differences in apart.T]))
    apart += TIE * np.arange(apart.shape[1])
    test = MCS(apart, size=0.5, reps=N_DRAWS, block_size=block, method="R", seed=seed)
    with np.errstate(divide="ignore", invalid="ignore"):  # differences that never vary
        test.compute()
    return test.pvalues["Pvalue"].sort_index().to_numpy()[group]


def groups_of_equals(losses: NDArray) -> NDArray[np.intp]:
    """Return the group of each model, (n_models,); the losses of a group differ by rounding."""
    size = np.sqrt(np.square(losses).mean())
    groups: list[NDArray] = []
    found = []
    for own in losses.T:
        near = [np.sqrt(np.square(own - other).mean()) <= ALIKE * size for other in groups]
        if not any(near):
            groups.append(own)
        found.append(near.index(True) if any(near) else len(groups) - 1)
    return np.array(found)
