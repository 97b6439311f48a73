"""The numbers of the study, from which its sentences, pictures and pages are made."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sklearn_linrnn._studies.memory_bias_table import Verdict
from sklearn_linrnn._studies.study_data import StudyData
from sklearn_linrnn._studies.study_design import StudyDesign


@dataclass(frozen=True, eq=False, repr=False)
class MemoryBiasNumbers:
    """The numbers of the study; `MemoryBias` says what they are."""

    table: pd.DataFrame
    verdict: Verdict
    cost: float
    cost_interval: tuple[float, float]
    p_value: float
    errors: pd.DataFrame
    parts: pd.DataFrame
    curve: pd.DataFrame
    design: StudyDesign
    data: StudyData
