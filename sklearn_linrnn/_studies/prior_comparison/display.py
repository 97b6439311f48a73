"""A comparison of priors in pictures: their energy, their evidence, their held-out errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.stats import norm

from sklearn_linrnn._studies.prior_comparison.comparison_numbers import ComparisonNumbers
from sklearn_linrnn._studies.study_text import short_percent
from sklearn_linrnn._studies.three_axes import three_axes
from sklearn_linrnn.inspection import LagPriorDisplay
from sklearn_linrnn.inspection._lag_prior_display import LEAST, curve_style
from sklearn_linrnn.inspection._pictures import BLUE, LAG

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = [
    "prior", "below", "below_error", "in_evidence_set", "cost", "cost_low", "cost_high",
    "in_held_out_set",
]  # fmt: skip


class PriorComparisonDisplay:
    """Energy of priors by lag, their evidence and their held-out errors, with intervals.

    Make it with `from_result`.

    Parameters
    ----------
    priors : pandas.DataFrame
        Rows of the priors in the table of `PriorComparison`.
    energies : pandas.DataFrame
        Shares of the energy that each prior expects of each lag: a column for each, index ``lag``.
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
    >>> from sklearn_linrnn import PriorComparisonDisplay, compare_priors
    >>> y = np.random.default_rng(0).normal(size=100).cumsum()
    >>> result = compare_priors(y, priors=["tc", "flat"], n_lags=4)
    >>> PriorComparisonDisplay.from_result(result).frame()["prior"].tolist()
    ['tc', 'flat']
    """

    def __init__(
        self, priors: pd.DataFrame, energies: pd.DataFrame, level: float, name: str
    ) -> None:
        self.priors = priors
        self.energies = energies
        self.level = level
        self.name = name

    @classmethod
    def from_result(cls, result: ComparisonNumbers) -> Self:
        """Return the display of a comparison.

        Parameters
        ----------
        result : PriorComparison
            What `compare_priors` returned.

        Returns
        -------
        display : PriorComparisonDisplay
        """
        n_lags, labels = result.design.n_lags, list(result.priors)
        energies = LagPriorDisplay.from_priors(result.priors, n_lags=n_lags).frame()[labels]
        rows = result.of_priors[COLUMNS].reset_index(drop=True)
        return cls(rows, energies, result.design.level, result.design.name)

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the evidence and the errors; `energies` has the others.

        Returns
        -------
        frame : pandas.DataFrame
            One row for each prior, from the highest evidence down.
        """
        return self.priors.copy()

    def plot(self, ax: Sequence[Axes] | None = None) -> Self:
        """Draw all three pictures side by side.

        Parameters
        ----------
        ax : sequence of three matplotlib.axes.Axes, default=None
            Where to draw them; ``None`` for a new figure.

        Returns
        -------
        display : PriorComparisonDisplay
            Itself, with ``axes_`` and ``figure_``.
        """
        height = max(3.8, 1.6 + 0.24 * len(self.priors))
        axes = three_axes(self, ax, f"Which memory suits {self.name}", height)
        for draw, one in zip(
            (self.plot_energies, self.plot_evidence, self.plot_errors), axes, strict=True
        ):
            draw(one)
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    def plot_energies(self, ax: Axes) -> None:
        """Draw what each prior favours, with the hyperparameters of the highest evidence.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw it.
        """
        best = (self.priors["in_evidence_set"] & self.priors["in_held_out_set"]).to_numpy(bool)
        for name in self.priors["prior"][~best]:
            self._draw_energy(ax, name, color="0.8")
        if not best.all():
            ax.plot([], [], color="0.8", label="others")
        for number, name in enumerate(self.priors["prior"][best]):
            self._draw_energy(ax, name, label=name, **curve_style(number))
        ax.set(
            xlabel=LAG, ylabel="share of the prior's energy", yscale="log", ylim=(LEAST, None),
            title="What each favours",
        )  # fmt: skip
        ax.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

    def _draw_energy(self, ax: Axes, name: str, **style: Any) -> None:
        energy = self.energies[name]
        ax.plot(energy.index, energy.where(energy >= LEAST), **style)

    def plot_evidence(self, ax: Axes) -> None:
        """Draw how far the evidence of each prior is below the highest, with intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw it.
        """
        rows = self.priors
        bars = norm.ppf(0.5 + self.level / 2.0) * rows["below_error"].to_numpy()
        self._draw_rows(ax, -rows["below"].to_numpy(), bars, rows["in_evidence_set"])
        ax.set(xlabel="evidence against the highest, nats", title="By evidence")

    def plot_errors(self, ax: Axes) -> None:
        """Draw the held-out error of each prior, with intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw it.
        """
        rows = self.priors
        bounds = rows[["cost_low", "cost_high"]].to_numpy().T
        bars = np.abs(bounds - rows["cost"].to_numpy())
        self._draw_rows(ax, 100.0 * rows["cost"].to_numpy(), 100.0 * bars, rows["in_held_out_set"])
        ax.set(xlabel=f"error against {rows['prior'].iloc[0]}, %", title="By held-out error")

    def _draw_rows(self, ax: Axes, values: Any, bars: Any, in_set: pd.Series) -> None:
        """Draw a value with its interval for each prior; filled where it is among the best."""
        places = np.arange(len(values))
        ax.axvline(0.0, color="0.5", linewidth=1)
        ax.errorbar(values, places, xerr=bars, color=BLUE, linestyle="none", capsize=3)
        for is_in, fill, label in (
            (True, BLUE, f"among the best, {short_percent(self.level)} set"),
            (False, "white", "not"),
        ):
            here = in_set.to_numpy(bool) == is_in
            ax.plot(
                values[here], places[here], color=BLUE, marker="o", linestyle="none",
                markerfacecolor=fill, label=label,
            )  # fmt: skip
        ax.set_yticks(places, list(self.priors["prior"]))
        ax.set_ylim(len(values) - 0.5, -0.5)
        ax.legend(fontsize="small")
