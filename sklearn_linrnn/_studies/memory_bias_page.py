"""The study as a page: one file of HTML that needs no other, for screens, phones and paper."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn_linrnn._studies.memory_bias_display import MemoryBiasDisplay
from sklearn_linrnn._studies.memory_bias_numbers import MemoryBiasNumbers
from sklearn_linrnn._studies.memory_bias_report import EXPLAINED, SHORT, cells
from sklearn_linrnn._studies.memory_bias_summary import sentences
from sklearn_linrnn._studies.study_models import HELD_OUT, N_WATCHED, PATIENCE
from sklearn_linrnn._studies.study_text import cost_in_words, moment
from sklearn_linrnn._studies.study_trials import FLAT
from sklearn_linrnn._studies.whole_file import replace_file

if TYPE_CHECKING:
    from jinja2 import Template

TITLES = {
    "costs": "The memory bias costs accuracy",
    "helps": "The memory bias helps",
    "no difference": "No difference can be told",
    "nothing to learn": "There is nothing to learn",
}
DARK_PAGE, DARK_TEXT = "#16181d", "#d8dbe2"
DARK: dict[Any, Any] = {
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "legend.facecolor"), DARK_PAGE),
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), DARK_TEXT
    ),
}  # settings of Matplotlib
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
    template = load_template()
    verdict, *others = sentences(result)
    nulls = result.table.loc[result.table["n_iter"].isna(), "model"]
    return template.render(
        design=result.design,
        title=TITLES[result.verdict],
        verdict=verdict,
        others=others,
        pictures=draw_pictures(MemoryBiasDisplay.from_result(result)),
        rows=cells(result),
        explained={SHORT[name]: EXPLAINED[name] for name in (FLAT, *nulls)},
        parts=[_part_row(part) for part in result.parts.itertuples()],
        treatment=describe_treatment(result),
        n_tested=len(result.errors),
        level=f"{result.design.level:.0%}",
        held_out=f"{HELD_OUT:.0%}",
        patience=PATIENCE,
        n_watched=min(N_WATCHED, result.design.n_seeds),
        again=command or make_call(result),
        version=version("sklearn-linrnn"),
        dark_page=DARK_PAGE,
        dark_text=DARK_TEXT,
    )


def load_template() -> Template:
    """Return the page without its contents; raise where what a report needs is not there."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        import_module("matplotlib")
    except ImportError as error:
        raise ImportError(
            "A report needs Jinja2 and Matplotlib: pip install 'sklearn-linrnn[report]'."
        ) from error
    environment = Environment(
        loader=PackageLoader("sklearn_linrnn", "_studies"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("memory_bias.html.jinja")


def draw_pictures(display: MemoryBiasDisplay) -> list[dict[str, str]]:
    """Return each picture as an address, for light and for dark pages, and what it shows."""
    draws = {name: getattr(display, name) for name in CAPTIONS}
    return [
        {
            "caption": CAPTIONS[name],
            "light": draw_picture(draw, {}),
            "dark": draw_picture(draw, DARK),
        }
        for name, draw in draws.items()
    ]


def draw_picture(draw: Callable[[Any], None], style: dict[Any, Any]) -> str:
    """Return a picture as an address that holds it."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # A constant salt: what is the same is the same text.
    with rc_context({"svg.hashsalt": "sklearn-linrnn", "font.size": 11, **style}):
        figure = Figure(figsize=(5.2, 4.0), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        text = io.BytesIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(text.getvalue()).decode()}"


def _part_row(part: Any) -> tuple[str, ...]:
    has_cost = part.cost_low < part.cost_high
    return (
        f"{moment(part.first)} to {moment(part.last)}",
        str(part.n_train),
        f"{part.nu_w:g}",
        cost_in_words(part) if has_cost else "",
        part.verdict_without,
    )


def describe_treatment(result: MemoryBiasNumbers) -> list[str]:
    """Return what was done to the data, in sentences."""
    treatment, data = result.design.treatment, result.data
    said = []
    if treatment.log:
        said.append("Logarithms of the series were taken; all errors are those of logarithms.")
    if treatment.difference:
        inputs = " and of its inputs" if result.design.has_inputs else ""
        said.append(f"Differences of neighbouring time steps of the series{inputs} were taken.")
    if not said:
        said.append("The series was taken as it is: no logarithms, no differences.")
    n_lags, n_channels = data.windows.shape[1:]
    source = f"{n_channels} inputs" if result.design.has_inputs else "its own past"
    said += [
        f"{len(data.targets)} values have a window of {n_lags} time steps of {source} before them "
        "without a gap; the others were left out.",
        "In each training part, inputs and targets were standardised by their mean and standard "
        "deviation there; all lags share one scale.",
    ]
    return said


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
    given = "y, X" if design.has_inputs else "y"
    lines = [f"    {name}={value!r}," for name, value in parameters.items()]
    return "\n".join(["memory_bias(", f"    {given},", *lines, ")"])
