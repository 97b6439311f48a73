"""A GPU where there is none: tensors in the memory of the CPU that answer as those of CUDA do.

Within `cuda_stand_in`, PyTorch says that there is one CUDA device, and ``device="cuda"`` makes
tensors of a class of their own. They compute what the CPU computes, but as on a GPU

* they do not meet tensors of the CPU, but for numbers (0-d tensors) in elementwise operations, and
  draw nothing from a generator of the CPU;
* NumPy cannot read them;
* what CUDA does not have is refused;
* wherever the host would wait for the device is counted, and is an error while a CUDA graph is
  captured. A captured graph does again what was done, whatever the host has learned since.

Rounding, speed, memory and the order of streams are those of a real device alone. Transforms of
`torch.func` take tensors out of the class, so that what they return is on the CPU.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("cuda:0")
PACKAGE = "sklearn_linrnn"

MOVES = {Tensor.to, Tensor.cpu, Tensor.cuda}
GRADIENTS = {torch.autograd.grad, torch.autograd.backward, Tensor.backward}  # cross devices
TAKE_NUMBERS = {"fill_", "masked_fill", "masked_fill_"}  # of the CPU, as elementwise ones do
SEND_NUMBERS = {"index_put_", "where"}  # to the device
WAIT = {"_linalg_check_errors", "_linalg_eigh", "_linalg_svd", "linalg_eig"}  # as tags do not say
PRODUCTS = {"addmm", "addmv", "baddbmm", "bmm", "dot", "mm", "mv", "vdot"}  # none of integers
NOT_ON_CUDA = {"histogram", "histogramdd"}


class DeviceTensor(Tensor):
    """A tensor that is said to be on the device."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        """Call a function as it is called on the device."""
        return _call(function, args, kwargs or {})


class Synchronisations(Counter):
    """How often the host waited for the device: by what it did, and the line that asked for it."""

    def note(self, what: str) -> None:
        """Count one, or raise in a capture."""
        if _captures:
            raise RuntimeError(f"{what}: operation not permitted when stream is capturing")
        self[what, _line_of_the_package()] += 1


synchronisations = Synchronisations()


@contextmanager
def cuda_stand_in() -> Iterator[Synchronisations]:
    """Let there be a CUDA device in the body; yield what counts its synchronisations."""
    synchronisations.clear()
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # others know nothing of the device
    try:
        with (
            patch.multiple(torch.cuda, **CUDA),
            patch("torch.backends.cuda.is_built", lambda: True),
            patch("torch.backends.cudnn.is_acceptable", lambda tensor: False),
            patch("torch.optim.optimizer._foreach_supported_types", [Tensor, DeviceTensor]),
            patch("torch._C._group_tensors_by_device_and_dtype", _grouped),
            _Functions(),
        ):
            yield synchronisations
    finally:
        torch.set_num_threads(n_threads)


def _grouped(lists: Any, *args: Any) -> dict:
    """Return groups of tensors as optimisers make them, by the devices that tensors tell."""
    found = _group_tensors(lists, *args)
    return {(group[0][0][0].device, dtype): group for (_, dtype), group in found.items()}


_group_tensors = torch._C._group_tensors_by_device_and_dtype


def _line_of_the_package() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.split(".")[0] == PACKAGE:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"


# -- Functions of PyTorch -----------------------------------------------------------------


class _Functions(TorchFunctionMode):
    """Sees all functions, such as ``torch.ones(2, device="cuda")``, which no tensor sees."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return _call(function, args, kwargs or {})


def _call(function: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    leaves = tree_leaves((args, kwargs))
    tensors = [each for each in leaves if isinstance(each, Tensor)]
    named = _named_device(function, args, kwargs)
    if not (named == "cuda" or any(isinstance(each, DeviceTensor) for each in tensors)):
        return function(*args, **kwargs)
    if function in OWN:
        return OWN[function](*args, **kwargs)
    if function in MOVES:
        return _moved(function, args, kwargs, named)
    if any(isinstance(each, torch.Generator) for each in leaves):
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
    if named is not None:
        return _made(function, args, kwargs, named)
    numbers = [] if function in GRADIENTS else _numbers(function, args, tensors)
    found = _run(function, args, kwargs, numbers)
    return tree_map(lambda each: _on_device(each) if _is_new(each, tensors) else each, found)


def _refuse_numpy(*args: Any, **kwargs: Any) -> None:
    raise TypeError(
        f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() to copy the tensor "
        "to host memory first."
    )


OWN: dict[Any, Any] = {
    Tensor.device.__get__: lambda tensor: DEVICE,
    Tensor.is_cuda.__get__: lambda tensor: True,
    Tensor.is_cpu.__get__: lambda tensor: False,
    Tensor.get_device: lambda tensor: DEVICE.index,
    Tensor.numpy: _refuse_numpy,
    Tensor.__array__: _refuse_numpy,
    Tensor.__dlpack__: _refuse_numpy,
    Tensor.tolist: lambda tensor: tensor.cpu().tolist(),
    Tensor.__iter__: lambda tensor: iter(tensor.unbind()),
    # So that a module on its way to the device gets parameters anew.
    torch._has_compatible_shallow_copy_type: lambda tensor, other: False,
}


def _named_device(function: Any, args: tuple, kwargs: dict[str, Any]) -> str | None:
    """Return the type of the device that a call names."""
    if function is Tensor.cuda:
        return DEVICE.type
    named = [kwargs.get("device")]
    if function is Tensor.to:
        named += [each for each in args[1:2] if not isinstance(each, (Tensor, torch.dtype))]
    given = [torch.device(each) for each in named if each is not None]
    return given[0].type if given else None


def _made(function: Any, args: tuple, kwargs: dict[str, Any], named: str) -> Any:
    """Return what is made on a device that is named, of memory of its own."""
    if function.__name__ in ("as_tensor", "asarray", "tensor"):
        synchronisations.note(function.__name__)
    found = _run(function, args, {**kwargs, "device": "cpu"})
    if function.__name__ in ("as_tensor", "asarray"):
        found = found.clone()
    return _on_device(found) if named == "cuda" else found.as_subclass(Tensor)


def _moved(function: Any, args: tuple, kwargs: dict[str, Any], named: str | None) -> Tensor:
    """Return a tensor on another device, or of another type."""
    tensor, *rest = args
    like = next((each for each in rest if isinstance(each, Tensor)), kwargs.get("other", tensor))
    named = named or ("cpu" if function is Tensor.cpu else like.device.type)
    types = [each for each in rest if isinstance(each, torch.dtype)]
    dtype = kwargs.get("dtype") or (types[0] if types else like.dtype)
    crosses = named != tensor.device.type
    if crosses and not kwargs.get("non_blocking"):
        synchronisations.note(function.__name__)
    found = _run(Tensor.to, (tensor, dtype), {"copy": crosses or kwargs.get("copy", False)})
    if named == "cuda":
        return _on_device(found)
    return found.as_subclass(Tensor)


def _numbers(function: Any, args: tuple, tensors: list[Tensor]) -> list[Tensor]:
    """Return the numbers of the CPU that meet tensors of the device, where nothing else does."""
    hosts = [each for each in tensors if not isinstance(each, DeviceTensor)]
    if not hosts:
        return []
    is_simple = not any(isinstance(each, Tensor) for each in tree_leaves(args[1:2]))
    if (
        function is Tensor.copy_
        or (function is Tensor.__setitem__ and is_simple)
        or (function is Tensor.__getitem__ and isinstance(args[0], DeviceTensor))
    ):
        synchronisations.note(function.__name__)
        return []
    if any(each.ndim for each in hosts):
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{DEVICE} and cpu! ({getattr(function, '__name__', function)})"
        )
    return hosts


def _is_new(found: Any, given: list[Tensor]) -> bool:
    return isinstance(found, Tensor) and not any(found is each for each in given)


def _on_device(tensor: Tensor) -> Tensor:
    return tensor if isinstance(tensor, DeviceTensor) else tensor.as_subclass(DeviceTensor)


# -- Their operations ---------------------------------------------------------------------


def _run(function: Any, args: tuple, kwargs: dict[str, Any], numbers: Any = ()) -> Any:
    """Return what a function returns on the CPU, if CUDA has all that it is made of."""
    with torch._C.DisableTorchFunctionSubclass():
        for each in _captures:
            each.keep(args, kwargs)
        with _Operations(numbers):
            found = function(*args, **kwargs)
        for each in _captures:
            each.record(function, args, kwargs, found)
    return found


class _Operations(TorchDispatchMode):
    """Looks at the operations that a function is made of.

    Parameters
    ----------
    numbers : list of Tensor
        0-d tensors of the CPU among what the function is given.
    """

    def __init__(self, numbers: list[Tensor]) -> None:
        super().__init__()
        self.numbers = numbers

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name, kwargs = operation.overloadpacket.__name__, kwargs or {}
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        if name in NOT_ON_CUDA or (name in PRODUCTS and not _is_inexact(given[-1])):
            raise NotImplementedError(f"{name!r} is not implemented on CUDA for {given[-1].dtype}")
        places = [k for k, each in enumerate(given) if any(each is one for one in self.numbers)]
        if _waits(operation, name, args) or (places and name in SEND_NUMBERS):
            synchronisations.note(name)
        is_of_two = torch.Tag.pointwise in operation.tags and len(given) == 2
        is_taken = is_of_two or name in TAKE_NUMBERS | SEND_NUMBERS
        is_written = name.endswith("_") and 0 in places
        if places and len(given) > 1 and (is_written or not is_taken):
            raise RuntimeError(
                "Expected all tensors to be on the same device, but got a number of the CPU for "
                f"{name!r}"
            )
        return operation(*args, **kwargs)


def _is_inexact(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _waits(operation: Any, name: str, args: tuple) -> bool:
    """Return whether the host needs a number of the device, be it how long a result is."""
    if name in ("index", "index_put_", "index_put"):
        masks = [each for each in args[1] if each is not None and each.dtype == torch.bool]
        return bool(masks) and not (name != "index" and args[2].ndim == 0)
    tags = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
    return name in WAIT or not tags.isdisjoint(operation.tags)


# -- CUDA graphs --------------------------------------------------------------------------


class _Graph:
    """Stands for `torch.cuda.CUDAGraph`: a record of calls, done again on the same memory."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.before: dict[int, tuple[Any, Any]] = {}

    def keep(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """Keep what is in the memory of the tensors: capturing computes nothing."""
        for each in tree_leaves((args, kwargs)):
            if isinstance(each, Tensor):
                memory = each.untyped_storage()
                self.before.setdefault(memory.data_ptr(), (memory, memory.clone()))

    def record(self, function: Any, args: tuple, kwargs: dict[str, Any], found: Any) -> None:
        """Record a call; numbers of the CPU are what they were."""
        args, kwargs = tree_map(
            lambda each: each.clone() if type(each) is Tensor and each.ndim == 0 else each,
            (args, kwargs),
        )
        self.calls.append((function, args, kwargs, found))

    def restore(self) -> None:
        """End the capture."""
        for memory, content in self.before.values():
            memory.copy_(content)
        self.before.clear()

    def replay(self) -> None:
        """Do all calls again."""
        with torch.no_grad(), torch._C.DisableTorchFunction():
            for function, args, kwargs, found in self.calls:
                again = function(*args, **kwargs)
                for old, new in zip(tree_leaves(found), tree_leaves(again), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


_captures: list[_Graph] = []


@contextmanager
def _capture(graph: _Graph) -> Iterator[None]:
    _captures.append(graph)
    try:
        yield
    finally:
        _captures.pop()
        with torch._C.DisableTorchFunction():
            graph.restore()


class _Stream:
    """Stands for `torch.cuda.Stream`, of which one waits for the other."""

    def wait_stream(self, other: _Stream) -> None:
        """Do nothing: all is done at once."""


CUDA: dict[str, Any] = {
    "CUDAGraph": _Graph,
    "Stream": _Stream,
    "current_device": lambda: DEVICE.index,
    "current_stream": _Stream,
    "device": nullcontext,
    "device_count": lambda: 1,
    "get_rng_state": lambda device=None: torch.get_rng_state(),
    "graph": _capture,
    "is_available": lambda: True,
    "is_current_stream_capturing": lambda: bool(_captures),
    "mem_get_info": lambda device=None: (2**33, 2**33),
    "set_rng_state": lambda state, device=None: torch.set_rng_state(state),
    "stream": nullcontext,
    "synchronize": lambda device=None: None,
}
