"""The held-out end of a recording, and its simulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_linrnn._studies.identification.held_out_fit import HeldOutFit
from sklearn_linrnn._studies.identification.time_unit import TimeUnit
from sklearn_linrnn.inspection._pictures import as_percent

MOST_POINTS = 2000  # that a picture of a page can show


def draw_simulation(ax: Any, held_out: HeldOutFit, target: str, unit: TimeUnit) -> None:
    """Draw truth and simulation against the time since the training part, with the band.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    held_out : HeldOutFit
        The simulation.
    target : str
        Name of the output.
    unit : TimeUnit
        Unit of time.
    """
    rows = held_out.frame.iloc[:MOST_POINTS]
    time = np.arange(len(rows)) * unit.step
    ax.fill_between(
        time, rows["lower"], rows["upper"], color="C0", alpha=0.25, lw=0,
        label=f"band, {as_percent(held_out.level)}",
    )  # fmt: skip
    ax.plot(time, rows["truth"], color="C1", lw=1.0, label=target)
    ax.plot(time, rows["simulated"], color="C0", lw=1.0, label="simulated from the inputs")
    ax.set_xlabel(f"time in the held-out end, in {unit.name}")
    ax.set_ylabel(target)
    ax.legend(loc="best", fontsize="small")
