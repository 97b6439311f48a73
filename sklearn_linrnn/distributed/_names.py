"""The names of recordings whose time steps are rows of one long array, one after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Names:
    """The names of the recordings in consecutive rows.

    Attributes
    ----------
    first, last : object
        The names of the first and of the last row.
    known : ndarray of shape (n_recordings,)
        All names, each once.
    """

    first: Any
    last: Any
    known: NDArray

    @classmethod
    def of(cls, sequence_id: Any) -> Names | None:
        """Return the names of rows, or raise where a recording goes on after another one.

        Parameters
        ----------
        sequence_id : array-like of shape (n_rows,) or None
            The recording that each row belongs to; ``None`` if they have no names.
        """
        if sequence_id is None:
            return None
        ids = np.asarray(sequence_id)
        if len(ids) == 0:
            return None
        runs = ids[np.concatenate([[True], ids[1:] != ids[:-1]])]
        known = pd.unique(runs)
        if len(known) < len(runs):
            raise _apart(pd.Series(runs)[pd.Series(runs).duplicated()].iloc[0])
        return cls(runs[0], runs[-1], known)

    def __add__(self, later: Names) -> Names:
        """Return the names of these rows and of those that follow them."""
        new = later.known[1:] if later.first == self.last else later.known
        known = np.concatenate([self.known, new])
        if len(pd.unique(known)) < len(known):
            raise _apart(pd.Series(known)[pd.Series(known).duplicated()].iloc[0])
        return replace(self, last=later.last, known=known)


def _apart(name: Any) -> ValueError:
    return ValueError(
        "sequence_id must have the rows of a recording one after another, as its lags may lie on "
        f"other machines, but got recording {np.asarray(name).item()!r} again after another one. "
        "Sort the rows by sequence_id, and within it by time."
    )
