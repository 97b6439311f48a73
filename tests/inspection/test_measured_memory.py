"""The memory of any model: what is measured, of which kinds of models, and what they keep."""

import copy
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from reservoirpy.nodes import Reservoir
from reservoirpy.nodes import Ridge as Readout
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    effective_memory,
    measured_memory,
)
from sklearn_linrnn.inspection import response_energy
from sklearn_linrnn.regression import LagTimeSeriesRegressor

N_LAGS = 8
EXACT = {"rtol": 1e-10, "atol": 0.0}


def panel(n_sequences=12, n_timesteps=14, n_channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n_sequences, n_timesteps, n_channels))


def recording(n_timesteps=200, n_channels=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_timesteps, n_channels))
    y = np.column_stack([np.convolve(x[:, 0], 0.6 ** np.arange(9))[:n_timesteps], x[:, -1]])
    return x, y + rng.normal(size=y.shape)


def windows(n_samples=60, seed=0):
    x = np.random.default_rng(seed).normal(size=n_samples + N_LAGS)
    X = np.lib.stride_tricks.sliding_window_view(x[:-1], N_LAGS)
    return X, X @ 0.7 ** np.arange(N_LAGS)[::-1] + 0.3 * np.sin(x[N_LAGS:])


def energy_of(model):
    return response_energy(model.impulse_response_.astype(np.float64))


# -- Linear models: the squared impulse response ----------------------------------------------

ESTIMATORS = [
    NTKConvRegressor(0.6, n_lags=N_LAGS, rows="timesteps"),
    NTKConvRegressorCV(n_lags=N_LAGS, rows="timesteps"),
    LinearRNNRegressor(40, n_lags=N_LAGS, rows="timesteps", max_iter=30, random_state=0),
    WeightedConv1DRegressor(n_lags=N_LAGS, rows="timesteps", max_iter=30),
    NTKConvRegressor(0.6, n_lags=N_LAGS, rows="timesteps", initial_state="mean"),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_of_our_estimators_it_is_the_squared_impulse_response(estimator):
    x, y = recording()
    model = estimator.fit(x, y)
    for X in (x[:60], panel(), [x[:20], x[20:50], x[50:70]]):
        memory = measured_memory(model, X, n_lags=N_LAGS)
        assert_allclose(memory.energy, energy_of(model), **EXACT)


@pytest.mark.parametrize("layout", ["ntc", "nct"])
def test_of_panels_with_a_target_at_the_last_step(layout):
    X = panel(n_timesteps=N_LAGS)
    X = X.swapaxes(1, 2) if layout == "nct" else X
    model = NTKConvRegressor(layout=layout).fit(X, X.reshape(len(X), -1)[:, -3:])
    expected = energy_of(model)
    assert_allclose(measured_memory(model, X, n_lags=N_LAGS).energy, expected, **EXACT)
    # The same model reads flattened windows, whose channels it knows.
    flat = measured_memory(model, X.reshape(len(X), -1), n_lags=N_LAGS)
    assert_allclose(flat.energy, expected, **EXACT)


@pytest.mark.parametrize("asked", [lambda model: model, lambda model: model.predict])
def test_of_panels_of_the_other_layout_with_a_target_at_every_step(asked):
    X = panel(n_timesteps=9, n_channels=3)
    model = NTKConvRegressor(layout="nct", n_lags=5).fit(X.swapaxes(1, 2), X[..., :2])
    found = measured_memory(asked(model), X.swapaxes(1, 2), n_lags=5)
    assert_allclose(found.energy, energy_of(model), **EXACT)


def test_of_the_module_of_a_network():
    x, y = recording()
    model = LinearRNNRegressor(40, n_lags=N_LAGS, rows="timesteps", max_iter=30).fit(x, y)
    found = measured_memory(model.to_torch(), panel(), n_lags=12)
    assert_allclose(found.energy[:N_LAGS], energy_of(model), **EXACT)
    assert_array_equal(found.energy[N_LAGS:], 0.0)


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
def test_of_a_ridge_on_windows(offset):
    X, y = windows()
    model = Ridge().fit(X + offset, y + offset)
    found = measured_memory(model, X + offset, n_lags=N_LAGS)
    assert_allclose(found.energy, model.coef_[::-1] ** 2, **EXACT)


@pytest.mark.parametrize("layout", ["ntc", "nct"])
def test_of_a_ridge_on_windows_of_channels(layout):
    X = panel(40, 5)
    flat = (X if layout == "ntc" else X.swapaxes(1, 2)).reshape(40, -1)
    model = Ridge().fit(flat, X[:, -1] + X[:, -3])
    found = measured_memory(model, flat, n_lags=5, n_channels=2, layout=layout)
    shape = (2, 5, 2) if layout == "ntc" else (2, 2, 5)
    squares = model.coef_.reshape(shape) ** 2
    expected = squares.sum(axis=(0, 2 if layout == "ntc" else 1))[::-1]
    assert_allclose(found.energy, expected, **EXACT)


def test_lags_far_in_the_tail_have_their_digits():
    H = 10.0 ** -np.arange(N_LAGS)
    found = measured_memory(lambda X: 7.0 + X[:, ::-1, 0] @ H, panel(n_timesteps=8), n_lags=8)
    assert_allclose(found.energy, H**2, **EXACT)


def test_of_a_convolution_of_torch():
    convolution = nn.Conv1d(2, 3, 5)
    X = panel().swapaxes(1, 2)
    module = nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), convolution)
    weights = convolution.weight.detach().double().numpy()
    expected = np.square(weights).sum(axis=(0, 1))[::-1]
    found = measured_memory(module, X, n_lags=5, layout="nct").energy
    assert_allclose(found, expected, **EXACT)  # of floats, whose squares are summed in float64


def test_of_a_linear_module_on_flattened_windows():
    module = nn.Linear(N_LAGS, 2).double()
    expected = module.weight.detach().square().sum(0).flip(0).numpy()
    X, _ = windows()
    assert_allclose(measured_memory(module, X, n_lags=N_LAGS).energy, expected, **EXACT)


def test_a_delay_is_a_time_without_energy():
    x, y = recording()
    model = NTKConvRegressor(n_lags=4, delay=3, rows="timesteps").fit(x, y)
    found = measured_memory(model, panel(), n_lags=9).energy
    assert_allclose(found[3:7], energy_of(model), **EXACT)
    assert_allclose(found[[0, 1, 2, 7, 8]], 0.0, atol=1e-25)


@pytest.mark.parametrize("horizon", [1, 3])
def test_the_horizon_leaves_out_the_lags_nearer_than_that(horizon):
    x, y = recording()
    model = NTKConvRegressor(n_lags=N_LAGS, rows="timesteps").fit(x, y)
    found = measured_memory(model, panel(), n_lags=N_LAGS - horizon, horizon=horizon)
    expected = energy_of(model)[horizon:]
    assert_allclose(found.energy, expected, **EXACT)
    gru = nn.GRU(2, 5, batch_first=True).double()
    whole = measured_memory(gru, panel(), n_lags=N_LAGS).energy
    later = measured_memory(gru, panel(), n_lags=N_LAGS - horizon, horizon=horizon)
    assert_allclose(later.energy, whole[horizon:], rtol=1e-12)
    assert f"output {horizon} time steps later" in str(later)


def test_of_piecewise_linear_and_of_wild_functions_the_slope_is_the_one_here():
    """Far away there is another one, or none."""

    def bent(X):
        return np.maximum(X[:, -1], -10.0) + np.exp(X[:, -2] * 1e-3)

    X = panel()
    found = measured_memory(bent, X, n_lags=2).energy
    expected = 1e-6 * np.exp(2e-3 * X[:, -2]).mean(axis=0).sum()
    assert_allclose(found, [2.0, expected], rtol=1e-9)


# -- What estimators stand in --------------------------------------------------------------------


def lagged_frame(order):
    X, y = windows()
    frame = pd.DataFrame(X, columns=[f"y_lag_{lag}" for lag in range(N_LAGS, 0, -1)])
    return frame[[f"y_lag_{lag}" for lag in order]], y


@pytest.mark.parametrize("order", [range(1, 9), range(8, 0, -1), [3, 1, 2, 8, 7, 4, 6, 5]])
def test_columns_are_read_by_their_names(order):
    X, y = lagged_frame(order)
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    slopes = dict(zip(X, model[-1].coef_ / model[0].scale_, strict=True))
    expected = [slopes[f"y_lag_{lag}"] ** 2 for lag in range(1, 9)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn warns of frames that have lost their names
        found = measured_memory(model, X, n_lags=N_LAGS)
    assert_allclose(found.energy, expected, **EXACT)


def test_frames_of_others_have_names_too():
    X, y = lagged_frame(range(1, 9))
    model = Ridge().fit(X, y)
    found = measured_memory(model, pl.DataFrame(X.to_dict("list")), n_lags=N_LAGS)
    assert_allclose(found.energy, model.coef_**2, **EXACT)


def test_columns_that_are_no_lags_are_channels_of_the_last_step():
    X, y = lagged_frame(range(1, 9))
    X = X.assign(price=np.linspace(0.0, 1.0, len(X)))
    model = Ridge().fit(X, y)
    found = measured_memory(model, X, n_lags=N_LAGS).energy
    assert_allclose(found[1:], model.coef_[1:8] ** 2, **EXACT)
    assert found[0] == pytest.approx(model.coef_[0] ** 2 + model.coef_[8] ** 2, rel=1e-10)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda model: GridSearchCV(model, {"nu_w": [0.3, 0.6]}),
        TransformedTargetRegressor,
        lambda model: make_pipeline(GridSearchCV(make_pipeline(model), {})),
    ],
)
def test_how_x_is_read_is_asked_of_the_innermost_estimator(wrapped):
    X = panel(40, 5).reshape(40, -1)
    newest_first = NTKConvRegressor(lag_order="newest_first", n_channels=2)
    model = wrapped(newest_first).fit(X, X[:, 0] + 0.5 * X[:, 3])
    found = measured_memory(model, X, n_lags=5)
    stated = measured_memory(model.predict, X, n_lags=5, lag_order="newest_first", n_channels=2)
    assert_allclose(found.energy, stated.energy, **EXACT)
    assert found.effective_memory == 1


def test_a_recording_goes_through_a_pipeline():
    x, y = recording()
    x *= [1.0, 50.0]
    ntk = NTKConvRegressor(n_lags=N_LAGS, rows="timesteps")
    model = make_pipeline(StandardScaler(), ntk).fit(x, y)
    slopes = model[-1].impulse_response_ / model[0].scale_[:, None]
    found = measured_memory(model, x[:50], n_lags=N_LAGS).energy
    assert_allclose(found, response_energy(slopes), **EXACT)


def test_a_model_of_several_recordings_is_asked_of_one():
    x, y = recording()
    model = NTKConvRegressor(n_lags=N_LAGS, rows="timesteps")
    frame = pd.DataFrame(x, columns=["a", "b"])
    model.fit(frame, y, sequence_id=np.arange(len(x)) // 50)
    found = measured_memory(model, frame, n_lags=N_LAGS)
    assert_allclose(found.energy, energy_of(model), **EXACT)
    assert found.n_sequences == 1


def test_a_method_knows_whose_it_is():
    x, y = recording()
    model = NTKConvRegressor(n_lags=N_LAGS, rows="timesteps").fit(x, y[:, 0])
    found = measured_memory(model.predict, x, n_lags=N_LAGS)
    assert_allclose(found.energy, energy_of(model), **EXACT)


def test_a_regressor_of_sktime_reads_its_panels():
    X = panel(40, 5).swapaxes(1, 2)
    model = LagTimeSeriesRegressor(NTKConvRegressor()).fit(X, X[:, 0, -2])
    found = measured_memory(model, X, n_lags=5, layout="nct")
    assert found.effective_memory == effective_memory(np.eye(5)[1]) == 1
    assert found.energy[1] > 0.9


def test_windows_that_run_the_other_way_are_told():
    X, y = windows()
    X = X[:, ::-1]
    model = Ridge().fit(X, y)
    with pytest.raises(ValueError, match="lag_order='infer' reads windows as oldest_first"):
        measured_memory(model, X, n_lags=N_LAGS)
    found = measured_memory(model, X, n_lags=N_LAGS, lag_order="newest_first")
    assert_allclose(found.energy, model.coef_**2, **EXACT)


def test_trees_need_a_step():
    X, y = windows(200)
    forest = RandomForestRegressor(10, max_depth=4, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="no smooth function.*pass step=1.0"):
        measured_memory(forest, X[::10], n_lags=N_LAGS)
    found = measured_memory(forest, X[::10], n_lags=N_LAGS, step=0.5)
    by_hand = np.zeros(N_LAGS)
    for lag, column in enumerate(range(N_LAGS - 1, -1, -1)):
        width = 0.5 * X[::10].std() * np.eye(N_LAGS)[column]
        difference = forest.predict(X[::10] + width) - forest.predict(X[::10] - width)
        by_hand[lag] = np.square(difference / (2 * width[column])).mean()
    assert_allclose(found.energy, by_hand, rtol=1e-9)
    assert_array_equal(found.numerical_error, 0.0)


# -- Nonlinear models: automatic differentiation equals finite differences ------------------------


def as_function(module, *, time_first):
    def outputs(X):
        x = torch.from_numpy(X)
        with torch.no_grad():
            found = module(x.swapaxes(0, 1) if time_first else x)[0]
        return found.swapaxes(0, 1) if time_first else found

    return outputs


CELLS = {
    "RNN": lambda **options: nn.RNN(2, 8, **options),
    "ReLU": lambda **options: nn.RNN(2, 8, nonlinearity="relu", **options),
    "GRU": lambda **options: nn.GRU(2, 8, num_layers=2, dropout=0.5, **options),
    "LSTM": lambda **options: nn.LSTM(2, 8, bidirectional=True, **options),
}
SMOOTH_CELLS = [name for name in CELLS if name != "ReLU"]


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("name", SMOOTH_CELLS)
def test_derivatives_are_the_limits_of_differences(name, batch_first):
    torch.manual_seed(0)
    cell = CELLS[name](batch_first=batch_first).double().eval()
    X = 3.0 * panel()
    exact = measured_memory(cell, X, n_lags=N_LAGS)
    function = as_function(cell, time_first=not batch_first)
    differences = measured_memory(function, X, n_lags=N_LAGS)
    assert_allclose(differences.energy, exact.energy, rtol=1e-6)
    assert (np.abs(differences.energy - exact.energy) <= differences.numerical_error).all()
    assert (differences.numerical_error > 0).all()
    assert_array_equal(exact.numerical_error, 0.0)


@pytest.mark.parametrize("name", CELLS)
def test_it_is_the_mean_square_of_the_jacobian(name):
    torch.manual_seed(0)
    cell = CELLS[name](batch_first=True).double()
    X = panel(11, 12)
    expected = np.zeros(N_LAGS)
    cell.eval()
    for x in torch.from_numpy(X):
        jacobian = torch.autograd.functional.jacobian(lambda x: cell(x[None])[0][0, -1], x)
        expected += jacobian.square().sum(dim=(0, 2)).flip(0)[:N_LAGS].numpy() / len(X)
    assert_allclose(measured_memory(cell.train(), X, n_lags=N_LAGS).energy, expected, rtol=1e-12)


def test_of_many_sequences_each_is_counted_once():
    torch.manual_seed(0)
    gru = nn.GRU(1, 3, batch_first=True).double()
    X = panel(1700, 10, 1)  # more than are differentiated at once
    parts = [measured_memory(gru, part, n_lags=4).energy for part in (X[:600], X[600:])]
    expected = np.average(parts, axis=0, weights=[600, 1100])
    assert_allclose(measured_memory(gru, X, n_lags=4).energy, expected, rtol=1e-12)


def test_recordings_of_different_lengths_are_counted_alike():
    torch.manual_seed(0)
    gru = nn.GRU(2, 3, batch_first=True).double()
    parts = [part[:length] for part, length in zip(panel(), [9, 14, 9, 10] * 3, strict=True)]
    each = [measured_memory(gru, part[None], n_lags=N_LAGS).energy for part in parts]
    for model in (gru, as_function(gru, time_first=False)):
        found = measured_memory(model, parts, n_lags=N_LAGS)
        assert_allclose(found.energy, np.mean(each, axis=0), rtol=1e-6)
        assert found.n_sequences == 12


# -- Reservoirs ----------------------------------------------------------------------------------


def reservoir(activation="tanh"):
    options = {"lr": 0.6, "sr": 0.8, "bias": 0.1, "activation": activation, "seed": 3}
    return Reservoir(30, **options)


def trained(nodes):
    x, y = recording(300)
    model = nodes >> Readout(ridge=1e-3)
    return model.fit(x, y, warmup=20)


class Twin(nn.Module):
    """The reservoir and its readout, written down."""

    def __init__(self, nodes, readout, activation):
        super().__init__()
        arrays = (nodes.W, nodes.Win, nodes.bias)
        self.arrays = [torch.tensor(getattr(a, "toarray", lambda a=a: a)()) for a in arrays]
        self.leak, self.activation = nodes.lr, activation
        self.readout = torch.tensor(readout.Wout)

    def forward(self, x):
        W, inputs, bias = self.arrays
        state = x.new_zeros(len(x), len(W))
        for step in x.unbind(1):
            drive = step @ inputs.T + state @ W.T + bias.ravel()
            state = (1 - self.leak) * state + self.leak * self.activation(drive)
        return state @ self.readout


@pytest.mark.parametrize("asked", [lambda model: model, lambda model: model.run])
def test_of_a_reservoir_it_is_that_of_its_equations(asked):
    nodes = reservoir()
    model = trained(nodes)
    model.reset()
    X = panel(11, 12)
    expected = measured_memory(Twin(nodes, model.nodes[-1], torch.tanh), X, n_lags=N_LAGS)
    state = copy.deepcopy(nodes.state)
    found = measured_memory(asked(model), X, n_lags=N_LAGS)
    assert_allclose(found.energy, expected.energy, rtol=1e-6)
    assert_array_equal(nodes.state["out"], state["out"])


def test_of_a_linear_reservoir_it_is_the_squared_impulse_response():
    nodes = reservoir("identity")
    model = trained(nodes)
    W, inputs = nodes.W.toarray(), nodes.Win.toarray()
    state, expected = nodes.lr * inputs, []
    for _ in range(N_LAGS):
        expected.append(np.square(model.nodes[-1].Wout.T @ state).sum())
        state = (1 - nodes.lr) * state + nodes.lr * W @ state
    found = measured_memory(model, panel(), n_lags=N_LAGS).energy
    assert_allclose(found, expected, **EXACT)


# -- What a module keeps --------------------------------------------------------------------------


class Restless(nn.Module):
    """A network with everything that could change when it is looked at."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.cell = nn.GRU(2, 4, num_layers=2, dropout=0.5, batch_first=True)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.drop = nn.Dropout(0.5)
        self.readout = nn.Linear(4, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        states, _ = self.cell(self.norm(x.mT).mT)
        return self.readout(self.drop(self.frozen(states)))


@pytest.mark.parametrize("is_wrong", [False, True])
def test_a_module_is_left_as_it_was(is_wrong):
    torch.manual_seed(0)
    module = Restless().double()
    module(torch.randn(5, 9, 2, dtype=torch.float64)).sum().backward()
    module.cell.eval()  # a mixture of modes
    modes = [each.training for each in module.modules()]
    state = copy.deepcopy(module.state_dict())
    gradients = [None if p.grad is None else p.grad.clone() for p in module.parameters()]
    asks = [p.requires_grad for p in module.parameters()]
    random = torch.get_rng_state()
    X = torch.from_numpy(panel())
    if is_wrong:
        with pytest.raises(RuntimeError, match="running_mean"):
            measured_memory(module, panel(n_channels=3), n_lags=N_LAGS)
    else:
        measured_memory(module, X, n_lags=N_LAGS)
    assert not X.requires_grad
    assert [each.training for each in module.modules()] == modes
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    for parameter, gradient, asked in zip(module.parameters(), gradients, asks, strict=True):
        assert parameter.requires_grad == asked
        assert (parameter.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(parameter.grad, gradient)
    assert torch.equal(torch.get_rng_state(), random)
    assert module.calls == 1


class Writing(nn.Module):
    def forward(self, x):
        x *= 2.0
        return x.cumsum(dim=1)


@pytest.mark.parametrize("model", [Writing(), lambda X: np.cumsum(np.multiply(X, 2, out=X), 1)])
def test_sequences_are_left_as_they_were(model):
    X = panel()
    before = X.copy()
    assert_allclose(measured_memory(model, X, n_lags=3).energy, 8.0, **EXACT)
    assert_array_equal(X, before)


@pytest.mark.parametrize("unit", [1e-140, 1e140])
def test_the_memory_does_not_depend_on_the_unit_of_the_inputs(unit):
    H = 0.5 ** np.arange(N_LAGS)
    found = measured_memory(lambda X: (X[:, ::-1, 0] / unit)[:, :8] @ H, unit * panel(), n_lags=8)
    assert_allclose(found.energy * (found.unit * unit) ** 2, H**2, **EXACT)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_it_is_measured_where_gradients_are_off(context):
    torch.manual_seed(0)
    gru = nn.GRU(2, 4, batch_first=True).double()
    expected = measured_memory(gru, panel(), n_lags=N_LAGS)
    with context():
        found = measured_memory(gru, panel(), n_lags=N_LAGS)
        assert not torch.is_grad_enabled()
    assert_array_equal(found.energy, expected.energy)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_modules_of_few_digits_have_those(dtype):
    torch.manual_seed(0)
    gru = nn.GRU(2, 4, batch_first=True)
    expected = measured_memory(copy.deepcopy(gru).double(), panel(), n_lags=N_LAGS)
    found = measured_memory(gru.to(dtype), panel(), n_lags=N_LAGS)
    assert_allclose(found.energy, expected.energy, rtol=100 * torch.finfo(dtype).eps)


@pytest.mark.cuda
@pytest.mark.parametrize("name", CELLS)
def test_on_a_gpu_it_is_that_of_the_cpu(name):
    torch.manual_seed(0)
    cell = CELLS[name](batch_first=True).double()
    expected = measured_memory(cell, panel(), n_lags=N_LAGS).energy
    cell = cell.cuda()
    random, enabled = torch.cuda.get_rng_state(), torch.backends.cudnn.enabled
    assert_allclose(measured_memory(cell, panel(), n_lags=N_LAGS).energy, expected, rtol=1e-9)
    assert torch.equal(torch.cuda.get_rng_state(), random)
    assert torch.backends.cudnn.enabled == enabled


# -- At initialisation ----------------------------------------------------------------------------


def test_a_copy_from_before_the_training_is_measured_beside():
    torch.manual_seed(0)
    before, after = (nn.GRU(2, 4, batch_first=True).double() for _ in range(2))
    memory = measured_memory(after, panel(), n_lags=N_LAGS, initial=before)
    alone = measured_memory(before, panel(), n_lags=N_LAGS)
    assert_array_equal(memory.at_start.energy, alone.energy)
    assert_array_equal(memory.at_start.interval, alone.interval)
    assert measured_memory(after, panel(), n_lags=N_LAGS).at_start is None


@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}, {"channel_scale": [4.0, 0.25]}])
@pytest.mark.parametrize("init", ["random", "centered"])
def test_a_network_knows_its_initialisation(init, options):
    x, y = recording()
    network = LinearRNNRegressor(
        40, init=init, n_lags=N_LAGS, rows="timesteps", random_state=0, **options
    )
    untrained = copy.deepcopy(network).set_params(learning_rate=1e-300, max_iter=1).fit(x, y)
    memory = measured_memory(network.fit(x, y), panel(), n_lags=N_LAGS)
    expected = energy_of(untrained)
    assert_allclose(memory.at_start.energy, expected, rtol=1e-10)
    assert (expected == 0).all() == (init == "centered")
    assert_allclose(memory.energy, energy_of(network), **EXACT)


def test_a_convolution_starts_without_memory():
    X, y = windows()
    memory = measured_memory(WeightedConv1DRegressor(max_iter=5).fit(X, y), X, n_lags=N_LAGS)
    assert_array_equal(memory.at_start.energy, 0.0)
    assert str(memory).endswith("At initialisation there was none.")


# -- The result -----------------------------------------------------------------------------------


def fading(rate, noise=0.0):
    """Return a function whose energy at lag j is rate^j, times a factor that an old input sets."""
    weights = np.sqrt(rate) ** np.arange(N_LAGS)

    def outputs(X):
        return (X[:, ::-1, 0][:, :N_LAGS] @ weights) * np.exp(noise * X[:, 0, 1])

    return outputs


def test_the_effective_memory_is_that_of_the_energy():
    for share in (0.5, 0.9, 1.0):
        memory = measured_memory(fading(0.6), panel(), n_lags=N_LAGS, share=share)
        assert memory.effective_memory == effective_memory(0.6 ** np.arange(8), share=share)
        assert memory.effective_memory_interval == (memory.effective_memory,) * 2
        assert_allclose(memory.interval, [memory.energy] * 2, rtol=1e-9)
        assert (memory.share, memory.n_sequences, memory.horizon) == (share, 12, 0)


def test_the_sentences():
    memory = measured_memory(fading(0.3, 0.2), panel(), n_lags=N_LAGS)
    assert str(memory) == (
        "90 % of the squared sensitivity of the output is to inputs within lag 1 (90 % interval 1 "
        "to 1, 12 sequences)."
    )
    assert repr(memory) == f"<MeasuredMemory of 8 lags>\n{memory}"
    few = measured_memory(fading(0.3), panel(3), n_lags=N_LAGS, initial=fading(0.01))
    assert str(few) == (
        "90 % of the squared sensitivity of the output is to inputs within lag 1 (no interval: 3 "
        "of at least 10 sequences).\nAt initialisation it was within lag 0."
    )
    assert "The last of 8 lags still has 12.5% of it" in str(
        measured_memory(fading(1.0), panel(), n_lags=N_LAGS)
    )
    nothing = measured_memory(lambda X: np.ones(len(X)), panel(), n_lags=N_LAGS)
    assert str(nothing) == "The output does not depend on the inputs of 8 lags."
    assert nothing.effective_memory == 0


def test_few_sequences_cannot_tell():
    memory = measured_memory(fading(0.5, 0.3), panel(9), n_lags=N_LAGS)
    assert np.isnan(memory.interval).all()
    assert memory.effective_memory_interval is None
    assert np.isfinite(measured_memory(fading(0.5, 0.3), panel(10), n_lags=8).interval).all()


def test_the_interval_is_drawn_by_the_random_state_alone():
    options = {"n_lags": N_LAGS, "n_resamples": 200}
    intervals = [
        measured_memory(fading(0.5, 0.3), panel(), random_state=seed, **options).interval
        for seed in (0, 0, 1)
    ]
    assert_array_equal(intervals[0], intervals[1])
    assert (intervals[0] != intervals[2]).any()


def test_the_interval_does_not_depend_on_the_unit_of_the_output():
    def scaled(scale):
        return lambda X: scale * fading(0.5, 0.3)(X)

    one, other = (measured_memory(scaled(s), panel(), n_lags=N_LAGS) for s in (1.0, 1e-3))
    assert_allclose(other.interval, 1e-6 * one.interval, rtol=1e-6)
    assert other.effective_memory_interval == one.effective_memory_interval


@pytest.mark.parametrize("exponent", [-1000, -540, -301, -299, 299, 301, 510, 900])
@pytest.mark.parametrize("is_module", [False, True])
def test_a_power_of_two_of_the_outputs_changes_no_digit(is_module, exponent):
    class Saturated(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.size, self.weight = size, nn.Parameter(0.5 ** torch.arange(8).double())

        def forward(self, x):
            return self.size * torch.tanh(x[:, -8:, 0].flip(1) @ self.weight)

    def measured(size):
        model = Saturated(size)
        ask = model if is_module else lambda X: model(torch.tensor(X)).detach().numpy()
        return measured_memory(ask, panel(), n_lags=N_LAGS)

    one, other = measured(1.0), measured(2.0**exponent)
    change = round(2 * np.log2(other.unit)) - 2 * exponent
    assert_array_equal(np.ldexp(other.energy, change), one.energy)
    assert_array_equal(np.ldexp(other.interval, change), one.interval)
    assert other.effective_memory_interval == one.effective_memory_interval


# -- What is no model, or no sequences -----------------------------------------------------------


class TimeFirst(nn.Module):
    """A module that hides in which order its network takes the axes."""

    def __init__(self):
        super().__init__()
        self.cell = nn.RNN(2, 4)

    def forward(self, x):
        return self.cell(x)[0]


class Detached(nn.Linear):
    def forward(self, x):
        return super().forward(x).detach()


RNG = np.random.default_rng(0)
WRONG_MODELS = {
    "number": (3, TypeError, "model must be a torch.nn.Module.*but got int"),
    "class": (Ridge, TypeError, "model must be .*but got <class"),
    "unfitted": (Ridge(), ValueError, "not fitted"),
    "sum": (lambda X: X.sum(), ValueError, r"outputs of shape .*but got shape \(\)"),
    "fewer": (lambda X: X[1:, -1], ValueError, r"n_sequences=12, but got shape \(11, 2\)"),
    "axes": (lambda X: X[..., None], ValueError, r"got shape \(12, 14, 2, 1\)"),
    "either": (lambda X: X[:, :, 0], ValueError, r"shape \(12, 14\), which may be one at each"),
    "strings": (lambda X: ["a"] * len(X), TypeError, "outputs of the model must hold real"),
    "nan": (lambda X: X * np.nan, ValueError, "outputs of the model must be finite"),
    "chance": (lambda X: X + RNG.normal(size=X.shape), ValueError, "must have the same outputs"),
    "others": (lambda X: X - X.mean(axis=0), ValueError, "must have the same outputs"),
    "axes of time": (TimeFirst(), ValueError, "batch_first=False"),
    "detached": (Detached(2, 1), ValueError, "no gradient with respect to its inputs"),
    "dictionary": (nn.ModuleDict(), NotImplementedError, "forward"),
    "flags": (type("Flags", (nn.Module,), {"forward": lambda self, x: x > 0})(), TypeError, "real"),
}


@pytest.mark.parametrize("name", WRONG_MODELS)
def test_what_is_no_model_is_an_error(name):
    model, error, message = WRONG_MODELS[name]
    with pytest.raises(error, match=message):
        measured_memory(model, panel(), n_lags=N_LAGS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_lags": 15}, ValueError, "n_lags \\+ horizon = 15 time steps .*but got 14"),
        ({"horizon": 7}, ValueError, "n_lags \\+ horizon = 15 time steps .*but got 14"),
        ({"n_lags": 0}, ValueError, "n_lags must be at least 1, but got 0"),
        ({"n_lags": 2.5}, TypeError, "n_lags must be a whole number, but got 2.5"),
        ({"horizon": -1}, ValueError, "horizon must be at least 0, but got -1"),
        ({"n_resamples": 0}, ValueError, "n_resamples must be at least 1"),
        ({"share": 0.0}, ValueError, r"share must be within \(0, 1\], but got 0.0"),
        ({"coverage": 1.0}, ValueError, r"coverage must be within \(0, 1\), but got 1.0"),
        ({"step": 0.0}, ValueError, "step must be a positive finite number, or None.*got 0.0"),
        ({"step": np.nan}, ValueError, "step must be a positive finite number"),
        ({"step": "auto"}, ValueError, "step must be a positive finite number.*got 'auto'"),
        ({"random_state": "a"}, ValueError, "'a' cannot be used to seed"),
        ({"layout": "tnc"}, ValueError, "layout must be one of .*'ntc', 'nct'.*but got 'tnc'"),
        ({"lag_order": "oldest"}, ValueError, "lag_order must be one of .*but got 'oldest'"),
        ({"n_channels": 0}, ValueError, "n_channels must be at least 1, but got 0"),
    ],
)
def test_parameters_that_are_out_of_range(options, error, message):
    with pytest.raises(error, match=message):
        measured_memory(fading(0.5), panel(), **{"n_lags": N_LAGS, **options})


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros(5), ValueError, "X must be sequences .*but got an X with 1 axes"),
        (np.zeros((2, 3, 4, 5)), ValueError, "but got an X with 4 axes"),
        (np.full((3, 9, 2), np.nan), ValueError, "X contains NaN"),
        (np.zeros((3, 9, 0)), ValueError, r"got shape \(3, 9, 0\)"),
        ([np.zeros((9, 2)), np.zeros((9, 3))], ValueError, r"same number of channels.*\[2, 3\]"),
        ([np.zeros((9, 2)), np.zeros((5, 2))], ValueError, "time steps .*but got 5"),
        ("abc", ValueError, "X"),
        (np.zeros((5, 9)), ValueError, "n_channels=2 must divide"),
    ],
)
def test_what_is_no_sequence(X, error, message):
    with pytest.raises(error, match=message):
        measured_memory(fading(0.5), X, n_lags=N_LAGS, n_channels=2)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_derivatives_whose_squares_leave_the_range_have_a_unit(size):
    linear = nn.Linear(2, 1).double()
    with torch.no_grad():
        linear.weight.fill_(size)
    for model in (linear, lambda X: X[:, -1] * size):
        found = measured_memory(model, panel(), n_lags=N_LAGS)
        assert_allclose(np.sqrt(found.energy[0]) * (found.unit / size), 2**0.5, rtol=1e-10)
        assert found.effective_memory == 0


def test_derivatives_that_overflow_are_an_error():
    layers = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Linear(1, 1, bias=False)).double()
    with torch.no_grad():
        for weight in layers.parameters():
            weight.fill_(1e200)
    for model in (layers, lambda X: X[:, -1] * 1e200 * 1e200):
        with pytest.raises(ValueError, match="derivatives of the model must be finite"):
            measured_memory(model, panel() * 1e-250, n_lags=N_LAGS)


# -- How often the intervals are right ------------------------------------------------------------


def ensemble(X):
    """Return outputs whose energy at lag j is rate^j, with a rate that an old input sets."""
    rates = 0.2 + 0.6 / (1.0 + np.exp(-2.0 * X[:, :1, 1]))
    return (X[:, ::-1, 0][:, :N_LAGS] * rates ** (np.arange(N_LAGS) / 2)).sum(axis=1)


def share_of_hits(n_trials, n_sequences):
    """Return how often the intervals of the energies hold them, and that of the memory it."""
    rates = 0.2 + 0.6 / (1.0 + np.exp(-2.0 * np.random.default_rng(9).normal(size=(200_000, 1))))
    energy = (rates ** np.arange(N_LAGS)).mean(axis=0)
    hits, memories = np.zeros(N_LAGS), 0
    for trial in range(n_trials):
        X = panel(n_sequences, N_LAGS + 1, 2, seed=trial)
        found = measured_memory(ensemble, X, n_lags=N_LAGS, n_resamples=300, random_state=trial)
        lower, upper = found.interval
        hits += (lower <= energy * (1 + 1e-9)) & (energy * (1 - 1e-9) <= upper)
        low, high = found.effective_memory_interval
        memories += low <= effective_memory(energy) <= high
    return hits[1:] / n_trials, memories / n_trials  # lag 0 has no spread


def test_the_intervals_hold_what_they_are_of():
    energies, memories = share_of_hits(60, 20)
    assert energies.min() > 0.75  # four standard errors below 0.9
    assert memories > 0.75


@pytest.mark.slow
def test_the_intervals_hold_it_as_often_as_they_say():
    energies, memories = share_of_hits(1500, 20)
    assert_allclose(energies, 0.9, atol=0.035)
    assert memories > 0.88  # more than 0.9 where the memory is far from the next lag
