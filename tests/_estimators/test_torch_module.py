"""The module of PyTorch: predictions of the estimator, and training that goes on."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import LagStatistics, LinearRNNRegressor
from sklearn_linrnn._core.networks.network import LinearRNNModel, RNNParameters
from sklearn_linrnn._estimators.torch_module import LinearRNNModule

N_CHANNELS, N_OUTPUTS, N_LAGS = 3, 2, 6
OPTIONS = {"n_hidden": 24, "max_iter": 15, "random_state": 0}


def make_module(model, *, every_step, origin=None):
    arrays = model.transition_, model.input_, model.readout_, model.intercept_
    n_lags = model.impulse_response_.shape[2]
    return LinearRNNModule(*arrays, n_lags=n_lags, every_step=every_step, origin=origin)


def make_panel(n_sequences=30, n_timesteps=N_LAGS, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_sequences, n_timesteps, N_CHANNELS))
    targets = rng.normal(1.0, 1.0, (n_sequences, n_timesteps, N_OUTPUTS))
    return x, targets


def random_module(n_hidden=7, *, every_step=True, seed=0, n_lags=N_LAGS):
    rng = np.random.default_rng(seed)
    shapes = (n_hidden, n_hidden), (n_hidden, N_CHANNELS), (N_OUTPUTS, n_hidden), (N_OUTPUTS,)
    arrays = [rng.normal(size=shape) for shape in shapes]
    return LinearRNNModule(*arrays, n_lags=n_lags, every_step=every_step)


# -- Predictions -------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-12), ("float32", 1e-5)])
def test_module_predicts_the_time_steps_of_a_recording_as_the_estimator(dtype, atol):
    x, y = (part.reshape(180, -1) for part in make_panel())
    model = LinearRNNRegressor(**OPTIONS, rows="timesteps", n_lags=N_LAGS, dtype=dtype).fit(x, y)
    module = make_module(model, every_step=True)
    ours = module(torch.from_numpy(x.astype(dtype))[None]).detach()
    assert ours.shape == (1, 180, N_OUTPUTS)
    assert ours.dtype == getattr(torch, dtype)
    assert_allclose(ours[0], model.predict(x), atol=atol)


@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("n_lags", [None, 1, 4])
def test_module_predicts_the_last_time_steps_of_a_panel_as_the_estimator(dtype, atol, n_lags):
    x, y = make_panel()
    model = LinearRNNRegressor(**OPTIONS, n_lags=n_lags, dtype=dtype).fit(x, y[:, -1])
    module = make_module(model, every_step=False)
    ours = module(torch.from_numpy(x.astype(dtype))).detach()
    assert ours.shape == (30, N_OUTPUTS)
    assert_allclose(ours, model.predict(x), atol=atol)


def test_module_predicts_every_time_step_of_a_panel_as_the_estimator():
    x, y = make_panel()
    model = LinearRNNRegressor(**OPTIONS).fit(x, y)
    module = make_module(model, every_step=True)
    assert_allclose(module(torch.from_numpy(x)).detach(), model.predict(x), atol=1e-12)


def test_module_of_a_centred_network_subtracts_its_initial_response():
    x, y = make_panel()
    model = LinearRNNRegressor(**OPTIONS, init="centered").fit(x, y[:, -1])
    unmoved = LinearRNNRegressor(**OPTIONS, learning_rate=1e-300).fit(x, y[:, -1])
    module = make_module(model, every_step=False, origin=unmoved.impulse_response_)
    assert_allclose(module.response().detach(), model.impulse_response_, atol=1e-12)
    assert_allclose(module(torch.from_numpy(x)).detach(), model.predict(x), atol=1e-12)


@pytest.mark.parametrize("every_step", [True, False])
@pytest.mark.parametrize("n_timesteps", [1, 4, N_LAGS])
def test_module_is_the_recurrence_of_sequences_no_longer_than_its_lags(every_step, n_timesteps):
    module = random_module(every_step=every_step)
    x = torch.from_numpy(make_panel(n_timesteps=n_timesteps)[0])
    W, F, C, b = (p.detach() for p in module.parameters())
    state, outputs = torch.zeros(len(x), len(W), dtype=torch.float64), []
    for step in x.unbind(1):
        state = state @ W.T / len(W) ** 0.5 + step @ F.T
        outputs.append(state @ C.T / len(W) ** 0.5 + b)
    expected = torch.stack(outputs, dim=1) if every_step else outputs[-1]
    assert_allclose(module(x).detach(), expected, atol=1e-12)


def test_last_time_step_is_the_last_of_every_time_step():
    x = torch.from_numpy(make_panel(n_timesteps=40)[0])
    every, last = random_module(every_step=True), random_module(every_step=False)
    assert_allclose(last(x).detach(), every(x)[:, -1].detach(), atol=1e-13)


# -- Training ----------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_gradient_of_a_loss_is_that_from_the_statistics(dtype, rtol):
    x, y = make_panel(n_timesteps=11)
    statistics = LagStatistics.from_series(list(x), list(y), n_lags=N_LAGS)
    module = random_module().to(dtype)
    start = (module.transition, module.input, module.readout)
    network = LinearRNNModel(RNNParameters(*(p.detach().clone() for p in start)), N_LAGS)
    response = network.response()
    loss, gradient = statistics.profile_loss(response)
    network.backward(gradient)

    with torch.no_grad():
        module.bias.copy_(statistics.intercept(response))  # the best, as the estimators have it
    errors = module(torch.from_numpy(x).to(dtype)) - torch.from_numpy(y).to(dtype)
    ours = errors.square().sum(dim=-1).mean() / 2
    ours.backward()
    assert_allclose(ours.detach(), loss, rtol=rtol)
    for parameter, other in zip(start, network.parameters, strict=True):
        tolerance = rtol * float(other.grad.abs().max())
        assert_allclose(parameter.grad, other.grad, rtol=0, atol=tolerance)
    assert_allclose(module.bias.grad, 0.0, atol=rtol)


def test_gradients_are_those_of_differences():
    module = random_module(n_hidden=3, every_step=False, n_lags=3)
    x = torch.from_numpy(make_panel(n_sequences=2)[0])
    names, values = zip(*module.named_parameters(), strict=True)

    def call(*values):
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(call, values)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.LBFGS])
def test_a_module_trains_on_with_any_optimiser(optimizer):
    x, y = make_panel()
    model = LinearRNNRegressor(**OPTIONS).fit(x, y[:, -1])
    fitted = model.transition_.copy()
    module = make_module(model, every_step=False)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y[:, -1])
    steps = optimizer(module.parameters(), lr=1e-2)

    def loss():
        steps.zero_grad()
        value = (module(inputs) - targets).square().mean()
        value.backward()
        return value

    before = loss().item()
    for _ in range(20):
        steps.step(loss)
    assert loss().item() < before
    assert_array_equal(model.transition_, fitted, "the estimator's arrays are its own")


def test_a_bias_can_be_left_as_it_is():
    module = random_module()
    module.bias.requires_grad_(False)
    module(torch.from_numpy(make_panel()[0])).sum().backward()
    assert module.bias.grad is None
    assert module.input.grad.any()


def test_nothing_is_recorded_without_gradients():
    with torch.no_grad():
        assert not random_module()(torch.from_numpy(make_panel()[0])).requires_grad


# -- As a module -------------------------------------------------------------------------


def test_parameters_and_buffers_have_the_names_of_the_model():
    module = random_module()
    assert [name for name, _ in module.named_parameters()] == [
        "transition",
        "input",
        "readout",
        "bias",
    ]
    assert [name for name, _ in module.named_buffers()] == ["origin"]
    expected = "n_hidden=7, n_channels=3, n_outputs=2, n_lags=6, every_step=True, delay=0"
    assert repr(module) == f"LinearRNNModule({expected})"


def saved_and_loaded(module):
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    other = random_module(seed=1)
    other.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    return other


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), saved_and_loaded],
    ids=["deepcopy", "pickle", "state_dict"],
)
def test_copies_predict_the_same_and_are_independent(copied):
    module, x = random_module(), torch.from_numpy(make_panel()[0])
    module.origin += 0.5
    expected = module(x).detach()
    other = copied(module)
    assert_array_equal(other(x).detach(), expected)
    with torch.no_grad():
        other.transition.zero_()
    assert_array_equal(module(x).detach(), expected)


def test_a_module_changes_its_type_as_others_do():
    module = random_module().float()
    assert {tensor.dtype for tensor in module.state_dict().values()} == {torch.float32}
    assert module(torch.zeros(1, 3, N_CHANNELS)).dtype == torch.float32


# -- Errors ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(30, N_CHANNELS), (5, 6, 2), (6,)])
def test_inputs_of_another_shape_are_an_error(shape):
    with pytest.raises(ValueError, match=r"x must have shape \(n_sequences, n_timesteps, 3\)"):
        random_module()(torch.zeros(shape, dtype=torch.float64))


@pytest.mark.parametrize("name", ["transition", "readout", "bias", "origin"])
def test_an_array_of_another_shape_is_an_error_that_names_it(name):
    arrays = {
        "transition": np.eye(4),
        "inputs": np.ones((4, 2)),
        "readout": np.ones((3, 4)),
        "bias": np.ones(3),
        "origin": np.ones((3, 2, 5)),
    }
    LinearRNNModule(**arrays, n_lags=5, every_step=True)
    arrays[name] = arrays[name][1:]
    if name == "readout":
        arrays[name] = np.ones((3, 3))
    with pytest.raises(ValueError, match=f"{name} must have shape"):
        LinearRNNModule(**arrays, n_lags=5, every_step=True)
