"""The gap between networks and their limit against the width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_linrnn.inspection._ntk_gap import NTKGap, ntk_gap
from sklearn_linrnn.inspection._pictures import BLUE, GREEN, TITLE, VERMILION, add_legend, make_axes

# What the legend says of each, and how its curve looks: the total often hides behind its part.
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "total": ("distance", {"color": "black", "marker": "o", "ms": 9, "mfc": "none"}),
    "width": ("of it, by the width", {"color": BLUE, "marker": "s", "ms": 5}),
    "movement": ("of it, by movement", {"color": VERMILION, "marker": "^", "ms": 5}),
    "kernel": ("change of the kernel", {"color": GREEN, "marker": "D", "ms": 5}),
}


class NTKGapDisplay:
    """Distances between trained networks and their limit, and their parts, against the width.

    Make it with `from_estimator`, or of gaps at hand with `from_gaps`.

    Parameters
    ----------
    gaps : pandas.DataFrame
        A row for each network: ``n_hidden``, ``seed`` and the fields of `NTKGap`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the last plot.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    See Also
    --------
    ntk_gap : The distances of one network.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LinearRNNRegressor, NTKGapDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> network = LinearRNNRegressor(init="centered", max_iter=10)
    >>> display = NTKGapDisplay.from_estimator(network, X, X[:, -1], widths=[16, 64], n_seeds=3)
    >>> display.frame().groupby("n_hidden").size().to_dict()
    {16: 3, 64: 3}
    """

    def __init__(self, gaps: pd.DataFrame) -> None:
        self.gaps = gaps

    @classmethod
    def from_gaps(cls, widths: Sequence[int], gaps: Sequence[Sequence[NTKGap]]) -> Self:
        """Return the display of gaps that are known.

        Parameters
        ----------
        widths : sequence of int
            Numbers of hidden units.
        gaps : sequence of sequences of NTKGap
            For each width the gaps of one or several networks, as `ntk_gap` returns them.

        Returns
        -------
        display : NTKGapDisplay

        Raises
        ------
        ValueError
            If there are not as many widths as sequences of gaps, or none.
        """
        if len(widths) != len(gaps) or not all(map(len, gaps)) or not len(gaps):
            raise ValueError(
                f"gaps must have one or more for each of the widths, but got {len(widths)} widths "
                f"and gaps of lengths {[len(of_width) for of_width in gaps]}."
            )
        rows = [
            {"n_hidden": int(n_hidden), "seed": seed, **gap._asdict()}
            for n_hidden, of_width in zip(widths, gaps, strict=True)
            for seed, gap in enumerate(of_width)
        ]
        return cls(pd.DataFrame(rows))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        n_seeds: int = 5,
        **fit_params: Any,
    ) -> Self:
        """Fit copies of a network at several widths, and return the display of their gaps.

        Parameters
        ----------
        estimator : LinearRNNRegressor or LRURegressor
            The network; it is not fitted itself.
        X, y : array-like or list
            Data, as `fit` takes them.
        widths : sequence of int, default=(32, 64, 128, 256, 512)
            Numbers of hidden units.
        n_seeds : int, default=5
            Number of networks of each width, with ``random_state`` from 0 on.
        **fit_params : dict
            Further arguments of `fit`, such as ``sequence_id``.

        Returns
        -------
        display : NTKGapDisplay

        Raises
        ------
        TypeError, ValueError
            If `ntk_gap` has no answer for such a network.
        """

        def gap(n_hidden: int, seed: int) -> NTKGap:
            network = clone(estimator).set_params(n_hidden=n_hidden, random_state=seed)
            return ntk_gap(network.fit(X, y, **fit_params))

        gaps = [[gap(n_hidden, seed) for seed in range(n_seeds)] for n_hidden in widths]
        return cls.from_gaps(widths, gaps)

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            A copy of `gaps`.
        """
        return self.gaps.copy()

    def plot(self, ax: Any = None) -> Self:
        """Draw median and range of each part of the gap against the width, on logarithmic axes.

        The part of the width falls with its inverse root: the dotted line has that slope.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` for new ones.

        Returns
        -------
        display : NTKGapDisplay
            Itself, with ``ax_`` and ``figure_``.
        """
        (panel,) = make_axes(self, ax, 1)
        by_width = self.gaps.groupby("n_hidden")[list(PARTS)]
        low, median, high = by_width.min(), by_width.median(), by_width.max()
        widths = median.index.to_numpy()
        for part, (label, style) in PARTS.items():
            panel.loglog(widths, median[part], label=label, **style)
            panel.vlines(widths, low[part], high[part], color=style["color"], lw=1.2, alpha=0.6)
        guide = median["width"].iloc[0] * np.sqrt(widths[0] / widths)
        panel.loglog(widths, guide, color="0.5", ls=":", label="slope -1/2")
        panel.set(xlabel="hidden units", ylabel="share of what the limit learned")
        panel.set_xticks(widths, [str(width) for width in widths])
        panel.minorticks_off()
        panel.set_title("Networks and their infinite-width limit", fontsize=TITLE)
        add_legend([panel], is_new=ax is None)
        self.ax_, self.figure_ = panel, panel.figure
        return self
