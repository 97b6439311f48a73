"""Hyperparameters that are "auto": those of the highest evidence, if later data confirm them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, cast

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_linrnn._core.closed_form.channel_search import ChannelSearch
from sklearn_linrnn._core.closed_form.empirical_bayes import Candidate, Search
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums
from sklearn_linrnn._core.closed_form.later_parts import r2_of_later_parts
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors, Prior
from sklearn_linrnn._core.priors.lag_prior import Given, LagPrior
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.training_data import AnyData, TrainingData
from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn._estimators.parameters import channel_groups, make_priors

SumUp = Callable[[AnyData], LagStatistics]

# Of a model whose number of lags is chosen by evidence.
MOST_COEFFICIENTS = 1000
STEPS_PER_COEFFICIENT = 4
N_LATER_PARTS = 5  # as many as TimeSeriesSplit has by default
STEPS_PER_PART = 20  # time steps; fewer are not enough for a score
WORST_R2 = -0.05  # on later parts; below it the evidence is not trusted


@dataclass(frozen=True)
class AutoChoice:
    """What is given, and what is to be chosen.

    Attributes
    ----------
    prior : str, LagPrior or array-like
        The prior, as users name it.
    hyperparameters : mapping of str to float, array-like or "auto"
        The hyperparameters of named priors.
    alpha : float or "auto"
        The penalty.
    seeks_lags : bool
        Whether the number of lags is to be chosen.
    n_channels : int
        Number of channels.
    memory : str or array-like of shape (n_channels,)
        Which channels share what is chosen, as users say it.
    channel_scale : array-like of shape (n_channels,) or None
        Scales of the channels' priors, as users give them.
    n_leads : int
        How many of the lags come after the target.
    """

    prior: Any
    hyperparameters: Mapping[str, Any]
    alpha: Any
    seeks_lags: bool
    n_channels: int = 1
    memory: Any = "shared"
    channel_scale: Any = None
    n_leads: int = 0

    def choose(
        self, data: AnyData, sum_up: SumUp, say: Callable[[str], None]
    ) -> tuple[Candidate, LagStatistics]:
        """Return the hyperparameters, and the sums of the data over the lags that they have.

        Parameters
        ----------
        data : TrainingData or KnownSums
            The data.
        sum_up : callable
            From data to the sums over all lags that there may be.
        say : callable
            Prints a line about what was found.
        """
        prior = self.make_prior()
        sought = self.sought(prior)
        if self.alpha != "auto":
            statistics = sum_up(data)
            alpha = float(self.alpha)
            if not sought and not self.seeks_lags:
                return Candidate(prior, alpha, statistics.n_lags, np.nan), statistics
            found = self._search(statistics, prior, sought, alpha, say)
        else:
            parts = [sum_up(p) for p in data.consecutive_parts(N_LATER_PARTS + 1, STEPS_PER_PART)]
            statistics = sum(parts[1:], parts[0])
            found = _trusted(self._search(statistics, prior, sought, None, say), parts)
        return found, statistics.first_lags(found.n_lags)

    def _search(
        self,
        statistics: LagStatistics,
        prior: Prior,
        sought: tuple[str, ...],
        alpha: float | None,
        say: Callable[[str], None],
    ) -> Candidate:
        """Return the hyperparameters of the highest evidence."""
        _check_penalised(alpha)
        local = statistics.to("cpu")  # many small operations
        if alpha is None and not local.varies():
            warn("X or y does not vary, so that there is no alpha to choose: nothing is learned.")
        found = self._found(local, prior, sought, alpha)
        say(f"evidence {found.value:.6g} for {found.prior}, alpha={found.alpha:.4g}")
        if not found.converged:
            warn(
                "The search for the highest evidence did not converge; the best point that it "
                f"found is kept: {found.prior}, alpha={found.alpha:.4g}.",
                ConvergenceWarning,
            )
        return found

    def best_of(self, statistics: LagStatistics) -> Candidate | None:
        """Return the highest evidence of what all channels share; None if nothing varies.

        Parameters
        ----------
        statistics : LagStatistics
            The sums of the data over all lags that there may be.
        """
        choice = self.in_common()
        prior = cast(LagPrior, choice.make_prior())
        alpha = None if self.alpha == "auto" else float(self.alpha)
        _check_penalised(alpha)
        local = statistics.to("cpu")
        if not local.varies():
            return None
        return Search(local, prior, choice.sought(prior), alpha, self.seeks_lags).run()

    def gain(self, statistics: LagStatistics) -> float:
        """Return by how much that evidence exceeds that of no response, in nats.

        Parameters
        ----------
        statistics : LagStatistics
            The sums of the data over all lags that there may be.
        """
        found = self.best_of(statistics)
        if found is None:
            return 0.0
        sums = EvidenceSums.of(statistics.to("cpu"), statistics.n_channels)
        return found.value - sums.evidence_of_no_response()

    def _found(
        self,
        statistics: LagStatistics,
        prior: Prior,
        sought: tuple[str, ...],
        alpha: float | None,
    ) -> Candidate:
        if isinstance(prior, LagPrior):
            return Search(statistics, prior, sought, alpha, self.seeks_lags).run()
        return self._search_channels(statistics, prior, sought, alpha)

    def _search_channels(
        self,
        statistics: LagStatistics,
        prior: ChannelPriors,
        sought: tuple[str, ...],
        alpha: float | None,
    ) -> Candidate:
        """Return the hyperparameters of each group of channels of the highest evidence."""
        group = channel_groups(self.memory, self.n_channels)
        shares_decay = isinstance(self.hyperparameters["nu_w"], (Real, str))
        if not group.any() and shares_decay and self.channel_scale is None:  # all share all of it
            search = Search(statistics, prior.priors[0], sought, alpha, self.seeks_lags)
            found = search.run()
            return replace(found, prior=ChannelPriors.of(found.prior, None, prior.scale))
        chooses = bool(sought) or alpha is None
        seeks_scale = chooses and self.channel_scale is None and bool(group.any())
        known = statistics, prior, sought, alpha, self.seeks_lags
        return ChannelSearch(*known, group, seeks_scale).run()

    def make_prior(self) -> Prior:
        """Return the prior, with defaults for what is sought."""
        prior = self.prior.settled() if isinstance(self.prior, LagPrior) else self.prior
        return make_priors(
            prior,
            self.n_channels,
            n_leads=self.n_leads,
            channel_scale=self.channel_scale,
            memory=self.memory,
            **self.hyperparameters,
        )

    def in_common(self) -> AutoChoice:
        """Return the choice of what all channels share; of given decays it has the mean."""
        nu_w = self.hyperparameters["nu_w"]
        decay = nu_w if isinstance(nu_w, str) else float(np.mean(nu_w))
        known = {**self.hyperparameters, "nu_w": decay}
        return replace(self, hyperparameters=known, memory="shared", channel_scale=None)

    def sought(self, prior: Prior) -> tuple[str, ...]:
        """Return the names of the prior's hyperparameters that are "auto"."""
        prior = prior.priors[0] if isinstance(prior, ChannelPriors) else prior
        auto = [name for name, value in self.hyperparameters.items() if isinstance(value, str)]
        if auto and not isinstance(self.prior, str):
            raise ValueError(
                f"{auto[0]}='auto' needs a prior that has a name, but prior is "
                f"{type(self.prior).__name__}. A LagPrior has hyperparameters of its own, which "
                'may be "auto".'
            )
        if isinstance(self.prior, LagPrior):
            auto.extend(self.prior.sought)
        if self.seeks_lags and isinstance(prior, Given):
            raise ValueError("n_lags='auto' needs a prior for any number of lags, not an array.")
        return tuple(name for name in prior.hyperparameters if name in auto) if auto else ()


def _check_penalised(alpha: float | None) -> None:
    """Raise if there is no evidence."""
    if alpha == 0:
        raise ValueError(
            "'auto' maximises the evidence, which does not exist for alpha=0: it needs "
            "alpha > 0 or alpha='auto'."
        )


def _trusted(found: Candidate, parts: Sequence[LagStatistics]) -> Candidate:
    """Return what was found, or no response at all if it fails on later parts of the data.

    The evidence assumes white noise. If the noise is not white, a long and weakly penalised
    response may have the highest evidence and still predict nothing.
    """
    if not np.isfinite(found.alpha) or len(parts) == 1:
        return found
    parts = [part.first_lags(found.n_lags) for part in parts]
    device = parts[0].input_mean.device
    root = PriorRoot.of_prior(found.prior, found.n_lags, parts[0].n_channels, device)
    r2 = r2_of_later_parts(parts, root, found.alpha)
    if r2 > WORST_R2:
        return found
    warn(
        f"The highest evidence is that of {found.prior}, alpha={found.alpha:.4g}, but with these "
        f"{N_LATER_PARTS} later parts of the data are predicted worse than by their mean (R^2 "
        f"{r2:.2f}): the noise is not white, or the system changes. Nothing is learned. Set "
        "alpha, or choose it by cross-validation (NTKConvRegressorCV)."
    )
    return replace(found, alpha=np.inf)


def most_lags(n_channels: int, n_observed: int | None) -> int:
    """Return the largest number of lags to choose from; for ``n_observed`` time steps, if any."""
    most = MOST_COEFFICIENTS
    if n_observed is not None:
        most = min(most, n_observed // STEPS_PER_COEFFICIENT)
    return max(most // n_channels, 1)


def with_most_lags(data: AnyData) -> tuple[AnyData, int, int, int]:
    """Return `TrainingData.with_lags` for the largest number of lags to choose from.

    Of recordings it is the largest one with enough observed time steps that have all lags.
    """
    if not isinstance(data, TrainingData):
        return data.with_lags(None)
    sequences, n_leads = data.sequences, max(-data.form.first_lag, 0)
    per_lag = STEPS_PER_COEFFICIENT * sequences.n_channels
    most = min(most_lags(sequences.n_channels, None), sequences.longest)
    if isinstance(sequences, Recordings):
        candidates = range(1, most - max(data.form.first_lag, 0) + 1)
        most = bisect_left(candidates, True, key=lambda n: per_lag * n > data.n_observed(n))
    return data.with_lags(max(most - n_leads, 1))
