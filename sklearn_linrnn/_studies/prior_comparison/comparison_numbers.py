"""The numbers of a comparison, from which its sentences, pictures and pages are made."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._studies.prior_comparison.design import ComparisonDesign
from sklearn_linrnn._studies.prior_comparison.table import PriorVerdict
from sklearn_linrnn._studies.study_data import StudyData


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonNumbers:
    """The numbers of a comparison; `PriorComparison` says what they are."""

    table: pd.DataFrame
    verdict: PriorVerdict
    priors: dict[str, LagPrior]
    errors: pd.DataFrame
    log_densities: pd.DataFrame
    parts: pd.DataFrame
    design: ComparisonDesign
    data: StudyData

    @property
    def of_priors(self) -> pd.DataFrame:
        """The rows of the table that are of priors."""
        return self.table[self.table["evidence"].notna()]

    @property
    def best(self) -> str:
        """The prior of the highest evidence."""
        return str(self.table["prior"].iloc[0])

    @property
    def evidence_set(self) -> tuple[str, ...]:
        """The priors that cannot be told from the best by evidence, the highest first."""
        return self._among("in_evidence_set")

    @property
    def uncertain_set(self) -> tuple[str, ...]:
        """Priors of the set by evidence that lie farther below the best than one outside of it."""
        outside = self.of_priors[~self.of_priors["in_evidence_set"].astype(bool)]
        is_far = self.of_priors["below"] > outside["below"].min()
        far = self.of_priors[is_far]["prior"]
        return tuple(name for name in far if name in self.evidence_set)

    @property
    def held_out_set(self) -> tuple[str, ...]:
        """Those that cannot by held-out error, the smallest error first."""
        return self._among("in_held_out_set", "rmse")

    @property
    def suited(self) -> tuple[str, ...]:
        """The priors in both sets."""
        return tuple(name for name in self.evidence_set if name in self.held_out_set)

    def _among(self, column: str, order: str | None = None) -> tuple[str, ...]:
        rows = self.of_priors[self.of_priors[column].astype(bool)]
        rows = rows if order is None else rows.sort_values(order, kind="stable")
        return tuple(rows["prior"])
