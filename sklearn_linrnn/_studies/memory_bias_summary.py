"""What the study found, in sentences that say how sure they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from sklearn_linrnn._studies.study_data import MEAN
from sklearn_linrnn._studies.study_text import (
    cost_in_words,
    listed,
    moment,
    percent,
    percent_interval,
)
from sklearn_linrnn._studies.study_trials import FLAT, LIMIT, RNN

if TYPE_CHECKING:
    from sklearn_linrnn._studies.memory_bias_result import MemoryBias

SURE = 0.01  # of the tests that only make an offer


def summarise(result: MemoryBias) -> str:
    """Return what a study found, in a few sentences."""
    return " ".join(sentences(result))


def sentences(result: MemoryBias) -> Iterator[str]:
    """Yield what a study found, the verdict first."""
    yield verdict_sentence(result)
    if result.verdict != "nothing to learn":
        yield from _by_variance(result)
        yield from _unfinished(result)
        yield from _by_size(result)
        yield from _one_part(result)
        yield _memory(result)
    yield from offers(result)


def verdict_sentence(result: MemoryBias) -> str:
    """Return the verdict as a sentence."""
    name = result.design.name
    if result.verdict == "nothing to learn":
        return (
            f"On {name} there is nothing to learn that {len(result.errors)} test steps can show: "
            "neither the linear RNN nor the convolution without bias predicts better than "
            f"{_best_null(result)}, beyond noise."
        )
    who = f"a linear RNN {_start(result)}"
    low, high = result.cost_interval
    interval = f"{result.design.level:.0%} interval {percent_interval(low, high)}"
    cost = f"{percent(result.cost, low, high)} against a convolution without bias ({interval})"
    if result.verdict == "no difference":
        doubt = "" if low <= 0 <= high else "; the test does not confirm what the interval suggests"
        return (
            f"On {name} nobody can tell whether {who} gains or loses by its bias: its error is "
            f"{cost}, p = {_p_value(result.p_value)}{doubt}."
        )
    what = "costs accuracy" if result.verdict == "costs" else "helps"
    return f"On {name} the memory bias of {who} {what}: its error is {cost}."


def _start(result: MemoryBias) -> str:
    """Say with which ``nu_w`` the network started."""
    if len(result.design.nu_w) == 1:
        return f"that starts at nu_w = {result.design.nu_w[0]:g}"
    counts = result.parts["nu_w"].value_counts()
    usual, times = counts.index[0], counts.iloc[0]
    return (
        f"whose nu_w is chosen on the end of each training part ({usual:g} in {times} of "
        f"{len(result.parts)})"
    )


def _best_null(result: MemoryBias) -> str:
    nulls = result.table[result.table["n_iter"].isna()]
    name = nulls.loc[nulls["rmse"].idxmin(), "model"]
    return {MEAN: "the mean of the training part"}.get(name, f"the {name}")


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def _by_variance(result: MemoryBias) -> Iterator[str]:
    """Say at which ``nu_w`` there is a cost or a gain."""
    networks = result.table[result.table["model"] == RNN]
    if len(networks) == 1:
        return
    found = []
    for verdict in ("costs", "helps"):
        rows = networks[networks["verdict"] == verdict]
        at = [f"{row.nu_w:g}, {cost_in_words(row)}" for row in rows.itertuples()]
        if at:
            found.append(f"it {verdict} at {listed(at)}")
    equal = networks.loc[networks["verdict"] == "no difference", "nu_w"]
    if len(equal):
        found.append(f"no difference shows at {listed([f'{nu_w:g}' for nu_w in equal])}")
    yield f"By nu_w: {'; '.join(found)}."


def _unfinished(result: MemoryBias) -> Iterator[str]:
    """Say where the last iteration allowed was the best, and what the limit does without it."""
    networks = result.table[result.table["model"] == RNN]
    capped = networks[networks["unfinished"] > 0.5]
    if capped.empty:
        return
    strongest = capped["nu_w"].min()
    limits = result.table[result.table["model"] == LIMIT].set_index("nu_w")
    free = limits.loc[strongest]
    bounds = free["free_low"], free["free_high"]
    yield (
        f"Most trainings at {listed([f'{nu_w:g}' for nu_w in capped['nu_w']])} were still "
        f"improving at iteration {result.design.max_iter}, the last; without that end the "
        f"infinite-width limit costs {percent(free['free_cost'], *bounds)} "
        f"({percent_interval(*bounds)}) at {strongest:g}."
    )


def _by_size(result: MemoryBias) -> Iterator[str]:
    """Say what the cost is after the shortest and after the longest training part."""
    first, last = result.parts.iloc[0], result.parts.iloc[-1]
    if np.isfinite([first.cost_low, first.cost_high, last.cost_low, last.cost_high]).all():
        yield (
            f"After {first.n_train} windows of training the cost is {cost_in_words(first)}, after "
            f"{last.n_train} it is {cost_in_words(last)}."
        )


def _one_part(result: MemoryBias) -> Iterator[str]:
    """Say whether the verdict hangs on one part."""
    if result.verdict not in ("costs", "helps"):
        return
    for part in result.parts[result.parts["verdict_without"] != result.verdict].itertuples():
        yield (
            f"One part makes this result: without the test steps {moment(part.first)} to "
            f"{moment(part.last)} it would be \"{part.verdict_without}\"."
        )


def _memory(result: MemoryBias) -> str:
    """Say how far the memory reaches, as far as the last training part knows."""
    chosen = result.parts["nu_w"].iloc[-1]
    networks = result.table[result.table["model"] == RNN].set_index("nu_w")
    row = networks.loc[chosen]
    known = "the data alone do not say how long a memory is needed"
    if np.isfinite(row["memory_low"]):
        known = f"the data support {_lags(row)} ({result.design.level:.0%})"
    return (
        f"At nu_w = {chosen:g} the network's memory reaches to lag {row['fit_memory']:.0f}; "
        f"its start favours lags up to {row['prior_memory']:.0f}, and {known}."
    )


def _lags(row: Any) -> str:
    low, high = int(row["memory_low"]), int(row["memory_high"])
    return f"a memory to lag {low}" if low == high else f"a memory to between lag {low} and {high}"


def offers(result: MemoryBias) -> Iterator[str]:
    """Say what else to try: logarithms or differences, where level or errors change over time."""
    treatment, targets = result.design.treatment, pd.Series(result.data.targets)
    if treatment.difference:
        return
    options = []
    grows = _errors_grow_with_level(result)
    if not treatment.log and grows and (targets > 0).all():
        options.append("on logarithms (--log, log=True)")
    drifts = _is_monotone(result)
    if drifts:
        options.append("on differences (--difference, difference=True)")
    reasons = ["its level drifts from part to part"] * drifts
    reasons += ["its errors grow with its level"] * grows
    if options:
        yield (
            f"Of this series, {listed(reasons)}, so that some steps weigh more than others: try "
            f"the same {' or '.join(options)}."
        )


def _is_monotone(result: MemoryBias) -> bool:
    """Return whether the means of the parts only rise, or only fall."""
    parts = result.errors.index.get_level_values("part")
    first = result.data.targets[: len(result.data.targets) - len(parts)]
    tested = pd.Series(result.data.targets[len(first) :]).groupby(parts.to_numpy()).mean()
    steps = np.diff([first.mean(), *tested])
    return len(steps) > 1 and bool((steps > 0).all() or (steps < 0).all())


def _errors_grow_with_level(result: MemoryBias) -> bool:
    """Return whether the flat convolution's errors rise with the series, beyond noise."""
    errors = result.errors[FLAT].to_numpy()[:, 0]
    levels = result.data.windows[-len(errors) :].mean(axis=(1, 2))
    if result.design.has_inputs or np.ptp(errors) == 0 or np.ptp(levels) == 0:
        return False
    correlation, p_value = stats.spearmanr(levels, errors)
    return bool(correlation > 0 and p_value < SURE)
