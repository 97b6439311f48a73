"""What the study found, in sentences that say how sure they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_linrnn._studies.memory_bias_numbers import MemoryBiasNumbers
from sklearn_linrnn._studies.study_remarks import best_null, offers
from sklearn_linrnn._studies.study_text import (
    cost_in_words,
    listed,
    moment,
    percent,
    percent_interval,
    short_percent,
)
from sklearn_linrnn._studies.study_trials import FLAT, LIMIT, RNN

SAID = {
    "costs": "it costs at",
    "helps": "it helps at",
    "no difference": "no difference shows at",
    "nothing to learn": "nothing is learned at",
}


def summarise(result: MemoryBiasNumbers) -> str:
    """Return what a study found, in a few sentences."""
    return " ".join(sentences(result))


def sentences(result: MemoryBiasNumbers) -> list[str]:
    """Return what a study found, the verdict first."""
    found = [verdict_sentence(result)]
    if result.verdict != "nothing to learn":
        for say in (_one_part, _by_variance, _unfinished, _by_size, _memory):
            found += say(result)
    parts = result.errors.index.get_level_values("part").to_numpy()
    return found + offers(result.data, result.design, parts, result.errors[FLAT].to_numpy()[:, 0])


def verdict_sentence(result: MemoryBiasNumbers) -> str:
    """Return the verdict as a sentence."""
    name = result.design.name
    if result.verdict == "nothing to learn":
        nulls = result.table[result.table["n_iter"].isna()]
        return (
            f"On {name} there is nothing to learn that {len(result.errors)} test steps can show: "
            "neither the linear RNN nor the convolution without bias predicts better than "
            f"{best_null(nulls, 'model')}, beyond noise."
        )
    who = f"the memory bias of a linear RNN {_initial(result)}"
    if result.verdict == "no difference":
        return f"On {name} it cannot be told whether {who} costs or helps: {_cost(result)}."
    what = "costs accuracy" if result.verdict == "costs" else "helps"
    return f"On {name} {who} {what}: {_cost(result)}."


def _initial(result: MemoryBiasNumbers) -> str:
    """Say with which ``nu_w`` the network was initialised."""
    if len(result.design.nu_w) == 1:
        return f"initialised with nu_w = {result.design.nu_w[0]:g}"
    chosen = [f"{nu_w:g}" for nu_w in result.parts["nu_w"]]
    return f"with nu_w chosen inside each training part ({listed(chosen)})"


def _cost(result: MemoryBiasNumbers) -> str:
    """Say how far the error is from that of the flat convolution, and how sure that is."""
    low, high = result.cost_interval
    direction = "above" if result.cost > 0 else "below"
    text = (
        f"its error is {percent(abs(result.cost), low, high, sign='-')} % {direction} that of a "
        f"convolution without bias ({short_percent(result.design.level)} interval "
        f"{percent_interval(low, high)} %)"
    )
    if result.verdict == "no difference" and not low <= 0.0 <= high:
        text += f"; the test of Diebold and Mariano sees no difference (p = {result.p_value:.2g})"
    return text


def _by_variance(result: MemoryBiasNumbers) -> list[str]:
    """Say at which ``nu_w`` there is a cost or a gain."""
    networks = result.table[result.table["model"] == RNN]
    if len(networks) == 1:
        return []
    found = []
    for verdict, said in SAID.items():
        rows = networks[networks["verdict"] == verdict]
        is_sure = verdict in ("costs", "helps")
        at = [
            f"{row.nu_w:g}: {cost_in_words(row)}" if is_sure else f"{row.nu_w:g}"
            for row in rows.itertuples()
        ]
        if at:
            found.append(f"{said} {listed(at)}")
    return [f"By nu_w: {'; '.join(found)}."]


def _unfinished(result: MemoryBiasNumbers) -> list[str]:
    """Say where the last iteration allowed was the best, and what the limit does without it."""
    networks = result.table[result.table["model"] == RNN]
    capped = networks[networks["unfinished"] > 0.5]
    if capped.empty:
        return []
    strongest = capped["nu_w"].min()
    limits = result.table[result.table["model"] == LIMIT].set_index("nu_w")
    free = limits.loc[strongest]
    bounds = free["free_low"], free["free_high"]
    at = listed([f"{nu_w:g}" for nu_w in capped["nu_w"]])
    return [
        f"Most trainings at {at} were still improving at iteration {result.design.max_iter}, the "
        "last; trained for as long as it improves the infinite-width limit costs "
        f"{percent(free['free_cost'], *bounds)} % ({percent_interval(*bounds)} %) at {strongest:g}."
    ]


def _by_size(result: MemoryBiasNumbers) -> list[str]:
    """Say what the cost is after the shortest and after the longest training part."""
    first, last = result.parts.iloc[0], result.parts.iloc[-1]
    if not np.isfinite([first.cost_low, first.cost_high, last.cost_low, last.cost_high]).all():
        return []
    return [
        f"After {first.n_train} windows of training the cost is {cost_in_words(first)}; after "
        f"{last.n_train} it is {cost_in_words(last)}."
    ]


def _one_part(result: MemoryBiasNumbers) -> list[str]:
    """Say whether the verdict hangs on one part."""
    if result.verdict not in ("costs", "helps"):
        return []
    hangs = result.parts[result.parts["verdict_without"] != result.verdict]
    return [
        f"One part makes this result: without the test steps "
        f'{" or ".join(_span(part) for part in parts.itertuples())} it would be "{verdict}".'
        for verdict, parts in hangs.groupby("verdict_without")
    ]


def _span(part: Any) -> str:
    return f"{moment(part.first)} to {moment(part.last)}"


def _memory(result: MemoryBiasNumbers) -> list[str]:
    """Say how far the memory reaches, as far as the last training part knows."""
    chosen = result.parts["nu_w"].iloc[-1]
    networks = result.table[result.table["model"] == RNN].set_index("nu_w")
    row = networks.loc[chosen]
    known = "the data alone do not say how long a memory is needed"
    if np.isfinite(row["memory_low"]):
        known = f"the data support {_lags(row)} ({short_percent(result.design.level)})"
    return [
        f"At nu_w = {chosen:g} the network's memory reaches to lag {row['fit_memory']:.0f}; "
        f"its prior favours lags up to {row['prior_memory']:.0f}, and {known}."
    ]


def _lags(row: Any) -> str:
    low, high = int(row["memory_low"]), int(row["memory_high"])
    return f"a memory to lag {low}" if low == high else f"a memory to between lag {low} and {high}"
