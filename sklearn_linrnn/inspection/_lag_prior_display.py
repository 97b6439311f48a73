"""The energy that priors expect of each lag: the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn.inspection._memory import effective_memory
from sklearn_linrnn.inspection._memory_display import shares
from sklearn_linrnn.inspection._named_priors import read_priors
from sklearn_linrnn.inspection._pictures import LAG, TITLE, load_pyplot, make_axes
from sklearn_linrnn.inspection._prior_memory import lag_energy, prior_of_memory

# Okabe and Ito's colours, which colour-blind readers tell apart; then again in other strokes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "black")
STROKES = ("-", "--", ":", "-.")
LEAST = 1e-5  # share of the energy that is drawn
WIDE = (7.0, 4.2)  # inches: names stand beside the curves


class LagPriorDisplay:
    """Share of the energy that priors expect of each lag.

    Make it with `from_priors`.

    Parameters
    ----------
    energies : pandas.DataFrame
        Shares of the energy: a column for each prior, index ``lag``.
    unreached : sequence of str, default=()
        Those of the columns that are as they were given, because they cannot have `memory`.
    memory : int, default=None
        The lag that holds 90 % of the energy of all others; ``None`` where each has its own.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the last plot.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    See Also
    --------
    prior_of_memory : The prior of one kind that has a memory.

    Examples
    --------
    >>> from sklearn_linrnn import LagPriorDisplay
    >>> from sklearn_linrnn.priors import LinearRNN
    >>> display = LagPriorDisplay.from_priors(["flat", "linear_rnn", "tc"], memory=10, n_lags=60)
    >>> display.memories()
    {'flat': 53, 'linear_rnn': 10, 'tc': 10}
    >>> display.unreached
    ('flat',)
    """

    def __init__(
        self,
        energies: pd.DataFrame,
        *,
        unreached: Sequence[str] = (),
        memory: int | None = None,
    ) -> None:
        self.energies = energies
        self.unreached = tuple(unreached)
        self.memory = memory

    @classmethod
    def from_priors(
        cls,
        priors: str | LagPrior | Iterable[str | LagPrior] | Mapping[str, Any] | None = None,
        *,
        n_lags: int = 60,
        memory: int | None = None,
    ) -> Self:
        """Return the display of priors.

        Parameters
        ----------
        priors : str, LagPrior, iterable of them or mapping, default=None
            The priors, as in `compare_priors`; what is "auto" has its default. ``None`` for all
            that have a name.
        n_lags : int, default=60
            Number of lags.
        memory : int, default=None
            The lag that is to hold 90 % of the energy of each, by `prior_of_memory`; ``None`` for
            the priors as they are.

        Returns
        -------
        display : LagPriorDisplay
        """
        energies, unreached = {}, []
        for label, prior in read_priors(priors).items():
            own = prior.settled()
            if memory is not None:
                try:
                    own = prior_of_memory(own, memory, n_lags=n_lags)
                except ValueError:
                    unreached.append(label)
            energies[label] = shares(lag_energy(own, whole_number(n_lags, "n_lags")))
        lags = pd.RangeIndex(n_lags, name="lag")
        return cls(pd.DataFrame(energies, index=lags), unreached=unreached, memory=memory)

    def memories(self) -> dict[str, int]:
        """Return the lag that holds 90 % of the energy of each prior.

        Returns
        -------
        memories : dict of str to int
            The lags by the names of the priors.
        """
        return {str(name): effective_memory(energy) for name, energy in self.energies.items()}

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            A copy of `energies`.
        """
        return self.energies.copy()

    def plot(self, ax: Any = None) -> Self:
        """Draw the shares against the lag, on a logarithmic axis.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` for new ones.

        Returns
        -------
        display : LagPriorDisplay
            Itself, with ``ax_`` and ``figure_``.
        """
        (panel,) = make_axes(self, ax, 1)
        if ax is None:
            load_pyplot(self).gcf().set_size_inches(*WIDE)
        own = self.memories()
        for number, (name, energy) in enumerate(self.energies.items()):
            drawn = energy.where(energy >= LEAST)
            is_alone = self.memory is None or name in self.unreached
            label = f"{name} ({own[str(name)]})" if is_alone else str(name)
            panel.semilogy(energy.index, drawn, label=label, **curve_style(number))
        if self.memory is not None:
            panel.axvline(self.memory, color="0.7", linewidth=1, zorder=0)
        lowest = max(LEAST, 0.5 * float(np.nanmin(self.energies.where(self.energies > 0))))
        panel.set(xlabel=LAG, ylabel="share of energy", ylim=(lowest, None))
        panel.set_title(self._title, fontsize=TITLE)
        if ax is None:
            panel.figure.legend(loc="outside right upper", frameon=False, title=self._legend_title)
        else:
            panel.legend(fontsize="small", title=self._legend_title)
        self.ax_, self.figure_ = panel, panel.figure
        return self

    @property
    def _title(self) -> str:
        if self.memory is None:
            return "What priors favour"
        return f"What priors favour whose memory is lag {self.memory}"

    @property
    def _legend_title(self) -> str | None:
        has_own = self.memory is None or self.unreached
        return "prior (its own memory)" if has_own else None


def curve_style(number: int) -> dict[str, Any]:
    """Return colour and stroke of one of many curves."""
    stroke = STROKES[number // len(COLOURS) % len(STROKES)]
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": stroke}
