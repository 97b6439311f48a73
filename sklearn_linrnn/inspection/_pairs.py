"""Pictures with a panel for each pair of an output and what it is related to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.inspection._pictures import TITLE, add_legend, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 3  # panels side by side


def draw_pairs(
    display: Any,
    ax: Any,
    n_outputs: int,
    sources: Sequence[str],
    draw: Callable[[list[Axes], int, int], None],
    *,
    title: str,
    labels: Sequence[str],
    n_stacked: int = 1,
) -> None:
    """Draw a panel for each output and source, and keep the axes with the display.

    Parameters
    ----------
    display : object
        Whose picture it is; gets ``ax_``, ``axes_`` and ``figure_``.
    ax : matplotlib.axes.Axes, array of them or None
        Axes to draw on: those of each panel one after another.
    n_outputs : int
        Number of outputs.
    sources : sequence of str
        Names of what each output is related to.
    draw : callable
        Draws on the axes of a panel, given the numbers of the output and of the source.
    title : str
        Title of a single panel; several say which pair they are.
    labels : sequence of str
        Label of the horizontal axis, then those of the vertical axes of a panel.
    n_stacked : int, default=1
        Number of axes in a panel, one below the other.
    """
    n_panels, n_columns = n_outputs * len(sources), min(len(sources), MOST_COLUMNS)
    axes = make_axes(display, ax, n_panels, n_columns, n_stacked=n_stacked, sharex=True)
    panels = [axes[first : first + n_stacked] for first in range(0, len(axes), n_stacked)]
    pairs = itertools.product(range(n_outputs), range(len(sources)))
    for panel, (output, source) in zip(panels, pairs, strict=True):
        draw(panel, output, source)
        name = sources[source] if n_outputs == 1 else f"output {output} from {sources[source]}"
        panel[0].set_title(title if n_panels == 1 else name, fontsize=TITLE)
        for each, label in zip(panel, labels[1:], strict=True):
            each.set_ylabel(label)
    for panel in panels[-n_columns:]:
        panel[-1].set_xlabel(labels[0])
    add_legend(axes, is_new=ax is None)
    display.ax_, display.axes_, display.figure_ = axes[0], np.array(axes), axes[0].figure


def frame_of_pairs(
    columns: dict[str, NDArray], n_outputs: int, sources: Sequence[str], **points: NDArray
) -> pd.DataFrame:
    """Return numbers ``(n_outputs, n_sources, n_points)`` with a row for each.

    Parameters
    ----------
    columns : dict of ndarray
        The numbers; arrays that have a shape of ones in front are the same for all pairs.
    n_outputs : int
        Number of outputs.
    sources : sequence of str
        Names of the channels.
    **points : ndarray of shape (n_points,)
        Name and values of the last level of the index.
    """
    ((name, values),) = points.items()
    index = pd.MultiIndex.from_product(
        [range(n_outputs), sources, values], names=["output", "channel", name]
    )
    shape = n_outputs, len(sources), len(values)
    return pd.DataFrame(
        {column: np.broadcast_to(array, shape).ravel() for column, array in columns.items()}, index
    )


def numbered_channels(n_channels: int, names: Sequence[str] | None) -> list[str]:
    """Return the names of channels, numbers if there are none."""
    numbers = [f"channel {number}" for number in range(n_channels)]
    return numbers if names is None else list(names)
