"""Squared sensitivities of modules of PyTorch, by automatic differentiation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from sklearn_linrnn.inspection._input_groups import InputGroup
from sklearn_linrnn.inspection._last_outputs import check_independence, outputs_at_end

MOST_STEPS = 2**14  # time steps that a module is given at once, of which it keeps all states


def energies_of_module(
    module: nn.Module, group: InputGroup, unit: float
) -> tuple[float, NDArray[np.float64]]:
    """Return the largest sensitivity of the last outputs, and squares, (n_sequences, n_lags).

    The module keeps its mode, its buffers and the gradients of its parameters, and random numbers
    that it draws are not taken from those that follow.

    Parameters
    ----------
    module : torch.nn.Module
        The model; it is looked at in evaluation mode.
    group : InputGroup
        The sequences.
    unit : float
        The unit of the sensitivities that are squared.

    Raises
    ------
    TypeError, ValueError
        If its outputs are not what they must be, or do not tell how they depend on the inputs.
    """
    tensors = chain(module.parameters(), module.buffers())
    like = next((each for each in tensors if each.is_floating_point()), torch.empty(0).double())
    at_once = max(1, MOST_STEPS * group.places.shape[1] // group.values[0].size)
    with _only_looked_at(module, like.device):
        blocks = [
            torch.tensor(np.ascontiguousarray(group.values[first : first + at_once])).to(like)
            for first in range(0, len(group), at_once)
        ]
        among, alone = (_outputs(module, x, group) for x in (blocks[0], blocks[0][-1:]))
        first, last = (each.detach().double().cpu().numpy() for each in (among, alone))
        check_independence(first, last, torch.finfo(among.dtype).eps)
        found = [_energies(module, x, group, unit) for x in blocks]
    return max(largest for largest, _ in found), np.concatenate([each for _, each in found])


def _energies(
    module: nn.Module, x: Tensor, group: InputGroup, unit: float
) -> tuple[float, NDArray[np.float64]]:
    outputs = _outputs(module, x.requires_grad_(), group)
    if not outputs.requires_grad:
        raise ValueError(
            "The outputs of the module have no gradient with respect to its inputs: it detaches "
            "them. Pass a function of arrays that calls it, for finite differences."
        )
    known = torch.from_numpy(group.places >= 0)
    places = torch.from_numpy(group.places).clamp(min=0)
    largest, energies = 0.0, np.zeros((len(x), len(places)))
    for output in outputs.unbind(1):
        # Sequences do not see one another: the gradient of the sum has that of each.
        (gradient,) = torch.autograd.grad(
            output.sum(), x, retain_graph=True, materialize_grads=True
        )
        at_lags = gradient.double().cpu().flatten(1)[:, places] * known
        energies += (at_lags / unit).square().sum(2).numpy()
        largest = max(largest, float(at_lags.abs().max()))
    return largest, energies


def _outputs(module: nn.Module, x: Tensor, group: InputGroup) -> Tensor:
    """Return the outputs of sequences at the last time step, (n_sequences, n_outputs)."""
    is_time_first = x.ndim == 3 and getattr(module, "batch_first", True) is False
    # A module may write to its buffers, and to what it gets.
    copies = {name: buffer.clone() for name, buffer in module.named_buffers()}
    given = (x.swapaxes(0, 1) if is_time_first else x).clone()
    found: Any = functional_call(module, copies, (given,))
    found = found[0] if isinstance(found, (tuple, list)) else found
    if not (isinstance(found, Tensor) and found.is_floating_point()):
        raise TypeError(
            "The module must return a tensor of real numbers, or a tuple that begins with one, but "
            f"got {type(found).__name__}."
        )
    if is_time_first and found.ndim == 3:
        found = found.swapaxes(0, 1)
    outputs: Tensor = outputs_at_end(found, group, len(x))
    return outputs


@contextmanager
def _only_looked_at(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Let a module be differentiated in evaluation mode, and leave it as it was."""
    modes = {each: each.training for each in module.modules()}
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        # cuDNN differentiates recurrent networks in training mode alone.
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        stack.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        module.eval()
        try:
            yield
        finally:
            for each, mode in modes.items():
                each.training = mode
