"""What a comparison of priors found, in sentences that say how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_linrnn._studies.prior_comparison.comparison_numbers import ComparisonNumbers
from sklearn_linrnn._studies.study_remarks import best_null, offers
from sklearn_linrnn._studies.study_text import cost_in_words, listed, rounded, short_percent

FEW = 4  # names that a sentence lists; of more it gives the number


def comparison_sentences(result: ComparisonNumbers) -> list[str]:
    """Return what was found, the verdict first."""
    found = [_verdict(result)]
    if result.verdict != "nothing to learn":
        if len(result.of_priors) > 1:
            found += [_by_evidence(result), _by_errors(result)]
        found.append(_memory(result))
    errors = result.errors[result.best].to_numpy()
    parts = result.errors.index.get_level_values("part").to_numpy()
    return found + offers(result.data, result.design, parts, errors)


def _verdict(result: ComparisonNumbers) -> str:
    name, level = result.design.name, short_percent(result.design.level)
    n_priors = len(result.of_priors)
    if result.verdict == "nothing to learn":
        return (
            f"On {name} there is nothing to learn that {len(result.errors)} test steps can show: "
            "the prior of the highest evidence before each test part predicts no better than "
            f"{best_null(result.table[result.table['evidence'].isna()], 'prior')}, beyond noise."
        )
    if n_priors == 1:
        return f"On {name} there is something to learn, and {result.best} learns it."
    if result.verdict == "no difference":
        return (
            f"On {name} it cannot be told which memory suits it: each of the {n_priors} priors is "
            f"among the best, by evidence and by held-out error ({level} sets)."
        )
    if not result.suited:
        return (
            f"On {name} evidence and held-out error disagree: no prior is among the best by both "
            f"({level} sets). Evidence takes noise for white and Gaussian, and the system for one "
            "that does not change."
        )
    others = [label for label in result.of_priors["prior"] if label not in result.suited]
    what = f"among the best by evidence and by held-out error ({level} sets); {_are_not(others)}"
    if len(result.suited) > FEW:
        return f"On {name} {len(result.suited)} of {n_priors} priors are {what}."
    return f"On {name} the memory that suits is that of {listed(result.suited, 'or')}: {what}."


def _are_not(names: Sequence[str]) -> str:
    """Say that some are not what others are."""
    said = listed(names) if len(names) <= FEW else f"the other {len(names)}"
    return f"{said} {'is' if len(names) == 1 else 'are'} not"


def _by_evidence(result: ComparisonNumbers) -> str:
    outside = result.of_priors[~result.of_priors["in_evidence_set"].astype(bool)]
    text = f"By evidence {result.best} is first{_beside(result.evidence_set)}"
    if outside.empty:
        return f"{text}."
    next_one, last = outside.iloc[0], outside.iloc[-1]
    text += f"; {next_one['prior']} lies {_below(next_one)} nats below"
    if len(outside) > 1:
        text += f", {last['prior']} {_below(last)}"
    return f"{text}.{_uncertain(result)}"


def _uncertain(result: ComparisonNumbers) -> str:
    """Say which priors cannot be told from the best because it is uncertain how far they lie."""
    rows = result.of_priors[result.of_priors["prior"].isin(result.uncertain_set)]
    if rows.empty:
        return ""
    said = listed([f"{row['prior']} ({_below(row)} nats below)" for _, row in rows.iterrows()])
    lie = "lies" if len(rows) == 1 else "lie"
    return f" {said} {lie} farther off than others that can be told, but how far is uncertain."


def _below(row: Any) -> str:
    error = row["below_error"]
    return f"{rounded(row['below'], error)} ± {rounded(error, error)}"


def _by_errors(result: ComparisonNumbers) -> str:
    rows = result.of_priors.sort_values("rmse", kind="stable")
    first, *_ = result.held_out_set
    text = f"By held-out error {first} is first{_beside(result.held_out_set)}"
    outside = rows[~rows["in_held_out_set"].astype(bool) & (rows["prior"] != result.best)]
    if outside.empty:
        return f"{text}."
    last = outside.iloc[-1]
    cost = cost_in_words(last)
    return f"{text}; {last['prior']} costs {cost} against {result.best}."


def _beside(names: Sequence[str]) -> str:
    """Say which others cannot be told from the first one."""
    others = names[1:]
    if not others:
        return ", and no other can be the best"
    said = listed(others) if len(others) <= FEW else f"{len(others)} others"
    return f", and {said} cannot be told from it"


def _memory(result: ComparisonNumbers) -> str:
    row = result.of_priors.iloc[0]
    if np.isnan(row["prior_memory"]):
        return "The data alone do not say how long a memory is needed."
    level = short_percent(result.design.level)
    prior = _lags(row["prior_memory_low"], row["prior_memory_high"])
    fit = _lags(row["memory_low"], row["memory_high"])
    return (
        f"Under {result.best} the data support a memory to {fit} ({level}); the prior by itself, "
        f"with the hyperparameters that they support, reaches to {prior}."
    )


def _lags(low: float, high: float) -> str:
    return f"lag {low:.0f}" if low == high else f"between lag {low:.0f} and {high:.0f}"
