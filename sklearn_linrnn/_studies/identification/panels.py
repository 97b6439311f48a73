"""Panels of displays on a figure of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn_linrnn._studies.report_page import picture

WIDTH, HEIGHT = 3.6, 2.6  # inches of a panel
MOST_COLUMNS = 3


def panels_picture(caption: str, display: Any, n_panels: int, n_stacked: int = 1) -> dict[str, str]:
    """Return the picture of a display with several panels.

    Parameters
    ----------
    caption : str
        What it shows.
    display : object
        Its ``plot`` takes the axes of each panel one after another.
    n_panels : int
        Number of panels.
    n_stacked : int, default=1
        Number of axes in a panel, one below the other.
    """
    n_columns = min(n_panels, MOST_COLUMNS)
    n_rows = -(-n_panels // n_columns)
    size = WIDTH * n_columns + 1.0, HEIGHT * n_rows * n_stacked
    return picture(caption, _drawing(display, n_panels, n_stacked, (n_rows, n_columns)), size)


def _drawing(
    display: Any, n_panels: int, n_stacked: int, shape: tuple[int, int]
) -> Callable[[Any], None]:
    n_rows, n_columns = shape

    def draw(figure: Any) -> None:
        grid = figure.subplots(n_rows * n_stacked, n_columns, squeeze=False)
        panels = grid.reshape(n_rows, n_stacked, n_columns).swapaxes(1, 2).reshape(-1, n_stacked)
        for unused in panels[n_panels:].flat:
            unused.remove()
        display.plot(ax=panels[:n_panels].ravel())

    return draw
