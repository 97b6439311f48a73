"""What counts rows needs weights that are numbers of them."""

from __future__ import annotations

from sklearn_linrnn._core.statistics.moments import Moments


def check_rows(moments: Moments, what: str) -> None:
    """Raise a ValueError unless there are rows to count for ``what`` a message names.

    A single row, whose target does not vary, asks for none.
    """
    if moments.weight <= moments.n_intercepts and moments.target_scatter.any():
        raise ValueError(
            f"{what} takes sample_weight as numbers of rows, which must sum to more than "
            f"{moments.n_intercepts}, but they sum to {moments.weight:g}."
        )
