"""What all pictures share: colours, axes, and the package that draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which colour-blind readers tell apart.
BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"

LAG = "lag, in time steps"
MOST_MARKERS = 60  # points of a curve, up to which each is marked
TITLE = "medium"  # size of titles: those of estimators fit above a narrow picture
SINGLE, PANEL, LEGEND = (5.2, 3.4), (3.2, 2.4), 0.6  # inches: text is readable on a phone


def load_pyplot(display: object) -> Any:
    """Return Matplotlib's pyplot, or say how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot needs Matplotlib: pip install 'sklearn-linrnn[plot]'."
        ) from error
    return plt


def make_axes(
    display: object,
    ax: Any,
    n_panels: int,
    n_columns: int = 1,
    *,
    n_stacked: int = 1,
    **options: Any,
) -> list[Axes]:
    """Return the axes of each panel: the given ones, or those of a new figure.

    Parameters
    ----------
    display : object
        Whose picture it is.
    ax : matplotlib.axes.Axes, array of them or None
        Axes to draw on.
    n_panels : int
        Number of panels.
    n_columns : int, default=1
        Number of panels side by side, in a new figure.
    n_stacked : int, default=1
        Number of axes in a panel, one below the other; they follow one another.
    **options : Any
        Of `matplotlib.pyplot.subplots`.
    """
    plt = load_pyplot(display)
    if ax is not None:
        return _check_axes(ax, n_panels * n_stacked)
    n_rows = -(-n_panels // n_columns)
    width, height = SINGLE if n_panels * n_stacked == 1 else PANEL
    size = max(width * n_columns, SINGLE[0]), height * n_rows * n_stacked + LEGEND
    figure, grid = plt.subplots(
        n_rows * n_stacked, n_columns, squeeze=False, figsize=size, layout="constrained", **options
    )
    panels = grid.reshape(n_rows, n_stacked, n_columns).swapaxes(1, 2).reshape(-1, n_stacked)
    for unused in panels[n_panels:].flat:
        figure.delaxes(unused)
    for lowest in panels[max(n_panels - n_columns, 0) : n_panels, -1]:
        lowest.tick_params(labelbottom=True)
    return list(panels[:n_panels].flat)


def add_legend(axes: list[Axes], *, is_new: bool, n_columns: int = 2) -> None:
    """Say once what all panels show: below those of a new figure, where it hides nothing."""
    if not is_new:
        axes[0].legend(fontsize="small")
        return
    handles, labels = axes[0].get_legend_handles_labels()
    place: dict[str, Any] = {"loc": "outside lower center", "ncols": n_columns}
    axes[0].figure.legend(handles, labels, frameon=False, **place)


def label_lags(axes: list[Axes], quantity: str, n_columns: int = 1) -> None:
    """Label the axes of quantities against the lag: the lags below the lowest panels alone."""
    for ax in axes:
        ax.set_ylabel(quantity)
        ax.locator_params(axis="x", integer=True)
    for ax in axes[-n_columns:]:
        ax.set_xlabel(LAG)


def _check_axes(ax: Any, n_panels: int) -> list[Axes]:
    axes: list[Axes] = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != n_panels:
        raise ValueError(
            f"ax must have an axes for each of {n_panels} panels, but got {len(axes)}."
        )
    return axes


def marker(curve: NDArray) -> str:
    """Return the marker of the points of a curve: none if there are many."""
    return "." if len(curve) <= MOST_MARKERS else ""


def as_percent(share: float) -> str:
    """Return a share as a label says it."""
    return f"{100 * share:g} %"


def posterior_label(coverage: float, predictability: float, of: str = "") -> str:
    """Return how a band of the posterior is labelled: residuals that are not white are named."""
    band = f"posterior{of}, {as_percent(coverage)}"
    if predictability == 0:
        return band
    return f"{band} (residuals {as_percent(round(predictability, 2))} predictable)"
