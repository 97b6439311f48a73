"""The finite RNN against literal simulation and back-propagation through time."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import LagStatistics, LinearRNNRegressor
from sklearn_linrnn._core.networks.network import LinearRNNModel, RNNParameters, initialise
from sklearn_linrnn._core.response import convolve


def draw(seed=0, n_hidden=13, n_channels=2, n_outputs=3, variances=(0.8, 1.5, 0.6)):
    generator = torch.Generator().manual_seed(seed)
    return initialise(n_hidden, n_channels, n_outputs, variances, generator)


def simulate(parameters, x):
    """Run the recurrence from a zero state, one time step after another."""
    W, F, C = parameters
    n_hidden = len(W)
    state, outputs = F.new_zeros(n_hidden), []
    for step in x:
        state = W @ state / n_hidden**0.5 + F @ step
        outputs.append(C @ state / n_hidden**0.5)
    return torch.stack(outputs)


def test_impulse_response_convolves_as_the_recurrence_runs():
    parameters, x = draw(), torch.randn(40, 2, dtype=torch.float64)
    H = LinearRNNModel(parameters, 40).response()
    H = H.view(40, 2, 3).permute(2, 1, 0).numpy()
    assert_allclose(convolve(x.numpy(), H), simulate(parameters, x), atol=1e-12)


def test_initial_entries_have_the_given_variances():
    W, F, C = draw(0, 500, 40, 50, (0.3, 2.0, 5.0))
    assert W.shape == (500, 500)
    assert F.shape == (500, 40)
    assert C.shape == (50, 500)
    for matrix, variance in ((W, 0.3), (F, 2.0), (C, 5.0)):
        assert_allclose(matrix.var(), variance, rtol=0.05)
        assert abs(matrix.mean()) < 0.05 * variance**0.5


def test_one_seed_is_one_initialisation_and_another_another():
    for one, same, other in zip(draw(1), draw(1), draw(2), strict=True):
        assert_array_equal(one, same)
        assert not torch.equal(one, other)


def backpropagated(parameters, x, y, w, dtype=torch.float64):
    """Return loss and gradients by automatic differentiation through all time steps of recordings.

    ``x`` and ``y`` are lists of recordings; steps with NaN targets are not observed; the
    intercept is a leaf that sits at its optimum.
    """
    leaves = [p.detach().to(dtype).requires_grad_() for p in parameters]
    outputs = torch.cat([simulate(leaves, torch.from_numpy(part).to(dtype)) for part in x])
    targets, weights = torch.from_numpy(np.concatenate(y)), torch.from_numpy(np.concatenate(w))
    seen = ~targets.isnan().any(dim=1)
    outputs, targets, weights = outputs[seen], targets[seen].to(dtype), weights[seen].to(dtype)
    b = (weights @ (targets - outputs).detach()) / weights.sum()
    loss = (weights @ (targets - b - outputs).square()).sum() / (2 * weights.sum())
    loss.backward()
    return loss.item(), [leaf.grad for leaf in leaves]


def make_data(seed, lengths, n_channels, n_outputs, *, missing=False, weighted=False):
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(n, n_channels)) for n in lengths]
    y = [rng.normal(1.0, 1.0, (n, n_outputs)) for n in lengths]
    w = [rng.uniform(0.0, 2.0, n) if weighted else np.ones(n) for n in lengths]
    for part in y if missing else ():
        part[rng.random(part.shape) < 0.3] = np.nan
    return x, y, w


CASES = {
    "one recording": ([12], 1, 1, {}),
    "several recordings": ([12, 5, 9], 2, 3, {}),
    "weights": ([12, 5], 2, 1, {"weighted": True}),
    "missing targets": ([12, 15], 1, 2, {"missing": True}),
    "weights and missing targets": ([15, 8, 15], 2, 2, {"weighted": True, "missing": True}),
    "one lag": ([1] * 9, 2, 2, {}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("dtype", "rtol"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["double", "single"]
)
def test_gradient_is_that_of_backpropagation_through_time(case, dtype, rtol):
    lengths, n_channels, n_outputs, options = CASES[case]
    x, y, w = make_data(0, lengths, n_channels, n_outputs, **options)
    start = RNNParameters(*(p.to(dtype) for p in draw(3, 17, n_channels, n_outputs)))
    expected_loss, expected = backpropagated([p.double() for p in start], x, y, w)

    n_lags = max(lengths)
    statistics = LagStatistics.from_series(x, y, n_lags=n_lags, sample_weight=w)
    model = LinearRNNModel(start, n_lags)
    loss, gradient = statistics.profile_loss(model.response())
    model.backward(gradient)

    assert_allclose(loss, expected_loss, rtol=rtol)
    for parameter, grad in zip(model.parameters, expected, strict=True):
        assert parameter.grad.dtype == dtype
        assert_allclose(parameter.grad, grad, rtol=0, atol=rtol * float(grad.abs().max()))


def test_gradient_of_windows_is_that_of_backpropagation_from_their_last_time_steps():
    x, y, _ = make_data(1, [8] * 20, 2, 1)
    for part in y:
        part[:-1] = np.nan
    start = draw(4, 11, 2, 1)
    loss, expected = backpropagated(start, x, y, [np.ones(8)] * 20)
    statistics = LagStatistics.from_windows(np.stack(x), np.stack(y)[:, -1])
    model = LinearRNNModel(start, 8)
    ours, gradient = statistics.profile_loss(model.response())
    model.backward(gradient)
    assert_allclose(ours, loss, rtol=1e-12)
    for parameter, grad in zip(model.parameters, expected, strict=True):
        assert_allclose(parameter.grad, grad, rtol=0, atol=1e-10 * float(grad.abs().max()))


def test_an_origin_is_subtracted_from_the_response():
    start = draw(5)
    moved = RNNParameters(*(p + 0.1 for p in start))
    H = [LinearRNNModel(p, 6).response() for p in (start, moved)]
    model = LinearRNNModel(RNNParameters(*(p.clone() for p in start)), 6, origin=H[0])
    assert not model.response().any()
    for parameter, new in zip(model.parameters, moved, strict=True):
        parameter.copy_(new)
    assert_allclose(model.response(), H[1] - H[0], atol=1e-14)


@pytest.mark.parametrize("n_hidden", [12, 13])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_products_in_parts_are_those_of_the_whole(n_hidden, n_channels, monkeypatch):
    """With more threads the transition matrix is read in parts; it may not divide into them."""
    start = draw(6, n_hidden, n_channels, 2)
    gradient = torch.randn(9 * n_channels, 2, dtype=torch.float64)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        model = LinearRNNModel(RNNParameters(*(p.clone() for p in start)), 9)
        found.append([model.response()])
        model.backward(gradient)
        found[-1] += [p.grad for p in model.parameters]
    for one, other in zip(*found, strict=True):
        assert_allclose(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_fitted_network_predicts_by_running_its_recurrence(dtype):
    x, y, _ = make_data(2, [60], 2, 2)
    model = LinearRNNRegressor(
        30, rows="timesteps", n_lags=6, max_iter=20, dtype=dtype, random_state=0
    ).fit(x[0], y[0])
    parameters = [
        torch.from_numpy(p).double() for p in (model.transition_, model.input_, model.readout_)
    ]
    assert {p.dtype for p in (model.transition_, model.input_, model.readout_)} == {np.dtype(dtype)}
    padded = np.concatenate([np.zeros((5, 2)), x[0]])
    windows = [torch.from_numpy(padded[s : s + 6]) for s in range(60)]
    expected = torch.stack([simulate(parameters, window)[-1] for window in windows])
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert_allclose(model.predict(x[0]), expected.numpy() + model.intercept_, atol=tolerance)


# -- From arrays of every shape to gradients ---------------------------------------------


def windows_of(x, y, w, n_lags):
    """Return the inputs, target and weight of each observed time step of recordings."""
    return [
        (part[max(0, step + 1 - n_lags) : step + 1], targets[step], weights[step])
        for part, targets, weights in zip(x, y, w, strict=True)
        for step in range(len(part))
        if not np.isnan(targets[step]).any()
    ]


def rows_of_windows(*, n_channels=1, n_outputs=1, n_lags=None, weighted=False, newest_first=False):
    rng = np.random.default_rng(7)
    x, y = rng.normal(0.4, 1.0, (20, 6, n_channels)), rng.normal(1.0, 1.0, (20, n_outputs))
    w = rng.uniform(0.1, 2.0, 20)
    seen = [(part[-(n_lags or 6) :], *rest) for part, *rest in zip(x, y, w, strict=True)]
    if not weighted:
        seen = [(part, target, 1.0) for part, target, _ in seen]
    order = "newest_first" if newest_first else "oldest_first"
    rows = (x[:, ::-1] if newest_first else x).reshape(20, -1)
    arguments = {"X": rows, "y": y[:, 0] if n_outputs == 1 else y}
    if weighted:
        arguments["sample_weight"] = w
    return arguments, {"n_channels": n_channels, "n_lags": n_lags, "lag_order": order}, seen


def panel(*, every_step, layout="ntc", missing=False, weighted=False, n_lags=4):
    x, y, _ = make_data(8, [6] * 7, 2, 2, missing=missing and every_step)
    w = np.random.default_rng(9).uniform(0.1, 2.0, 7) if weighted else np.ones(7)
    if not every_step:
        for part in y:
            part[:-1] = np.nan
    seen = windows_of(x, y, [np.full(6, weight) for weight in w], n_lags)
    arguments = {"X": np.stack(x), "y": np.stack(y) if every_step else np.stack(y)[:, -1]}
    if layout == "nct":
        arguments = {
            name: array.swapaxes(1, 2) if name == "X" else array
            for name, array in arguments.items()
        }
    if weighted:
        arguments["sample_weight"] = w
    return arguments, {"n_lags": n_lags, "layout": layout}, seen


def lists(*, n_lags=4, **options):
    x, y, w = make_data(10, [9, 2, 7], 2, 3, **options)
    arguments = {"X": x, "y": y}
    if options.get("weighted"):
        arguments["sample_weight"] = w
    return arguments, {"n_lags": n_lags}, windows_of(x, y, w, n_lags)


def rows_of_steps(*, n_lags=4, interleaved=False, **options):
    x, y, w = make_data(11, [9, 2, 7] if interleaved else [18], 2, 2, **options)
    ids = np.repeat(np.arange(3), [9, 2, 7]) if interleaved else np.zeros(18)
    ids = np.random.default_rng(12).permutation(ids)
    arguments = {"sequence_id": ids}
    for name, parts in (("X", x), ("y", y), ("sample_weight", w)):
        flat = np.concatenate(parts)
        arguments[name] = np.empty_like(flat)
        arguments[name][np.argsort(ids, kind="stable")] = flat
    if not options.get("weighted"):
        del arguments["sample_weight"]
    if not interleaved:
        del arguments["sequence_id"]
    return arguments, {"n_lags": n_lags, "rows": "timesteps"}, windows_of(x, y, w, n_lags)


ARRAYS = {
    "windows": rows_of_windows(),
    "windows, channels, outputs and weights": rows_of_windows(
        n_channels=2, n_outputs=3, weighted=True
    ),
    "windows longer than the lags": rows_of_windows(n_lags=3, n_channels=2),
    "windows, newest first": rows_of_windows(newest_first=True, n_channels=2),
    "windows, one lag": rows_of_windows(n_lags=1, n_outputs=2, weighted=True),
    "panel, last step": panel(every_step=False),
    "panel, last step, weights": panel(every_step=False, weighted=True, n_lags=6),
    "panel, last step, channels first": panel(every_step=False, layout="nct"),
    "panel, last step, one lag": panel(every_step=False, n_lags=1),
    "panel, every step": panel(every_step=True),
    "panel, every step, weights, missing": panel(every_step=True, weighted=True, missing=True),
    "panel, every step, one lag": panel(every_step=True, n_lags=1, missing=True),
    "list": lists(),
    "list, weights, missing": lists(weighted=True, missing=True),
    "list, most shorter than the lags": lists(n_lags=9),
    "list, one lag": lists(n_lags=1, weighted=True),
    "steps": rows_of_steps(),
    "steps, weights, missing": rows_of_steps(weighted=True, missing=True),
    "steps of several recordings": rows_of_steps(interleaved=True, weighted=True, missing=True),
    "steps, one lag": rows_of_steps(n_lags=1, interleaved=True, missing=True),
}


def backpropagated_windows(leaves, seen, *, origin, fit_intercept):
    """Return the gradients of the loss over windows, each run from a zero state."""
    outputs = torch.stack([simulate(leaves, torch.from_numpy(x))[-1] for x, _, _ in seen])
    drawn = torch.stack([simulate(origin, torch.from_numpy(x))[-1] for x, _, _ in seen])
    targets = torch.from_numpy(np.stack([y for _, y, _ in seen])) + drawn
    w = torch.tensor([weight for *_, weight in seen], dtype=torch.float64)
    b = w @ (targets - outputs).detach() / w.sum() if fit_intercept else 0.0
    loss = (w @ (targets - b - outputs).square()).sum() / (2 * w.sum())
    return torch.autograd.grad(loss, leaves)


def no_step(step):
    return 0.0


@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("init", ["random", "centered"])
def test_an_iteration_of_the_estimator_is_along_the_gradient_of_backpropagation(
    case, fit_intercept, init
):
    arguments, options, seen = ARRAYS[case]
    names, rate = ("transition_", "input_", "readout_"), 1e-2
    model = LinearRNNRegressor(
        11,
        **options,
        init=init,
        fit_intercept=fit_intercept,
        learning_rate=rate,
        schedule=no_step,  # the first fit leaves the start
        max_iter=1,
        warm_start=True,
        random_state=0,
    )
    start = [torch.from_numpy(getattr(model.fit(**arguments), name)) for name in names]
    nothing = [torch.zeros_like(part) for part in start]
    before = start
    for _ in range(2):  # at initialisation, where a centred network is zero, and an iteration later
        model.set_params(schedule="constant").fit(**arguments)
        after = [torch.from_numpy(getattr(model, name)) for name in names]
        expected = backpropagated_windows(
            [part.clone().requires_grad_() for part in before],
            seen,
            origin=start if init == "centered" else nothing,
            fit_intercept=fit_intercept,
        )
        for one, other, gradient in zip(before, after, expected, strict=True):
            largest = float(gradient.abs().max())
            assert_allclose((one - other) / rate, gradient, rtol=0, atol=1e-10 * max(largest, 1e-3))
        before = after
