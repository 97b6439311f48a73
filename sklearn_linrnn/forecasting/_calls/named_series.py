"""The series of a panel, whose names stand in the errors of their forecasters."""

from __future__ import annotations

from typing import Any

from sktime.datatypes import VectorizedDF

from sklearn_linrnn.forecasting._series.panels import Key, naming_series


class NamedSeries(VectorizedDF):
    """Series that say which of them an error is of, whatever is asked of their forecasters."""

    def _vectorize_est_single(self, vec_tuple: Any, meta: Any) -> Any:
        (label, *_), *_ = vec_tuple
        with naming_series(key_of(label)):
            return super()._vectorize_est_single(vec_tuple, meta)


def key_of(label: Any) -> Key:
    """Return the key of a series from what sktime calls it."""
    return label if isinstance(label, tuple) else (label,)
