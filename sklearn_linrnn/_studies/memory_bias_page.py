"""The study as a page: one file of HTML that needs no other, for screens, phones and paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn_linrnn._studies.memory_bias_display import MemoryBiasDisplay
from sklearn_linrnn._studies.memory_bias_numbers import MemoryBiasNumbers
from sklearn_linrnn._studies.memory_bias_report import EXPLAINED, SHORT, cells
from sklearn_linrnn._studies.memory_bias_summary import sentences
from sklearn_linrnn._studies.report_page import call_text, draw_pictures, load_template
from sklearn_linrnn._studies.study_models import HELD_OUT, N_WATCHED, PATIENCE
from sklearn_linrnn._studies.study_remarks import describe_treatment
from sklearn_linrnn._studies.study_text import cost_in_words, moment, short_percent
from sklearn_linrnn._studies.study_trials import FLAT
from sklearn_linrnn._studies.whole_file import replace_file

TEMPLATE = "memory_bias.html.jinja"
TITLES = {
    "costs": "The memory bias costs accuracy",
    "helps": "The memory bias helps",
    "no difference": "No difference can be told",
    "nothing to learn": "There is nothing to learn",
}
CAPTIONS = {
    "plot_cost": "What it costs: the error of the networks against that of the flat convolution, "
    "with intervals, and that of their infinite-width limit, by their initial variance.",
    "plot_memory": "How far it remembers: the lag that holds 90 % of the energy of the prior and "
    "of the networks' fit, and the interval that the data support.",
    "plot_curve": "When training stops: the cost of the infinite-width limit after as many "
    "iterations of gradient descent, and of the networks where they stopped.",
}


def write_page(result: MemoryBiasNumbers, path: Path, command: str | None = None) -> None:
    """Write the page of a study; the file is there whole, or not at all."""
    replace_file(path, render_page(result, command))


def render_page(result: MemoryBiasNumbers, command: str | None = None) -> str:
    """Return the page of a study as HTML.

    Parameters
    ----------
    result : MemoryBiasNumbers
        The study.
    command : str, default=None
        What was typed; ``None`` for a call in Python.

    Returns
    -------
    page : str
    """
    template = load_template(TEMPLATE)
    verdict, *others = sentences(result)
    nulls = result.table.loc[result.table["n_iter"].isna(), "model"]
    return template.render(
        design=result.design,
        title=TITLES[result.verdict],
        verdict=verdict,
        others=others,
        pictures=draw_pictures(CAPTIONS, MemoryBiasDisplay.from_result(result)),
        rows=cells(result),
        explained={SHORT[name]: EXPLAINED[name] for name in (FLAT, *nulls)},
        parts=[_part_row(part) for part in result.parts.itertuples()],
        treatment=describe_treatment(result.data, result.design),
        n_tested=len(result.errors),
        level=short_percent(result.design.level),
        held_out=f"{HELD_OUT:.0%}",
        patience=PATIENCE,
        n_watched=min(N_WATCHED, result.design.n_seeds),
        again=command or make_call(result),
    )


def _part_row(part: Any) -> tuple[str, ...]:
    has_cost = part.cost_low < part.cost_high
    return (
        f"{moment(part.first)} to {moment(part.last)}",
        str(part.n_train),
        f"{part.nu_w:g}",
        cost_in_words(part) if has_cost else "",
        part.verdict_without,
    )


def make_call(result: MemoryBiasNumbers) -> str:
    """Return the call in Python that gives the same again."""
    design = result.design
    parameters = {
        "n_lags": design.n_lags,
        "nu_w": design.nu_w,
        "n_hidden": design.n_hidden,
        "n_seeds": design.n_seeds,
        "max_iter": design.max_iter,
        "n_splits": design.n_splits,
        "season": design.season,
        "log": design.treatment.log,
        "difference": design.treatment.difference,
        "level": design.level,
        "random_state": design.random_state,
    }
    return call_text("memory_bias", design.has_inputs, parameters)
