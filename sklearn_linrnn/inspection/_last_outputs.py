"""The outputs of any model at the last time step, one row for each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.tensors import real_numbers
from sklearn_linrnn.inspection._input_groups import InputGroup

TOLERANCE = 1e-3  # of outputs that ought to be the same, relative to their spread


def outputs_at_end(
    outputs: Any, group: InputGroup, n_sequences: int, *, time_axis: int | None = None
) -> Any:
    """Return the outputs of sequences at the last time step, (n_sequences, n_outputs).

    Parameters
    ----------
    outputs : ndarray, Tensor or array-like
        What a model has returned.
    group : InputGroup
        What the sequences are.
    n_sequences : int
        Their number.
    time_axis : int, default=None
        The axis of the time steps, in outputs that have one; ``None`` for that of the inputs.

    Raises
    ------
    TypeError, ValueError
        If it cannot be outputs of so many sequences, or may be two things.
    """
    if not isinstance(outputs, Tensor):
        outputs = np.asarray(real_numbers(outputs, "The outputs of the model"), np.float64)
    shape = tuple(outputs.shape)
    if not 1 <= len(shape) <= 3 or shape[0] != n_sequences or 0 in shape:
        raise ValueError(
            "The model must return outputs of shape (n_sequences, n_outputs), or of "
            f"(n_sequences, n_timesteps, n_outputs), for n_sequences={n_sequences}, but got shape "
            f"{shape}."
        )
    if len(shape) == 3:
        axis = group.time_axis if time_axis is None else time_axis
        return outputs[:, -1] if axis == 1 else outputs[:, :, -1]
    if len(shape) == 1:
        return outputs[:, None]
    if group.knows_steps:
        return outputs[:, -1:]
    if group.form == "panel" and shape[1] == group.values.shape[group.time_axis] > 1:
        raise ValueError(
            f"The model has returned outputs of shape {shape}, which may be one at each of "
            f"{shape[1]} time steps, or as many at the last one. Let it return them with three "
            "axes: with an axis of n_outputs=1 at the end, or with one of n_timesteps=1 before the "
            "last; with a scikit-learn regressor pass a function that does so."
        )
    return outputs


def check_independence(among: NDArray, alone: NDArray, precision: float = 0.0) -> None:
    """Raise if outputs of a sequence depend on what else the model has seen, or on chance.

    Parameters
    ----------
    among : ndarray of shape (n_sequences, n_outputs)
        Outputs of all sequences together.
    alone : ndarray of shape (1, n_outputs)
        Outputs of the last one, given by itself thereafter.
    precision : float, default=0.0
        Relative precision of the numbers that they were computed in.
    """
    if not (np.isfinite(among).all() and np.isfinite(alone).all()):
        raise ValueError("The outputs of the model must be finite, but got NaN or infinity.")
    spread = np.ptp(among, axis=0).max() or np.abs(among).max()
    difference = np.abs(among[-1:] - alone).max()
    if difference > max(TOLERANCE, precision**0.5) * spread:
        raise ValueError(
            "The model must have the same outputs for a sequence whatever it was given with it or "
            f"before, but got outputs of the last one that differ by {difference:.3g} with and "
            "without the others. A model that keeps a state must begin anew in every call, one "
            "that draws random numbers must draw the same ones, and a module whose first axis is "
            "time needs an attribute batch_first=False."
        )
