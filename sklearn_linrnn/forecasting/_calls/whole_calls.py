"""Calls that leave a forecaster as it was before if they fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

from sktime.forecasting.base import BaseForecaster

Forecaster = TypeVar("Forecaster", bound=type[BaseForecaster])

# sktime notes data, cutoff and horizon before it calls what may fail.
CALLS = (
    "explain",
    "fit",
    "fit_predict",
    "predict",
    "predict_interval",
    "predict_proba",
    "predict_quantiles",
    "predict_residuals",
    "predict_var",
    "pretrain",
    "score",
    "simulate",
    "update",
    "update_predict",
    "update_predict_single",
)


def unchanged_by_failures(forecaster: Forecaster) -> Forecaster:
    """Return a class of forecasters whose calls change nothing if they raise."""
    for name in filter(partial(hasattr, forecaster), CALLS):
        setattr(forecaster, name, _whole(getattr(forecaster, name)))
    return forecaster


def _whole(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: BaseForecaster, *args: Any, **kwargs: Any) -> Any:
        before = [(one, _copy(vars(one))) for one in _forecasters(self)]
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            for one, attributes in before:
                vars(one).clear()
                vars(one).update(attributes)
            raise

    return call


def _forecasters(forecaster: BaseForecaster) -> list[BaseForecaster]:
    """Return a forecaster, and those of the series of its panel."""
    made = vars(forecaster).get("_made")
    return [forecaster] if made is None else [forecaster, *made.to_numpy().ravel()]


def _copy(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes with the notes that are changed in place, all of them dicts."""
    return {
        name: value.copy() if isinstance(value, dict) else value
        for name, value in attributes.items()
    }
