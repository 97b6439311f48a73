"""What the parameters of a forecaster may be."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number of at least 1."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _is_share(value: Any) -> bool:
    return isinstance(value, Real) and 0 < float(value) < 1


CHOICES = {
    "strategy": ("direct", "recursive"),
    "normalize": (None, "last", "mean"),
    "pooling": ("local", "global"),
    "intervals": ("gaussian", "conformal"),
}
SIZES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "n_lags": (lambda value: value == "auto" or is_count(value), "'auto' or an int of at least 1"),
    "calibration_fraction": (_is_share, "a share between 0 and 1"),
    "validation": (
        lambda value: is_count(value) or _is_share(value),
        "a number of steps of at least 1, or a share between 0 and 1",
    ),
}


def check_settings(forecaster: Any) -> None:
    """Raise unless the parameters of a forecaster are what they must be."""
    for parameter, choices in CHOICES.items():
        if (value := getattr(forecaster, parameter)) not in choices:
            raise ValueError(f"{parameter} must be one of {choices}, but got {value!r}.")
    for parameter, (is_valid, need) in SIZES.items():
        if not is_valid(value := getattr(forecaster, parameter)):
            raise ValueError(f"{parameter} must be {need}, but got {value!r}.")
