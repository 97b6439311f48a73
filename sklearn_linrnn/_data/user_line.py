"""Warnings that point at the user's own line of code."""

from __future__ import annotations

import inspect
import warnings

INSIDE = ("sklearn_linrnn.", "sklearn.", "sktime.", "contextlib")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first line outside this package and the libraries between."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
