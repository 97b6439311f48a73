"""An identified system as a page: one file of HTML that needs no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn_linrnn._studies.identification.identified_system import IdentifiedSystem
from sklearn_linrnn._studies.identification.panels import panels_picture
from sklearn_linrnn._studies.identification.simulation_picture import draw_simulation
from sklearn_linrnn._studies.identification.system_report import (
    input_cells,
    input_headings,
    test_cells,
)
from sklearn_linrnn._studies.identification.system_sentences import system_sentences, title_of
from sklearn_linrnn._studies.report_page import load_template, picture
from sklearn_linrnn._studies.study_text import listed
from sklearn_linrnn._studies.whole_file import replace_file
from sklearn_linrnn.inspection import (
    FrequencyResponseDisplay,
    ImpulseResponseDisplay,
    StepResponseDisplay,
)
from sklearn_linrnn.inspection._pictures import as_percent

TEMPLATE = "identification.html.jinja"
WIDE = (9.0, 3.4)  # inches


def write_system_page(system: IdentifiedSystem, path: Path, command: str) -> None:
    """Write the page of a system; the file is there whole, or not at all."""
    replace_file(path, render_system(system, command))


def render_system(system: IdentifiedSystem, command: str) -> str:
    """Return the page of a system as HTML.

    Parameters
    ----------
    system : IdentifiedSystem
        The system.
    command : str
        What was typed.

    Returns
    -------
    page : str
    """
    template = load_template(TEMPLATE)
    verdict, *others = system_sentences(system)
    return template.render(
        system=system,
        inputs=listed([str(name) for name in system.inputs.index]),
        title=title_of(system),
        verdict=verdict,
        others=others,
        headings=input_headings(system),
        rows=input_cells(system),
        tests=test_cells(system),
        held_out=as_percent(system.design.held_out),
        chosen=_chosen(system),
        simulated=[_simulation(system)],
        responses=_responses(system),
        residuals=[_residuals(system)],
        again=command,
    )


def _chosen(system: IdentifiedSystem) -> str:
    """Return what else was chosen by the evidence."""
    design = system.design
    names = {"n_lags": "its number of lags", "delay": "its delay"}
    chosen = [words for name, words in names.items() if getattr(design, name) == "auto"]
    chosen += ["the colour of the noise"] if design.noise == "ar" else []
    return f", {listed(chosen)}" if chosen else ""


def _simulation(system: IdentifiedSystem) -> dict[str, str]:
    caption = (
        f"{system.target} on the held-out end, and its simulation from the inputs alone with the "
        f"band of {as_percent(system.held_out.level)}."
    )

    def draw(figure: Any) -> None:
        draw_simulation(figure.add_subplot(), system.held_out, system.target, system.unit)

    return picture(caption, draw, WIDE)


def _responses(system: IdentifiedSystem) -> list[list[dict[str, str]]]:
    """Return the pictures of the responses: of one input side by side, else below each other."""
    n_inputs, level = len(system.inputs), system.design.level
    options = {"coverage": level, "sampling_time": system.unit.step}
    bands = f"with bands of {as_percent(level)}"
    kinds: list[tuple[Any, str, int]] = [
        (ImpulseResponseDisplay, f"Impulse responses, {bands}.", 1),
        (StepResponseDisplay, f"Step responses, {bands}.", 1),
        (FrequencyResponseDisplay, f"Frequency responses, {bands}.", 2),
    ]
    pictures = [
        panels_picture(caption, kind.from_estimator(system.model, **options), n_inputs, n_stacked)
        for kind, caption, n_stacked in kinds
    ]
    return [pictures] if n_inputs == 1 else [[each] for each in pictures]


def _residuals(system: IdentifiedSystem) -> dict[str, str]:
    n_panels = 1 + len(system.inputs)
    caption = "Correlations of the residuals with each other and with the inputs, lag by lag."
    return panels_picture(caption, system.residuals, n_panels)
