"""What a study's trials amount to: the table of all models, and the verdict on the network."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.priors.lag_weights import linear_rnn_lag_weights
from sklearn_linrnn._studies.inference import Comparison, compare, hac_variance, is_better
from sklearn_linrnn._studies.posterior_memory import supported_memory
from sklearn_linrnn._studies.study_models import Part
from sklearn_linrnn._studies.study_trials import FLAT, LIMIT, NO_BIAS, Trials
from sklearn_linrnn.inspection import effective_memory, ntk_gap, response_energy

Verdict = Literal["costs", "helps", "no difference", "nothing to learn"]


class Judge:
    """What the errors of a study say of one model against another.

    Parameters
    ----------
    trials : Trials
        The trials.

    Attributes
    ----------
    flat : ndarray of shape (n_timesteps,)
        Squared errors of the flat convolution, the reference.
    nulls : dict of str to ndarray of shape (n_timesteps,)
        Those of the forecasts without a model.
    flat_has_learned : bool
        Whether the flat convolution is better than each of those.
    """

    def __init__(self, trials: Trials) -> None:
        self.level = trials.design.level
        self.flat = trials.losses(FLAT, NO_BIAS)[:, 0]
        self.nulls = trials.null_losses()
        self.compare = partial(compare, level=self.level, seed=trials.draw_seed)
        self.flat_has_learned = self.has_learned(self.flat[:, None])

    def has_learned(self, losses: NDArray, kept: NDArray | slice = slice(None)) -> bool:
        """Return whether a model is better than each forecast without one, on the steps kept."""
        return all(
            is_better(losses[kept], null[kept], level=self.level) for null in self.nulls.values()
        )

    def cost(self, losses: NDArray) -> Comparison:
        """Return what a model costs against the flat convolution."""
        return self.compare(losses, self.flat)

    def verdict(self, losses: NDArray, comparison: Comparison) -> Verdict:
        """Return what can be said of a model's cost."""
        return _verdict(comparison, self.flat_has_learned or self.has_learned(losses))

    def verdict_without(self, losses: NDArray, left_out: NDArray) -> Verdict:
        """Return the verdict that there would be without some time steps."""
        kept = ~left_out
        learned = self.has_learned(losses, kept) or self.has_learned(self.flat[:, None], kept)
        return _verdict(self.compare(losses[kept], self.flat[kept]), learned)


def _verdict(comparison: Comparison, learned: bool) -> Verdict:
    if not learned:
        return "nothing to learn"
    if not comparison.is_significant:
        return "no difference"
    return "costs" if comparison.cost > 0 else "helps"


def study_table(trials: Trials, judge: Judge) -> pd.DataFrame:
    """Return the table of a study, one row for each model and ``nu_w``."""
    rows: list[dict[str, Any]] = []
    intervals = {nu_w: _memory_interval(trials, nu_w) for nu_w in (*trials.design.nu_w, NO_BIAS)}
    for model, nu_w in trials.models:
        row = {"model": model, "nu_w": np.nan if nu_w == NO_BIAS else nu_w}
        row |= _losses(trials.losses(model, nu_w), judge)
        row |= _training(trials, model, nu_w)
        row |= _free_cost(trials, model, nu_w, judge)
        row |= _memory(trials, model, nu_w, intervals)
        rows.append(row | _gap(trials, model, nu_w))
    for name, losses in judge.nulls.items():
        rows.append({"model": name, "nu_w": np.nan, **_losses(losses[:, None], judge)})
    return pd.DataFrame(rows)


def _losses(losses: NDArray, judge: Judge) -> dict[str, Any]:
    root = np.sqrt(losses.mean())
    by_seed = np.sqrt(losses.mean(axis=0))
    comparison = judge.cost(losses)
    return {
        "rmse": root,
        # Of a root the standard error is that of the mean, over twice the root.
        "rmse_error": np.sqrt(hac_variance(losses.mean(axis=1))) / (2 * root) if root else 0.0,
        "rmse_over_seeds": by_seed.std(ddof=1) if len(by_seed) > 1 else np.nan,
        "cost": comparison.cost,
        "cost_low": comparison.low,
        "cost_high": comparison.high,
        "p_value": comparison.p_value,
        "verdict": judge.verdict(losses, comparison),
        "learned": judge.has_learned(losses),
    }


def _training(trials: Trials, model: str, nu_w: float) -> dict[str, Any]:
    counts = [trial.n_iter for found in trials.of(model, nu_w) for trial in found]
    at_most = np.mean(np.array(counts) == trials.design.max_iter)
    return {"n_iter": float(np.median(counts)), "unfinished": float(at_most)}


def _free_cost(trials: Trials, model: str, nu_w: float, judge: Judge) -> dict[str, Any]:
    """Return the cost of a limit where the iterations have no upper limit."""
    if model != LIMIT:
        return {}
    flat = trials.free_losses(FLAT, NO_BIAS)[:, 0]
    comparison = judge.compare(trials.free_losses(model, nu_w), flat)
    return {
        "free_cost": comparison.cost,
        "free_low": comparison.low,
        "free_high": comparison.high,
    }


def _memory(
    trials: Trials, model: str, nu_w: float, intervals: dict[float, tuple[float, float]]
) -> dict[str, Any]:
    n_lags = trials.design.n_lags
    weights = np.ones(n_lags) if nu_w == NO_BIAS else linear_rnn_lag_weights(n_lags, nu_w)
    responses = [found[-1].response for found in trials.of(model, nu_w)]
    memories = [effective_memory(response_energy(response)) for response in responses]
    low, high = intervals[nu_w]
    return {
        "prior_memory": effective_memory(weights),
        "fit_memory": float(np.median(memories)),
        "memory_low": low,
        "memory_high": high,
    }


def _memory_interval(trials: Trials, nu_w: float) -> tuple[float, float]:
    """Return the interval of the memory that the last training part supports."""
    part = Part.of(trials.data, *trials.splits[-1])
    prior = {"prior": "flat"} if nu_w == NO_BIAS else {"nu_w": nu_w}
    return supported_memory(
        part.inputs, part.targets, level=trials.design.level, seed=trials.draw_seed, **prior
    )


def _gap(trials: Trials, model: str, nu_w: float) -> dict[str, Any]:
    """Return how far the first network is from its limit after the last training part."""
    network = trials.of(model, nu_w)[0][-1].estimator
    if network is None:
        return {}
    gap = ntk_gap(network)
    return {"gap": gap.total, "is_lazy": gap.is_lazy}
