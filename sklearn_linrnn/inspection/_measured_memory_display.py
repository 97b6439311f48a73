"""How much the output of any model changes with inputs of each lag: the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from sklearn_linrnn.inspection._measured_memory import (
    MeasuredMemory,
    measured_memory,
    say_within,
)
from sklearn_linrnn.inspection._pictures import (
    BLUE,
    TITLE,
    VERMILION,
    add_legend,
    as_percent,
    label_lags,
    make_axes,
    marker,
)

LEAST = 1e-8  # that is drawn, of the largest energy: what is less is no memory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class MeasuredMemoryDisplay:
    """Squared sensitivity of a model's output to its inputs, lag by lag, beside its initialisation.

    Make it with `from_model`, or of a `MeasuredMemory` at hand.

    Parameters
    ----------
    memory : MeasuredMemory
        What was measured.
    name : str, default="a model"
        Name of the model, for the title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the last plot.
    figure_ : matplotlib.figure.Figure
        Figure of the last plot.

    See Also
    --------
    measured_memory : The numbers.
    MemoryDisplay : The memory of a linear model, beside that of its prior.

    Examples
    --------
    >>> import torch
    >>> from sklearn_linrnn import MeasuredMemoryDisplay
    >>> _ = torch.manual_seed(0)
    >>> gru = torch.nn.GRU(1, 16, batch_first=True)
    >>> display = MeasuredMemoryDisplay.from_model(gru, torch.randn(50, 40, 1), n_lags=30)
    >>> display.name, list(display.frame().columns)
    ('GRU', ['energy', 'lower', 'upper'])
    """

    def __init__(self, memory: MeasuredMemory, name: str = "a model") -> None:
        self.memory = memory
        self.name = name

    @classmethod
    def from_model(cls, model: Any, X: Any, *, n_lags: int, **options: Any) -> Self:
        """Return the display of a model.

        Parameters
        ----------
        model : torch.nn.Module, estimator or callable
            The model, as in `measured_memory`.
        X : array-like or list
            Sequences.
        n_lags : int
            Number of lags.
        **options : Any
            Further parameters of `measured_memory`.

        Returns
        -------
        display : MeasuredMemoryDisplay
        """
        name = getattr(model, "__name__", type(model).__name__)
        return cls(measured_memory(model, X, n_lags=n_lags, **options), name)

    @property
    def _start(self) -> MeasuredMemory | None:
        """What was measured at initialisation, in the unit of the model."""
        start, unit = self.memory.at_start, self.memory.unit
        if start is None or start.unit == unit:
            return start
        with np.errstate(over="ignore"):
            factor = np.square(start.unit / np.float64(unit))
            return replace(start, energy=factor * start.energy, interval=factor * start.interval)

    def frame(self) -> pd.DataFrame:
        """Return the numbers of the plot.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``energy``, ``lower`` and ``upper``, index ``lag``; with a model at
            initialisation ``start``, ``start_lower`` and ``start_upper`` as well. All of them are
            in the square of the unit of the memory.
        """
        columns = _columns(self.memory, "energy", "")
        if (start := self._start) is not None:
            columns |= _columns(start, "start", "start_")
        lags = pd.RangeIndex(len(self.memory.energy), name="lag")
        return pd.DataFrame(columns, index=lags)

    def plot(self, ax: Any = None) -> Self:
        """Draw the energies against the lag, with their intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` for new ones.

        Returns
        -------
        display : MeasuredMemoryDisplay
            Itself, with ``ax_`` and ``figure_``.
        """
        axes = make_axes(self, ax, 1)
        start = self._start
        if start is not None:
            _draw(axes[0], start, VERMILION, "at initialisation")
        _draw(axes[0], self.memory, BLUE, "model" if start is None else "trained")
        if (largest := self.memory.energy.max()) > 0:
            axes[0].set_yscale("log")
            axes[0].set_ylim(bottom=max(LEAST * largest, axes[0].get_ylim()[0]))
        axes[0].set_title(f"Measured memory of {self.name}", fontsize=TITLE)
        label_lags(axes, "squared sensitivity")
        add_legend(axes, is_new=ax is None, n_columns=1)
        self.ax_, self.figure_ = axes[0], axes[0].figure
        return self


def _columns(memory: MeasuredMemory, name: str, prefix: str) -> dict[str, Any]:
    lower, upper = memory.interval
    return {name: memory.energy, f"{prefix}lower": lower, f"{prefix}upper": upper}


def _draw(ax: Axes, memory: MeasuredMemory, color: str, label: str) -> None:
    """Draw one model's energies, and the band of their intervals."""
    lags = np.arange(len(memory.energy))
    said = f"{label}, {as_percent(memory.share)} {say_within(memory)}"
    band = np.where(np.isfinite(memory.interval), memory.interval, np.nan)
    ax.fill_between(lags, *band, color=color, alpha=0.25, lw=0)
    ax.plot(lags, memory.energy, color=color, marker=marker(lags), label=said)
