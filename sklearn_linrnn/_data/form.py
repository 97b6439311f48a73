"""The form that data had in `fit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from numpy.typing import NDArray

from sklearn_linrnn._data.lag_columns import WindowColumns


@final
@dataclass(frozen=True, eq=False)
class DataForm:
    """The form that data had in `fit`, which `predict` must know.

    Attributes
    ----------
    every_step : bool
        Whether there is a target at every time step, or at the last one of a window.
    single_output : bool
        Whether the targets had no axis of outputs.
    columns : WindowColumns or None
        Which lag each column of a 2-D X of windows holds.
    has_ids : bool
        Whether a ``sequence_id`` said which recording each time step belongs to.
    before : ndarray of shape (n_channels,) or None
        The inputs before the first time step of each recording, as in `Recordings`.
    n_channels : int or None
        Number of channels; ``None`` if it is not known yet.
    first_lag : int
        The lag of the inputs that comes first: a delay, or minus the number of leads.
    """

    every_step: bool
    single_output: bool = False
    columns: WindowColumns | None = None
    has_ids: bool = False
    before: NDArray | None = None
    n_channels: int | None = None
    first_lag: int = 0
