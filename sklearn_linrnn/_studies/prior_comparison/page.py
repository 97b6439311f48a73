"""A comparison of priors as a page: one file of HTML that needs no other."""

from __future__ import annotations

from pathlib import Path

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._studies.prior_comparison.comparison_numbers import ComparisonNumbers
from sklearn_linrnn._studies.prior_comparison.display import PriorComparisonDisplay
from sklearn_linrnn._studies.prior_comparison.report import comparison_cells
from sklearn_linrnn._studies.prior_comparison.summary import comparison_sentences
from sklearn_linrnn._studies.report_page import call_text, draw_pictures, load_template
from sklearn_linrnn._studies.study_remarks import describe_treatment
from sklearn_linrnn._studies.study_text import moment, rounded, short_percent
from sklearn_linrnn._studies.terminal_report import SHORT_NULLS, WITHOUT_MODEL
from sklearn_linrnn._studies.whole_file import replace_file

COMPARISON_TEMPLATE = "prior_comparison.html.jinja"
HEADLINES = {
    "difference": "Some memories suit better than others",
    "no difference": "It cannot be told which memory suits",
    "nothing to learn": "There is nothing to learn",
}
SHOWN = {
    "plot_energies": "What each favours: the share of the prior's energy by lag, with the "
    "hyperparameters of the highest evidence; those that are among the best by both measures "
    "in colour.",
    "plot_evidence": "By evidence: the logarithm of the probability of the series against the "
    "highest, with intervals over time.",
    "plot_errors": "By held-out error: root mean square errors one step ahead against that of the "
    "prior of the highest evidence, with intervals over blocks of time.",
}


def write_comparison(result: ComparisonNumbers, path: Path, command: str | None = None) -> None:
    """Write the page of a comparison; the file is there whole, or not at all."""
    replace_file(path, render_comparison(result, command))


def render_comparison(result: ComparisonNumbers, command: str | None = None) -> str:
    """Return the page of a comparison as HTML.

    Parameters
    ----------
    result : ComparisonNumbers
        The comparison.
    command : str, default=None
        What was typed; ``None`` for a call in Python.

    Returns
    -------
    page : str
    """
    verdict, *others = comparison_sentences(result)
    first, nulls = result.of_priors.iloc[0], result.table["evidence"].isna()
    error = first["rmse_error"]
    return load_template(COMPARISON_TEMPLATE).render(
        design=result.design,
        title=HEADLINES[result.verdict],
        verdict=verdict,
        others=others,
        pictures=draw_pictures(SHOWN, PriorComparisonDisplay.from_result(result)),
        rows=comparison_cells(result),
        n_priors=len(result.of_priors),
        best=result.best,
        rmse=f"{rounded(first['rmse'], error)} ± {rounded(error, error)}",
        explained={
            SHORT_NULLS[name]: WITHOUT_MODEL[name] for name in result.table.loc[nulls, "prior"]
        },
        priors={label: describe_prior(prior) for label, prior in result.priors.items()},
        parts=[
            (f"{moment(part.first)} to {moment(part.last)}", str(part.n_train), part.prior)
            for part in result.parts.itertuples()
        ],
        treatment=describe_treatment(result.data, result.design),
        n_tested=len(result.errors),
        level=short_percent(result.design.level),
        again=command or make_comparison_call(result),
    )


def describe_prior(prior: LagPrior) -> str:
    """Return a prior with its hyperparameters, to three digits.

    >>> from sklearn_linrnn.priors import DC
    >>> describe_prior(DC(0.61803, 0.5))
    'DC: nu_w 0.618, correlation 0.5'
    """
    values = [f"{name} {value:.3g}" for name, value in prior.hyperparameters.items()]
    return f"{type(prior).__name__}: {', '.join(values)}" if values else type(prior).__name__


def make_comparison_call(result: ComparisonNumbers) -> str:
    """Return the call in Python that gives the same again."""
    design = result.design
    parameters = {
        "priors": design.priors,
        "n_lags": design.n_lags,
        "n_splits": design.n_splits,
        "season": design.season,
        "log": design.treatment.log,
        "difference": design.treatment.difference,
        "level": design.level,
        "random_state": design.random_state,
    }
    return call_text("compare_priors", design.has_inputs, parameters)
