"""A comparison of priors for the terminal: its table and what it says."""

from __future__ import annotations

import math
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from sklearn_linrnn._studies.prior_comparison.comparison_numbers import ComparisonNumbers
from sklearn_linrnn._studies.prior_comparison.summary import comparison_sentences
from sklearn_linrnn._studies.study_text import percent, percent_interval, rounded, short_percent
from sklearn_linrnn._studies.terminal_report import SHORT_NULLS, WITHOUT_MODEL, print_study


def print_comparison(result: ComparisonNumbers) -> None:
    """Print the result of `compare_priors`."""
    print_study(_make_table(result), comparison_legend(result), comparison_sentences(result))


def _make_table(result: ComparisonNumbers) -> Table:
    title = f"Priors on {escape(result.design.name)}, {result.design.n_lags} lags"
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True,
        pad_edge=False, show_edge=False,
    )  # fmt: skip
    table.add_column("\nprior", overflow="fold")
    for heading in comparison_headings(result):
        table.add_column("\n".join(heading), justify="right", no_wrap=True)
    n_priors = len(result.of_priors)
    for index, (name, *row) in enumerate(comparison_cells(result)):
        table.add_row(escape(name), *row, end_section=index == n_priors - 1)
    return table


def comparison_headings(result: ComparisonNumbers) -> list[tuple[str, str]]:
    """Return the headings of the columns behind the names, in two lines."""
    level = short_percent(result.design.level)
    return [
        ("evidence", "nats"), ("", "±"), ("cost", "%"), ("", level), ("memory", "prior"),
        ("", level), ("", "fit"), ("", level),
    ]  # fmt: skip


def comparison_cells(result: ComparisonNumbers) -> list[tuple[str, ...]]:
    """Return the rows of the table as they are printed."""
    rows: list[tuple[str, ...]] = [
        (row.prior, *_evidence(row), *_cost(row), *_memory(row))
        for row in result.of_priors.itertuples()
    ]
    nulls = result.table[result.table["evidence"].isna()]
    return rows + [
        (SHORT_NULLS[row.prior], "", "", *_cost(row), "", "", "", "") for row in nulls.itertuples()
    ]


def _star(is_in: Any) -> str:
    return "*" if is_in is True else " "


def _evidence(row: Any) -> tuple[str, str]:
    error, mark = row.below_error, _star(row.in_evidence_set)
    if error == 0.0:  # the first one, and those that are the same
        return f"0{mark}", ""
    text = rounded(-row.below, error)
    is_nothing = float(text) == 0.0  # to these digits, which has no sign
    return f"{text.lstrip('-') if is_nothing else text}{mark}", rounded(error, error)


def _cost(row: Any) -> tuple[str, str]:
    mark = _star(row.in_held_out_set)
    if math.isnan(row.cost):
        return mark, ""
    bounds = row.cost_low, row.cost_high
    interval = percent_interval(*bounds) if row.cost_low < row.cost_high else ""
    return f"{percent(row.cost, *bounds)}{mark}", interval


def _memory(row: Any) -> tuple[str, ...]:
    """Return the memory of the prior and of the fit, each with its interval."""
    if math.isnan(row.fit_memory):
        return "", "", "", ""
    return (
        f"{row.prior_memory:.0f}", f"{row.prior_memory_low:.0f}-{row.prior_memory_high:.0f}",
        f"{row.fit_memory:.0f}", f"{row.memory_low:.0f}-{row.memory_high:.0f}",
    )  # fmt: skip


def comparison_legend(result: ComparisonNumbers) -> str:
    """Return what the columns are."""
    level = short_percent(result.design.level)
    first = result.of_priors.iloc[0]
    error = first["rmse_error"]
    root = f"{rounded(first['rmse'], error)} ± {rounded(error, error)}"
    text = f"""\
evidence  logarithm of the probability of the series, against the highest; ±:
          standard error over time. Under white Gaussian noise 3 nats are
          strong, 5 very strong
cost      RMSE one step ahead, on {len(result.errors)} steps that each follow a training part,
          against that of {result.best}, {root}; {level}: over blocks of time
*         among the best by that: {level} model confidence set
memory    lag that holds 90 % of the energy, of the prior and of its fit;
          {level}: with what is uncertain of both; lag 0 is the newest input
"""
    nulls = result.table.loc[result.table["evidence"].isna(), "prior"]
    return text + "".join(f"{SHORT_NULLS[name]:10}{WITHOUT_MODEL[name]}\n" for name in nulls)
