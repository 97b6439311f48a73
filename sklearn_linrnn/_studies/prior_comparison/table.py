"""What the trials of a comparison amount to: the table of all priors, and the verdict."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._studies.confidence_set import confidence_set
from sklearn_linrnn._studies.inference import compare, hac_variance, is_better
from sklearn_linrnn._studies.prior_comparison.trials import PriorTrials
from sklearn_linrnn.inspection import (
    effective_memory,
    lag_energy,
    memory_interval,
    response_energy,
)

PriorVerdict = Literal["difference", "no difference", "nothing to learn"]


def comparison_table(trials: PriorTrials) -> pd.DataFrame:
    """Return the table of a comparison: priors from the highest evidence down, then no model."""
    level, seed = trials.design.level, trials.seed
    densities = trials.log_densities.to_numpy()
    losses = np.stack([trials.losses[label] for label in trials.ranking], axis=1)
    in_evidence, in_errors = (confidence_set(each, seed=seed) for each in (-densities, losses))
    rows: list[dict[str, Any]] = []
    for place, label in enumerate(trials.ranking):
        rows.append(
            {
                "prior": label,
                **_evidence(densities, place),
                "evidence_p": in_evidence[place],
                "in_evidence_set": bool(in_evidence[place] > 1.0 - level),
                **_errors(losses[:, place], losses[:, 0], level, seed),
                "held_out_p": in_errors[place],
                "in_held_out_set": bool(in_errors[place] > 1.0 - level),
                **_memories(trials, label),
            }
        )
    for name, errors in trials.null_losses().items():
        rows.append({"prior": name, **_errors(errors, losses[:, 0], level, seed)})
    return pd.DataFrame(rows)


def _evidence(densities: NDArray, place: int) -> dict[str, float]:
    """Return the evidence, and how far it is below the highest, with its standard error."""
    below = densities[:, 0] - densities[:, place]
    return {
        "evidence": float(densities[:, place].sum()),
        "below": float(below.sum()),
        "below_error": len(below) * float(np.sqrt(hac_variance(below))),
    }


def _errors(losses: NDArray, reference: NDArray, level: float, seed: int) -> dict[str, float]:
    root = float(np.sqrt(losses.mean()))
    comparison = compare(losses[:, None], reference, level=level, seed=seed)
    return {
        "rmse": root,
        # Of a root the standard error is that of the mean, over twice the root.
        "rmse_error": float(np.sqrt(hac_variance(losses))) / (2 * root) if root else 0.0,
        "cost": comparison.cost,
        "cost_low": comparison.low,
        "cost_high": comparison.high,
    }


def _memories(trials: PriorTrials, label: str) -> dict[str, float]:
    """Return the memories of the prior and of its fit to the whole series, with intervals."""
    found, level, n_lags = trials.whole[label], trials.design.level, trials.design.n_lags
    names = ["prior_memory", "prior_memory_low", "prior_memory_high"]
    if not np.isfinite(found.alpha):
        return {}
    prior, lesson = trials.design.priors[label], trials.lesson
    near = lesson.plausible_priors(found, prior, level, trials.seed)
    own, *others = [effective_memory(lag_energy(one, n_lags)) for one in near]
    values = [own, min(own, *others), max(own, *others)] if others else [own] * 3
    part = lesson.part
    model = NTKConvRegressor(prior=found.prior, alpha=found.alpha).fit(part.inputs, part.targets)
    low, high = memory_interval(model, coverage=level, random_state=trials.seed)
    fit = effective_memory(response_energy(model.impulse_response_))
    names += ["fit_memory", "memory_low", "memory_high"]
    return dict(zip(names, map(float, [*values, fit, low, high]), strict=True))


def comparison_verdict(trials: PriorTrials, table: pd.DataFrame) -> PriorVerdict:
    """Return whether something can be learned, and then whether the priors differ."""
    losses = trials.chosen_losses()[:, None]
    nulls = trials.null_losses().values()
    if not all(is_better(losses, null, level=trials.design.level) for null in nulls):
        return "nothing to learn"
    in_both = table[["in_evidence_set", "in_held_out_set"]].dropna().to_numpy(dtype=bool)
    return "no difference" if in_both.all() else "difference"


def comparison_parts(trials: PriorTrials) -> pd.DataFrame:
    """Return, for each test part, the prior of the highest evidence before it, and its errors."""
    losses, times = trials.chosen_losses(), trials.data.times
    rows = [
        {
            "n_train": len(train),
            "first": times[test[0]],
            "last": times[test[-1]],
            "prior": label,
            "rmse": float(np.sqrt(losses[trials.part_of_step == part].mean())),
        }
        for part, ((train, test), label) in enumerate(
            zip(trials.splits, trials.chosen(), strict=True)
        )
    ]
    return pd.DataFrame(rows).rename_axis("part")
