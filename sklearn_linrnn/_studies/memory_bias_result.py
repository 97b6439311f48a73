"""The result of the study: its numbers, and the ways to look at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_linrnn._studies.memory_bias_display import MemoryBiasDisplay
from sklearn_linrnn._studies.memory_bias_numbers import MemoryBiasNumbers
from sklearn_linrnn._studies.memory_bias_page import write_page
from sklearn_linrnn._studies.memory_bias_summary import summarise
from sklearn_linrnn._studies.memory_bias_table import Judge, study_table
from sklearn_linrnn._studies.study_trials import Trials


@dataclass(frozen=True, eq=False, repr=False)
class MemoryBias(MemoryBiasNumbers):
    """What the memory bias of linear RNNs costs on a series; `memory_bias` makes it.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each model and ``nu_w``, then those of the forecasts without a model:

        ``model``, ``nu_w``
            the model; ``nu_w`` is NaN where there is none;
        ``rmse``, ``rmse_error``, ``rmse_over_seeds``
            root mean square error over all test steps, in the unit of the series, over all seeds;
            its standard error over time; its standard deviation over the seeds;
        ``cost``, ``cost_low``, ``cost_high``
            ``rmse`` relative to that of the flat convolution, minus one, and its interval;
        ``p_value``
            of the test that both have the same expected squared error;
        ``verdict``
            what can be said of the cost, as for the network with the chosen ``nu_w``;
        ``learned``
            whether the model is better than each forecast without one, beyond noise;
        ``n_iter``, ``unfinished``
            iterations of training, the median over parts and seeds; share of the trainings that
            were best at the last iteration allowed;
        ``free_cost``, ``free_low``, ``free_high``
            of the infinite-width limit, the cost where neither has an upper limit of iterations;
        ``prior_memory``, ``fit_memory``, ``memory_low``, ``memory_high``
            lag that holds 90 % of the energy of the lag weights, and of the impulse response after
            the last training part, median over seeds; interval of the latter by the posterior of
            the limit; lag 0 is the newest input;
        ``gap``, ``is_lazy``
            of the first network after the last training part: its distance to the limit, and
            whether it is in the kernel regime, as `ntk_gap` has them.
    verdict : {"costs", "helps", "no difference", "nothing to learn"}
        What can be said of the network with the ``nu_w`` that was chosen in each training part,
        against the flat convolution.
    cost : float
        Root mean square error of that network relative to the flat convolution's, minus one.
    cost_interval : tuple of float
        Its interval.
    p_value : float
        Of the test that both have the same expected squared error.
    errors : pandas.DataFrame
        Squared errors. One row for each test step, indexed by ``part`` and ``time``; columns by
        ``model``, ``nu_w`` and ``seed``.
    parts : pandas.DataFrame
        One row for each test part: ``n_train``, the number of windows to train on, ``first`` and
        ``last`` time step, the chosen ``nu_w``, ``rmse`` of the network and ``flat_rmse``, their
        ``cost`` with its interval, ``cost_low`` to ``cost_high``, and ``verdict_without`` it.
    curve : pandas.DataFrame
        Cost against iterations, in closed form: ``rmse`` on the test parts of the limits and the
        flat convolution, ``model`` and ``nu_w``, after ``n_iter`` iterations on each whole
        training part, and the ``cost`` against the flat convolution after as many.
    design : StudyDesign
        Parameters of the study.
    data : StudyData
        What was predicted.
    """

    @property
    def summary(self) -> str:
        """The result in sentences."""
        return summarise(self)

    def __repr__(self) -> str:
        """Return the verdict, and the sentences."""
        return f"<MemoryBias of {self.design.name}: {self.verdict}>\n{self.summary}"

    def plot(self, ax: Any = None) -> MemoryBiasDisplay:
        """Draw cost and memory against ``nu_w``, and the cost against iterations.

        Parameters
        ----------
        ax : sequence of three matplotlib.axes.Axes, default=None
            Where to draw them; ``None`` for a new figure.

        Returns
        -------
        display : MemoryBiasDisplay
            With ``axes_`` and ``figure_``.
        """
        return MemoryBiasDisplay.from_result(self).plot(ax)

    def to_html(self, path: str | Path, *, command: str | None = None) -> None:
        """Write a report, one page that needs no other file and no network.

        Parameters
        ----------
        path : str or Path
            File to write; it is there whole, or not at all.
        command : str, default=None
            What to type to get the same again; ``None`` for the call in Python.
        """
        write_page(self, Path(path), command)


def conclude(trials: Trials) -> MemoryBias:
    """Return what the trials of a study amount to."""
    judge = Judge(trials)
    losses = trials.chosen_losses()
    comparison = judge.cost(losses)
    return MemoryBias(
        table=study_table(trials, judge),
        verdict=judge.verdict(losses, comparison),
        cost=comparison.cost,
        cost_interval=(comparison.low, comparison.high),
        p_value=comparison.p_value,
        errors=trials.errors(),
        parts=make_parts(trials, judge),
        curve=trials.curve(),
        design=trials.design,
        data=trials.data,
    )


def make_parts(trials: Trials, judge: Judge) -> pd.DataFrame:
    """Return how the network did on each part, and what the others say without it."""
    losses, times = trials.chosen_losses(), trials.data.times
    rows = []
    for part, ((train, test), nu_w) in enumerate(zip(trials.splits, trials.chosen(), strict=True)):
        here = trials.part_of_step == part
        rmse, flat = (np.sqrt(values[here].mean()) for values in (losses, judge.flat))
        comparison = judge.compare(losses[here], judge.flat[here])
        rows.append(
            {
                "n_train": len(train),
                "first": times[test[0]],
                "last": times[test[-1]],
                "nu_w": nu_w,
                "rmse": rmse,
                "flat_rmse": flat,
                "cost": comparison.cost,
                "cost_low": comparison.low,
                "cost_high": comparison.high,
                "verdict_without": judge.verdict_without(losses, here),
            }
        )
    return pd.DataFrame(rows).rename_axis("part")
