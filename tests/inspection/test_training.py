"""The picture of a training: its curves are those of the fit, and of the same fit cut short."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    TrainingDisplay,
    WeightedConv1DRegressor,
    ntk_gap,
)
from sklearn_linrnn.callback import SpectralRadiusMonitor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6))
Y = X.sum(axis=1) + RNG.normal(size=120)


def network(**options):
    return LinearRNNRegressor(**{"n_hidden": 16, "max_iter": 40, "random_state": 0, **options})


def no_step(step):
    return 0.0


def cosine(step):
    return 0.5 * (1 + np.cos(np.pi * step / 40))


def kernel_of(model):
    """Return the tangent kernel of a network by automatic differentiation, (n_lags, n_lags)."""
    import torch

    n_lags = len(model.lag_weights_)

    def response(W, F, C):
        state, lags = F, []
        for _ in range(n_lags):
            lags.append((C @ state).squeeze() / len(W) ** 0.5)
            state = W @ state / len(W) ** 0.5
        return torch.stack(lags)

    parameters = [
        torch.from_numpy(part).double()
        for part in (model.transition_, model.input_, model.readout_)
    ]
    jacobians = torch.func.jacrev(response, argnums=(0, 1, 2))(*parameters)
    jacobian = torch.cat([each.flatten(1) for each in jacobians], dim=1)
    return (jacobian @ jacobian.T).numpy()


@pytest.mark.parametrize("estimator", [network(), WeightedConv1DRegressor(max_iter=9)], ids=type)
def test_the_loss_is_that_of_the_fit(estimator):
    model = estimator.fit(X, Y)
    frame = TrainingDisplay.from_estimator(model).frame()
    assert list(frame.columns) == ["loss"]
    assert frame.index.name == "iteration"
    assert_array_equal(frame.index, range(1, model.n_iter_ + 1))
    assert_array_equal(frame["loss"], model.loss_curve_)


def test_with_early_stopping_the_held_out_loss_is_beside_it():
    model = network(early_stopping=True, validation_fraction=0.3, max_iter=500).fit(X, Y)
    display = TrainingDisplay.from_estimator(model)
    assert_array_equal(display.frame()["held_out_loss"], model.validation_loss_curve_)
    assert display.n_kept == 1 + model.validation_loss_curve_.argmin()
    ax = Figure().subplots()
    training, held_out, kept = display.plot(ax).ax_.get_lines()
    assert_array_equal(training.get_ydata(), model.loss_curve_)
    assert_array_equal(held_out.get_ydata(), model.validation_loss_curve_)
    assert set(kept.get_xdata()) == {display.n_kept}
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["training", "held out", f"kept: iteration {display.n_kept}"]


def test_a_part_that_was_held_out_later_is_shown_at_its_iterations():
    model = network(warm_start=True).fit(X, Y)
    model.set_params(early_stopping=True, max_iter=7).fit(X, Y)
    display = TrainingDisplay.from_estimator(model)
    held_out = display.frame()["held_out_loss"]
    assert held_out.first_valid_index() == 41
    assert_array_equal(held_out.dropna(), model.validation_loss_curve_)
    assert display.n_kept is None


TRAININGS = {
    "gd": {},
    "float32": {"dtype": "float32"},
    "large targets, whose steps are halved": {"scale": 30.0},
    "momentum and a schedule": {"momentum": 0.8, "schedule": "cosine"},
    "a schedule of one's own": {"schedule": lambda step: 1.0 / (1.0 + step)},
    "centred": {"init": "centered"},
    "adam": {"solver": "adam"},
    "weight decay": {"weight_decay": 0.1},
}


@pytest.mark.parametrize("options", TRAININGS.values(), ids=TRAININGS)
def test_the_kernel_is_that_of_the_training_cut_short(options):
    options = dict(options)
    scale = options.pop("scale", 1.0)
    model = network(**options).fit(X, scale * Y)
    frame = TrainingDisplay.from_estimator(model, retrace=True).frame()
    changes = frame["kernel_change"].dropna()
    assert changes.index[0] == 1
    assert changes.index[-1] == 40
    still = clone(model).set_params(schedule=no_step, max_iter=1, solver="gd").fit(X, Y)
    before = kernel_of(still)
    # A schedule by name counts on max_iter, so that the shares it had are given one by one.
    schedule = options.get("schedule", "constant")
    schedule = cosine if schedule == "cosine" else schedule
    for iteration in (1, 10, 40):
        known = changes.index[changes.index <= iteration][-1]
        short = clone(model).set_params(max_iter=int(known), schedule=schedule)
        after = kernel_of(short.fit(X, scale * Y))
        expected = np.linalg.norm(after - before) / np.linalg.norm(before)
        tolerance = 1e-3 if model.dtype == "float32" else 1e-7
        assert_allclose(changes[known], expected, rtol=tolerance)


def test_the_last_change_of_the_kernel_is_that_of_the_gap():
    model = network(init="centered").fit(X, Y)
    changes = TrainingDisplay.from_estimator(model, retrace=True).frame()["kernel_change"]
    assert_allclose(changes.iloc[-1], ntk_gap(model).kernel, rtol=1e-9)


def test_with_early_stopping_the_kernel_is_followed_to_the_parameters_that_were_kept():
    options = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 500}
    model = network(init="centered", **options).fit(X, Y)
    display = TrainingDisplay.from_estimator(model, retrace=True)
    changes = display.frame()["kernel_change"].dropna()
    assert changes.index[-1] == display.n_kept
    assert_allclose(changes.iloc[-1], ntk_gap(model).kernel, rtol=1e-9)


def test_to_retrace_changes_nothing():
    model = network().fit(X, Y)
    before = {name: np.array(value) for name, value in vars(model).items() if name[-1] == "_"}
    TrainingDisplay.from_estimator(model, retrace=True)
    for name in ("transition_", "input_", "readout_", "loss_curve_"):
        assert_array_equal(getattr(model, name), before[name])


def test_the_radius_is_that_of_the_monitor():
    monitor = SpectralRadiusMonitor()
    model = network(max_iter=300).set_callbacks(monitor).fit(X, Y)
    frame = TrainingDisplay.from_estimator(model, monitor).frame()
    radii = frame["spectral_radius"].dropna()
    assert_array_equal(radii.index, monitor.steps_)
    assert_array_equal(radii, monitor.radii_)


def test_each_quantity_has_a_panel():
    monitor = SpectralRadiusMonitor()
    model = network().set_callbacks(monitor).fit(X, Y)
    axes = Figure().subplots(3)
    display = TrainingDisplay.from_estimator(model, monitor, retrace=True)
    assert display.plot(axes) is display
    assert_array_equal(display.axes_, axes)
    assert display.ax_ is axes[0]
    names = ["loss", "kernel_change", "spectral_radius"]
    for ax, name in zip(axes, names, strict=True):
        (line,) = ax.get_lines()
        curve = display.frame()[name].dropna()
        assert_array_equal(line.get_xdata(), curve.index)
        assert_array_equal(line.get_ydata(), curve)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "change of the kernel", "spectral radius"]
    assert axes[-1].get_xlabel() == "iteration"


def test_a_plot_without_axes_makes_its_own():
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    display = TrainingDisplay.from_estimator(network().fit(X, Y), retrace=True).plot()
    assert len(display.figure_.axes) == 2
    display.figure_.canvas.draw()
    plt.close(display.figure_)


def test_a_monitor_of_a_longer_training_is_not_this_one():
    monitor = SpectralRadiusMonitor()
    network(max_iter=60).set_callbacks(monitor).fit(X, Y)
    with pytest.raises(ValueError, match=r"got to iteration 60, but this .* took n_iter_=40"):
        TrainingDisplay.from_estimator(network().fit(X, Y), monitor)


def test_what_was_not_trained_by_iterations_has_no_training():
    for other in (NTKConvRegressor().fit(X, Y), X):
        with pytest.raises(TypeError, match=f"but got {type(other).__name__}"):
            TrainingDisplay.from_estimator(other)
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(network())


def test_a_kernel_that_cannot_be_retraced_is_an_error():
    convolution = WeightedConv1DRegressor(max_iter=3).fit(X, Y)
    with pytest.raises(TypeError, match="WeightedConv1DRegressor, whose kernel does not change"):
        TrainingDisplay.from_estimator(convolution, retrace=True)
    longer = network().fit(X, Y).partial_fit(X, Y)
    with pytest.raises(ValueError, match="went on training"):
        TrainingDisplay.from_estimator(longer, retrace=True)
