"""How much the outputs of a model change with its inputs, whatever kind of model it is."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_linrnn.inspection._finite_differences import Differences
from sklearn_linrnn.inspection._input_groups import InputGroup
from sklearn_linrnn.inspection._last_outputs import check_independence, outputs_at_end
from sklearn_linrnn.inspection._module_gradients import energies_of_module


class Sensitivity(NamedTuple):
    """Squared sensitivities of the outputs at the last time step.

    Attributes
    ----------
    largest : float
        The largest derivative, without its sign.
    energies : ndarray of shape (n_sequences, n_lags)
        Sums over outputs and channels, of derivatives in a unit.
    errors : ndarray of shape (n_lags,)
        Estimated numerical errors of their means; zeros for derivatives.
    """

    largest: float
    energies: NDArray
    errors: NDArray


def sensitivity(
    model: Any, group: InputGroup, scales: NDArray, step: float | None, unit: float = 1.0
) -> Sensitivity:
    """Return the squared sensitivities of a model.

    Parameters
    ----------
    model : torch.nn.Module, object with a method `predict`, or callable
        The model.
    group : InputGroup
        The sequences.
    scales : ndarray of shape (n_channels,)
        The unit of steps in each channel.
    step : float or None
        Step of finite differences, in these units; ``None`` to find it.
    unit : float, default=1.0
        The unit of the derivatives, before they are squared; a power of two.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If its outputs are not what they must be.
    """
    if isinstance(model, nn.Module):
        largest, energies = energies_of_module(model, group, unit)
        return Sensitivity(largest, energies, np.zeros(energies.shape[1]))
    if isinstance(model, type) or not (hasattr(model, "predict") or callable(model)):
        raise TypeError(
            "model must be a torch.nn.Module, an object with a method predict, or a function of "
            f"sequences, but got {model if isinstance(model, type) else type(model).__name__}."
        )

    def ask(values: NDArray) -> NDArray:
        return _outputs(_without_traces(model), group, values)

    # Copies, since a function may write to what it gets.
    check_independence(ask(group.values.copy()), ask(group.values[-1:].copy()))
    differences = Differences(ask, group, scales, unit)
    found = differences.best() if step is None else differences.over(step, extrapolated=False)
    return Sensitivity(found.largest, found.energies, found.errors)


def _outputs(model: Any, group: InputGroup, values: NDArray) -> NDArray:
    """Return the outputs of a model at the last time step of sequences."""
    predicts = hasattr(model, "predict")
    outputs = group.predicted(model.predict, values) if predicts else model(values)
    outputs = outputs[0] if isinstance(outputs, tuple) else outputs
    # Those of estimators have the time before the outputs, whatever the order is in their inputs.
    is_estimators = predicts or _is_estimators(model)
    found = outputs_at_end(outputs, group, len(values), time_axis=1 if is_estimators else None)
    return found.detach().double().cpu().numpy() if isinstance(found, Tensor) else found


def _without_traces(model: Any) -> Any:
    """Return a model that may be asked without a change of the given one.

    An estimator does not change when it is asked. Others may keep a state, as reservoirs do, from
    which they go on.
    """
    if _is_estimators(model):
        return model
    try:
        return copy.deepcopy(model)
    except Exception:  # of any kind: handles of other libraries cannot be copied
        return model


def _is_estimators(model: Any) -> bool:
    """Whether a model is an estimator in the manner of scikit-learn, or a method of one."""
    return hasattr(getattr(model, "__self__", model), "get_params")
