"""The format of saved models, and whether this version can read it."""

from __future__ import annotations

from typing import Any

import sklearn_linrnn

# Raised by one where a change of what is saved makes older files unreadable, or newer ones for
# older versions. tests/test_saving.py loads a file of this format.
SAVED_FORMAT = 1
MARK = "_saved_by"


class SavedState:
    """A class whose saved state names its format: it loads as it was, or says why not.

    It stands first among the bases, so that what the others save has the mark too.
    """

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__() or {}
        return {**state, MARK: (SAVED_FORMAT, sklearn_linrnn.__version__)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        others = {name: value for name, value in state.items() if name != MARK}
        check_format(type(self).__name__, *state.get(MARK, (0, "an unknown version")))
        getattr(super(), "__setstate__", vars(self).update)(others)


def check_format(name: str, saved: int, version: str) -> None:
    """Raise unless this version can read what was saved.

    Parameters
    ----------
    name : str
        The type of what was saved.
    saved : int
        The format in which it was saved.
    version : str
        The version of the package that saved it.
    """
    if saved == SAVED_FORMAT:
        return
    remedy = "Install that version or a newer one"
    if saved < SAVED_FORMAT:
        remedy = "Load it with that version, or fit it again"
    raise ValueError(
        f"sklearn-linrnn {sklearn_linrnn.__version__} reads models saved in format "
        f"{SAVED_FORMAT}, but got a {name} in format {saved}, saved by {version}. {remedy}."
    )
