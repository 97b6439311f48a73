"""What pages of studies share: their template and their pictures, in one file of HTML."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

DARK_PAGE, DARK_TEXT = "#16181d", "#d8dbe2"
DARK: dict[Any, Any] = {
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "legend.facecolor"), DARK_PAGE),
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), DARK_TEXT
    ),
}  # settings of Matplotlib
SIZE = (5.2, 4.0)  # inches of a picture
LEGIBLE = 4.2  # rem for an inch of a wider picture, which a phone moves along


def load_template(name: str) -> Template:
    """Return a page without its contents; raise where what a report needs is not there."""
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
    environment.globals |= {
        "version": version("sklearn-linrnn"),
        "dark_page": DARK_PAGE,
        "dark_text": DARK_TEXT,
    }
    return environment.get_template(name)


def call_text(function: str, has_inputs: bool, parameters: Mapping[str, Any]) -> str:
    """Return the call in Python that gives the same again."""
    given = "y, X" if has_inputs else "y"
    lines = [f"    {name}={value!r}," for name, value in parameters.items()]
    return "\n".join([f"{function}(", f"    {given},", *lines, ")"])


def draw_pictures(captions: Mapping[str, str], display: object) -> list[dict[str, str]]:
    """Return the pictures that methods of a display draw on an axes, and what they show.

    Parameters
    ----------
    captions : mapping of str to str
        What each picture shows, by the name of the method.
    display : object
        Whose methods draw.

    Returns
    -------
    pictures : list of dict
        With ``caption``, and the picture for ``light`` and ``dark`` pages.
    """
    return [picture(caption, _on_one(getattr(display, name))) for name, caption in captions.items()]


def _on_one(draw: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return what draws on a figure with one axes."""
    return lambda figure: draw(figure.add_subplot())


def picture(
    caption: str, draw: Callable[[Any], None], size: tuple[float, float] = SIZE
) -> dict[str, str]:
    """Return a picture for light and for dark pages, and what it shows.

    Parameters
    ----------
    caption : str
        What it shows.
    draw : callable
        Draws on a figure.
    size : tuple of float
        Width and height in inches.
    """
    return {
        "caption": caption,
        "least_width": f"{LEGIBLE * size[0]:g}rem" if size[0] > SIZE[0] else "0",
        "light": _as_address(draw, size, {}),
        "dark": _as_address(draw, size, DARK),
    }


def _as_address(
    draw: Callable[[Any], None], size: tuple[float, float], style: dict[Any, Any]
) -> str:
    """Return a picture as an address that holds it."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # A constant salt: what is the same is the same text.
    with rc_context({"svg.hashsalt": "sklearn-linrnn", "font.size": 11, **style}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        text = io.BytesIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(text.getvalue()).decode()}"
