"""The study's table and what it says, for the terminal."""

from __future__ import annotations

import math
from typing import Any

from rich.markup import escape
from rich.table import Table

from sklearn_linrnn._studies.memory_bias_numbers import MemoryBiasNumbers
from sklearn_linrnn._studies.memory_bias_summary import sentences
from sklearn_linrnn._studies.study_text import percent, percent_interval, rounded, short_percent
from sklearn_linrnn._studies.study_trials import FLAT, LIMIT, RNN
from sklearn_linrnn._studies.terminal_report import SHORT_NULLS, WITHOUT_MODEL, print_study

SHORT = {FLAT: "flat", **SHORT_NULLS}
EXPLAINED = {FLAT: "convolution without bias", **WITHOUT_MODEL}


def print_report(result: MemoryBiasNumbers) -> None:
    """Print the result of `memory_bias`."""
    print_study(make_table(result), legend(result), sentences(result))


def make_table(result: MemoryBiasNumbers) -> Table:
    """Return the study's table, one row for each ``nu_w``, and the others below."""
    title = f"Memory bias on {escape(result.design.name)}, {result.design.n_lags} lags"
    table = Table(title=title, title_justify="left")
    for heading in headings(result):
        table.add_column(heading, justify="right")
    rows = cells(result)
    for index, row in enumerate(rows):
        table.add_row(*row, end_section=index == len(result.design.nu_w) - 1)
    return table


def headings(result: MemoryBiasNumbers) -> tuple[str, ...]:
    """Return the headings of the columns, in two lines."""
    level = short_percent(result.design.level)
    return (
        "\nnu_w", "RMSE\nRNN", "\n±", "\nlimit", "cost, %\nRNN", f"\n{level} interval",
        "memory\nprior", "\nfit", f"\n{level}",
    )  # fmt: skip


def cells(result: MemoryBiasNumbers) -> list[tuple[str, ...]]:
    """Return the rows of the table as they are printed."""
    table = result.table
    limits = table[table["model"] == LIMIT].set_index("nu_w")
    rows: list[tuple[str, ...]] = []
    for row in table[table["model"] == RNN].itertuples():
        limit = limits.loc[row.nu_w]
        rows.append(
            (
                f"{row.nu_w:g}{' ' if row.is_lazy else '*'}",
                rounded(row.rmse, row.rmse_error),
                _spread(row),
                rounded(limit["rmse"], limit["rmse_error"]),
                *_cost(row),
                *_memory(row),
            )
        )
    for row in table[table["model"].isin(list(SHORT))].itertuples():
        cost = ("", "") if row.model == FLAT else _cost(row)
        rows.append(
            (SHORT[row.model], rounded(row.rmse, row.rmse_error), "", "", *cost, *_memory(row))
        )
    return rows


def _spread(row: Any) -> str:
    """Return the standard deviation over seeds, to the digits of the error over time."""
    if math.isnan(row.rmse_over_seeds):
        return ""
    decimals = len(rounded(row.rmse, row.rmse_error).partition(".")[2])
    return f"{row.rmse_over_seeds:.{decimals}f}"


def _cost(row: Any) -> tuple[str, str]:
    if math.isnan(row.cost):
        return "", ""
    bounds = row.cost_low, row.cost_high
    return percent(row.cost, *bounds), percent_interval(*bounds)


def _memory(row: Any) -> tuple[str, str, str]:
    if math.isnan(row.fit_memory):
        return "", "", ""
    known = "" if math.isnan(row.memory_low) else f"{row.memory_low:.0f}-{row.memory_high:.0f}"
    return f"{row.prior_memory:.0f}", f"{row.fit_memory:.0f}", known


def legend(result: MemoryBiasNumbers) -> str:
    """Return what the columns are."""
    level = short_percent(result.design.level)
    text = f"""\
nu_w    initial variance of the recurrent weights: the smaller, the shorter the
        memory that the network prefers
RMSE    one step ahead, on {len(result.errors)} steps that each follow a training part;
        RNN: mean of {result.design.n_seeds} networks, ± over them; limit: infinite width
cost    RMSE against that of the flat convolution, which has no bias; interval
        over blocks of time and over networks
memory  lag that holds 90 % of the energy, of the prior and of the network's
        fit; {level}: interval of the limit's posterior; lag 0 is the newest input
"""
    nulls = result.table.loc[result.table["n_iter"].isna(), "model"]
    for name in (FLAT, *nulls):
        text += f"{SHORT[name]:8}{EXPLAINED[name]}\n"
    if (result.table["is_lazy"] == False).any():  # noqa: E712 - NaN is neither
        text += (
            "*       moved far from its start (left the kernel regime), so that nu_w no\n"
            "        longer describes its memory\n"
        )
    return text
