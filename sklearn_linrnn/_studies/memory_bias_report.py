"""The study's table and what it says, for the terminal."""

from __future__ import annotations

import math

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sklearn_linrnn._studies.memory_bias import FLAT, LIMIT, RNN, SCALED

LEGEND = """\
error   RMSE one step ahead, on the steps that follow each training part
cost    the RNN's error against that of the flat convolution, which has no bias
memory  lag that holds 90 % of the energy of the prior, and of the fit; lag 0 is
        the newest input
gap     distance of the RNN's impulse response from its infinite-width limit's
"""


def print_report(frame: pd.DataFrame, name: str, n_lags: int) -> None:
    """Print the result of `memory_bias` on the series called ``name``."""
    console = Console(highlight=False)
    console.print(make_table(frame, name, n_lags))
    console.print(LEGEND, style="dim")
    console.print(escape(describe(frame, name)), style="bold")


def make_table(frame: pd.DataFrame, name: str, n_lags: int) -> Table:
    """Return the study's table, one row for each ``nu_w`` and one without bias."""
    table = Table(title=f"Memory bias on {escape(name)}, {n_lags} lags", title_justify="left")
    for heading in (
        "nu_w",
        "error\nRNN",
        "\nlimit",
        "\nconvolution",
        "\ncost",
        "memory\nprior",
        "\nfit",
        "\ngap",
    ):
        table.add_column(heading, justify="right")
    decimals = max(0, 3 - math.floor(math.log10(frame["rmse"].max() or 1.0)))
    by_model = {model: rows.set_index("nu_w") for model, rows in frame.groupby("model")}
    for nu_w, rnn in by_model[RNN].iterrows():
        errors = (by_model[model].loc[nu_w, "rmse"] for model in (RNN, LIMIT, SCALED))
        table.add_row(
            f"{nu_w:g}",
            *(f"{error:.{decimals}f}" for error in errors),
            "" if math.isnan(rnn["cost"]) else f"{rnn['cost']:+.1%}",
            str(rnn["prior_memory"]),
            str(rnn["fit_memory"]),
            f"{rnn['gap']:.1%}",
        )
    flat = by_model[FLAT].iloc[0]
    memory = (str(flat["prior_memory"]), str(flat["fit_memory"]))
    table.add_section()
    table.add_row("flat", "", "", f"{flat['rmse']:.{decimals}f}", "", *memory, "")
    return table


def describe(frame: pd.DataFrame, name: str) -> str:
    """Return in words what the bias costs.

    Parameters
    ----------
    frame : pandas.DataFrame
        Result of `memory_bias`.
    name : str
        Name of the series.

    Returns
    -------
    text : str
    """
    rnn = frame[frame["model"] == RNN]
    if rnn["cost"].isna().any():
        return f"On {name}, the convolution without bias makes no error: there is nothing to cost."
    shortest = rnn.loc[rnn["nu_w"].idxmin()]
    best = rnn.loc[rnn["rmse"].idxmin()]
    strongest = ", where its bias to short memory is strongest," if len(rnn) > 1 else ""
    text = (
        f"On {name}, a linear RNN that starts at nu_w = {shortest['nu_w']:g}{strongest} has "
        f"an error {_relative(shortest['cost'])} that of a convolution without bias. "
    )
    if best["nu_w"] != shortest["nu_w"]:
        text += (
            f"Its best start here is nu_w = {best['nu_w']:g}, with an error "
            f"{_relative(best['cost'])} it; the memory that it uses then reaches to lag "
            f"{best['fit_memory']}, against {shortest['fit_memory']}."
        )
    elif len(rnn) > 1 and best["cost"] <= 0:
        text += f"No weaker bias does better here: a memory to lag {best['fit_memory']} is enough."
    else:
        text += f"The memory that it uses reaches to lag {best['fit_memory']}."
    return text


def _relative(cost: float) -> str:
    if f"{abs(cost):.1%}" == "0.0%":
        return "equal to"
    return f"{abs(cost):.1%} {'above' if cost > 0 else 'below'}"
