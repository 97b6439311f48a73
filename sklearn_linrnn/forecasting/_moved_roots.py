"""What was changed in recursions that would blow up, as a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sklearn_linrnn.forecasting._linear_forecast import LinearForecast


def moved_roots(models: Sequence[LinearForecast], columns: pd.Index) -> pd.DataFrame:
    """Return the roots that were outside the unit circle, a row for each or each conjugate pair.

    Parameters
    ----------
    models : sequence of LinearForecast
        One-step regressions that are iterated.
    columns : pandas.Index
        The columns of the series.

    Returns
    -------
    frame : DataFrame
        Its columns are ``columns`` (a tuple: those of the recursion), ``root``, ``modulus`` and
        ``period``, infinite for a trend.
    """
    rows = [
        (tuple(columns[list(model.regression.columns)]), root)
        for model in models
        for root in model.iterated.moved
    ]
    roots = np.array([root for _, root in rows], dtype=np.complex128)
    with np.errstate(divide="ignore"):
        period = 2.0 * np.pi / np.abs(np.angle(roots))
    frame = {"columns": [names for names, _ in rows], "root": roots}
    return pd.DataFrame(frame | {"modulus": np.abs(roots), "period": period})
