"""What studies say besides their verdict: what was done to the data, and what else to try."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sklearn_linrnn._studies.study_data import MEAN, StudyData, Treatment
from sklearn_linrnn._studies.study_text import listed

SURE = 0.01  # of the test that only makes an offer


class TreatedDesign(Protocol):
    """What a remark depends on."""

    @property
    def treatment(self) -> Treatment:
        """What was done to the series."""

    @property
    def has_inputs(self) -> bool:
        """Whether it is predicted from inputs."""


def best_null(nulls: pd.DataFrame, column: str) -> str:
    """Return which forecast without a model is best, from rows with ``rmse`` and names."""
    name = nulls.loc[nulls["rmse"].idxmin(), column]
    return {MEAN: "the mean of the training part"}.get(name, f"the {name}")


def offers(data: StudyData, design: TreatedDesign, parts: NDArray, errors: NDArray) -> list[str]:
    """Say what else to try, logarithms or differences, where level or errors change over time.

    Parameters
    ----------
    data : StudyData
        What was predicted.
    design : TreatedDesign
        Parameters of the study.
    parts : ndarray of shape (n_test,)
        Number of the test part of each test step.
    errors : ndarray of shape (n_test,)
        Squared errors of one model there.
    """
    treatment = design.treatment
    drifts = _drifts(data.targets, parts)
    grows = not design.has_inputs and _errors_grow_with_level(data, errors)
    reasons = ["level drifts from part to part"] * drifts + ["errors grow with its level"] * grows
    options = []
    if not (treatment.log or treatment.difference) and (data.targets > 0).all():
        options.append("on logarithms (--log, log=True)")
    if drifts and not treatment.difference:
        options.append("on differences (--difference, difference=True)")
    if not (reasons and options):
        return []
    return [
        f"This series' {listed(reasons)}, so that some steps weigh more than others: try the same "
        f"{' or '.join(options)}."
    ]


def _drifts(targets: NDArray, parts: NDArray) -> bool:
    """Return whether the level goes one way from part to part, and farther than it varies in one.

    The parts are the first one, which is for training alone, and the test parts.
    """
    groups = pd.Series(targets).groupby(np.pad(parts + 1, (len(targets) - len(parts), 0)))
    steps = np.diff(groups.mean())
    one_way = len(steps) > 1 and bool((steps > 0).all() or (steps < 0).all())
    return one_way and bool(abs(steps.sum()) > groups.std().mean())


def _errors_grow_with_level(data: StudyData, errors: NDArray) -> bool:
    """Return whether errors rise with the series, beyond noise."""
    levels = data.windows[-len(errors) :, -1, 0]
    if np.ptp(errors) == 0 or np.ptp(levels) == 0:
        return False
    correlation, p_value = stats.spearmanr(levels, errors)
    return bool(correlation > 0 and p_value < SURE)


def describe_treatment(data: StudyData, design: TreatedDesign) -> list[str]:
    """Return what was done to the data, in sentences."""
    said = []
    if design.treatment.log:
        said.append("Logarithms of the series were taken; all errors are those of logarithms.")
    if design.treatment.difference:
        inputs = " and of its inputs" if design.has_inputs else ""
        said.append(f"Differences of neighbouring time steps of the series{inputs} were taken.")
    if not said:
        said.append("The series was taken as it is: no logarithms, no differences.")
    n_lags, n_channels = data.windows.shape[1:]
    source = f"{n_channels} inputs" if design.has_inputs else "its own past"
    said += [
        f"{len(data.targets)} values have a window of {n_lags} time steps of {source} before them "
        "without a gap; the others were left out.",
        "In each training part, inputs and targets were standardised by their mean and standard "
        "deviation there; all lags share one scale.",
    ]
    return said
