"""The study in pictures: cost and memory against ``nu_w``, and the cost against iterations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from sklearn_linrnn._studies.memory_bias_numbers import MemoryBiasNumbers
from sklearn_linrnn._studies.study_text import short_percent
from sklearn_linrnn._studies.study_trials import FLAT, LIMIT, RNN
from sklearn_linrnn._studies.three_axes import three_axes
from sklearn_linrnn.inspection._pictures import BLUE, GREEN, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK, PRIOR, FIT = BLUE, VERMILION, GREEN
COLUMNS = [
    "nu_w", "cost", "cost_low", "cost_high", "prior_memory", "fit_memory", "memory_low",
    "memory_high", "is_lazy", "n_iter",
]  # fmt: skip


class MemoryBiasDisplay:
    """Cost and memory of linear RNNs against ``nu_w``, and the cost against iterations.

    Make it with `from_result`.

    Parameters
    ----------
    networks : pandas.DataFrame
        Rows of the networks in the table of `MemoryBias`, with the ``limit`` of each: the cost of
        its infinite width.
    curve : pandas.DataFrame
        Costs of the limits against iterations, as in `MemoryBias`.
    level : float
        Level of the intervals.
    name : str
        Name of the series, for the title.

    Attributes
    ----------
    axes_ : ndarray of three matplotlib.axes.Axes
        Axes of the last plot.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import MemoryBiasDisplay, memory_bias
    >>> y = np.random.default_rng(0).normal(size=100).cumsum()
    >>> result = memory_bias(y, n_lags=4, nu_w=[0.2, 0.8], n_hidden=10, n_seeds=2, max_iter=5)
    >>> MemoryBiasDisplay.from_result(result).frame()["nu_w"].tolist()
    [0.2, 0.8]
    """

    def __init__(
        self, networks: pd.DataFrame, curve: pd.DataFrame, level: float, name: str
    ) -> None:
        self.networks = networks
        self.curve = curve
        self.level = level
        self.name = name

    @classmethod
    def from_result(cls, result: MemoryBiasNumbers) -> Self:
        """Return the display of a study.

        Parameters
        ----------
        result : MemoryBias
            What `memory_bias` returned.

        Returns
        -------
        display : MemoryBiasDisplay
        """
        by_model = result.table.set_index("nu_w")
        limits = by_model.loc[by_model["model"] == LIMIT, "cost"].rename("limit")
        networks = result.table[result.table["model"] == RNN][COLUMNS]
        networks = networks.join(limits, on="nu_w").sort_values("nu_w", ignore_index=True)
        curve = result.curve[result.curve["model"] != FLAT].reset_index(drop=True)
        return cls(networks, curve, result.design.level, result.design.name)

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plots against ``nu_w``; `curve` has those of the other.

        Returns
        -------
        frame : pandas.DataFrame
            One row for each ``nu_w``.
        """
        return self.networks.copy()

    def plot(self, ax: Sequence[Axes] | None = None) -> Self:
        """Draw all three pictures side by side.

        Parameters
        ----------
        ax : sequence of three matplotlib.axes.Axes, default=None
            Where to draw them; ``None`` for a new figure.

        Returns
        -------
        display : MemoryBiasDisplay
            Itself, with ``axes_`` and ``figure_``.
        """
        axes = three_axes(self, ax, f"Memory bias on {self.name}")
        for draw, one in zip(
            (self.plot_cost, self.plot_memory, self.plot_curve), axes, strict=True
        ):
            draw(one)
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    def plot_cost(self, ax: Axes) -> None:
        """Draw the cost of the networks, with intervals, against ``nu_w``.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw it.
        """
        rows = self.networks
        cost = 100.0 * rows["cost"]
        bars = 100.0 * np.abs(
            rows[["cost_low", "cost_high"]].to_numpy().T - rows["cost"].to_numpy()
        )
        ax.axhline(0.0, color="0.5", linewidth=1)
        ax.errorbar(
            rows["nu_w"], cost, yerr=bars, color=NETWORK, marker="o", linestyle="none", capsize=3,
            label=f"network, {short_percent(self.level)} interval",
        )  # fmt: skip
        ax.plot(rows["nu_w"], 100.0 * rows["limit"], color=PRIOR, marker="_", linestyle=":",
                markersize=10, label="infinite width")  # fmt: skip
        ax.set(
            xlabel="initial variance nu_w", ylabel="cost against no bias, %", title="What it costs"
        )
        ax.legend()

    def plot_memory(self, ax: Axes) -> None:
        """Draw the memory of prior and fit against ``nu_w``.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw it.
        """
        rows = self.networks
        ax.plot(rows["nu_w"], rows["prior_memory"], color=PRIOR, marker="_", linestyle=":",
                markersize=10, label="prior")  # fmt: skip
        # Lags are whole numbers: an interval of one lag is seen too.
        bounds = rows["memory_low"] - 0.3, rows["memory_high"] + 0.3
        ax.vlines(
            rows["nu_w"], *bounds, color=FIT, linewidth=6,
            alpha=0.5, label=f"posterior, {short_percent(self.level)}",
        )  # fmt: skip
        ax.plot(rows["nu_w"], rows["fit_memory"], color=NETWORK, marker="o", linestyle="none",
                label="network")  # fmt: skip
        left = rows[rows["is_lazy"] == False]  # noqa: E712 - NaN is neither
        if len(left):
            ax.plot(left["nu_w"], left["fit_memory"], color=NETWORK, marker="o", linestyle="none",
                    markerfacecolor="none", markersize=11, label="left kernel regime")  # fmt: skip
        ax.set(
            xlabel="initial variance nu_w", ylabel="lag with 90 % of the energy",
            title="How far it remembers", ylim=(-0.5, None),
        )  # fmt: skip
        ax.legend()

    def plot_curve(self, ax: Axes) -> None:
        """Draw the cost of the limits against iterations, and where the networks stopped.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw it.
        """
        from matplotlib import colormaps

        variances = self.networks["nu_w"]
        shades = colormaps["viridis"](np.linspace(0.3, 0.9, len(variances)))
        for shade, row in zip(shades, self.networks.itertuples(), strict=True):
            path = self.curve[self.curve["nu_w"] == row.nu_w]
            ax.plot(path["n_iter"], 100.0 * path["cost"], color=shade, label=f"{row.nu_w:g}")
            ax.plot(row.n_iter, 100.0 * row.cost, color=shade, marker="o")
        ax.axhline(0.0, color="0.5", linewidth=1)
        ax.set(
            xscale="log", xlabel="iterations", ylabel="cost after as many, %",
            title="When training stops",
        )  # fmt: skip
        ax.plot([], [], color="0.4", label="infinite width")
        ax.plot([], [], color="0.4", marker="o", linestyle="none", label="network")
        ax.legend(title="nu_w")
