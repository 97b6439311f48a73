"""A memory and a scale for each group of channels by their score, one group after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.model_selection import SCORE_ROUNDING, first_best
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors
from sklearn_linrnn._estimators.grid import Candidates, best_place, values_of
from sklearn_linrnn._estimators.parameters import channel_groups

SCALES = (0.0, *np.logspace(-2, 1, 7).tolist())  # to try, zero to leave a group out
MOST_SWEEPS = 10


@dataclass(frozen=True)
class ChannelChoice:
    """Priors of channels with a penalty, and their mean score."""

    priors: ChannelPriors
    params: dict[str, Any]
    score: float


@dataclass(frozen=True, eq=False)
class ChannelDescent:
    """What each group of channels may be, and how it is scored.

    Attributes
    ----------
    score : callable
        From candidates to their mean scores, (n_candidates,).
    group : ndarray of int, shape (n_channels,)
        The group of each channel.
    decays : sequence of float
        Values of ``nu_w`` to try; none for a prior that has no ``nu_w``.
    seeks_scale : bool
        Whether to try other scales.
    alphas : sequence of float
        Penalties to try.
    """

    score: Callable[[Candidates], NDArray]
    group: NDArray
    decays: Sequence[float]
    seeks_scale: bool
    alphas: Sequence[float]

    def run(self, start: ChannelChoice) -> ChannelChoice:
        """Return the choice that no other value of one group exceeds."""
        best = start
        for _ in range(MOST_SWEEPS):
            before = best
            for group in range(int(self.group.max()) + 1):
                for trials in self._trials(group):
                    best = self._better(best, list(trials(best.priors)))
            if best is before:
                break
        return best

    def _trials(self, group: int) -> Iterator[Callable[[ChannelPriors], Iterator[ChannelPriors]]]:
        """Yield what makes the other values of a group: of its memory, then of its scale."""
        own = self.group == group

        def decays(priors: ChannelPriors) -> Iterator[ChannelPriors]:
            now = priors.values("nu_w")
            for decay in self.decays if priors.scale[own].any() else ():
                if decay != now[own][0]:
                    yield priors.with_values(nu_w=np.where(own, decay, now))

        def scales(priors: ChannelPriors) -> Iterator[ChannelPriors]:
            for value in SCALES:
                scale = np.where(own, value, priors.scale)
                if value != priors.scale[own][0] and scale.any():
                    yield replace(priors, scale=scale)

        if self.decays:
            yield decays
        if self.seeks_scale:
            yield scales

    def _better(self, best: ChannelChoice, priors: list[ChannelPriors]) -> ChannelChoice:
        """Return the best of some priors, with any of the penalties, if it exceeds a choice."""
        if not priors:
            return best
        each = [{**best.params, "alpha": alpha} for alpha in self.alphas]
        places = np.arange(len(priors) * len(each)).reshape(len(priors), -1)
        scores = self.score(Candidates(each * len(priors), list(priors), places.tolist()))
        order = np.nan_to_num(scores, nan=-np.inf)
        place = first_best(order)
        if not order[place] > best.score + SCORE_ROUNDING * abs(best.score):
            return best
        number, penalty = divmod(place, len(each))
        return ChannelChoice(priors[number], each[penalty], float(order[place]))


def with_channels(
    estimator: Any,
    candidates: Candidates,
    scores: NDArray,
    score: Callable[[Candidates], NDArray],
    n_channels: int,
) -> tuple[Candidates, NDArray]:
    """Return candidates and their scores, with the best one of each group of channels added.

    Parameters
    ----------
    estimator : NTKConvRegressorCV
        With a memory that is not shared.
    candidates : Candidates
        Those of its grid.
    scores : ndarray of shape (n_parts, n_candidates)
        Their scores.
    score : callable
        From candidates to such scores.
    n_channels : int
        Number of channels.
    """
    known: dict[str, Any] = {"channel_scale": estimator.channel_scale}
    if isinstance(estimator.nu_w, Real):  # of which there is no grid
        known["nu_w"] = estimator.nu_w
    params = [{**known, **each} for each in candidates.params]
    place = best_place(scores)
    priors = candidates.prior_of[place]
    assert isinstance(priors, ChannelPriors)
    decays = [float(value) for value in values_of(estimator.nu_w) if isinstance(value, Real)]
    decays = decays if "nu_w" in priors.priors[0].hyperparameters else []
    alphas = np.unique(values_of(estimator.alphas)).tolist()
    descent = ChannelDescent(
        lambda some: score(some).mean(axis=0),
        channel_groups(estimator.memory, n_channels),
        decays,
        estimator.channel_scale is None,
        alphas,
    )
    best = descent.run(
        ChannelChoice(priors, candidates.params[place], float(scores[:, place].mean()))
    )
    found = {**params[place], **best.params, "channel_scale": best.priors.scale}
    if decays:
        found["nu_w"] = best.priors.values("nu_w")
    last = Candidates([best.params], [best.priors], [[0]])
    paths = [*candidates.paths, [len(params)]]
    joined = Candidates([*params, found], [*candidates.priors, best.priors], paths)
    return joined, np.hstack([scores, score(last)])
