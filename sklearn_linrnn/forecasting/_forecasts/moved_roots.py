"""What was changed in recursions that would blow up, as a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast


def moved_roots(models: Sequence[LinearForecast], columns: pd.Index) -> pd.DataFrame:
    """Return the roots that would outgrow their series, a row for each or each conjugate pair.

    Parameters
    ----------
    models : sequence of LinearForecast
        One-step regressions that are iterated.
    columns : pandas.Index
        The columns of the series.

    Returns
    -------
    frame : DataFrame
        Its columns are ``columns`` (a tuple: those of the recursion), ``root``, ``modulus``,
        ``period``, infinite for a trend, and ``growth``, as large the modulus may be.
    """
    rows = [
        (tuple(columns[list(model.regression.columns)]), *moved)
        for model in models
        if (found := model.iterated.kept_stable) is not None
        for moved in zip(found.outside[found.is_moved], found.growth[found.is_moved], strict=True)
    ]
    roots = np.array([root for _, root, _ in rows], dtype=np.complex128)
    with np.errstate(divide="ignore"):
        period = 2.0 * np.pi / np.abs(np.angle(roots))
    frame = {"columns": [names for names, *_ in rows], "root": roots}
    growth = np.array([growth for *_, growth in rows], dtype=np.float64)
    sizes = {"modulus": np.abs(roots), "period": period, "growth": growth}
    return pd.DataFrame(frame | sizes)
