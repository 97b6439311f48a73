"""The result of a comparison of priors: its numbers, and the ways to look at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn_linrnn._studies.prior_comparison.comparison_numbers import ComparisonNumbers
from sklearn_linrnn._studies.prior_comparison.display import PriorComparisonDisplay
from sklearn_linrnn._studies.prior_comparison.page import write_comparison
from sklearn_linrnn._studies.prior_comparison.summary import comparison_sentences
from sklearn_linrnn._studies.prior_comparison.table import (
    comparison_parts,
    comparison_table,
    comparison_verdict,
)
from sklearn_linrnn._studies.prior_comparison.trials import PriorTrials


@dataclass(frozen=True, eq=False, repr=False)
class PriorComparison(ComparisonNumbers):
    """What recurrences prefer to remember, compared on a series; `compare_priors` makes it.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each prior, from the highest evidence down, then those of the forecasts without
        a model:

        ``prior``
            its label;
        ``evidence``
            logarithm of the probability of the series, in nats, in its unit, at the best
            hyperparameters;
        ``below``, ``below_error``
            by how much that is below the highest; standard error of this over time;
        ``evidence_p``, ``in_evidence_set``
            p-value of being one of the best by evidence, and whether it exceeds one minus the
            level;
        ``rmse``, ``rmse_error``
            root mean square error one step ahead over all test steps, in the unit of the series;
            its standard error over time;
        ``cost``, ``cost_low``, ``cost_high``
            ``rmse`` relative to that of the prior of the highest evidence, minus one, and its
            interval;
        ``held_out_p``, ``in_held_out_set``
            as for the evidence, by squared errors on the test steps;
        ``prior_memory``, ``prior_memory_low``, ``prior_memory_high``
            lag that holds 90 % of the energy of the prior, and its interval by what the data leave
            uncertain of the hyperparameters; lag 0 is the newest input;
        ``fit_memory``, ``memory_low``, ``memory_high``
            the same of the response that was learned from the whole series, and its posterior.
            Memories are NaN where no response has more evidence than none.
    verdict : {"difference", "no difference", "nothing to learn"}
        Whether some priors can be told from the best by evidence or by held-out error.
    priors : dict of str to LagPrior
        The priors, from the highest evidence down, with the hyperparameters of the whole series.
    errors : pandas.DataFrame
        Squared errors. One row for each test step, indexed by ``part`` and ``time``; a column for
        each prior and each forecast without a model.
    log_densities : pandas.DataFrame
        Logarithms of the predictive density of each step but the first, given those before; a
        column for each prior, whose sum is its evidence.
    parts : pandas.DataFrame
        One row for each test part: ``n_train``, the number of windows to learn from, ``first`` and
        ``last`` time step, the ``prior`` of the highest evidence before it, and its ``rmse``.
    design : ComparisonDesign
        Parameters of the comparison.
    data : StudyData
        What was predicted.
    """

    @property
    def summary(self) -> str:
        """The result in sentences."""
        return " ".join(comparison_sentences(self))

    def __repr__(self) -> str:
        """Return the verdict, and the sentences."""
        return f"<PriorComparison of {self.design.name}: {self.verdict}>\n{self.summary}"

    def plot(self, ax: Any = None) -> PriorComparisonDisplay:
        """Draw the energy of the priors by lag, their evidence and their held-out errors.

        Parameters
        ----------
        ax : sequence of three matplotlib.axes.Axes, default=None
            Where to draw them; ``None`` for a new figure.

        Returns
        -------
        display : PriorComparisonDisplay
            With ``axes_`` and ``figure_``.
        """
        return PriorComparisonDisplay.from_result(self).plot(ax)

    def to_html(self, path: str | Path, *, command: str | None = None) -> None:
        """Write a report, one page that needs no other file and no network.

        Parameters
        ----------
        path : str or Path
            File to write; it is there whole, or not at all.
        command : str, default=None
            What to type to get the same again; ``None`` for the call in Python.
        """
        write_comparison(self, Path(path), command)


def concluded(trials: PriorTrials) -> PriorComparison:
    """Return what the trials of a comparison amount to."""
    table = comparison_table(trials)
    return PriorComparison(
        table=table,
        verdict=comparison_verdict(trials, table),
        priors={label: trials.whole[label].prior for label in trials.ranking},
        errors=trials.errors(),
        log_densities=trials.log_densities,
        parts=comparison_parts(trials),
        design=trials.design,
        data=trials.data,
    )
