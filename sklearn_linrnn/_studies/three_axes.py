"""The axes of pictures side by side, which the displays of studies share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn.inspection._pictures import load_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def three_axes(
    display: object, ax: Sequence[Axes] | None, title: str, height: float = 3.8
) -> NDArray:
    """Return the axes to draw on: the given ones, or those of a new figure.

    Parameters
    ----------
    display : object
        Whose pictures they are.
    ax : sequence of three matplotlib.axes.Axes or None
        Axes to draw on.
    title : str
        Title of a new figure.
    height : float, default=3.8
        Its height in inches.

    Returns
    -------
    axes : ndarray of three matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are not three.
    """
    if ax is None:
        plt = load_pyplot(display)
        figure, ax = plt.subplots(1, 3, figsize=(12, height), layout="constrained")
        figure.suptitle(title)
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != 3:
        raise ValueError(f"ax must be three axes, but got {len(axes)}.")
    return axes
