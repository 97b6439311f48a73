"""What an identification amounts to, in sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from sklearn_linrnn._studies.identification.identified_system import IdentifiedSystem
from sklearn_linrnn._studies.study_text import listed, rounded
from sklearn_linrnn.inspection._pictures import as_percent
from sklearn_linrnn.inspection._residual_tests import equals_p_value

IDENTIFIED, DOUBTFUL, NOTHING = (
    "The response is identified",
    "A response is identified, but the residuals object",
    "There is nothing to tell from noise",
)


def title_of(system: IdentifiedSystem) -> str:
    """Return the verdict in a few words."""
    if not system.held_out.has_learned:
        return NOTHING
    return DOUBTFUL if failed_tests(system)["failed"].any() else IDENTIFIED


def system_sentences(system: IdentifiedSystem) -> list[str]:
    """Return the sentences, the verdict first."""
    said = [_fit(system), _band(system), _noise(system), _idle(system)]
    if system.held_out.has_learned:
        said += [_delay(system), *_objections(system)]
    return [sentence for sentence in said if sentence]


def failed_tests(system: IdentifiedSystem) -> pd.DataFrame:
    """Return the tests of the residuals, and whether each fails, all of them counted (Holm)."""
    tests = system.residuals.tests.copy()
    known = tests["p_value"].notna().to_numpy()
    tests["failed"] = False
    if known.any():
        level = 1.0 - system.design.level
        tests.loc[known, "failed"] = multipletests(tests["p_value"][known], level, "holm")[0]
    return tests


def fit_in_words(system: IdentifiedSystem) -> str:
    """Return the fit in per cent, with its interval."""
    value, low, high = (100.0 * share for share in system.held_out.fit)
    error = (high - low) / 2.0
    return f"{rounded(value, error)} % ({rounded(low, error)} to {rounded(high, error)} %)"


def _fit(system: IdentifiedSystem) -> str:
    held_out, n_tested = system.held_out, len(system.held_out.frame)
    where = f"the last {n_tested:,} values of {system.target}, which it has not seen"
    if held_out.has_learned:
        return (
            f"Simulated from its inputs alone, the model follows {where}, with a fit of "
            f"{fit_in_words(system)}: 100 % is no error, 0 % the mean."
        )
    return (
        f"Simulated from its inputs alone, the model is not better than the mean on {where}: its "
        f"fit is {fit_in_words(system)}. What follows may be noise."
    )


def _band(system: IdentifiedSystem) -> str:
    share, error = system.held_out.covered
    held = f"Its bands of {as_percent(system.held_out.level)} hold {100.0 * share:.1f} % of them"
    if abs(share - system.held_out.level) <= 2.0 * error:
        return f"{held}, as they should (± {200.0 * error:.1f} % by chance)."
    amount = "few" if share < system.held_out.level else "many"
    return f"{held}, which is too {amount} (± {200.0 * error:.1f} % by chance)."


def _delay(system: IdentifiedSystem) -> str:
    delay = system.model.first_lag_
    if delay == 0 and system.design.delay == "auto":
        return "The inputs act at once: no delay has a higher evidence."
    chosen = ", as the evidence has it" if system.design.delay == "auto" else ""
    return f"The inputs take {system.unit.of(delay)} to act{chosen}." if delay else ""


def _noise(system: IdentifiedSystem) -> str:
    if system.design.noise == "white":
        return ""
    order = len(system.model.noise_coefficients_)
    if order == 0:
        return "The noise is taken for white: the evidence is for no memory of it."
    steps = system.unit.of(order)
    return f"The noise goes on from step to step: its autoregression reaches back {steps}."


def _idle(system: IdentifiedSystem) -> str:
    """Return which inputs nothing can be learned of."""
    if not system.idle:
        return ""
    verb, whose = ("does", "its") if len(system.idle) == 1 else ("do", "their")
    return (
        f"{listed(system.idle)} {verb} not vary before the held-out end: nothing is known of "
        f"{whose} effect."
    )


def _objections(system: IdentifiedSystem) -> list[str]:
    """Return a sentence for each kind of test of the residuals, what fails first."""
    tests = failed_tests(system)
    said = [
        _objection(tests[tests["test"] == test], *words)
        for test, words in OBJECTIONS.items()
        if test in set(tests["test"])
    ]
    return sorted(said, key=lambda sentence: sentence.startswith(PASSED))


PASSED = "The tests find no"
OBJECTIONS = {
    "whiteness": (
        "correlation of the residuals with those before",
        "Residuals go on from step to step, so that bands may be too narrow",
    ),
    "dynamics": (
        "trace of the inputs in the residuals",
        "Residuals still depend on {names}: the model lacks lags, or the system is not linear",
    ),
    "feedback": (
        "feedback",
        "Residuals tell what {names} will be: the output is fed back, or something drives both, "
        "and the response is not what the input does alone",
    ),
}


def _objection(tests: pd.DataFrame, nothing: str, objection: str) -> str:
    failed = tests[tests["failed"]]
    if not len(failed):
        least: Any = tests["p_value"].min()
        return f"{PASSED} {nothing}" + (
            "." if np.isnan(least) else f" (p {equals_p_value(least)})."
        )
    names = listed([str(name) for name in failed["input"]])
    return f"{objection.format(names=names)} (p {equals_p_value(failed['p_value'].max())})."
