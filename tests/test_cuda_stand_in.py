"""What is true of a CUDA device: held by a real one where there is one, else by the stand-in."""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from .cuda_stand_in import cuda_stand_in

rng = np.random.default_rng(0)
MATRIX = torch.from_numpy(rng.normal(size=(4, 4)))
SQUARE = MATRIX @ MATRIX.T + torch.eye(4, dtype=torch.float64)
OTHER_DEVICE = "on the same device|on cpu or on the same device|different devices"


def on_device(tensor=SQUARE):
    return tensor.to("cuda")


# -- As on the CPU ------------------------------------------------------------------------

FUNCTIONS = {
    "arithmetic": lambda a: (2.0 * a - a.T / 3) ** 2,
    "number": lambda a: a * torch.tensor(2.0) + torch.tensor(1.0),
    "selection": lambda a: torch.where(a > 0, a, torch.tensor(0.0)),
    "product": lambda a: a @ a,
    "einsum": lambda a: torch.einsum("ij,kj->ik", a, a),
    "slice": lambda a: a[1:, ::2],
    "index": lambda a: a[torch.arange(3, device=a.device)],
    "index of the CPU": lambda a: a[torch.tensor([2, 0])],
    "mask": lambda a: a[a > 0],
    "sums": lambda a: a.sum(0).cumsum(0),
    "cholesky": torch.linalg.cholesky,
    "triangle": lambda a: torch.linalg.solve_triangular(a.triu(), a, upper=True),
    "eigenvalues": torch.linalg.eigvalsh,
    "singular values": torch.linalg.svdvals,
    "fourier": lambda a: torch.fft.irfft(torch.fft.rfft(a, 6), 6),
    "complex": lambda a: torch.complex(a, a.T).mH.angle(),
    "rows": lambda a: torch.stack([row.flip(0) for row in a]),
    "like": lambda a: torch.zeros_like(a) + a.new_ones(4),
    "factories": lambda a: torch.arange(4.0, device=a.device) + torch.eye(4).to(a),
    "out": lambda a: torch.mul(a, a, out=torch.empty_like(a)),
    "in place": lambda a: a.clone().mul_(2.0).add_(a, alpha=0.5),
}


@pytest.mark.cuda
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_computed_is_that_of_the_cpu(name):
    found = FUNCTIONS[name](on_device())
    assert found.is_cuda
    assert not found.is_cpu
    assert found.device == torch.device("cuda:0")
    assert_allclose(found.cpu().numpy(), FUNCTIONS[name](SQUARE).numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.cuda
def test_numbers_are_read():
    matrix = on_device()
    assert matrix.tolist() == SQUARE.tolist()
    assert matrix[0, 0].item() == float(matrix[0, 0]) == float(SQUARE[0, 0])
    assert bool(matrix[0, 0] > 0)
    assert int(matrix.argmax()) == int(SQUARE.argmax())


@pytest.mark.cuda
def test_what_moves_is_a_copy():
    matrix = on_device()
    there_and_back = matrix.cpu()
    matrix.zero_()
    assert torch.equal(there_and_back, SQUARE)
    assert matrix.to("cuda:0") is matrix
    assert SQUARE.any()
    assert there_and_back.copy_(matrix).is_cpu
    assert not there_and_back.any()


@pytest.mark.cuda
def test_gradients_cross_devices():
    weights = SQUARE.clone().requires_grad_()
    weights.to("cuda").square().sum().backward()
    assert weights.grad.is_cpu
    assert_array_equal(weights.grad, 2 * SQUARE)


@pytest.mark.cuda
def test_modules_move_and_learn():
    module = nn.Linear(4, 2).double()
    moved = copy.deepcopy(module).cuda()
    for each in (module, moved):
        rule = torch.optim.Adam(each.parameters())
        each(SQUARE.to(each.weight.device)).square().sum().backward()
        rule.step()
    assert moved.weight.is_cuda
    assert_allclose(moved.cpu().weight.detach(), module.weight.detach(), rtol=1e-6)


# -- Otherwise than on the CPU --------------------------------------------------------------

MIXTURES = {
    "sum": lambda a, b: a + b,
    "number of the device": lambda a, b: b + a[0, 0],
    "product": lambda a, b: a @ b,
    "joined": lambda a, b: torch.cat([a, b]),
    "joined numbers": lambda a, b: torch.stack([a[0, 0], b[0, 0]]),
    "selection": lambda a, b: torch.where(a > 0, a, b),
    "index": lambda a, b: b[torch.arange(2, device=a.device)],
    "out": lambda a, b: torch.mul(a, a, out=b),
    "in place": lambda a, b: b[0, 0].clone().add_(a[0, 0]),
    "compared": torch.equal,
    "assigned": lambda a, b: a.clone().__setitem__(torch.arange(2, device=a.device), b[:2]),
    "module": lambda a, b: nn.Linear(4, 2).double()(a),
}


@pytest.mark.cuda
@pytest.mark.parametrize("name", MIXTURES)
def test_tensors_of_two_devices_do_not_meet(name):
    with pytest.raises(RuntimeError, match=OTHER_DEVICE):
        MIXTURES[name](on_device(), SQUARE.clone())


@pytest.mark.cuda
@pytest.mark.parametrize("read", [torch.Tensor.numpy, np.asarray, np.sqrt, np.linalg.norm])
def test_numpy_cannot_read_them(read):
    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
        read(on_device())


@pytest.mark.cuda
@pytest.mark.parametrize(
    "draw",
    [
        lambda generator: torch.randn(3, device="cuda", generator=generator),
        lambda generator: on_device().normal_(generator=generator),
    ],
)
def test_generators_of_the_cpu_do_not_draw_there(draw):
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator"):
        draw(torch.Generator())


@pytest.mark.cuda
@pytest.mark.parametrize(
    "operation", [lambda a: a.long() @ a.long(), lambda a: torch.histogram(a, 3)]
)
def test_some_operations_are_not_there(operation):
    with pytest.raises((NotImplementedError, RuntimeError), match=r"not implemented|CUDA"):
        operation(on_device())


@pytest.mark.cuda
def test_a_graph_does_again_what_was_done():
    memory, rate, seen = (torch.zeros(2, device="cuda") for _ in range(3))
    memory += 1.0
    rate += 1.0
    of_the_host = 10.0
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        memory.add_(of_the_host * rate)
        seen.copy_(memory[:1].square().sum())
    assert memory.tolist() == [1.0, 1.0]  # nothing is computed yet
    of_the_host = 1000.0
    graph.replay()
    assert memory.tolist() == [11.0, 11.0]
    rate.fill_(2.0)
    graph.replay()
    assert memory.tolist() == [31.0, 31.0]
    assert seen.tolist() == [961.0, 961.0]


# -- The stand-in alone -------------------------------------------------------------------

there_is_none = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")

WAITS = {
    "none": (lambda a: (a @ a).sum(0), 0),
    "number": (lambda a: float(a[0, 0]), 1),
    "decision": (lambda a: bool((a > 0).all()), 1),
    "copy": (lambda a: a.cpu(), 1),
    "list": (lambda a: a.tolist(), 1),
    "from the CPU": (lambda a: torch.tensor([1.0], device=a.device), 1),
    "number of the CPU": (lambda a: a * torch.tensor(2.0), 0),
    "selected number of the CPU": (lambda a: torch.where(a > 0, a, torch.tensor(2.0)), 1),
    "selected number": (lambda a: torch.where(a > 0, a, 2.0), 0),
    "mask": (lambda a: a[a > 0], 1),
    "masked": (lambda a: a.masked_fill(a > 0, 0.0), 0),
    "assigned": (lambda a: a.__setitem__(a > 0, 0.0), 0),
    "checked factor": (torch.linalg.cholesky, 1),
    "factor": (torch.linalg.cholesky_ex, 0),
    "vectors": (torch.linalg.eigh, 1),
}


@there_is_none
@pytest.mark.parametrize("name", WAITS)
def test_synchronisations_are_counted(name):
    operation, expected = WAITS[name]
    with cuda_stand_in() as synchronisations:
        matrix = on_device()
        before = synchronisations.total()
        operation(matrix)
        assert synchronisations.total() - before == expected


@there_is_none
@pytest.mark.parametrize("wait", [float, torch.Tensor.tolist, torch.Tensor.cpu])
def test_a_capture_does_not_wait(wait):
    with cuda_stand_in():
        number = torch.zeros((), device="cuda")
        with (
            pytest.raises(RuntimeError, match="not permitted when stream is capturing"),
            torch.cuda.graph(torch.cuda.CUDAGraph()),
        ):
            wait(number)


@there_is_none
def test_afterwards_there_is_no_device():
    with cuda_stand_in():
        assert torch.cuda.is_available()
    assert not torch.cuda.is_available()
    assert torch.cuda.device_count() == 0
    with pytest.raises(AssertionError, match="not compiled with CUDA"):
        torch.ones(2, device="cuda")
